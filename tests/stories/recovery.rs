//! Creates of which nobody heard the end, for each way in which a service lets them be recognised.

use crate::support::{
    cloud::Answer,
    journal::Watch,
    sky::{Break, Place, Program, one, single},
    *,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use terrane::state::Action;
use terrane_engine::{Error, Events, Verdict};
use terrane_sim::cloud::{Delivery, Fields, Habit, Leg, Settings, Sky, Verb, declare};

/// Crashes at a create, previews, and goes on.
async fn crashed(habit: Habit, leg: Leg) -> String {
    let (place, program) = (Place::new(), single(habit));
    place.breaks(Verb::Create, leg, Break::Crash);
    let crashed = place.up(program).await;
    let told = format!("{crashed}--\n{}--\n{}", place.preview(program).await, place.up(program).await);
    // A second run finds nothing to do.
    let again = place.up(program).await;
    assert!(again.starts_with("requests\n"), "{again}");
    assert!(place.cloud.log().iter().all(|entry| entry.permitted));
    told
}

#[tokio::test(start_paused = true)]
async fn a_token_is_used_again() {
    insta::assert_snapshot!(crashed(Habit::Token, Leg::Reply).await, @r#"
        crashed
        requests create
        objects server-1=1
        --
        Warning { subject: "a", text: "its create was cut off: `up` sends it again with the same token, which makes no second object; once the token is old, it looks for its tag" }
        --
        a: adopted sky:Server by its token, created by the run of …
        requests create read
        objects server-1=1
    "#);
    insta::assert_snapshot!(crashed(Habit::Token, Leg::Request).await, @r#"
        crashed
        requests create
        objects
        --
        Warning { subject: "a", text: "its create was cut off: `up` sends it again with the same token, which makes no second object; once the token is old, it looks for its tag" }
        --
        a: adopted sky:Server by its token, created by the run of …
        requests create read
        objects server-1=1
    "#);
}

#[tokio::test(start_paused = true)]
async fn an_old_token_is_looked_for() {
    let (place, program) = (Place::new(), single(Habit::Token));
    place.breaks(Verb::Create, Leg::Reply, Break::Crash);
    place.up(program).await;
    tokio::time::sleep(Duration::from_secs(700)).await;
    insta::assert_snapshot!(place.up(program).await, @r"
        a: adopted sky:Server, created by the run of …
        requests search read
        objects server-1=1
    ");
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_asked_for_again_with_the_same_token() {
    let (place, program) = (Place::new(), single(Habit::Token));
    place.breaks(Verb::Create, Leg::Reply, Break::With(Delivery::Lost));
    insta::assert_snapshot!(place.up(program).await, @r"
        requests create create
        objects server-1=1
    ");
}

#[tokio::test(start_paused = true)]
async fn a_unique_name_is_looked_up() {
    insta::assert_snapshot!(crashed(Habit::Name, Leg::Reply).await, @r#"
        crashed
        requests create
        objects bucket-1=1
        --
        Warning { subject: "a", text: "its create was cut off: `up` first looks whether the object exists, and adopts it if it does" }
        --
        a: adopted sky:Bucket, created by the run of …
        requests read read
        objects bucket-1=1
    "#);
    insta::assert_snapshot!(crashed(Habit::Name, Leg::Request).await, @r#"
        crashed
        requests create
        objects
        --
        Warning { subject: "a", text: "its create was cut off: `up` first looks whether the object exists, and adopts it if it does" }
        --
        a: its create had not happened
        waited 30 s
        requests read read read read read read read create
        objects bucket-1=1
    "#);
}

#[tokio::test(start_paused = true)]
async fn what_a_create_returns_is_compared() {
    insta::assert_snapshot!(crashed(Habit::Returns, Leg::Reply).await, @r#"
        crashed
        requests read create
        objects queue-1=1
        --
        Warning { subject: "a", text: "its create was cut off: `up` first looks whether the object exists, and adopts it if it does" }
        --
        a: adopted sky:Queue, created by the run of …
        requests read read
        objects queue-1=1
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_tag_is_looked_for_until_it_must_have_shown() {
    insta::assert_snapshot!(crashed(Habit::Tags, Leg::Reply).await, @r#"
        crashed
        requests create
        objects network-1=1
        --
        Warning { subject: "a", text: "its create was cut off: `up` looks for its tag until it must have shown, and adopts the object if it does" }
        --
        a: adopted sky:Network, created by the run of …
        waited 35 s
        requests search search search search search search search read
        objects network-1=1
    "#);
    insta::assert_snapshot!(crashed(Habit::Tags, Leg::Request).await, @r#"
        crashed
        requests create
        objects
        --
        Warning { subject: "a", text: "its create was cut off: `up` looks for its tag until it must have shown, and adopts the object if it does" }
        --
        a: its create had not happened
        waited 90 s
        requests search search search search search search search search search search search search search create
        objects network-1=1
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_read() {
    insta::assert_snapshot!(crashed(Habit::Key, Leg::Reply).await, @r#"
        crashed
        requests create
        objects route-1=1
        --
        Warning { subject: "a", text: "its create was cut off: `up` first looks whether the object exists, and adopts it if it does" }
        --
        a: adopted sky:Route, created by the run of …
        requests read read
        objects route-1=1
    "#);
}

#[tokio::test(start_paused = true)]
async fn the_one_new_object_without_a_mark_is_made_again() {
    insta::assert_snapshot!(crashed(Habit::Unmarked, Leg::Reply).await, @r#"
        crashed
        requests list create
        objects key-1=1
        --
        Warning { subject: "a", text: "its create was cut off: `up` compares what is there with what was there before, deletes the one new object and makes it again" }
        --
        a: deleted key-1, created by the run of …: what it told was lost, so it is made again
        requests list delete list create
        objects key-2=1
    "#);
    insta::assert_snapshot!(crashed(Habit::Unmarked, Leg::Request).await, @r#"
        crashed
        requests list create
        objects
        --
        Warning { subject: "a", text: "its create was cut off: `up` compares what is there with what was there before, deletes the one new object and makes it again" }
        --
        a: its create had not happened
        waited 30 s
        requests list list list list list list list list create
        objects key-1=1
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_arrives_after_its_process_died_is_waited_for() {
    let (place, program) = (Place::new(), single(Habit::Name));
    place.breaks(Verb::Create, Leg::Request, Break::With(Delivery::Late(Duration::from_secs(20))));
    insta::assert_snapshot!(place.up(program).await, @r"
        failed create: the connection broke before a reply came
        requests create
        objects
    ");
    insta::assert_snapshot!(place.up(program).await, @r"
        a: adopted sky:Bucket, created by the run of …
        waited 25 s
        requests read read read read read read read
        objects bucket-1=1
    ");
}

/// A program with two objects.
fn two(habits: [Habit; 2]) -> impl Program {
    move |stack: &Stack, sky: &On<Sky>| {
        for (name, habit) in ["a", "b"].into_iter().zip(habits) {
            declare(stack, sky, habit, name, Settings::new("1"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_not_arrive_any_more_is_not_waited_for() {
    let after = async |habit| {
        // Who takes over on S3 has watched a silent holder for 90 s, and has not seen it begin anything in the last 70.
        let place = Place::over(Arc::new(Watch::quiet_for(Duration::from_secs(70))));
        place.breaks(Verb::Create, Leg::Request, Break::Crash);
        place.up(single(habit)).await;
        place.up(single(habit)).await
    };
    insta::assert_snapshot!(after(Habit::Name).await, @r"
        a: its create had not happened
        requests read create
        objects bucket-1=1
    ");
    // Of the 90 s in which an object must show, 20 are left.
    insta::assert_snapshot!(after(Habit::Tags).await, @r"
        a: its create had not happened
        waited 20 s
        requests search search search search search search create
        objects network-1=1
    ");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_tell_is_decided_by_a_person_and_the_others_are_recovered() {
    for verdict in [Verdict::Exists("key-1".to_owned()), Verdict::Absent] {
        let (place, program) = (Place::new(), two([Habit::Unmarked; 2]));
        place.breaks(Verb::Create, Leg::Reply, Break::With(Delivery::Lost));
        place.breaks(Verb::Create, Leg::Reply, Break::Crash);
        place.up(program).await;
        // Somebody else makes one as well.
        place.cloud.stranger(Habit::Unmarked, Fields { name: "a".to_owned(), ..Fields::default() }).unwrap();
        let told = place.up(program).await;
        insta::allow_duplicates! { insta::assert_snapshot!(told, @r"
            error
              a (sky:AccessKey, tests/stories/recovery.rs:…): the last run was cut off while it made it, and whether it exists is not clear: one of 2 new objects is it: key-1, key-3
            requests list list delete
            objects key-1=1 key-3=
        "); }
        let session = place.session(program);
        let Err(Error::Undecided(undecided)) = session.recover("up", &Events::unheard()).await else {
            panic!("decided")
        };
        let told = session.decide("import", &undecided[0].urn, &verdict, &Events::unheard()).await.unwrap();
        let said = match &verdict {
            Verdict::Exists(_) => "adopted sky:AccessKey key-1, as a person says",
            Verdict::Absent => "its create had not happened, as a person says",
        };
        assert_eq!(told, said);
        // What was recovered is made again, and the other where there is none.
        let made = place.up(program).await;
        assert_eq!(made.matches("create").count(), 1 + usize::from(verdict == Verdict::Absent), "{made}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_another_has_is_no_question() {
    let (place, program) = (Place::new(), two([Habit::Name, Habit::Key]));
    place.breaks(Verb::Create, Leg::Request, Break::With(Delivery::Lost));
    place.breaks(Verb::Create, Leg::Reply, Break::Crash);
    place.up(program).await;
    place.cloud.stranger(Habit::Name, Fields { name: "a".to_owned(), ..Fields::default() }).unwrap();
    // When nothing of it can arrive any more it can't have happened, and the next one says what is in its way.
    insta::assert_snapshot!(place.up(program).await, @r"
        b: adopted sky:Route, created by the run of …
        a: its create had not happened: its place is taken by bucket-2, which carries no tags
        failed create: 409 `a` is taken by bucket-2, which carries no tags
        waited 30 s
        requests read read read read read read read read create read read
        objects bucket-2= route-1=1
    ");
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_was_done_is_not_taken_for_an_object() {
    let (place, program) = (Place::new(), single(Habit::Token));
    place.up(program).await;
    place.breaks(Verb::Delete, Leg::Reply, Break::Crash);
    place.up(|_: &Stack, _: &On<Sky>| ()).await;
    let state = place.session(program).state().await.unwrap().unwrap();
    assert!(state.pending.values().all(|intent| intent.action == Action::Delete) && state.live.len() == 1);
    // The program wants it back.
    insta::assert_snapshot!(place.up(program).await, @r"
        a: its delete had been done
        requests read create
        objects server-2=1
    ");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_never_answers_or_panics_keeps_nothing_else_from_its_end() {
    let ends = [(Answer::Hangs, "took longer than 90 s"), (Answer::Panic, "the provider panicked at ")];
    for (answer, why) in ends {
        let story = Story::new(&format!("silent-provider-{answer:?}"));
        let program = |stack: &Stack, demo: &On<Demo>| {
            stack.add(demo, Thing::new("a").value("x").timeout(Duration::from_secs(90)));
            stack.add(demo, Thing::new("b").value("x"));
            Ok(())
        };
        for name in ["a", "b"] {
            story.cloud.fail(&format!("create {name}"), 1, Trouble::ReplyLost);
        }
        story.up(program).await;
        story.cloud.answers("a", answer);
        let told = story.up(program).await;
        assert!(told.starts_with(&format!("error\n  looking for a: {why}")), "{told}");
        let state = story.state().await;
        assert_eq!((state.pending.len(), state.live.len()), (1, 1), "b was adopted");
        story.cloud.heal();
        story.up(program).await;
        story.agree().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_may_be_another_resource_s_is_not_deleted() {
    let story = Story::new("grants");
    let program = |stack: &Stack, demo: &On<Demo>| {
        for name in ["a", "b"] {
            stack.add(demo, Grant::new(name).value("x"));
        }
        Ok(())
    };
    // Both have listed what is there; one is made, and of the other nobody knows that it is not.
    story.cloud.fail("create b", 1, Trouble::Cut);
    story.up(program).await;
    assert_eq!(story.objects(), "a-1");
    let told = story.up(program).await;
    assert!(told.contains("nothing tells whether a-1 is it or another demo:Grant of the stack"), "{told}");
    assert_eq!(story.objects(), "a-1");
}

#[tokio::test(start_paused = true)]
async fn a_run_after_a_crash_evaluates_its_program_once_before_it_works() {
    let watch = Watch::default();
    let story = Story::with_store("evaluated-once", Arc::new(watch.clone()));
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let session = story.session(move |stack, demo| {
        counted.fetch_add(1, Ordering::SeqCst);
        stack.add(demo, Thing::new("a").value("x"));
        Ok(())
    });
    story.cloud.fail("create a", 1, Trouble::ReplyLost);
    story.tell(&session).await;
    let (evaluated, read) = (runs.swap(0, Ordering::SeqCst), watch.reads());
    let (recovered, planned) = session.prepare("up", &story.plan, &story.events()).await.unwrap();
    assert_eq!((recovered.len(), planned.state.pending.len()), (1, 0));
    assert_eq!((evaluated, runs.load(Ordering::SeqCst), watch.reads() - read), (1, 1, 2));
}

/// Brings the stack to where it should be, however often that takes, and looks whether it is there.
async fn converges(place: &Place, habit: Habit, wanted: Option<(&'static str, &'static str)>, story: &str) {
    for _ in 0..5 {
        let told = match wanted {
            Some((value, shape)) => place.up(one(habit, value, shape)).await,
            None => place.up(|_: &Stack, _: &On<Sky>| ()).await,
        };
        if told.starts_with("requests\n") {
            break;
        }
    }
    let there: Vec<_> =
        place.cloud.objects().into_iter().map(|object| (object.fields.value, object.fields.shape)).collect();
    let expected: Vec<_> =
        wanted.into_iter().map(|(value, shape)| (value.to_owned(), Some(shape.to_owned()))).collect();
    let state = place.session(single(habit)).state().await.unwrap().unwrap_or_default();
    assert_eq!((there, state.pending.len(), state.condemned.len()), (expected, 0, 0), "{story}, {wanted:?}");
    assert!(place.cloud.duplicates().is_empty() && place.cloud.broken().is_empty(), "{story}");
    assert!(place.cloud.log().iter().all(|entry| entry.permitted), "{story}");
}

#[tokio::test(start_paused = true)]
async fn whatever_breaks_once_and_once_more_while_recovering_the_end_is_the_same() {
    let lost = |leg| (leg, Break::With(Delivery::Lost));
    let ways = [
        (Leg::Request, Break::Crash),
        (Leg::Reply, Break::Crash),
        lost(Leg::Request),
        lost(Leg::Reply),
        (Leg::Request, Break::With(Delivery::Late(Duration::from_secs(20)))),
        (Leg::Request, Break::With(Delivery::Throttled)),
        (Leg::Request, Break::With(Delivery::Denied)),
    ];
    let changes = [Verb::Create, Verb::Update, Verb::Delete];
    let all = [Verb::Create, Verb::Read, Verb::Search, Verb::List, Verb::Update, Verb::Delete];
    let firsts: Vec<_> = changes.iter().flat_map(|verb| ways.map(|way| (*verb, way))).collect();
    let seconds: Vec<_> = all.iter().flat_map(|verb| ways[1..4].iter().map(|way| (*verb, *way))).collect();
    let pairs = firsts.iter().flat_map(|first| seconds.iter().map(move |second| [first, second]));
    // A seventh of all, spread evenly: what a run of the tests has time for.
    let stories = Habit::ALL.into_iter().flat_map(|habit| pairs.clone().map(move |pair| (habit, pair))).step_by(7);
    for (habit, pair) in stories {
        let place = Place::new();
        for (verb, (leg, way)) in pair {
            place.breaks(*verb, *leg, *way);
        }
        let story = format!("{habit:?}: {pair:?}");
        for wanted in [Some(("1", "round")), Some(("2", "round")), Some(("2", "square")), None] {
            converges(&place, habit, wanted, &story).await;
        }
    }
}
