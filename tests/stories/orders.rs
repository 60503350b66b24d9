//! Replacements that delete first, and what they take along.

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn delete_first_by_option_by_kind_and_by_a_fixed_name() {
    let story = Story::new("delete-first");
    let program = |shape: &'static str| {
        move |stack: &Stack, demo: &On<Demo>| {
            stack.add(demo, Thing::new("by-option").value("x").shape(shape).delete_before_replace());
            stack.add(demo, Unique::new("by-kind").value("x").shape(shape));
            stack.add(demo, Thing::new("by-name").value("x").shape(shape).name("www"));
            Ok(())
        }
    };
    story.up(program("round")).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(program("square")).await, @r"
        plan
          replace, delete first by-option: shape round -> square because shape changes
          replace, delete first by-kind: shape round -> square because shape changes
          replace, delete first by-name: shape round -> square because shape changes
        calls
          delete by-option-1
          delete by-kind-1
          delete by-name-1
          create by-option
          create by-kind
          create by-name
        report
          Done 3 replaced
    ");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_changes_too_needs_no_delete_first() {
    let story = Story::new("other-name");
    let program = |shape: &'static str, name: &'static str| {
        move |stack: &Stack, demo: &On<Demo>| {
            stack.add(demo, Thing::new("a").value("x").shape(shape).name(name));
            Ok(())
        }
    };
    story.up(program("round", "www")).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(program("square", "web")).await, @r"
        plan
          replace a: name www -> web, shape round -> square because name changes; shape changes
        calls
          create a
          delete a-1
        report
          Done 1 replaced
    ");
}

#[tokio::test(start_paused = true)]
async fn a_delete_first_replacement_takes_along_who_is_replaced_with_it() {
    let story = Story::new("cascade");
    let program = |shape: &'static str| {
        move |stack: &Stack, demo: &On<Demo>| {
            let base = stack.add(demo, Unique::new("base").value("x").shape(shape));
            // Its shape is the base's id, so another base means another one of it.
            let part = stack.add(demo, Thing::new("part").value("x").shape(&base.id).needs([&base.id]));
            stack.add(demo, Thing::new("user").value(&part.url));
            Ok(())
        }
    };
    story.up(program("round")).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(program("square")).await, @r#"
        plan
          replace, delete first base: shape round -> square because shape changes
          may replace, delete first part: needs ["base-1"] -> known after base.id, shape base-1 -> known after base.id because needs is known after base.id; shape is known after base.id
          may update user: value http://part-1/1 -> known after part.url because value is known after part.url
        calls
          delete part-1
          delete base-1
          create base
          create part with base-2
          update user-1
        report
          Done 1 updated, 2 replaced
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_renamed_dependent_still_lets_go_first() {
    let story = Story::new("renamed-dependent");
    let program = |shape: &'static str, name: &'static str| {
        move |stack: &Stack, demo: &On<Demo>| {
            let net = stack.add(demo, Thing::new("net").value("x").shape(shape));
            stack.add(demo, Thing::new(name).value("x").needs([&net.id]).renamed_from("app"));
            Ok(())
        }
    };
    story.up(program("round", "app")).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(program("square", "service")).await, @r#"
        plan
          replace net: shape round -> square because shape changes
          may update service (was app): needs ["net-1"] -> known after net.id because needs is known after net.id
        calls
          create net
          update app-1
          delete net-1
        report
          Done 1 updated, 1 replaced
    "#);
}
