//! Exports, and other stacks that read them.

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_stack_reads_the_exports_of_another() {
    let network = Story::new("references");
    network
        .up(|stack, demo| {
            let a = stack.add(demo, Thing::new("vpc").value("x"));
            stack.export("id", &a.id);
            stack.export("key", &a.key);
            Ok(())
        })
        .await;
    network.cloud.calls();
    let reader = |output: &'static str, stack_name: &'static str| {
        move |stack: &Stack| {
            let id = stack.reference("shop", stack_name).output::<String>(output)?;
            stack.export("copied", &id);
            stack.export("number", Output::known(7));
            Ok(())
        }
    };
    insta::assert_snapshot!(network.tell(&network.bare_as("app", reader("id", "dev"))).await, @r#"
        report
          Done
          export copied = "vpc-1"
          export number = 7
    "#);
    insta::assert_snapshot!(network.tell(&network.bare_as("app", reader("key", "dev"))).await, @r#"
        report
          Done
          export copied = "[secret]"
          export number = 7
    "#);
    insta::assert_snapshot!(network.tell(&network.bare_as("app", reader("idd", "dev"))).await, @r"
        error
          the program failed: stack shop/dev exports no `idd`
    ");
    insta::assert_snapshot!(network.tell(&network.bare_as("app", reader("id", "prod"))).await, @r"
        error
          the program failed: there is no stack shop/prod in memory
    ");
}
