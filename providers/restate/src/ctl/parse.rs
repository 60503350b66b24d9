//! What `restatectl` prints, as values.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::Error;
use super::run::Printed;
use crate::replication::Replication;

/// The answer to a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// What nodes couldn't answer; with any, rows may be missing.
    pub warnings: Vec<String>,
}

/// How a cluster came to be provisioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provisioned {
    /// By this call.
    Now,
    /// Before it.
    Already,
}

/// The configuration that a cluster wants to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// How many partitions there are.
    pub partitions: u16,
    /// Copies of partitions.
    pub partition_replication: Replication,
    /// Copies of logs; none where the provider doesn't replicate.
    pub log_replication: Option<Replication>,
}

/// A JSON array on stdout; on stderr a count of rows, and warnings where the array isn't whole.
pub(super) fn rows<T: DeserializeOwned>(printed: &Printed) -> Result<Answer<T>, Error> {
    let text = printed.stdout.trim();
    // A query without a single batch prints nothing at all.
    let rows = serde_json::from_str(if text.is_empty() { "[]" } else { text })
        .map_err(|error| unreadable(printed, error.to_string()))?;
    let lines = printed.stderr.lines().map(str::trim).skip_while(|line| !line.starts_with("WARNING"));
    let warnings =
        lines.filter(|line| !line.is_empty() && !line.starts_with("WARNING") && !line.contains(" rows. Query took "));
    Ok(Answer { rows, warnings: warnings.map(str::to_owned).collect() })
}

/// The exit code is 0 whether or not it worked, so only its words count.
pub(super) fn provisioned(printed: &Printed) -> Result<Provisioned, Error> {
    let said = &printed.stdout;
    if said.contains("successfully provisioned") {
        Ok(Provisioned::Now)
    } else if said.contains("provisioned by somebody else") {
        Ok(Provisioned::Already)
    } else {
        Err(Error::Failed { command: printed.command.clone(), message: printed.complaint() })
    }
}

/// The value after a label, whatever the branches of the tree before it look like.
pub(super) fn configuration(printed: &Printed) -> Result<Configuration, Error> {
    let value = |label: &str| {
        let after = |line: &str| Some(line.split_once(label)?.1.trim_start().strip_prefix(':')?.trim().to_owned());
        printed.stdout.lines().find_map(after)
    };
    let required = |label: &str| value(label).ok_or_else(|| unreadable(printed, format!("it has no line `{label}`")));
    let replication =
        |text: String| text.parse::<Replication>().map_err(|error| unreadable(printed, error.to_string()));
    let partitions = required("Number of partitions")?;
    Ok(Configuration {
        partitions: partitions
            .parse()
            .map_err(|_| unreadable(printed, format!("`{partitions}` is no number of partitions")))?,
        partition_replication: replication(required("Partition replication")?)?,
        log_replication: value("Log replication").map(replication).transpose()?,
    })
}

/// Partitions and their snapshots, from lines such as
/// `Snapshot created for partition 0: snap_1a2b (log 0 @ LSN >= 14684)`.
pub(super) fn snapshots(stdout: &str) -> BTreeMap<u16, String> {
    let line = |line: &str| {
        let (partition, rest) = line.trim().strip_prefix("Snapshot created for partition ")?.split_once(':')?;
        Some((partition.parse().ok()?, rest.split_whitespace().next()?.to_owned()))
    };
    stdout.lines().filter_map(line).collect()
}

fn unreadable(printed: &Printed, message: String) -> Error {
    Error::Unreadable { command: printed.command.clone(), message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctl::run::failed;
    use crate::health::Tail;

    fn printed(stdout: &str, stderr: &str) -> Printed {
        Printed { command: "restatectl".to_owned(), stdout: stdout.to_owned(), stderr: stderr.to_owned() }
    }

    #[test]
    fn rows_without_null_columns_and_an_answer_that_is_not_whole() {
        let stdout = r#"[{"log_id":3,"segment_index":1,"replication":"{node: 3, region: 2}"}]"#;
        let whole: Answer<Tail> = rows(&printed(stdout, "1 rows. Query took 12.3ms\n")).unwrap();
        assert_eq!(whole.rows, [Tail { log_id: 3, replication: "{node: 3, region: 2}".to_owned(), ..Tail::default() }]);
        assert!(whole.warnings.is_empty());
        let stderr = "WARNING (partial results):\n  N3: connection refused\n0 rows. Query took 1ms\n";
        let partial: Answer<Tail> = rows(&printed("", stderr)).unwrap();
        assert_eq!((partial.rows.len(), partial.warnings), (0, vec!["N3: connection refused".to_owned()]));
        assert!(matches!(rows::<Tail>(&printed("Error: no", "")), Err(Error::Unreadable { .. })));
    }

    #[test]
    fn provisioning_succeeds_by_its_words_only() {
        let outcome = |stdout: &str, stderr: &str| provisioned(&printed(stdout, stderr));
        assert_eq!(outcome("…\n✅ Cluster has been successfully provisioned.\n", "").unwrap(), Provisioned::Now);
        assert_eq!(outcome("🤷 Cluster has been provisioned by somebody else.\n", "").unwrap(), Provisioned::Already);
        let error = outcome("", "[ERR]: Failed to provision cluster during dry run: tcp connect error\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "restatectl failed: [ERR]: Failed to provision cluster during dry run: tcp connect error"
        );
        assert!(outcome("", "").is_err());
    }

    #[test]
    fn the_configuration_is_read_from_its_tree() {
        let tree = "⚙️ Cluster Configuration
├ Number of partitions: 6
├ Partition replication: {node: 3, region: 2}
\
                    └ Logs Provider: replicated
 ├ Log replication: {region: 2}
 └ Nodeset size: 0
";
        let expected = Configuration {
            partitions: 6,
            partition_replication: Replication::regions(2).nodes(3),
            log_replication: Some(Replication::regions(2).into()),
        };
        assert_eq!(configuration(&printed(tree, "")).unwrap(), expected);
        assert!(matches!(configuration(&printed("Number of partitions: 6", "")), Err(Error::Unreadable { .. })));
    }

    #[test]
    fn snapshots_are_counted_by_line_since_the_exit_code_is_0_either_way() {
        let stdout = "Snapshot created for partition 0: snap_1a (log 0 @ LSN >= 14684)\nSnapshot created for \
            partition 11: snap_2b (log 11 @ LSN >= 3)\n";
        let expected = BTreeMap::from([(0, "snap_1a".to_owned()), (11, "snap_2b".to_owned())]);
        assert_eq!(snapshots(stdout), expected);
        assert!(
            snapshots("Failed to create snapshot for partition 2: Snapshot export in progress for partition 2")
                .is_empty()
        );
    }

    #[test]
    fn a_refused_change_of_state_is_told_from_a_failed_one() {
        let refused = "Error: Safety-check failed: nodesets like [N1(true), N2(true)] will not be able to \
            satisfy replication property";
        assert!(matches!(failed("restatectl".to_owned(), "", refused), Error::Unsafe { .. }));
        let worker = "Safety-check failed: Can no longer create new replica sets with worker-state changes.";
        assert!(matches!(failed("restatectl".to_owned(), worker, ""), Error::Unsafe { .. }));
        assert!(matches!(failed("restatectl".to_owned(), "", "connection refused"), Error::Failed { .. }));
    }
}
