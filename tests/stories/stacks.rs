//! What happens between stacks and between a stack and its past: moves that are cut off anywhere, other names, waiting for a lock, and going
//! back.

use crate::support::{
    journal::{Stop, Watch},
    *,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use terrane::Urn;
use terrane_engine::{Error, Events, PlanOptions, Session, What};
use terrane_state::{Holder, MemoryStore, Store};

fn urn(stack: &str, name: &str) -> Urn {
    Urn::new(stack, "shop", "", "demo:Thing", name)
}

fn shop(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    let a = stack.add(demo, Thing::new("a").value("1"));
    stack.add(demo, Thing::new("b").value(&a.id).needs([&a.id]).password("hunter2"));
    stack.export("a", &a.id);
    Ok(())
}

/// A session on a stack of the story with a program that says nothing.
fn silent(story: &Story, stack: &str) -> Session {
    story.bare_as(stack, |_| Ok(()))
}

/// A story whose stack `dev` has two things, and whose stack `prod` has none.
async fn begun(name: &str, watch: &Watch) -> Story {
    let story = Story::with_store(name, Arc::new(watch.clone()));
    story.up(shop).await;
    let prod = silent(&story, "prod");
    let made = |_: &terrane::state::State| Ok(vec![terrane::state::Record::Outputs { exports: Default::default() }]);
    prod.edit_state("stack init", made).await.unwrap();
    story
}

/// The things that each stack says it has, and whether anything is open.
async fn owned(story: &Story) -> (Vec<String>, bool) {
    let (mut all, mut open) = (Vec::new(), false);
    for stack in story.store.stacks("shop").await.unwrap() {
        let state = story.store.read("shop", &stack).await.unwrap().unwrap();
        open |= state.is_cut_off();
        assert_eq!(state.damage("shop", &stack), [], "{stack}");
        all.extend(state.live.keys().map(|urn| format!("{stack}/{}", urn.name())));
    }
    (all, open)
}

/// Cuts `work` off before and after each commit, lets the next command on one of the stacks recover, and looks at the end.
async fn cut_off_anywhere(
    name: &str,
    work: impl AsyncFn(&Session) -> Result<(), Error>,
    ends: [&[&str]; 2],
    recover_on: &str,
) {
    let mut number = 0;
    loop {
        number += 1;
        for stop in [Stop::Before(number), Stop::After(number)] {
            let watch = Watch::default();
            let story = begun(&format!("{name}-{recover_on}-{stop:?}"), &watch).await;
            watch.stop(Some(stop));
            let dev = silent(&story, "dev");
            let stopped = tokio::select! {
                biased;
                result = work(&dev) => { result.unwrap(); false }
                () = watch.stopped.notified() => true,
            };
            watch.stop(None);
            drop(dev);
            silent(&story, recover_on).recover("up", &Events::unheard()).await.unwrap();
            let (known, _) = owned(&story).await;
            assert!(
                ends.contains(&known.iter().map(String::as_str).collect::<Vec<_>>().as_slice()),
                "{stop:?}: {known:?}"
            );
            // The other side may still have a mark of it, or have missed it altogether: its own next command sees to that.
            for stack in story.store.stacks("shop").await.unwrap() {
                silent(&story, &stack).recover("up", &Events::unheard()).await.unwrap();
            }
            let reached = ends[usize::from(!matches!(stop, Stop::Before(1)))];
            assert_eq!(owned(&story).await, (reached.iter().map(ToString::to_string).collect(), false), "{stop:?}");
            assert_eq!(story.objects(), "a-1 b-1", "no object was touched");
            if !stopped {
                assert!(number > 3, "{name} has too few boundaries");
                return;
            }
        }
    }
}

async fn move_b(session: &Session) -> Result<(), Error> {
    let urns: BTreeMap<Urn, Urn> = [(urn("dev", "b"), urn("prod", "b"))].into();
    session.move_to("prod", urns, &Events::unheard()).await
}

#[tokio::test(start_paused = true)]
async fn a_move_that_is_cut_off_anywhere_ends_with_the_next_command_on_either_stack() {
    for side in ["dev", "prod"] {
        cut_off_anywhere("move", move_b, [&["dev/a", "dev/b"], &["dev/a", "prod/b"]], side).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_moved_resource_belongs_to_the_other_stack_with_its_object_and_secrets() {
    let watch = Watch::default();
    let story = begun("moved", &watch).await;
    let before = story.state().await;
    move_b(&silent(&story, "dev")).await.unwrap();
    let there = story.store.read("shop", "prod").await.unwrap().unwrap();
    let moved = &there.live[&urn("prod", "b")];
    let was = &before.live[&urn("dev", "b")];
    assert_eq!((&moved.op, &moved.inputs, &moved.outputs), (&was.op, &was.inputs, &was.outputs));
    assert_eq!(moved.dependencies.len(), 0, "what it needed stayed behind");
    assert!(there.providers.contains_key(&moved.provider));
    // Each stack goes on with what it has.
    let without_b = |stack: &Stack, demo: &On<Demo>| {
        stack.add(demo, Thing::new("a").value("1"));
        Ok(())
    };
    story.cloud.calls();
    story.up(without_b).await;
    assert_eq!(story.cloud.calls(), Vec::<String>::new(), "nothing is deleted or made");
}

#[tokio::test(start_paused = true)]
async fn a_move_that_the_other_stack_can_not_take_writes_nothing() {
    let watch = Watch::default();
    let story = begun("refused-move", &watch).await;
    move_b(&silent(&story, "dev")).await.unwrap();
    story.up(shop).await;
    let before = story.state().await;
    let refused = move_b(&silent(&story, "dev")).await.unwrap_err();
    assert_eq!(refused.to_string(), "the state does not add up: prod/shop/demo:Thing/b exists already");
    assert_eq!(story.state().await, before);
}

#[tokio::test(start_paused = true)]
async fn a_rename_that_is_cut_off_anywhere_ends_with_the_next_command() {
    let rename = async |session: &Session| session.rename_to("live", &Events::unheard()).await;
    cut_off_anywhere("rename", rename, [&["dev/a", "dev/b"], &["live/a", "live/b"]], "dev").await;
}

#[tokio::test(start_paused = true)]
async fn a_renamed_stack_keeps_history_exports_and_ids() {
    let story = Story::new("renamed-stack");
    story.up(shop).await;
    let before = story.state().await;
    silent(&story, "dev").rename_to("live", &Events::unheard()).await.unwrap();
    assert_eq!(story.store.stacks("shop").await.unwrap(), ["live"]);
    let after = story.store.read("shop", "live").await.unwrap().unwrap();
    assert_eq!((&after.exports, after.runs.first()), (&before.exports, before.runs.first()));
    assert!(after.generation >= before.generation && after.lineage != before.lineage, "no id is ever drawn again");
    assert_eq!(after.live[&urn("live", "b")].op, before.live[&urn("dev", "b")].op);
    assert_eq!(after.live[&urn("live", "b")].dependencies, [urn("live", "a")].into());
}

#[tokio::test(start_paused = true)]
async fn a_run_waits_for_a_lock_and_says_for_whom() {
    let store = MemoryStore::default();
    let story = Story::with_store("waits", Arc::new(store.clone()));
    let holder = Holder { user: "ann".to_owned(), host: "build-7".to_owned(), ..Holder::current() };
    let held = store.open("shop", "dev", &holder).await.unwrap();
    let refused = story.run(&story.session(shop)).await.unwrap_err();
    assert!(refused.to_string().starts_with("the stack is in use by ann on build-7"), "{refused}");

    let waiting = story.session(shop).waiting(Duration::from_secs(3));
    let late = story.run(&waiting).await.unwrap_err();
    assert!(matches!(late, Error::State(terrane_state::Error::Locked { .. })), "{late}");
    let waits = |what: &What| matches!(what, What::LockWaiting { holder: Some(who), limit_ms: 3_000, .. } if who == "ann@build-7");
    assert!(story.heard.lock().unwrap().iter().any(waits));

    let waiting = story.session(shop).waiting(Duration::from_secs(60));
    let release = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        drop(held);
    };
    let (ended, ()) = tokio::join!(story.run(&waiting), release);
    assert_eq!(ended.unwrap().1.counts.create, 2);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_plans_towards_what_was_and_not_towards_the_program() {
    let story = Story::new("rollback");
    story.up(shop).await;
    let past = story.state().await;
    let changed = |stack: &Stack, demo: &On<Demo>| {
        stack.add(demo, Thing::new("a").value("2"));
        stack.add(demo, Thing::new("c").value("new"));
        Ok(())
    };
    story.up(changed).await;
    story.cloud.calls();
    let back =
        Story { plan: PlanOptions { rollback: Some(Arc::new(past.clone())), ..story.plan.clone() }, ..story.clone() };
    insta::assert_snapshot!(back.up(changed).await, @r#"
    plan
      update a: value 2 -> 1 because value changes
      create b
      delete c because it has left the program
    calls
      update a-1
      delete c-1
      create b with a-1
    report
      Done 1 created, 1 updated, 1 deleted
      export a = "a-1"
    "#);
    let now = story.state().await;
    let inputs = |state: &terrane::state::State| {
        state.live.iter().map(|(urn, it)| (urn.clone(), it.inputs.clone())).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(inputs(&now), inputs(&past));
    assert_eq!(now.exports, past.exports);
    insta::assert_snapshot!(back.up(changed).await, @r#"
    report
      Done
      export a = "a-1"
    "#);
}
