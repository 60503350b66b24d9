//! Creating, changing and deleting; and plans whose values are not known yet.

use crate::support::*;

fn chain(value: &'static str) -> impl Fn(&Stack, &On<Demo>) -> Result<()> + Send + Sync + 'static {
    move |stack, demo| {
        let a = stack.add(demo, Thing::new("a").value(value));
        let b = stack.add(demo, Thing::new("b").value(&a.url).needs([&a.id]));
        stack.add(demo, Thing::new("c").value("fan").needs([&a.id]));
        stack.add(demo, Thing::new("d").value("last").needs([&b.id]));
        stack.export("url", &b.url);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_chain_comes_up_changes_and_goes() {
    let story = Story::new("chain");
    insta::assert_snapshot!(story.up(chain("1")).await, @r#"
        plan
          create a
          create b
          create c
          create d
        calls
          create a
          create b with a-1
          create c with a-1
          create d with b-1
        report
          Done 4 created
          export url = "http://b-1/1"
    "#);
    insta::assert_snapshot!(story.up(chain("1")).await, @r#"
        report
          Done
          export url = "http://b-1/1"
    "#);
    insta::assert_snapshot!(story.up(chain("2")).await, @r#"
        plan
          update a: value 1 -> 2 because value changes
          may update b: value http://a-1/1 -> known after a.url because value is known after a.url
        calls
          update a-1
          update b-1
        report
          Done 2 updated
          export url = "http://b-1/2"
    "#);
    insta::assert_snapshot!(story.up(|_, _| Ok(())).await, @r"
        plan
          delete a because it has left the program
          delete b because it has left the program
          delete c because it has left the program
          delete d because it has left the program
        calls
          delete d-1
          delete c-1
          delete b-1
          delete a-1
        report
          Done 4 deleted
    ");
    assert_eq!(story.objects(), "");
}

#[tokio::test(start_paused = true)]
async fn destroy_takes_everything_in_reverse_order() {
    let story = Story::new("destroy");
    story.up(chain("1")).await;
    insta::assert_snapshot!(story.destroy().await, @r"
        plan
          delete a because the whole stack goes
          delete b because the whole stack goes
          delete c because the whole stack goes
          delete d because the whole stack goes
        calls
          delete d-1
          delete c-1
          delete b-1
          delete a-1
        report
          Done 4 deleted
    ");
    let state = story.state().await;
    assert!(state.live.is_empty() && state.exports.is_empty());
}

fn shaped(shape: &'static str) -> impl Fn(&Stack, &On<Demo>) -> Result<()> + Send + Sync + 'static {
    move |stack, demo| {
        let net = stack.add(demo, Thing::new("net").value("x").shape(shape));
        let app = stack.add(demo, Thing::new("app").value("x").needs([&net.id]));
        stack.export("net", &net.id);
        stack.export("app", &app.id);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_replacement_takes_over_before_the_old_one_goes() {
    let story = Story::new("create-first");
    story.up(shaped("round")).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(shaped("square")).await, @r#"
        plan
          replace net: shape round -> square because shape changes
          may update app: needs ["net-1"] -> known after net.id because needs is known after net.id
        calls
          create net
          update app-1
          delete net-1
        report
          Done 1 updated, 1 replaced
          export app = "app-1"
          export net = "net-2"
    "#);
}

#[tokio::test(start_paused = true)]
async fn stable_outputs_stay_known_through_an_update() {
    let story = Story::new("stable");
    let program = |value: &'static str| {
        move |stack: &Stack, demo: &On<Demo>| {
            let a = stack.add(demo, Thing::new("a").value(value));
            stack.add(demo, Thing::new("by-id").value(&a.id));
            stack.add(demo, Thing::new("by-url").value(&a.url));
            Ok(())
        }
    };
    story.up(program("1")).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(program("2")).await, @r"
        plan
          update a: value 1 -> 2 because value changes
          may update by-url: value http://a-1/1 -> known after a.url because value is known after a.url
        calls
          update a-1
          update by-url-1
        report
          Done 2 updated
    ");
}

/// `b` has the shape that `pick` makes of `a`'s url.
fn may_replace(
    value: &'static str,
    pick: fn(String) -> String,
) -> impl Fn(&Stack, &On<Demo>) -> Result<()> + Send + Sync + 'static {
    move |stack, demo| {
        let a = stack.add(demo, Thing::new("a").value(value));
        stack.add(demo, Thing::new("b").value(value).shape(a.url.map(pick)));
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_be_replaced_is_replaced_only_if_it_must() {
    let story = Story::new("may-replace");
    story.up(may_replace("1", |_| "same".to_owned())).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(may_replace("2", |_| "same".to_owned())).await, @r"
        plan
          update a: value 1 -> 2 because value changes
          may replace b: value 1 -> 2, shape same -> known after a.url because value changes; shape is known after a.url
        calls
          update a-1
          update b-1
        report
          Done 2 updated
    ");
    insta::assert_snapshot!(story.up(may_replace("3", |url| url)).await, @r"
        plan
          update a: value 2 -> 3 because value changes
          may replace b: value 2 -> 3, shape same -> known after a.url because value changes; shape is known after a.url
        calls
          update a-1
          create b
          delete b-1
        report
          Done 1 updated, 1 replaced
    ");
}

#[tokio::test(start_paused = true)]
async fn what_only_may_be_replaced_is_not_deleted_before_it_is_known() {
    let story = Story::new("may-replace-unique");
    let program = |value: &'static str, pick: fn(String) -> String| {
        move |stack: &Stack, demo: &On<Demo>| {
            let a = stack.add(demo, Thing::new("a").value(value));
            stack.add(demo, Unique::new("one").value(value).shape(a.url.map(pick)));
            Ok(())
        }
    };
    story.up(program("1", |_| "same".to_owned())).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(program("2", |_| "same".to_owned())).await, @r"
        plan
          update a: value 1 -> 2 because value changes
          may replace, delete first one: value 1 -> 2, shape same -> known after a.url because value changes; shape is known after a.url
        calls
          update a-1
          update one-1
        report
          Done 2 updated
    ");
    insta::assert_snapshot!(story.up(program("3", |url| url)).await, @r"
        plan
          update a: value 2 -> 3 because value changes
          may replace, delete first one: value 2 -> 3, shape same -> known after a.url because value changes; shape is known after a.url
        calls
          update a-1
          delete one-1
          create one
        report
          Done 1 updated, 1 replaced
    ");
}

#[tokio::test(start_paused = true)]
async fn a_protected_resource_that_turns_out_to_be_replaced_stops_there() {
    let story = Story::new("may-replace-protected");
    let program = |value: &'static str, pick: fn(String) -> String| {
        move |stack: &Stack, demo: &On<Demo>| {
            let a = stack.add(demo, Thing::new("a").value(value));
            let b = stack.add(demo, Unique::new("b").value(value).shape(a.url.map(pick)).protected());
            stack.add(demo, Thing::new("c").value(&b.url));
            stack.add(demo, Thing::new("d").value(value));
            Ok(())
        }
    };
    story.up(program("1", |_| "same".to_owned())).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(program("2", |url| url)).await, @r"
        plan
          update a: value 1 -> 2 because value changes
          may replace, delete first b: value 1 -> 2, shape same -> known after a.url because value changes; shape is known after a.url
          may update c: value http://b-1/1 -> known after b.url because value is known after b.url
          update d: value 1 -> 2 because value changes
        calls
          update a-1
          update d-1
        report
          NeedsApproval 2 updated
          not approved b: it would be replaced: shape changes with a; value changes
          not started c
    ");
}

#[tokio::test(start_paused = true)]
async fn another_place_means_another_object() {
    let story = Story::new("place");
    story.up(shaped("round")).await;
    story.cloud.calls();
    let south = Story { region: "south".to_owned(), ..story.clone() };
    insta::assert_snapshot!(south.up(shaped("round")).await, @r#"
        plan
          replace net because its provider's region changes
          replace app: needs ["net-1"] -> known after net.id because needs is known after net.id; its provider's region changes
        calls
          create net
          create app with net-2
          delete app-1
          delete net-1
        report
          Done 2 replaced
          export app = "app-2"
          export net = "net-2"
    "#);
    assert!(story.cloud.objects().values().all(|object| object.region == "south"));
}
