//! Calls that go wrong, and runs that are stopped.

use crate::support::{cloud::Answer, *};
use std::time::Duration;
use terrane_engine::{Error, Interrupt, What};

fn program(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    let a = stack.add(demo, Thing::new("a").value("x"));
    let b = stack.add(demo, Thing::new("b").value(&a.id));
    stack.add(demo, Thing::new("c").value(&b.id));
    let d = stack.add(demo, Thing::new("d").value("x"));
    stack.add(demo, Thing::new("e").value(&d.id));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again() {
    let story = Story::new("retries");
    story.cloud.fail("create a", 2, Trouble::Throttled);
    story.cloud.fail("create b", 1, Trouble::Conflict);
    story.cloud.fail("create c", 3, Trouble::NotVisible);
    insta::assert_snapshot!(story.up(program).await, @r"
        plan
          create a
          create b
          create c
          create d
          create e
        calls
          create a
          create d
          create e
          create a
          create a
          create b
          create b
          create c
          create c
          create c
          create c
        report
          Done 5 created
    ");
    // What never becomes visible is given up in the end.
    story.cloud.fail("delete c-1", 1000, Trouble::NotVisible);
    let began = tokio::time::Instant::now();
    let told = story.destroy().await;
    assert!(told.contains("failed delete c: not now"), "{told}");
    assert!(began.elapsed() > Duration::from_secs(120) && began.elapsed() < Duration::from_secs(180));
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_throttles_gets_fewer_calls_at_once() {
    let story = Story::new("throttling");
    let program = |stack: &Stack, demo: &On<Demo>| {
        for n in 0..200 {
            stack.add(demo, Thing::new(format!("{n}")).value("x"));
        }
        Ok(())
    };
    for n in 0..200 {
        story.cloud.takes(&format!("create {n}"), Duration::from_secs(1));
    }
    for n in 0..64 {
        story.cloud.fail(&format!("create {n}"), 1, Trouble::Throttled);
    }
    let told = story.up(program).await;
    assert!(told.ends_with("report\n  Done 200 created\n"), "{told}");
    let waits: Vec<u64> = story
        .heard
        .lock()
        .unwrap()
        .iter()
        .filter_map(|what| match what {
            What::StepRetried { wait_ms, .. } => Some(*wait_ms),
            _ => None,
        })
        .collect();
    assert!(waits.len() == 64 && waits.iter().all(|wait| (200..=400).contains(wait)), "{waits:?}");
    assert_eq!(story.cloud.most_running(), 64);
}

#[tokio::test(start_paused = true)]
async fn a_failure_stops_what_comes_after_it() {
    let story = Story::new("failure");
    story.cloud.fail("create a", 1, Trouble::Refused);
    insta::assert_snapshot!(story.up(program).await, @r"
        plan
          create a
          create b
          create c
          create d
          create e
        calls
          create a
          create d
        report
          Failed 1 created
          failed create a: the cloud refused (try: ask the cloud nicely)
          not started b, c, e
    ");
    insta::assert_snapshot!(story.up(program).await, @r"
        plan
          create a
          create b
          create c
          create e
        calls
          create a
          create e
          create b
          create c
        report
          Done 4 created
    ");
}

#[tokio::test(start_paused = true)]
async fn the_rest_goes_on_when_it_is_asked_to() {
    let mut story = Story::new("continue");
    story.apply.continue_on_error = true;
    story.cloud.fail("create b", 1, Trouble::Refused);
    insta::assert_snapshot!(story.up(program).await, @r"
        plan
          create a
          create b
          create c
          create d
          create e
        calls
          create a
          create d
          create b
          create e
        report
          Failed 3 created
          failed create b: the cloud refused (try: ask the cloud nicely)
          not started c
    ");
}

fn single(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    stack.add(demo, Thing::new("a").value("x"));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_cleared_up_by_the_next_run() {
    let story = Story::new("lost-reply");
    story.cloud.fail("create a", 1, Trouble::ReplyLost);
    insta::assert_snapshot!(story.up(single).await, @r"
        plan
          create a
        calls
          create a
        report
          Failed
          failed create a: the reply got lost
    ");
    insta::assert_snapshot!(story.preview(single).await, @r#"
        plan
          create a
          note Warning { subject: "a", text: "its create was cut off: `up` first looks whether the object exists, and adopts it if it does" }
    "#);
    insta::assert_snapshot!(story.up(single).await, @r"
        plan
          update a because its last change did not come to its end
        calls
          find a
          update a-1
        report
          Done 1 updated
          recovered a: adopted demo:Thing, created by the run of …
    ");
    insta::assert_snapshot!(story.up(single).await, @r"
        report
          Done
    ");
    assert_eq!(story.objects(), "a-1");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_arrived_is_made_again() {
    let story = Story::new("cut");
    story.cloud.fail("create a", 1, Trouble::Cut);
    story.up(single).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(single).await, @r"
        plan
          create a
        calls
          find a
          create a
        report
          Done 1 created
          recovered a: its create had not happened
    ");
    assert_eq!(story.objects(), "a-1");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_tell_is_asked_and_nothing_is_made_meanwhile() {
    let story = Story::new("cannot-tell");
    story.cloud.fail("create a", 1, Trouble::Cut);
    story.up(single).await;
    story.cloud.calls();
    story.cloud.answers("a", Answer::CannotTell);
    insta::assert_snapshot!(story.up(single).await, @r"
        error
          a (demo:Thing, tests/stories/failures.rs:…): the last run was cut off while it made it, and whether it exists is not clear: demo:Thing has no way to look for it
        calls
          find a
    ");
    story.cloud.answers("a", Answer::Another);
    insta::assert_snapshot!(story.up(single).await, @r"
        error
          a (demo:Thing, tests/stories/failures.rs:…): the last run was cut off while it made it, and whether it exists is not clear: its place is taken by somebody else's object
        calls
          find a
    ");
    // A tool that doesn't recover first is told to.
    let session = story.session(single);
    let planned = story.planned(&session).await.unwrap();
    let error = session.apply(planned, &story.apply, &story.events()).await.unwrap_err();
    assert_eq!(error.to_string(), "an earlier run was cut off while it worked on a: recover first, then plan again");
    assert_eq!(story.objects(), "");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_does_not_become_ready_is_kept_and_tried_again() {
    let story = Story::new("not-ready");
    story.cloud.fail("wait a-1", 1, Trouble::Refused);
    insta::assert_snapshot!(story.up(program).await, @r"
        plan
          create a
          create b
          create c
          create d
          create e
        calls
          create a
          wait a-1
          create d
        report
          Failed 2 created
          failed create a: the cloud refused (try: ask the cloud nicely)
          not started b, c, e
    ");
    insta::assert_snapshot!(story.up(program).await, @r"
        plan
          update a because its last change did not come to its end
          create b
          create c
          create e
        calls
          update a-1
          wait a-1
          create e
          create b
          create c
        report
          Done 3 created, 1 updated
    ");
}

#[tokio::test(start_paused = true)]
async fn an_update_with_an_unknown_end_is_done_again() {
    let story = Story::new("update-cut");
    let program = |value: &'static str| {
        move |stack: &Stack, demo: &On<Demo>| {
            stack.add(demo, Thing::new("a").value(value));
            Ok(())
        }
    };
    story.up(program("1")).await;
    story.cloud.fail("update a-1", 1, Trouble::ReplyLost);
    story.up(program("2")).await;
    story.cloud.calls();
    // Even back to what state still says.
    insta::assert_snapshot!(story.up(program("1")).await, @r"
        plan
          update a because its last change did not come to its end
        calls
          update a-1
        report
          Done 1 updated
          recovered a: its update was cut off and will be done again
    ");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_panics_fails_only_its_step() {
    let mut story = Story::new("panic");
    story.apply.continue_on_error = true;
    story.cloud.fail("create b", 1, Trouble::Panic);
    insta::assert_snapshot!(story.up(program).await, @r"
        plan
          create a
          create b
          create c
          create d
          create e
        calls
          create a
          create d
          create b
          create e
        report
          Failed 3 created
          failed create b: T0309 the provider panicked at tests/support/cloud.rs:…: a provider's mistake (try: report this to the author of the provider)
          not started c
    ");
    insta::assert_snapshot!(story.up(program).await, @r"
        plan
          create b
          create c
        calls
          find b
          create b
          create c
        report
          Done 2 created
          recovered b: its create had not happened
    ");
}

#[tokio::test(start_paused = true)]
async fn the_first_interrupt_drains_and_the_second_stops_at_once() {
    for (raises, told) in [(1, "a-1"), (2, "")] {
        let mut story = Story::new(&format!("interrupt-{raises}"));
        story.cloud.takes("create a", Duration::from_secs(60));
        let interrupt = Interrupt::default();
        story.apply.interrupt = interrupt.clone();
        let stop = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            (0..raises).for_each(|_| interrupt.raise());
        };
        let (report, ()) = tokio::join!(story.up(single_chain), stop);
        assert!(report.contains("Interrupted"), "{report}");
        assert_eq!(story.objects(), told, "after {raises}");
        // Either way the next run ends well.
        story.apply.interrupt = Interrupt::default();
        story.cloud.heal();
        story.up(single_chain).await;
        assert_eq!(story.objects(), "a-1 b-1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_from_an_older_state_is_refused() {
    let story = Story::new("changed");
    let session = story.session(single);
    let planned = story.planned(&session).await.unwrap();
    story.up(single_chain).await;
    let error = session.apply(planned, &story.apply, &story.events()).await.unwrap_err();
    assert!(matches!(error, Error::Changed { .. }), "{error}");
}

fn single_chain(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    let a = stack.add(demo, Thing::new("a").value("x"));
    stack.add(demo, Thing::new("b").value(&a.id));
    Ok(())
}
