//! The ledger: every record that ever became durable, as the heads of the bucket show them, and who held the stack meanwhile.

mod on_disk;

use super::{
    Breach, Invariant, blank, breach,
    head::{Chain, Head, Part},
    state::blank_record,
};
use crate::{scheduler::Pid, store::Bucket, story::hash};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use terrane_core::{
    OpId, Record, State,
    state::{Action, Cut, Lineage},
};

/// For how long after its last write a holder may begin calls that it doesn't know to have lost the stack, in milliseconds.
const PERMIT_MS: u64 = 20_000;

/// What is durable of one stack.
#[derive(Default)]
pub(super) struct Ledger {
    /// What every object of the stack begins with.
    folder: String,
    records: Vec<Record>,
    /// How many ends each operation has that has begun.
    ends: BTreeMap<OpId, u32>,
    hashes: Vec<u64>,
    state: State,
    /// What the records amounted to after each commit.
    states: BTreeMap<u64, Arc<State>>,
    rev: u64,
    epoch: u64,
    /// Who holds the stack: the id of the hold, and the process that wrote it.
    holder: Option<(String, Pid)>,
    /// When it wrote.
    written_ms: u64,
    /// From whom the stack was taken, and until when those processes may not know of it.
    fenced: BTreeMap<Pid, u64>,
    /// The operations that adopted what somebody else had made.
    imported: BTreeSet<OpId>,
    /// The states of stacks of this name that were removed.
    former: Vec<(Lineage, BTreeMap<u64, Arc<State>>)>,
    /// The keys that the head refers to.
    refers: BTreeSet<String>,
    /// Snapshots that were compared.
    compared: BTreeSet<String>,
    /// The last record of which a process was told that it is durable.
    acknowledged: u64,
    /// The last record that a reader has seen.
    read_seq: u64,
    /// Records that were handed to a disk, of which the first ones may be durable.
    doubt: Vec<Record>,
    /// Records of which a process was told that they are not: none of them may come.
    denied: Vec<(usize, Vec<Record>)>,
}

/// Where a reader began: what it sees can't be older than this.
#[derive(Debug, Clone, Copy, Default)]
pub struct Since {
    /// How many stacks of this name were removed by then.
    removed: usize,
    /// The last record that was acknowledged.
    record: u64,
}

impl Ledger {
    pub(super) fn of(stack: &str) -> Self {
        Self { folder: format!("shop/{stack}/"), ..Self::default() }
    }

    pub(super) fn is_of(&self, stack: &str) -> bool {
        self.folder.strip_prefix("shop/").and_then(|folder| folder.strip_suffix('/')) == Some(stack)
    }

    /// Whether an object of the bucket is the stack's.
    pub(super) fn has(&self, key: &str) -> bool {
        key.starts_with(&self.folder)
    }

    pub(super) fn is_head(&self, key: &str) -> bool {
        key.strip_prefix(&self.folder) == Some("head")
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn since(&self) -> Since {
        Since { removed: self.former.len(), record: self.acknowledged }
    }

    /// What the records amount to.
    pub(super) fn state(&self) -> Arc<State> {
        self.states.last_key_value().map(|(_, state)| state.clone()).unwrap_or_default()
    }

    pub(super) fn current(&self) -> &State {
        &self.state
    }

    pub(super) fn holder(&self) -> Option<Pid> {
        self.holder.as_ref().map(|(_, pid)| *pid)
    }

    /// Whether a process holds the stack, or can't know yet that it was taken from it.
    pub(super) fn is_held_by(&self, pid: Pid, now_ms: u64) -> bool {
        self.holder() == Some(pid) || self.fenced.get(&pid).is_some_and(|until_ms| now_ms <= *until_ms)
    }

    /// A head is written: all that is wrong with it.
    pub(super) fn wrote(&mut self, pid: Pid, now_ms: u64, bytes: &[u8], bucket: &Bucket) -> Vec<Breach> {
        let head = match Head::parse(bytes) {
            Ok(head) => head,
            Err(error) => return vec![(Invariant::I14, format!("a head that can't be read: {error}"))],
        };
        let mut found = vec![self.follows(pid, now_ms, &head)];
        if head.removed {
            self.bury();
        } else {
            if self.records.is_empty() {
                self.state.lineage = Lineage::new(head.lineage.as_str());
            }
            found.push(self.refer(&head, bucket));
            found.push(self.read(&head, bucket));
            found.push(self.compare_snapshot(&head.chain, bucket));
        }
        found.into_iter().filter_map(Result::err).collect()
    }

    /// The stack is removed. Another of its name begins anew; only the numbers of its head go on.
    pub(super) fn bury(&mut self) {
        let Self { folder, rev, epoch, mut former, imported, state, states, .. } = std::mem::take(self);
        former.push((state.lineage, states));
        *self = Self { folder, rev, epoch, former, imported, ..Self::default() };
    }

    fn read(&mut self, head: &Head<'_>, bucket: &Bucket) -> Result<(), Breach> {
        self.read_segments(&head.chain, bucket)?;
        self.read_tail(&head.chain)?;
        if head.chain.last != self.records.len() as u64 {
            let (last, known) = (head.chain.last, self.records.len());
            return breach(Invariant::I3, format!("the head ends with record {last}, and {known} were durable"));
        }
        self.states.entry(self.state.seq).or_insert_with(|| Arc::new(self.state.clone()));
        Ok(())
    }

    fn follows(&mut self, pid: Pid, now_ms: u64, head: &Head<'_>) -> Result<(), Breach> {
        let (rev, epoch) = (head.rev, head.epoch);
        let (was_rev, was_epoch) = (self.rev, self.epoch);
        (self.rev, self.epoch) = (rev, epoch);
        let written_ms = std::mem::replace(&mut self.written_ms, now_ms);
        let changes = self.change_hands(pid, head.hold.as_ref().map(|hold| hold.writer.as_str()), written_ms);
        if rev == was_rev {
            return breach(Invariant::I1, format!("revision {rev} is written twice"));
        }
        if rev < was_rev || epoch < was_epoch {
            return breach(
                Invariant::I2,
                format!("revision {rev}, epoch {epoch} follow revision {was_rev}, epoch {was_epoch}"),
            );
        }
        if changes && epoch == was_epoch {
            return breach(Invariant::I2, format!("the stack changes hands within epoch {epoch}"));
        }
        Ok(())
    }

    /// Takes down who holds the stack now; whether it was another's before.
    fn change_hands(&mut self, pid: Pid, writer: Option<&str>, written_ms: u64) -> bool {
        if self.holder.as_ref().map(|(writer, _)| writer.as_str()) == writer {
            return false;
        }
        let former = std::mem::replace(&mut self.holder, writer.map(|writer| (writer.to_owned(), pid)));
        let former = former.map(|(_, former)| former);
        if let Some(former) = former.filter(|former| *former != pid) {
            self.fenced.insert(former, written_ms + PERMIT_MS);
        }
        former.is_some() && writer.is_some()
    }

    /// What the head refers to has to be there.
    fn refer(&mut self, head: &Head<'_>, bucket: &Bucket) -> Result<(), Breach> {
        let mut refers = self.keys_of(&head.chain);
        for part in head.points.iter().filter_map(|point| point.chain.as_ref()) {
            let key = format!("{}chain/{}", self.folder, part.id);
            if refers.insert(key.clone())
                && let Some(bytes) = bucket.content(&key)
                && let Ok(chain) = Chain::parse(&bytes)
            {
                refers.extend(self.keys_of(&chain));
            }
        }
        if let Some(missing) = refers.iter().find(|key| !self.refers.contains(*key) && bucket.content(key).is_none()) {
            return breach(Invariant::I5, format!("the head refers to {missing}, which is not there"));
        }
        self.refers = refers;
        Ok(())
    }

    fn keys_of(&self, chain: &Chain<'_>) -> BTreeSet<String> {
        let folder = &self.folder;
        let snapshot = chain.snapshot.iter().map(|part| format!("{folder}snap/{}", part.id));
        snapshot.chain(chain.segments.iter().map(|part| format!("{folder}log/{}", part.id))).collect()
    }

    fn read_segments(&mut self, chain: &Chain<'_>, bucket: &Bucket) -> Result<(), Breach> {
        let known = self.records.len() as u64;
        for part in chain.segments.iter().filter(|part| part.last > known) {
            let bytes = bucket.content(&format!("{}log/{}", self.folder, part.id)).unwrap_or_default();
            let text = std::str::from_utf8(&bytes).unwrap_or_default();
            for (line, seq) in text.lines().zip(part.first..) {
                self.take(seq, line)?;
            }
        }
        Ok(())
    }

    fn read_tail(&mut self, chain: &Chain<'_>) -> Result<(), Breach> {
        for (record, seq) in chain.tail.iter().zip(chain.tail_first()..) {
            self.take(seq, record.get())?;
        }
        Ok(())
    }

    /// A record as a head shows it: a new one, or one that is known.
    fn take(&mut self, seq: u64, text: &str) -> Result<(), Breach> {
        let hash = hash(0, text.as_bytes());
        let position = usize::try_from(seq).unwrap_or(usize::MAX).wrapping_sub(1);
        match self.hashes.get(position) {
            Some(known) if *known == hash => return Ok(()),
            Some(_) => return breach(Invariant::I3, format!("record {seq} is another one than before")),
            None if position != self.hashes.len() => {
                return breach(Invariant::I3, format!("record {seq} follows record {}", self.hashes.len()));
            }
            None => {}
        }
        let record: Record = serde_json::from_str(text)
            .map_err(|error| (Invariant::I14, format!("record {seq} can't be read: {error}")))?;
        self.hashes.push(hash);
        self.add(blank_record(record))
    }

    /// A new record.
    fn add(&mut self, record: Record) -> Result<(), Breach> {
        let seq = self.records.len() + 1;
        let checked = [self.check_intent(&record), self.check_end(&record)];
        let applied = self.state.apply(&record);
        self.records.push(record);
        checked.into_iter().collect::<Result<(), Breach>>()?;
        applied.map_err(|error| (Invariant::I7, format!("record {seq} contradicts those before it: {error}")))
    }

    pub(super) fn has_imported(&self, op: &OpId) -> bool {
        self.imported.contains(op)
    }

    /// An operation begins once and ends once, whatever the state makes of it.
    fn check_end(&mut self, record: &Record) -> Result<(), Breach> {
        let op = match record {
            Record::Intent(intent) if self.ends.insert(intent.op.clone(), 0).is_some() => {
                return breach(Invariant::I7, format!("operation {} begins twice", intent.op));
            }
            Record::Done(done) | Record::Adopted(done) => &done.op,
            Record::Failed(failed) if failed.cut != Cut::Unknown => &failed.op,
            _ => return Ok(()),
        };
        let Some(ends) = self.ends.get_mut(op) else {
            return breach(Invariant::I7, format!("operation {op} ends and never began"));
        };
        *ends += 1;
        if *ends > 1 { breach(Invariant::I7, format!("operation {op} ends twice")) } else { Ok(()) }
    }

    /// An operation's id is its own, whatever became of others.
    fn check_intent(&mut self, record: &Record) -> Result<(), Breach> {
        let Record::Intent(intent) = record else { return Ok(()) };
        if intent.action == Action::Import {
            self.imported.insert(intent.op.clone());
        }
        let minted = OpId::mint(&self.state.lineage, &intent.urn, intent.generation);
        if minted != intent.op {
            return breach(Invariant::I10, format!("operation {} is not the one of its generation", intent.op));
        }
        Ok(())
    }

    fn compare_snapshot(&mut self, chain: &Chain<'_>, bucket: &Bucket) -> Result<(), Breach> {
        let Some(Part { id, last, .. }) = &chain.snapshot else { return Ok(()) };
        if !self.compared.insert(id.clone()) {
            return Ok(());
        }
        let bytes = bucket.content(&format!("{}snap/{id}", self.folder)).unwrap_or_default();
        let snapshot: State = serde_json::from_slice(&bytes)
            .map_err(|error| (Invariant::I4, format!("snapshot {id} can't be read: {error}")))?;
        let Some(fold) = self.states.get(last) else {
            return breach(Invariant::I4, format!("snapshot {id} is of record {last}, which ends no commit"));
        };
        if serde_json::to_vec(&blank(snapshot)).ok() != serde_json::to_vec(&**fold).ok() {
            return breach(Invariant::I4, format!("snapshot {id} is not what the first {last} records amount to"));
        }
        Ok(())
    }

    /// An object is deleted.
    pub(super) fn deleted(&self, key: &str) -> Result<(), Breach> {
        if self.refers.contains(key) || self.is_head(key) {
            return breach(Invariant::I5, format!("{key} is deleted, and the head refers to it"));
        }
        Ok(())
    }

    /// A process was told that records are durable.
    pub(super) fn acknowledge(&mut self, since: usize, records: &[Record]) -> Result<(), Breach> {
        let Some(start) = self.find(since, records) else {
            return breach(Invariant::I3, format!("{} was acknowledged and is not there", first_of(records)));
        };
        self.acknowledged = self.acknowledged.max((start + records.len()) as u64);
        Ok(())
    }

    /// A process was told that records are certainly not durable.
    pub(super) fn deny(&mut self, since: usize, records: &[Record]) -> Result<(), Breach> {
        // What names no operation may be written again by another run, word for word.
        if records.iter().all(|record| record.op().is_none()) {
            return Ok(());
        }
        self.denied.push((since, records.iter().cloned().map(blank_record).collect()));
        self.denials_hold()
    }

    /// A process was told that it lost the stack with its records: another's write has to be there, not its own.
    pub(super) fn lost(&self, pid: Pid, records: &[Record]) -> Result<(), Breach> {
        let newest = self.records.len().saturating_sub(records.len());
        if self.holder() == Some(pid) && !records.is_empty() && self.find(newest, records).is_some() {
            return breach(
                Invariant::I3,
                format!("{} is the newest, and its writer is told that it lost the stack", first_of(records)),
            );
        }
        Ok(())
    }

    pub(super) fn denials_hold(&self) -> Result<(), Breach> {
        match self.denied.iter().find(|(since, records)| self.find(*since, records).is_some()) {
            Some((_, records)) => {
                breach(Invariant::I3, format!("{} was called not written, and is there", first_of(records)))
            }
            None => Ok(()),
        }
    }

    fn find(&self, since: usize, records: &[Record]) -> Option<usize> {
        if records.is_empty() {
            return Some(since);
        }
        let wanted: Vec<Record> = records.iter().cloned().map(blank_record).collect();
        let later = self.records.get(since.min(self.records.len())..)?;
        later.windows(wanted.len()).position(|window| *window == wanted[..]).map(|position| since + position)
    }

    /// A process has read a state.
    pub(super) fn seen(&mut self, since: Since, seen: Option<&State>) -> Result<(), Breach> {
        let least = if since.removed == self.former.len() { since.record } else { 0 };
        let Some(seen) = seen else {
            return if least == 0 {
                Ok(())
            } else {
                breach(Invariant::I3, format!("a reader sees no state, and record {least} was acknowledged"))
            };
        };
        let removed = self.former.iter().find(|(lineage, _)| *lineage == seen.lineage).map(|(_, states)| states);
        let seq = seen.seq;
        if removed.is_none() && seq < least {
            return breach(Invariant::I3, format!("a reader sees record {seq}, and record {least} was acknowledged"));
        }
        if seq == 0 {
            return Ok(());
        }
        self.read_seq = seq;
        let there = removed.unwrap_or(&self.states).get(&seq).cloned();
        match there.or_else(|| self.in_doubt(seq).map(Arc::new)) {
            None => breach(Invariant::I14, format!("a reader sees record {seq} as the last, which ends no commit")),
            Some(there) if blank(seen.clone()) != *there => {
                breach(Invariant::I14, format!("a reader sees another state than that of record {seq}"))
            }
            Some(_) => Ok(()),
        }
    }

    /// Every operation has come to its end.
    pub(super) fn all_ended(&self) -> Result<(), Breach> {
        match self.ends.iter().find(|(_, ends)| **ends == 0) {
            Some((op, _)) => breach(Invariant::I7, format!("operation {op} has no end")),
            None => Ok(()),
        }
    }

    /// What the last write did, for people.
    pub(super) fn describe(&self, before: usize) -> String {
        let records: Vec<String> = self.records[before..].iter().map(describe).collect();
        let holder = self.holder.as_ref().map_or("nobody".to_owned(), |(writer, _)| writer.chars().take(6).collect());
        let what = if records.is_empty() { "no record".to_owned() } else { records.join(", ") };
        format!("== {}head {}, epoch {}, held by {holder}: {what}", self.folder, self.rev, self.epoch)
    }
}

fn first_of(records: &[Record]) -> String {
    records.first().map(describe).unwrap_or_default()
}

/// A record in a few words.
fn describe(record: &Record) -> String {
    match record {
        Record::RunStart(start) => format!("begin {}", start.command),
        Record::Provider { .. } => "provider".to_owned(),
        Record::Intent(intent) => format!("intent {} {}", intent.action.verb(), intent.urn.label()),
        Record::Done(done) => format!("done {}", short(&done.op)),
        Record::Failed(failed) => format!("failed {} ({:?}: {})", short(&failed.op), failed.cut, failed.message),
        Record::Adopted(done) => format!("adopted {}", short(&done.op)),
        Record::Observed { urn, .. } => format!("observed {}", urn.label()),
        Record::Noted { urn, .. } => format!("noted {}", urn.label()),
        Record::Moved { from, to } => format!("moved {} to {}", from.label(), to.label()),
        Record::Forgotten { urn, .. } => format!("forgotten {}", urn.label()),
        Record::Restored { .. } => "restored".to_owned(),
        Record::Leaving { to, urns, .. } => format!("{} leave to {to}", urns.len()),
        Record::Arrived { from, .. } => format!("arrived from {from}"),
        Record::Settled { .. } => "settled".to_owned(),
        Record::KeyRotate { .. } => "another key".to_owned(),
        Record::Outputs { .. } => "exports".to_owned(),
        Record::RunEnd(end) => format!("end {}", end.result),
        _ => "another record".to_owned(),
    }
}

fn short(op: &OpId) -> &str {
    &op.as_str()[..8]
}
