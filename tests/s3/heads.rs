//! The heads that a store has accepted, looked at from outside: what must hold between them, whoever wrote them.

use super::http::Message;
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

impl Written {
    /// What a request wrote, if it wrote a head and the store accepted that.
    pub(crate) fn by(request: &Message, reply: &Message) -> Option<Self> {
        let path = request.word(1).split('?').next().unwrap_or_default();
        if request.word(0) != "PUT" || !path.ends_with("/head") || reply.status() != 200 {
            return None;
        }
        // The first line is for readers of other formats.
        let start = request.body().iter().position(|byte| *byte == b'\n').map_or(0, |line| line + 1);
        let head: Value = serde_json::from_slice(&request.body()[start..]).unwrap();
        Some(Self {
            path: path.to_owned(),
            replaced: request.header("if-match").map(str::to_owned),
            rev: head["rev"].as_u64().unwrap(),
            epoch: head["epoch"].as_u64().unwrap(),
            writer: head["hold"]["writer"].as_str().map(str::to_owned),
        })
    }
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

#[test]
fn heads_that_contradict_each_other_are_found() {
    let head = |rev, replaced: &str, epoch, writer: &str| {
        let (replaced, writer) = (Some(replaced.to_owned()), Some(writer.to_owned()));
        Written { path: "a/b/head".to_owned(), replaced, rev, epoch, writer }
    };
    let found = |second: Written| std::panic::catch_unwind(|| audit(&[head(1, "e1", 1, "ada"), second])).is_err();
    assert!(!found(head(2, "e2", 2, "bob")));
    assert!(found(head(2, "e1", 2, "bob")), "one head is replaced twice");
    assert!(found(head(2, "e2", 1, "bob")), "two hold one epoch");
    assert!(found(head(1, "e2", 1, "ada")), "a number comes twice");
    assert!(found(head(2, "e2", 0, "ada")), "an epoch goes back");
}
