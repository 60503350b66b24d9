//! Each byte of each state file cut off or flipped.

use std::{fs, path::Path};

use super::{
    super::{Access, Disk, Error, folder, header::HEADER_BYTES},
    Scratch, batch, contents, numbers, state, write,
};

/// Batches 1, 2-3 (sealed), 4, 5-6.
fn log_of_six(folder: &Path) {
    let mut disk = write(folder).disk;
    disk.append(&batch([1])).unwrap();
    disk.append(&batch([2, 3])).unwrap();
    disk.seal().unwrap();
    disk.append(&batch([4])).unwrap();
    disk.append(&batch([5, 6])).unwrap();
}

/// Opens a folder whose one damaged file now has `bytes`: all numbers in it, or the refusal, which must name the file,
/// a place at or before the damage, and leave everything as it is.
fn opened(folder: &Path, damaged: &Path, bytes: &[u8], at: usize) -> Option<Vec<u32>> {
    fs::write(damaged, bytes).unwrap();
    let before = contents(folder);
    let outcome = Disk::open(folder, Access::Write);
    assert_eq!(contents(folder), before, "opening changes nothing");
    match outcome {
        Ok(opened) => Some(numbers(&opened)),
        Err(Error::Corrupt { path, offset, .. }) => {
            assert_eq!(path, damaged);
            assert!(offset as usize <= at, "the refusal points to byte {offset}, the damage is at {at}");
            None
        }
        Err(Error::NewerFormat { path, .. }) => {
            assert_eq!(path, damaged);
            None
        }
        Err(other) => panic!("byte {at}: {other}"),
    }
}

/// A copy of `bytes` for each byte, with a bit of it flipped, and where.
fn flipped(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..bytes.len()).flat_map(move |at| {
        [0x01, 0x80].map(|bit| {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= bit;
            (at, flipped)
        })
    })
}

/// Where each of the six one-digit frames ends.
fn ends(length: usize) -> Vec<usize> {
    let frame = (length - HEADER_BYTES) / 6;
    (0..=6).map(|count| HEADER_BYTES + count * frame).collect()
}

#[test]
pub(super) fn a_log_that_is_cut_short_loses_only_what_was_never_sealed() {
    let scratch = Scratch::new();
    let (folder, log) = (scratch.state(), folder::log(&scratch.state()));
    log_of_six(&folder);
    let bytes = fs::read(&log).unwrap();
    let ends = ends(bytes.len());
    for length in 0..bytes.len() {
        let whole = ends.iter().rposition(|end| *end <= length).unwrap_or(0) as u32;
        let expected = (whole >= 3).then(|| Vec::from_iter(1..=whole));
        assert_eq!(opened(&folder, &log, &bytes[..length], length), expected, "cut at {length}");
    }
}

#[test]
fn a_flipped_bit_of_a_log_is_refused_except_in_its_last_batch() {
    let scratch = Scratch::new();
    let (folder, log) = (scratch.state(), folder::log(&scratch.state()));
    log_of_six(&folder);
    let bytes = fs::read(&log).unwrap();
    let ends = ends(bytes.len());
    for (at, damaged) in flipped(&bytes) {
        let whole = ends.iter().rposition(|end| *end <= at).unwrap_or(0) as u32;
        // Record 4 is above the seal, yet batch 5-6 was written only after it was durable.
        let expected = (whole >= 4).then(|| Vec::from_iter(1..=whole));
        assert_eq!(opened(&folder, &log, &damaged, at), expected, "flipped at {at}");
    }
}

#[test]
fn damage_to_a_seal_or_a_snapshot_is_refused() {
    let scratch = Scratch::new();
    let folder = scratch.state();
    log_of_six(&folder);
    let mut disk = write(&folder).disk;
    disk.compact(&state(6)).unwrap();
    disk.append(&batch([7])).unwrap();
    disk.seal().unwrap();
    let snapshot = disk.snapshots().unwrap()[0].path.clone();
    drop(disk);
    for path in [folder::seal(&folder), snapshot] {
        let bytes = fs::read(&path).unwrap();
        for (at, damaged) in flipped(&bytes).chain((0..bytes.len()).map(|length| (length, bytes[..length].to_vec()))) {
            assert_eq!(opened(&folder, &path, &damaged, at), None, "{} at {at}", path.display());
        }
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(numbers(&write(&folder)), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_file_that_is_missing_or_of_another_time_or_state_is_refused() {
    let scratch = Scratch::new();
    let (folder, other) = (scratch.state(), scratch.0.join("other"));
    log_of_six(&folder);
    log_of_six(&other);
    let early_log = fs::read(folder::log(&folder)).unwrap();
    let mut disk = write(&folder).disk;
    disk.append(&batch([7])).unwrap();
    disk.compact(&state(7)).unwrap();
    disk.append(&batch([8])).unwrap();
    disk.seal().unwrap();
    let snapshot = disk.snapshots().unwrap()[0].path.clone();
    drop(disk);

    let problem = |path: &Path, bytes: Option<&[u8]>| {
        let kept = fs::read(path).unwrap();
        match bytes {
            Some(bytes) => fs::write(path, bytes).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
        let error = Disk::open(&folder, Access::Write).unwrap_err().to_string();
        fs::write(path, kept).unwrap();
        error
    };
    let (log, seal) = (folder::log(&folder), folder::seal(&folder));
    let (other_log, other_seal) = (folder::log(&other), folder::seal(&other));
    assert!(problem(&log, None).contains("the log is missing"));
    assert!(problem(&log, Some(&early_log)).contains("the seal names record 8"));
    assert!(problem(&log, Some(&fs::read(other_log).unwrap())).contains("different states"));
    assert!(problem(&seal, Some(&fs::read(other_seal).unwrap())).contains("different states"));
    assert!(problem(&snapshot, None).contains("the snapshot that the log follows is missing"));
    fs::remove_file(&seal).unwrap();
    assert!(problem(&log, Some(&early_log)).contains("there is a snapshot of record 7"));

    let mut disk = write(&other).disk;
    disk.compact(&state(6)).unwrap();
    let foreign = disk.snapshots().unwrap().remove(0);
    fs::copy(&foreign.path, snapshot.with_file_name(foreign.path.file_name().unwrap())).unwrap();
    let disk = write(&folder).disk;
    assert!(disk.read_snapshot(6).unwrap_err().to_string().contains("another state"));
    assert_eq!(disk.read_snapshot(7).unwrap(), state(7));
}

#[test]
fn two_histories_of_one_state_do_not_mix() {
    let scratch = Scratch::new();
    let (left, right) = (scratch.state(), scratch.0.join("right"));
    log_of_six(&left);
    fs::create_dir(&right).unwrap();
    fs::copy(folder::log(&left), folder::log(&right)).unwrap();
    let common = fs::read(folder::log(&left)).unwrap().len();
    for (folder, seventh) in [(&left, 7), (&right, 70)] {
        let mut disk = write(folder).disk;
        disk.append(&batch([seventh])).unwrap();
        disk.append(&batch([8])).unwrap();
        disk.seal().unwrap();
    }
    let (log, seal) = (fs::read(folder::log(&left)).unwrap(), fs::read(folder::seal(&left)).unwrap());
    fs::remove_file(folder::seal(&right)).unwrap();
    let theirs = fs::read(folder::log(&right)).unwrap();
    let seventh_ends = common + (log.len() - common) / 2;
    let mixed = [&log[..seventh_ends], &theirs[theirs.len() - (log.len() - seventh_ends)..]].concat();
    assert_eq!(opened(&right, &folder::log(&right), &mixed, seventh_ends), None, "the chain is broken");
    fs::write(folder::seal(&right), seal).unwrap();
    assert_eq!(opened(&right, &folder::log(&right), &theirs, theirs.len()), None, "the seal is another's");
}
