//! Secrets: never in a plan, never in the clear on a disk.

use crate::support::*;
use serde_json::Value;
use std::{fs, path::Path, sync::Arc};
use terrane::state::{Kept, Record, State};
use terrane_state::FileStore;

const CANARY: &str = "canary-7731";

fn program(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    let password = stack.secret(CANARY);
    let a = stack.add(demo, Thing::new("a").value("x").password(&password).secret_outputs(["url"]));
    stack.add(demo, Thing::new("b").value(text!("{}@{}", password, a.url)).replaced_when::<String>(&password));
    stack.add(demo, Thing::new("c").value("x").label("between us").hiding_diff(["label"]));
    stack.export("password", &password);
    stack.export("key", &a.key);
    Ok(())
}

fn later(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    let password = stack.secret(format!("{CANARY}-new"));
    let a = stack.add(demo, Thing::new("a").value("x").password(&password).secret_outputs(["url"]));
    stack.add(demo, Thing::new("b").value(text!("{}@{}", password, a.url)).replaced_when::<String>(&password));
    stack.add(demo, Thing::new("c").value("x").label("more between us").hiding_diff(["label"]));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn secrets_are_masked_in_plans_and_reports() {
    let story = Story::new("secrets");
    insta::assert_snapshot!(story.up(program).await, @r#"
        plan
          create a
          create b
          create c
        calls
          create a
          create c
          create b
        report
          Done 3 created
          export key = "[secret]"
          export password = "[secret]"
    "#);
    insta::assert_snapshot!(story.up(later).await, @r"
        plan
          update a: password [secret] -> [secret] because password changes
          replace b: value [secret] -> known after a.url because value is known after a.url; the value that it is replaced by has changed
          update c: label [hidden] -> [hidden] because label changes
        calls
          update a-1
          update c-1
          create b
          delete b-1
        report
          Done 2 updated, 1 replaced
    ");
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => {
                vec![(path.display().to_string(), String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned())]
            }
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn secrets_are_sealed_on_disk_and_come_back() {
    let folder = Folder::new("secrets");
    let story = Story::with_store("secrets-on-disk", Arc::new(FileStore::new(folder.0.clone())));
    story.up(program).await;
    story.up(later).await;
    story.up(program).await;
    let digest = trigger(&story.state().await)["secret_digest"].as_str().unwrap().to_owned();
    for (path, text) in files(&folder.0) {
        assert!(
            !text.contains(&digest),
            "{path} has the digest of a secret in it, from which a weak one can be guessed"
        );
        assert!(!text.contains(CANARY) && !text.contains("key-of-a"), "{path} has a secret in it");
        assert!(!text.contains("http://a-1"), "{path} has an output in it that the program keeps secret");
    }
    let planned = story.planned(&story.session(later)).await.unwrap();
    let mut saved = planned.plan.clone();
    story.store.seal_plan(&mut saved).await.unwrap();
    assert!(!serde_json::to_string(&saved).unwrap().contains(CANARY), "a saved plan has a secret in it");
    story.store.open_plan(&mut saved).await.unwrap();
    assert_eq!(saved, planned.plan);
    assert!(!format!("{:?}", story.heard.lock().unwrap()).contains(CANARY), "an event has a secret in it");
    story.cloud.calls();
    insta::assert_snapshot!(story.up(program).await, @r#"
        report
          Done
          export key = "[secret]"
          export password = "[secret]"
    "#);
    assert_eq!(story.state().await.exports.get("password").unwrap(), CANARY);
}

#[tokio::test(start_paused = true)]
async fn what_becomes_secret_is_sealed_from_then_on() {
    let story = Story::new("becomes-secret");
    let program = |secret: bool| {
        move |stack: &Stack, demo: &On<Demo>| {
            let label = Output::known("quiet".to_owned());
            let label = if secret { label.secret() } else { label };
            stack.add(demo, Thing::new("a").value("x").label(&label));
            Ok(())
        }
    };
    story.up(program(false)).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(program(true)).await, @r"
        plan
          note a
        report
          Done
    ");
    let state = story.state().await;
    assert!(state.live.values().all(|a| a.inputs.is_secret("label")));
}

/// What `b` is replaced by.
fn trigger(state: &State) -> &Value {
    let b = state.live.values().find(|it| it.urn.name() == "b").unwrap();
    b.kept.trigger.as_ref().unwrap()
}

#[tokio::test]
async fn a_digest_from_before_it_was_sealed_is_the_same_value() {
    let story = Story::new("former-digest");
    story.up(program).await;
    let state = story.state().await;
    let b = state.live.values().find(|it| it.urn.name() == "b").unwrap().as_ref().clone();
    let sealed = trigger(&state).clone();
    let kept = Kept { trigger: Some(sealed["secret_digest"].clone()), ..b.kept };
    let (urn, provider, dependencies, site) = (b.urn, b.provider, b.dependencies, b.site);
    let former = |_: &State| Ok(vec![Record::Noted { urn, provider, dependencies, kept, site }]);
    story.session(program).edit_state("test", former).await.unwrap();
    insta::assert_snapshot!(story.up(program).await, @r#"
        plan
          note b
        report
          Done
          export key = "[secret]"
          export password = "[secret]"
    "#);
    assert_eq!(trigger(&story.state().await), &sealed);
}
