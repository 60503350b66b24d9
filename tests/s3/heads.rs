//! The heads that a store has accepted, looked at from outside: what must hold between them, whoever wrote them.

use super::proxy::Passed;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A head that the store has accepted.
#[derive(Debug)]
pub(crate) struct Written {
    path: String,
    /// The content that it took the place of; none for the first.
    replaced: Option<String>,
    rev: u64,
    epoch: u64,
    /// Who held the stack from then on.
    writer: Option<String>,
}

/// The accepted ones among what has passed a proxy.
pub(crate) fn written(passed: &[Passed]) -> Vec<Written> {
    let accepted = |passed: &&Passed| {
        let request = &passed.request;
        request.word(0) == "PUT" && path(request.word(1)).ends_with("/head") && passed.reply.status() == 200
    };
    passed.iter().filter(accepted).map(read).collect()
}

/// One write replaces each head (one commit a number), numbers and epochs never go down, and one writer holds each epoch. Tells how many
/// epochs there were.
pub(crate) fn audit(heads: &[Written]) -> usize {
    assert!(!heads.is_empty(), "no head has passed");
    let epochs: BTreeSet<u64> = heads.iter().map(|head| head.epoch).collect();
    let mut stacks = BTreeMap::<&str, Vec<&Written>>::new();
    heads.iter().for_each(|head| stacks.entry(&head.path).or_default().push(head));
    for (path, mut heads) in stacks {
        heads.sort_by_key(|head| head.rev);
        let mut replaced = BTreeSet::new();
        let mut writers = BTreeMap::new();
        for head in &heads {
            assert!(head.replaced.is_none() || replaced.insert(&head.replaced), "{path}: replaced twice: {head:?}");
            if let Some(writer) = &head.writer {
                let first = writers.entry(head.epoch).or_insert(writer);
                assert_eq!(*first, writer, "{path}: two writers hold epoch {}", head.epoch);
            }
        }
        for pair in heads.windows(2) {
            assert!(pair[0].rev < pair[1].rev && pair[0].epoch <= pair[1].epoch, "{path}: {pair:?}");
        }
    }
    epochs.len()
}

fn path(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

fn read(passed: &Passed) -> Written {
    let body = passed.request.body();
    // The first line is for readers of other formats.
    let start = body.iter().position(|byte| *byte == b'\n').map_or(0, |line| line + 1);
    let head: Value = serde_json::from_slice(&body[start..]).unwrap();
    Written {
        path: path(passed.request.word(1)).to_owned(),
        replaced: passed.request.header("if-match").map(str::to_owned),
        rev: head["rev"].as_u64().unwrap(),
        epoch: head["epoch"].as_u64().unwrap(),
        writer: head["hold"]["writer"].as_str().map(str::to_owned),
    }
}
