//! Parts of a program that wait for values.

use crate::support::*;
use terrane_engine::Unseen;

/// A zone, and one record for each of the names that the zone's url is made into.
fn zone(
    value: &'static str,
    shape: &'static str,
    names: fn(&str) -> Vec<String>,
) -> impl Fn(&Stack, &On<Demo>) -> Result<()> + Send + Sync + 'static {
    move |stack, demo| {
        let zone = stack.add(demo, Thing::new("zone").value(value).shape(shape));
        let (demo, id) = (*demo, zone.id.clone());
        stack.expand("records", &zone.url, move |stack, url| {
            for name in names(&url) {
                let record = stack.add(&demo, Thing::new(&name).value(&url).needs([&id]));
                stack.export(&name, &record.id);
            }
            Ok(())
        });
        Ok(())
    }
}

fn two(_: &str) -> Vec<String> {
    vec!["x".to_owned(), "y".to_owned()]
}

fn one(_: &str) -> Vec<String> {
    vec!["x".to_owned()]
}

#[tokio::test(start_paused = true)]
async fn structure_that_waits_comes_in_the_same_run_and_is_known_in_the_next() {
    let story = Story::new("expand");
    insta::assert_snapshot!(story.up(zone("1", "round", two)).await, @r#"
        plan
          create zone
          ? records waits for zone
        calls
          create zone
          create x with zone-1
          create y with zone-1
        report
          Done 3 created
          export x = "x-1"
          export y = "y-1"
    "#);
    insta::assert_snapshot!(story.up(zone("1", "round", two)).await, @r#"
        report
          Done
          export x = "x-1"
          export y = "y-1"
    "#);
    // While the zone changes, what is below the expansion is held.
    insta::assert_snapshot!(story.up(zone("2", "round", two)).await, @r#"
        plan
          update zone: value 1 -> 2 because value changes
          ? records waits for zone, holds records/x, records/y
        calls
          update zone-1
          update x-1
          update y-1
        report
          Done 3 updated
          export x = "x-1"
          export y = "y-1"
    "#);
}

#[tokio::test(start_paused = true)]
async fn what_held_resources_use_goes_after_them() {
    let story = Story::new("expand-replaced");
    story.up(zone("1", "round", two)).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(zone("1", "square", two)).await, @r#"
        plan
          replace zone: shape round -> square because shape changes
          ? records waits for zone, holds records/x, records/y
        calls
          create zone
          update x-1
          update y-1
          delete zone-1
        report
          Done 2 updated, 1 replaced, 1 deleted
          export x = "x-1"
          export y = "y-1"
    "#);
    assert_eq!(story.objects(), "x-1 y-1 zone-2");
}

#[tokio::test(start_paused = true)]
async fn what_held_resources_use_stays_although_it_left_the_program() {
    let story = Story::new("expand-left");
    let program = |value: &'static str, with_net: bool| {
        move |stack: &Stack, demo: &On<Demo>| {
            let zone = stack.add(demo, Thing::new("zone").value(value));
            let net = with_net.then(|| stack.add(demo, Thing::new("net").value("x")).id.clone());
            let demo = *demo;
            stack.expand("records", &zone.url, move |stack, url| {
                stack.add(&demo, Thing::new("x").value(&url).needs(net.iter().collect::<Vec<_>>()));
                Ok(())
            });
            Ok(())
        }
    };
    story.up(program("1", true)).await;
    story.cloud.calls();
    // What it means for the net is only known once the zone is: nobody has seen that it would be deleted.
    insta::assert_snapshot!(story.up(program("2", false)).await, @r"
        plan
          update zone: value 1 -> 2 because value changes
          ? records waits for zone, holds net, records/x
        calls
          update zone-1
        report
          NeedsApproval 1 updated
          not approved net: it would be deleted: it has left the program
    ");
    insta::assert_snapshot!(story.up(program("2", false)).await, @r"
        plan
          update records/x: needs[0] net-1 -> (none), value http://zone-1/1 -> http://zone-1/2 because needs changes; value changes
          delete net because it has left the program
        calls
          update x-1
          delete net-1
        report
          Done 1 updated, 1 deleted
    ");
}

#[tokio::test(start_paused = true)]
async fn a_wave_that_destroys_asks_again() {
    let story = Story::new("expand-fewer");
    story.up(zone("1", "round", two)).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(zone("2", "round", one)).await, @r"
        plan
          update zone: value 1 -> 2 because value changes
          ? records waits for zone, holds records/x, records/y
        calls
          update zone-1
        report
          NeedsApproval 1 updated
          not approved records/y: it would be deleted: it has left the program
    ");
    insta::assert_snapshot!(story.up(zone("2", "round", one)).await, @r#"
        plan
          update records/x: value http://zone-1/1 -> http://zone-1/2 because value changes
          delete records/y because it has left the program
        calls
          delete y-1
          update x-1
        report
          Done 1 updated, 1 deleted
          export x = "x-1"
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_run_can_stop_before_what_nobody_has_seen() {
    let mut story = Story::new("expand-unseen");
    story.apply.unseen = Unseen::Stop;
    insta::assert_snapshot!(story.up(zone("1", "round", two)).await, @r"
        plan
          create zone
          ? records waits for zone
        calls
          create zone
        report
          Unseen 1 created
    ");
    insta::assert_snapshot!(story.up(zone("1", "round", two)).await, @r#"
        plan
          create records/x
          create records/y
        calls
          create x with zone-1
          create y with zone-1
        report
          Done 2 created
          export x = "x-1"
          export y = "y-1"
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_targeted_run_stays_targeted_in_its_later_waves() {
    let mut story = Story::new("expand-targets");
    let program = |stack: &Stack, demo: &On<Demo>| {
        let zone = stack.add(demo, Thing::new("zone").value("1"));
        stack.add(demo, Thing::new("other").value("1"));
        let demo = *demo;
        stack.expand("records", &zone.url, move |stack, url| {
            stack.add(&demo, Thing::new("zone-record").value(url));
            Ok(())
        });
        Ok(())
    };
    story.plan.targets = vec!["*zone*".to_owned()];
    insta::assert_snapshot!(story.up(program).await, @r"
        plan
          create zone
          ? records waits for zone
        calls
          create zone
          create zone-record
        report
          Done 2 created
    ");
}

#[tokio::test(start_paused = true)]
async fn a_provider_may_need_a_resource_of_the_same_run() {
    let story = Story::new("provider-from");
    let cloud = story.name.clone();
    let session = story.bare(move |stack| {
        let north = stack.provider(Demo { cloud: cloud.clone(), region: "north".to_owned() });
        let a = stack.add(&north, Thing::new("a").value("x"));
        let cloud = cloud.clone();
        let inside = stack.provider_from(&a.id.map(move |region| Demo { cloud: cloud.clone(), region }));
        stack.add(&inside, Thing::new("b").value("x"));
        Ok(())
    });
    insta::assert_snapshot!(story.tell(&session).await, @r"
        plan
          create a
          create b
        calls
          create a
          create b
        report
          Done 2 created
    ");
    insta::assert_snapshot!(story.tell(&session).await, @r"
        report
          Done
    ");
    assert_eq!(story.cloud.objects()["b-1"].region, "a-1");
    insta::assert_snapshot!(story.destroy().await, @r"
        plan
          delete a because the whole stack goes
          delete b because the whole stack goes
        calls
          delete b-1
          delete a-1
        report
          Done 2 deleted
    ");
}
