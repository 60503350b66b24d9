//! A crash, or a loss of power, between any two changes to the disk.

use std::{fs::OpenOptions, io, path::Path};

use super::{
    super::{
        Access, Disk, Error, Opened,
        device::{Device, Handle},
        folder,
    },
    Scratch, batch, numbers,
    recorder::{Bytes, Model, Names, Op, Recorder},
    state,
};

/// Five runs, of which the first and the third don't end: each leaves a batch that was written and not synced, and one
/// that is torn.
fn five_runs(recorder: &Recorder, folder: &Path) {
    let mut disk = open(recorder, folder).disk;
    append(recorder, &mut disk, 1..=2);
    drop(disk);
    end_in_mid_write(recorder, folder, 3);

    let mut disk = open(recorder, folder).disk;
    disk.seal().unwrap();
    append(recorder, &mut disk, 4..=5);
    disk.compact(&state(5)).unwrap();
    append(recorder, &mut disk, 6..=6);
    disk.seal().unwrap();
    drop(disk);
    end_in_mid_write(recorder, folder, 7);

    let mut disk = open(recorder, folder).disk;
    disk.compact(&state(7)).unwrap();
    append(recorder, &mut disk, 8..=9);
    drop(disk);

    let mut disk = open(recorder, folder).disk;
    append(recorder, &mut disk, 10..=10);
    disk.compact(&state(10)).unwrap();
    disk.seal().unwrap();
}

fn open(recorder: &Recorder, folder: &Path) -> Opened {
    Disk::open_on(Box::new(recorder.clone()), folder, Access::Write).unwrap()
}

fn append(recorder: &Recorder, disk: &mut Disk, numbers: std::ops::RangeInclusive<u32>) {
    let last = *numbers.end();
    assert_eq!(disk.append(&batch(numbers)).unwrap().last_seq, u64::from(last));
    recorder.note(Op::Acknowledged(last));
}

/// A run whose last batch but one was written and never synced, and that was killed in the middle of writing the last.
fn end_in_mid_write(recorder: &Recorder, folder: &Path, number: u32) {
    fn log_sync(op: &Op) -> Option<io::ErrorKind> {
        matches!(op, Op::Sync(path) if path.ends_with("log")).then_some(io::ErrorKind::Other)
    }
    let mut disk = open(&recorder.failing(log_sync), folder).disk;
    assert!(matches!(disk.append(&batch([number])), Err(Error::Poisoned { .. })));
    drop(disk);
    let path = folder::log(folder);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let end = file.metadata().unwrap().len();
    recorder.clone().write(&Handle { file, path }, end, b"\xffTFR half a frame").unwrap();
}

#[test]
pub(super) fn whatever_a_crash_leaves_opens_with_every_acknowledged_record() {
    let scratch = Scratch::new();
    let (folder, recorder) = (scratch.state(), Recorder::default());
    five_runs(&recorder, &folder);
    let tape = recorder.tape();

    let (mut model, mut acknowledged) = (Model::default(), 0);
    for (step, op) in tape.iter().enumerate() {
        model.apply(op);
        if let Op::Acknowledged(last) = op {
            acknowledged = *last;
        }
        for names in [Names::AsLastSeen, Names::AsLastSynced] {
            for bytes in [Bytes::AsLastSeen, Bytes::AsLastSynced, Bytes::Torn, Bytes::Holed] {
                let left = Scratch::new();
                model.crash(&folder, &left.state(), names, bytes);
                check(&left.state(), acknowledged, &format!("after step {step}, {op:.80?}, {names:?}, {bytes:?}"));
            }
        }
    }
    assert_eq!(acknowledged, 10);
}

/// A folder that a crash left opens, holds what was acknowledged and nothing that was never written, and goes on from
/// there.
fn check(folder: &Path, acknowledged: u32, when: &str) {
    let found = Disk::open(folder, Access::Read).unwrap_or_else(|error| panic!("{when}: {error}"));
    let found = numbers(&found);
    let last = found.len() as u32;
    assert_eq!(found, Vec::from_iter(1..=last), "{when}");
    assert!(last >= acknowledged && last <= 10, "{when}: {last} of {acknowledged}");

    let recorder = Recorder::default();
    let opened = open(&recorder, folder);
    assert_eq!(numbers(&opened), found, "{when}");
    let mut disk = opened.disk;
    disk.append(&batch([last + 1])).unwrap();
    disk.compact(&state(last + 1)).unwrap();
    disk.append(&batch([last + 2])).unwrap();
    disk.seal().unwrap();
    drop(disk);
    assert_eq!(numbers(&open(&recorder, folder)), Vec::from_iter(1..=last + 2), "{when}");
}
