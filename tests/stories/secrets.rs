//! Secrets: never in a plan, never in the clear on a disk.

use crate::support::*;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{fs, path::Path, sync::Arc};
use terrane::state::{Kept, Record, State};
use terrane_engine::PlanOptions;
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
async fn a_digest_of_an_earlier_form_is_the_same_value() {
    let story = Story::new("former-digest");
    story.up(program).await;
    let state = story.state().await;
    let b = state.live.values().find(|it| it.urn.name() == "b").unwrap().as_ref().clone();
    let present = trigger(&state).clone();
    let named = Sha256::digest(format!("{}\n\"{CANARY}\"", b.urn)).iter().map(|byte| format!("{byte:02x}")).collect();
    let named = Kept::secret_trigger(named);
    for former in [present["secret_digest"].clone(), named["secret_digest"].clone(), named] {
        let (urn, provider, dependencies, site) =
            (b.urn.clone(), b.provider.clone(), b.dependencies.clone(), b.site.clone());
        let kept = Kept { trigger: Some(former), ..b.kept.clone() };
        let former = |_: &State| Ok(vec![Record::Noted { urn, provider, dependencies, kept, site }]);
        story.session(program).edit_state("test", former, &story.events()).await.unwrap();
        assert!(story.up(program).await.starts_with("plan\n  note b\nreport\n  Done\n"));
        assert_eq!(*trigger(&story.state().await), present);
    }
}

#[tokio::test(start_paused = true)]
async fn another_name_is_no_other_secret() {
    let story = Story::new("secret-renamed");
    let program = |name: &'static str, former: &'static str| {
        move |stack: &Stack, demo: &On<Demo>| {
            let password = stack.secret(CANARY);
            stack.add(demo, Thing::new(name).value("x").replaced_when::<String>(&password).renamed_from(former));
            Ok(())
        }
    };
    story.up(program("b", "b")).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(program("c", "b")).await, @r"
        plan
          move c (was b)
        report
          Done
    ");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_keeps_secret_what_is_secret() {
    let story = Story::new("secret-rollback");
    story.up(program).await;
    let past = story.state().await;
    story.up(later).await;
    let back =
        Story { plan: PlanOptions { rollback: Some(Arc::new(past.clone())), ..story.plan.clone() }, ..story.clone() };
    story.cloud.calls();
    insta::assert_snapshot!(back.up(later).await, @r#"
        plan
          update a: password [secret] -> [secret] because password changes
          replace b: value [secret] -> [secret] because value changes; the value that it is replaced by has changed
          update c: label [hidden] -> [hidden] because label changes
        calls
          update a-1
          update c-1
          create b
          delete b-2
        report
          Done 2 updated, 1 replaced
          export key = "[secret]"
          export password = "[secret]"
    "#);
    let secret = |state: &State| state.live.values().map(|it| it.outputs.secret.clone()).collect::<Vec<_>>();
    assert_eq!(secret(&story.state().await), secret(&past));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_to_be_replaced_by_a_value_to_come_is_not_shown() {
    let story = Story::new("secret-awaits");
    let wired = |stack: &Stack, demo: &On<Demo>| {
        let new = stack.add(demo, Thing::new("new").value("x"));
        stack.add(demo, Thing::new("a").value("x").label(&new.url));
        Ok(())
    };
    story
        .up(|stack: &Stack, demo: &On<Demo>| {
            stack.add(demo, Thing::new("a").value("x").label(stack.secret(CANARY)));
            Ok(())
        })
        .await;
    insta::assert_snapshot!(story.preview(wired).await, @r"
        plan
          create new
          may update a: label [secret] -> known after new.url because label is known after new.url
    ");
}

#[tokio::test(start_paused = true)]
async fn who_refuses_a_secret_does_not_quote_it() {
    let story = Story::new("secret-refused");
    let told = story
        .up(|stack: &Stack, demo: &On<Demo>| {
            let needs = Output::known(vec!["a canary-unheard-1".to_owned()]).secret();
            stack.add(demo, Thing::new("a").value("x").needs(&needs));
            let hidden = Output::known("canary-unheard-2".to_owned()).secret();
            stack.add(demo, Thing::new("b").value(hidden.map(|text| -> String { panic!("what is {text}?") })));
            let hidden = Output::known("canary-unheard-3".to_owned()).secret();
            stack.add(demo, Thing::new("c").value(hidden.try_map(|text| Err::<String, _>(format!("no {text}")))));
            Ok(())
        })
        .await;
    assert!(!told.contains("unheard"), "{told}");
    assert_eq!(told.matches("[secret]").count(), 3, "{told}");
}

#[tokio::test(start_paused = true)]
async fn what_a_kind_has_come_to_call_secret_is_seen_as_such() {
    let story = Story::new("secret-of-late");
    let program = |stack: &Stack, demo: &On<Demo>| {
        stack.add(demo, Thing::new("a").value("x").password("before"));
        Ok(())
    };
    story.up(program).await;
    // As an earlier version of the kind left it.
    let plain = |state: &State| {
        let a = state.live.values().next().unwrap();
        let (urn, mut inputs, mut outputs) = (a.urn.clone(), a.inputs.clone(), a.outputs.clone());
        (inputs.secret, outputs.secret) = Default::default();
        Ok(vec![Record::Observed { urn, inputs, outputs }])
    };
    story.session(program).edit_state("test", plain, &story.events()).await.unwrap();
    story.cloud.tamper("a-1", "password", CANARY);
    let report = story.session(program).refresh(&story.plan, &story.events()).await.unwrap();
    assert!(!report.drift.is_empty() && !format!("{report:?}").contains(CANARY), "{report:?}");
    assert!(story.state().await.live.values().all(|a| a.inputs.is_secret("password") && a.outputs.is_secret("key")));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_the_program_leaves_alone_stays_one() {
    let story = Story::new("secret-ignored");
    let program = |label: Output<String>| {
        move |stack: &Stack, demo: &On<Demo>| {
            stack.add(demo, Thing::new("a").value("x").label(&label).ignoring(["label"]));
            Ok(())
        }
    };
    story.up(program(Output::known(CANARY.to_owned()).secret())).await;
    story.up(program(Output::known("another".to_owned()))).await;
    assert!(story.state().await.live.values().all(|a| a.inputs.is_secret("label")));
}
