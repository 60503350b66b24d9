//! What happens between stacks and between a stack and its past: moves that are cut off anywhere, other names, waiting for a lock, and going
//! back.

use crate::support::{
    journal::{Stop, Watch},
    sky::Place,
    *,
};
use futures_util::FutureExt;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use terrane::Urn;
use terrane_engine::{Error, Events, PlanOptions, Session, What};
use terrane_sim::cloud::Sky;
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
    prod.edit_state("stack init", made, &Events::unheard()).await.unwrap();
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

/// Cuts a move of `b` to `prod` off when only its first record is there.
async fn cut_off_first(story: &Story, watch: &Watch) {
    watch.stop(Some(Stop::After(1)));
    let dev = silent(story, "dev");
    tokio::select! {
        biased;
        _ = move_b(&dev) => panic!("it has more commits"),
        () = watch.stopped.notified() => {}
    }
    watch.stop(None);
}

#[tokio::test(start_paused = true)]
async fn what_arrives_is_never_taken_for_what_the_other_stack_was_making() {
    let watch = Watch::default();
    let story = begun("busy-move", &watch).await;
    cut_off_first(&story, &watch).await;
    // The other stack makes such a resource of its own, and is cut off once it was made, too.
    let cloud = story.name.clone();
    let prod = story.bare_as("prod", move |stack| {
        let demo = stack.provider(Demo { cloud: cloud.clone(), region: "north".to_owned() });
        stack.add(&demo, Thing::new("b").value("2"));
        Ok(())
    });
    watch.stop(Some(Stop::Before(2)));
    tokio::select! {
        biased;
        _ = story.tell(&prod) => panic!("it has more commits"),
        () = watch.stopped.notified() => {}
    }
    watch.stop(None);
    for _ in 0..2 {
        let refused = silent(&story, "dev").recover("up", &Events::unheard()).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "stack `prod` was cut off while it worked on b, which is to move there: run `up` on `prod` first"
        );
    }
    story.tell(&prod).await;
    let stayed = silent(&story, "dev").recover("up", &Events::unheard()).await.unwrap_err();
    assert_eq!(stayed.to_string(), "the state does not add up: prod/shop/demo:Thing/b exists already");
    let names = ["dev/a", "dev/b", "prod/b"].map(str::to_owned);
    assert_eq!(owned(&story).await, (names.to_vec(), false));
    story.up(shop).await;
    story.tell(&prod).await;
    assert_eq!(story.objects(), "a-1 b-1 b-2", "each stack keeps its own");
}

#[tokio::test(start_paused = true)]
async fn a_move_that_the_other_stack_can_not_write_leaves_nothing_open() {
    for stop in [Stop::Taken(2), Stop::Refused(2)] {
        let watch = Watch::default();
        let story = begun(&format!("unwritten-move-{stop:?}"), &watch).await;
        watch.stop(Some(stop));
        move_b(&silent(&story, "dev")).await.unwrap_err();
        watch.stop(None);
        assert_eq!(owned(&story).await, (vec!["dev/a".to_owned(), "dev/b".to_owned()], false), "{stop:?}");
        move_b(&silent(&story, "dev")).await.unwrap();
        assert_eq!(owned(&story).await, (vec!["dev/a".to_owned(), "prod/b".to_owned()], false), "{stop:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_move_gives_both_stacks_back_however_it_ends() {
    let watch = Watch::default();
    let story = begun("released-move", &watch).await;
    let held = story.store.open("shop", "prod", &Holder::current()).await.unwrap();
    move_b(&silent(&story, "dev")).await.unwrap_err();
    held.close().await.unwrap();
    drop(held);
    assert_eq!(watch.kept(), 0, "the first was not kept when the second could not be had");
    move_b(&silent(&story, "dev")).await.unwrap();
    move_b(&silent(&story, "dev")).await.unwrap_err();
    assert_eq!(watch.kept(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rename_that_is_cut_off_anywhere_ends_with_the_next_command() {
    let rename = async |session: &Session| session.rename_to("live", &Events::unheard()).await;
    for side in ["dev", "live"] {
        cut_off_anywhere("rename", rename, [&["dev/a", "dev/b"], &["live/a", "live/b"]], side).await;
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_rename_that_was_cut_off_the_old_name_makes_nothing_and_says_the_new_one() {
    for number in 1..=4 {
        let watch = Watch::default();
        let story = Story::with_store(&format!("cut-rename-{number}"), Arc::new(watch.clone()));
        story.up(shop).await;
        story.cloud.calls();
        watch.stop(Some(Stop::After(number)));
        let (dev, unheard) = (silent(&story, "dev"), Events::unheard());
        tokio::select! {
            biased;
            _ = dev.rename_to("live", &unheard) => panic!("it has fewer commits"),
            () = watch.stopped.notified() => {}
        }
        watch.stop(None);
        // However often it is tried, and whatever is tried.
        let called = "stack `dev` is called `live` now";
        for _ in 0..2 {
            let told = story.up(shop).await;
            assert!(told.contains(called) && !told.contains("calls"), "{number}: {told}");
        }
        let edit = |_: &terrane::state::State| Ok(Vec::new());
        let edited = silent(&story, "dev").edit_state("state rm", edit, &unheard).await.unwrap_err();
        assert!(edited.to_string().starts_with(called), "{number}: {edited}");
        assert_eq!(owned(&story).await, (vec!["live/a".to_owned(), "live/b".to_owned()], false));
        story.store.remove("shop", "dev", &Holder::current()).await.unwrap();
        assert!(!story.up(|_, _| Ok(())).await.contains("error"), "{number}: the name is free");
    }
}

#[tokio::test(start_paused = true)]
async fn a_renamed_stack_keeps_history_exports_and_ids() {
    let story = Story::new("renamed-stack");
    story.up(shop).await;
    let before = story.state().await;
    silent(&story, "dev").rename_to("live", &Events::unheard()).await.unwrap();
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
async fn who_has_waited_for_a_stack_holds_it_from_then_on() {
    let store = MemoryStore::default();
    let place = Place::over(Arc::new(store.clone()));
    let held = store.open("shop", "dev", &Holder::current()).await.unwrap();
    let session = place.session(|_: &Stack, _: &On<Sky>| ()).waiting(Duration::from_secs(60));
    let (heard, unheard) = (Arc::new(Mutex::new(0)), Events::unheard());
    let looking = |_: &terrane::state::State| {
        let held = store.held("shop", "dev").now_or_never().unwrap().unwrap().unwrap();
        *heard.lock().unwrap() = held.holder.since.as_millisecond();
        Ok(Vec::new())
    };
    let release = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        drop(held);
    };
    let (edited, ()) = tokio::join!(session.edit_state("state rm", looking, &unheard), release);
    edited.unwrap();
    assert!(*heard.lock().unwrap() >= Place::BEGAN_MS + 20_000);
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

#[tokio::test(start_paused = true)]
async fn a_rollback_to_before_a_rename_is_a_rename_and_no_other_object() {
    let story = Story::new("rollback-rename");
    let named = |name: &'static str| {
        move |stack: &Stack, demo: &On<Demo>| {
            stack.add(demo, Thing::new(name).value("1").renamed_from("a"));
            Ok(())
        }
    };
    story.up(named("a")).await;
    let past = story.state().await;
    story.up(named("b")).await;
    story.cloud.calls();
    let back = Story { plan: PlanOptions { rollback: Some(Arc::new(past)), ..story.plan.clone() }, ..story.clone() };
    insta::assert_snapshot!(back.up(named("b")).await, @r"
    plan
      move a (was b)
    report
      Done
    ");
}
