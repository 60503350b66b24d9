//! Looking at a running cluster until it is what was declared.

use crate::{
    ctl::Restatectl,
    health::{Expected, Health},
    settings::Interval,
    topology::Topology,
};
use std::{path::Path, time::Duration};
use terrane::{Error, Progress, Result};
use tokio::time::{Instant, sleep};

/// How long one question may take.
const QUESTION: Interval = Interval::from_secs(10);
/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// What a topology declares of its running cluster.
pub(crate) fn expected(topology: &Topology) -> Expected {
    Expected::of(topology)
}

/// A connection to the first node that answers.
pub(crate) async fn reach<T, E, F>(ctl: &Path, addresses: &[String], ask: impl Fn(Restatectl) -> F) -> Result<T>
where
    E: std::fmt::Display,
    F: Future<Output = Result<T, E>>,
{
    let mut last = String::from("the cluster has no nodes");
    for address in addresses {
        match ask(Restatectl::new(ctl, address.clone()).time_limit(QUESTION)).await {
            Ok(answer) => return Ok(answer),
            Err(error) => last = error.to_string(),
        }
    }
    Err(Error::new(last))
}

/// Changes something at the first node that takes it, under the permit of the run that does so.
pub(crate) async fn change<T, F: Future<Output = Result<T>>>(
    ctl: &Path,
    addresses: &[String],
    progress: &Progress,
    change: impl Fn(Restatectl) -> F,
) -> Result<T> {
    let mut last = Error::new("the cluster has no nodes");
    for address in addresses {
        progress.permit()?;
        match change(Restatectl::new(ctl, address.clone()).time_limit(QUESTION)).await {
            Ok(answer) => return Ok(answer),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Waits until the cluster is healthy and replicated.
pub(crate) async fn until_healthy(
    ctl: &Path,
    addresses: &[String],
    expected: &Expected,
    limit: Duration,
    progress: &Progress,
) -> Result<()> {
    let began = Instant::now();
    loop {
        // A node that can't answer yet is what is being waited for, not a failure.
        let health = match reach(ctl, addresses, |ctl| async move { ctl.tables().await }).await {
            Ok(tables) => Health::of(&tables, expected),
            Err(error) => waiting(error.to_string()),
        };
        if health.healthy {
            return Ok(());
        }
        progress.say(&health.progress);
        if began.elapsed() > limit {
            let missing = health.missing.join("; ");
            return Err(Error::new(format!("not healthy after {} s: {}: {missing}", limit.as_secs(), health.progress))
                .code("T0402"));
        }
        sleep(PAUSE).await;
    }
}

/// Looks once between two turns of a rollout: at the nodes that have joined, with the replication that is in force.
pub(crate) async fn during_rollout(ctl: &Path, addresses: &[String], expected: &Expected) -> Health {
    let look =
        |ctl: Restatectl| async move { Ok::<_, crate::ctl::Error>((ctl.config_get().await?, ctl.tables().await?)) };
    let (configuration, tables) = match reach(ctl, addresses, look).await {
        Ok(seen) => seen,
        Err(error) => return waiting(error.to_string()),
    };
    let mut expected = expected.clone();
    expected.nodes.retain(|name, _| tables.nodes.iter().any(|node| node.name == *name));
    expected.replication = configuration.log_replication.unwrap_or(configuration.partition_replication);
    Health::of(&tables, &expected)
}

fn waiting(why: String) -> Health {
    Health {
        healthy: false,
        progress: format!("no node answers yet: {}", first_line(&why)),
        unhealthy_nodes: Vec::new(),
        missing: vec![why],
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_permit_nothing_is_changed_at_any_node() {
        let progress = Progress::default().under(|| Err(Error::new("taken over")));
        let addresses = ["http://a".to_owned(), "http://b".to_owned()];
        let changed = change(Path::new("restatectl"), &addresses, &progress, |_| async { Ok(()) }).await;
        assert_eq!(changed.unwrap_err().to_string(), "taken over");
    }
}
