//! The ledger: every record that ever became durable, as the heads of the bucket show them, and who held the stack meanwhile.

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
    state::{Cut, Lineage},
};

/// The folder of the one stack that a simulation has.
pub(super) const FOLDER: &str = "shop/dev/";

/// What is durable.
#[derive(Default)]
pub(super) struct Ledger {
    records: Vec<Record>,
    hashes: Vec<u64>,
    state: State,
    /// What the records amounted to after each commit.
    states: BTreeMap<u64, Arc<State>>,
    rev: u64,
    epoch: u64,
    /// Who holds the stack: the id of the hold, and the process that wrote it.
    holder: Option<(String, Pid)>,
    last_writer: Option<Pid>,
    /// The keys that the head refers to.
    refers: BTreeSet<String>,
    /// Snapshots that were compared.
    compared: BTreeSet<String>,
    /// The last record of which a process was told that it is durable.
    acknowledged: u64,
    /// Records of which a process was told that they are not: none of them may come.
    denied: Vec<(usize, Vec<Record>)>,
}

impl Ledger {
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    pub(super) fn last_writer(&self) -> Option<Pid> {
        self.last_writer
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

    /// A head is written.
    pub(super) fn wrote(&mut self, pid: Pid, bytes: &[u8], bucket: &Bucket) -> Result<(), Breach> {
        let head =
            Head::parse(bytes).map_err(|error| (Invariant::I14, format!("a head that can't be read: {error}")))?;
        self.follows(pid, &head)?;
        if head.removed {
            return Ok(());
        }
        if self.records.is_empty() {
            self.state.lineage = Lineage::new(head.lineage.as_str());
        }
        self.refer(&head, bucket)?;
        self.read_segments(&head.chain, bucket)?;
        self.read_tail(&head.chain)?;
        if head.chain.last != self.records.len() as u64 {
            let (last, known) = (head.chain.last, self.records.len());
            return breach(Invariant::I3, format!("the head ends with record {last}, and {known} were durable"));
        }
        self.states.entry(self.state.seq).or_insert_with(|| Arc::new(self.state.clone()));
        self.compare_snapshot(&head.chain, bucket)
    }

    fn follows(&mut self, pid: Pid, head: &Head<'_>) -> Result<(), Breach> {
        let (rev, epoch) = (head.rev, head.epoch);
        if rev == self.rev {
            return breach(Invariant::I1, format!("revision {rev} is written twice"));
        }
        if rev < self.rev || epoch < self.epoch {
            let (was_rev, was_epoch) = (self.rev, self.epoch);
            return breach(
                Invariant::I2,
                format!("revision {rev}, epoch {epoch} follow revision {was_rev}, epoch {was_epoch}"),
            );
        }
        let writer = head.hold.as_ref().map(|hold| hold.writer.clone());
        let former = self.holder.as_ref().map(|(writer, _)| writer.clone());
        let changes = writer.is_some() && former.is_some() && writer != former;
        if changes && epoch == self.epoch {
            return breach(Invariant::I2, format!("the stack changes hands within epoch {epoch}"));
        }
        if writer != former {
            self.holder = writer.map(|writer| (writer, pid));
        }
        (self.rev, self.epoch, self.last_writer) = (rev, epoch, Some(pid));
        Ok(())
    }

    /// What the head refers to has to be there.
    fn refer(&mut self, head: &Head<'_>, bucket: &Bucket) -> Result<(), Breach> {
        let mut refers = chain_keys(&head.chain);
        for part in head.points.iter().filter_map(|point| point.chain.as_ref()) {
            let key = format!("{FOLDER}chain/{}", part.id);
            if refers.insert(key.clone())
                && let Some(bytes) = bucket.content(&key)
                && let Ok(chain) = Chain::parse(&bytes)
            {
                refers.extend(chain_keys(&chain));
            }
        }
        if let Some(missing) = refers.iter().find(|key| !self.refers.contains(*key) && bucket.content(key).is_none()) {
            return breach(Invariant::I5, format!("the head refers to {missing}, which is not there"));
        }
        self.refers = refers;
        Ok(())
    }

    fn read_segments(&mut self, chain: &Chain<'_>, bucket: &Bucket) -> Result<(), Breach> {
        let known = self.records.len() as u64;
        for part in chain.segments.iter().filter(|part| part.last > known) {
            let bytes = bucket.content(&format!("{FOLDER}log/{}", part.id)).unwrap_or_default();
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
        let record = blank_record(record);
        self.check_intent(&record)?;
        self.state
            .apply(&record)
            .map_err(|error| (Invariant::I7, format!("record {seq} contradicts those before it: {error}")))?;
        self.hashes.push(hash);
        self.records.push(record);
        Ok(())
    }

    /// An operation's id is its own, whatever became of others.
    fn check_intent(&self, record: &Record) -> Result<(), Breach> {
        let Record::Intent(intent) = record else { return Ok(()) };
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
        let bytes = bucket.content(&format!("{FOLDER}snap/{id}")).unwrap_or_default();
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
        if self.refers.contains(key) || key == format!("{FOLDER}head") {
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
    pub(super) fn seen(&mut self, since: u64, seen: Option<&State>) -> Result<(), Breach> {
        let Some(seen) = seen else {
            return if since == 0 {
                Ok(())
            } else {
                breach(Invariant::I3, format!("a reader sees no state, and record {since} was acknowledged"))
            };
        };
        if seen.seq < since {
            let seq = seen.seq;
            return breach(Invariant::I3, format!("a reader sees record {seq}, and record {since} was acknowledged"));
        }
        if seen.seq == 0 {
            return Ok(());
        }
        let Some(there) = self.states.get(&seen.seq) else {
            return breach(
                Invariant::I14,
                format!("a reader sees record {} as the last, which ends no commit", seen.seq),
            );
        };
        if blank(seen.clone()) != **there {
            return breach(Invariant::I14, format!("a reader sees another state than that of record {}", seen.seq));
        }
        Ok(())
    }

    /// Every operation has come to its end, exactly once.
    pub(super) fn all_ended(&self) -> Result<(), Breach> {
        let mut ends: BTreeMap<&OpId, u32> = BTreeMap::new();
        for record in &self.records {
            match record {
                Record::Intent(intent) if ends.insert(&intent.op, 0).is_some() => {
                    return breach(Invariant::I7, format!("operation {} begins twice", intent.op));
                }
                Record::Done(done) | Record::Adopted(done) => {
                    if let Some(count) = ends.get_mut(&done.op) {
                        *count += 1;
                    }
                }
                Record::Failed(failed) => {
                    if let Some(count) = ends.get_mut(&failed.op)
                        && failed.cut != Cut::Unknown
                    {
                        *count += 1;
                    }
                }
                _ => {}
            }
        }
        match ends.iter().find(|(_, count)| **count != 1) {
            Some((op, count)) => breach(Invariant::I7, format!("operation {op} has {count} ends")),
            None => Ok(()),
        }
    }

    /// What the last write did, for people.
    pub(super) fn describe(&self, before: usize) -> String {
        let records: Vec<String> = self.records[before..].iter().map(describe).collect();
        let holder = self.holder.as_ref().map_or("nobody".to_owned(), |(writer, _)| writer.chars().take(6).collect());
        let what = if records.is_empty() { "no record".to_owned() } else { records.join(", ") };
        format!("== head {}, epoch {}, held by {holder}: {what}", self.rev, self.epoch)
    }
}

fn chain_keys(chain: &Chain<'_>) -> BTreeSet<String> {
    let snapshot = chain.snapshot.iter().map(|part| format!("{FOLDER}snap/{}", part.id));
    snapshot.chain(chain.segments.iter().map(|part| format!("{FOLDER}log/{}", part.id))).collect()
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
        Record::Outputs { .. } => "exports".to_owned(),
        Record::RunEnd(end) => format!("end {}", end.result),
        _ => "another record".to_owned(),
    }
}

fn short(op: &OpId) -> &str {
    &op.as_str()[..8]
}
