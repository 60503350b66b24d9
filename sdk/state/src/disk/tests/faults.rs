//! A disk that is full, and a disk that fails.

use std::{io, path::Path};

use super::{
    super::{Access, Disk, Error, Space, folder},
    Scratch, batch, numbers,
    recorder::{Fault, Op, Recorder},
    state, write,
};

/// Opens a folder that has one sealed record, on a disk that fails.
fn open(folder: &Path, fault: Fault) -> Disk {
    let mut disk = write(folder).disk;
    disk.append(&batch([1])).unwrap();
    disk.seal().unwrap();
    drop(disk);
    Disk::open_on(Box::new(Recorder::default().failing(fault)), folder, Access::Write).unwrap().disk
}

fn is_named(path: &Path, name: &str) -> bool {
    path.file_name().is_some_and(|file| file == name)
}

/// A log can't grow while the ballast is there.
fn full_until_released(op: &Op) -> Option<io::ErrorKind> {
    let Op::Write { path, .. } = op else { return None };
    let is_full = is_named(path, "log") && path.with_file_name("ballast").exists();
    is_full.then_some(io::ErrorKind::StorageFull)
}

fn full(op: &Op) -> Option<io::ErrorKind> {
    matches!(op, Op::Write { .. }).then_some(io::ErrorKind::StorageFull)
}

#[test]
fn on_a_full_disk_the_reserve_records_what_is_in_flight() {
    let scratch = Scratch::new();
    let folder = scratch.state();
    let mut disk = open(&folder, full_until_released);
    let appended = disk.append(&batch([2, 3])).unwrap();
    assert_eq!((appended.last_seq, appended.space), (3, Space::Low));
    assert!(!folder::ballast(&folder).exists());
    disk.append(&batch([4])).unwrap();
    disk.seal().unwrap();
    drop(disk);

    let mut opened = write(&folder);
    assert_eq!(numbers(&opened), [1, 2, 3, 4]);
    let appended = opened.disk.append(&batch([5])).unwrap();
    assert_eq!(appended.space, Space::Enough, "the next run has a reserve again");
    assert!(folder::ballast(&folder).exists());
}

#[test]
fn when_the_reserve_is_used_up_nothing_is_recorded_and_the_folder_is_whole() {
    let scratch = Scratch::new();
    let folder = scratch.state();
    let mut disk = open(&folder, full);
    for _ in 0..2 {
        assert!(matches!(disk.append(&batch([2, 3])), Err(Error::DiskFull { .. })));
    }
    drop(disk);
    let opened = write(&folder);
    assert_eq!(numbers(&opened), [1]);
    drop(opened);

    let full_disk = Box::new(Recorder::default().failing(full));
    let mut opened = Disk::open_on(full_disk, &folder, Access::Write).unwrap();
    let refused = opened.disk.append(&batch([2]));
    assert!(matches!(refused, Err(Error::DiskFull { path }) if path.with_extension("") == folder::ballast(&folder)));
    assert_eq!(numbers(&opened), [1], "a run doesn't begin without a reserve");
}

#[test]
fn a_failed_sync_ends_all_writing_and_the_next_run_writes_again_what_was_unsure() {
    let scratch = Scratch::new();
    let folder = scratch.state();
    let mut disk =
        open(&folder, |op| matches!(op, Op::Sync(path) if is_named(path, "log")).then_some(io::ErrorKind::Other));
    for _ in 0..2 {
        assert!(matches!(disk.append(&batch([2])), Err(Error::Poisoned { action: "sync", .. })));
    }
    assert_eq!(disk.last_seq(), 1);
    assert!(matches!(disk.compact(&state(1)), Err(Error::Poisoned { .. })));
    drop(disk);

    let recorder = Recorder::default();
    let mut opened = Disk::open_on(Box::new(recorder.clone()), &folder, Access::Write).unwrap();
    assert_eq!(numbers(&opened), [1, 2], "the record was written, though never acknowledged");
    opened.disk.append(&batch([3])).unwrap();
    let copied = recorder.tape().iter().any(|op| *op == Op::Create(folder.join("log.tmp")));
    assert!(copied, "pages of a failed sync may be in memory only");
}

#[test]
fn bytes_written_grow_with_the_records_and_not_with_their_square() {
    let written = |count: u32| {
        let scratch = Scratch::new();
        let recorder = Recorder::default();
        let mut disk = Disk::open_on(Box::new(recorder.clone()), &scratch.state(), Access::Write).unwrap().disk;
        disk.append(&batch([100])).unwrap();
        let begun = recorder.tape().len();
        (0..count).for_each(|_| assert!(disk.append(&batch([100])).is_ok()));
        let tape = recorder.tape();
        let writes = tape[begun..].iter().filter_map(|op| match op {
            Op::Write { bytes, .. } => Some(bytes.len()),
            _ => None,
        });
        assert_eq!(tape.len() - begun, 2 * count as usize, "one write and one sync a batch");
        writes.sum::<usize>()
    };
    assert_eq!(written(300), 3 * written(100));
}
