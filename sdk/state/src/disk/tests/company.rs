//! Other processes, other users, and folders that can't be used.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use super::{
    super::{Access, Disk, Error, SNAPSHOTS_MAX, folder},
    Scratch, batch, contents, numbers, state, write,
};

#[test]
fn a_second_writer_is_told_who_the_first_is() {
    let scratch = Scratch::new();
    let first = write(&scratch.state());
    let Err(Error::Locked { holder: Some(holder), .. }) = Disk::open(&scratch.state(), Access::Write) else {
        panic!("two writers")
    };
    assert_eq!(holder.pid, std::process::id());
    assert_eq!(*holder, super::super::Holder { since: holder.since, ..super::super::Holder::current() });
    drop(first);
    write(&scratch.state());
    assert!(folder::lock(&scratch.state()).exists(), "the lock file stays");
}

#[test]
fn who_only_looks_keeps_nobody_out() {
    let scratch = Scratch::new();
    drop(write(&scratch.state()));
    let looks = fs::File::open(folder::lock(&scratch.state())).unwrap();
    looks.lock_shared().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(std::time::Duration::from_millis(20));
            looks.unlock().unwrap();
        });
        write(&scratch.state());
    });
}

#[test]
fn a_reader_beside_a_writer_sees_one_moment_after_another() {
    const LAST: u32 = 300;
    let scratch = Scratch::new();
    let (folder, is_done) = (scratch.state(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut disk = write(&folder).disk;
            for last in 1..=LAST {
                disk.append(&batch([last])).unwrap();
                if last % 3 == 0 {
                    disk.compact(&state(last)).unwrap();
                }
                if last % 7 == 0 {
                    disk.seal().unwrap();
                }
            }
            is_done.store(true, Ordering::SeqCst);
        });
        let mut seen = 0;
        while seen < LAST {
            let was_done = is_done.load(Ordering::SeqCst);
            let found = numbers(&Disk::open(&folder, Access::Read).unwrap());
            assert_eq!(found, Vec::from_iter(1..=found.len() as u32));
            assert!(found.len() as u32 >= seen, "a reader never goes back");
            seen = found.len() as u32;
            assert!(seen == LAST || !was_done);
        }
    });
}

#[test]
fn opening_writes_nothing_and_a_reader_creates_nothing() {
    let scratch = Scratch::new();
    let folder = scratch.state();
    assert!(Disk::open(&folder, Access::Read).unwrap().frames.is_empty());
    assert!(!folder.exists());

    let mut disk = write(&folder).disk;
    disk.append(&batch([1, 2])).unwrap();
    drop(disk);
    let log = folder::log(&folder);
    fs::write(&log, [fs::read(&log).unwrap(), b"torn".to_vec()].concat()).unwrap();
    fs::remove_file(folder::lock(&folder)).unwrap();
    let before = contents(&folder);
    let mut reader = Disk::open(&folder, Access::Read).unwrap();
    assert_eq!(numbers(&reader), [1, 2]);
    assert!(!folder::lock(&folder).exists());
    assert!(matches!(reader.disk.append(&batch([3])), Err(Error::ReadOnly { .. })));
    assert_eq!(numbers(&write(&folder)), [1, 2]);
    assert_eq!(contents(&folder), before);

    let mut disk = write(&folder).disk;
    disk.append(&batch([3])).unwrap();
    disk.compact(&state(3)).unwrap();
    disk.seal().unwrap();
    let sealed = contents(&folder);
    disk.append(&[]).unwrap();
    disk.compact(&state(3)).unwrap();
    disk.seal().unwrap();
    assert_eq!(contents(&folder), sealed);
    assert!(matches!(disk.compact(&state(2)), Err(Error::NothingAppended { seq: 3, .. })));
}

#[test]
fn the_newest_snapshots_are_kept_and_can_be_read() {
    let scratch = Scratch::new();
    let mut disk = write(&scratch.state()).disk;
    let last = SNAPSHOTS_MAX as u32 + 3;
    for number in 1..=last {
        disk.append(&batch([number])).unwrap();
        disk.compact(&state(number)).unwrap();
    }
    let kept = Vec::from_iter(disk.snapshots().unwrap().iter().map(|snapshot| snapshot.seq as u32));
    assert_eq!(kept, Vec::from_iter(4..=last));
    assert_eq!(disk.read_snapshot(4).unwrap(), state(4));
    assert!(matches!(disk.read_snapshot(3), Err(Error::NoSnapshot { seq: 3, .. })));
}

#[test]
fn files_and_folders_are_for_this_user_only() {
    fn check(folder: &Path) {
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                check(&path);
            } else {
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
            }
        }
    }
    let scratch = Scratch::new();
    let folder = scratch.state().join("deep");
    let mut disk = write(&folder).disk;
    disk.append(&batch([1])).unwrap();
    disk.compact(&state(1)).unwrap();
    disk.seal().unwrap();
    check(&scratch.state());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 5, "lock, log, seal, ballast and snapshots; no draft");
}

#[test]
fn a_folder_that_cannot_be_used_is_refused_in_clear_words() {
    let scratch = Scratch::new();
    let refusal = |path: &Path| Disk::open(path, Access::Write).unwrap_err();
    let file = scratch.0.join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(refusal(&file), Error::NotAFolder { .. }));
    assert!(matches!(refusal(&file.join("below")), Error::NotAFolder { .. }));
    let ring = scratch.0.join("ring");
    symlink(&ring, &ring).unwrap();
    assert!(matches!(refusal(&ring.join("state")), Error::LinkLoop { .. }));
    let dangling = scratch.0.join("dangling");
    symlink(scratch.0.join("nowhere"), &dangling).unwrap();
    assert!(matches!(refusal(&dangling), Error::NotAFolder { .. }));
    assert!(matches!(refusal(Path::new("a\0b")), Error::Io { .. }));
    assert!(matches!(refusal(&scratch.0.join("x".repeat(300))), Error::Io { .. }));

    let folder = scratch.state();
    fs::create_dir(&folder).unwrap();
    symlink(&file, folder::log(&folder)).unwrap();
    assert!(matches!(refusal(&folder), Error::NotAFile { path } if path == folder::log(&folder)));
    fs::remove_file(folder::log(&folder)).unwrap();

    fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();
    fs::remove_file(folder::lock(&folder)).unwrap_or_default();
    // The superuser may write anywhere.
    if !rustix::process::geteuid().is_root() {
        fs::set_permissions(&scratch.0, fs::Permissions::from_mode(0o500)).unwrap();
        assert!(matches!(refusal(&scratch.0.join("new")), Error::NotWritable { .. }));
        fs::set_permissions(&scratch.0, fs::Permissions::from_mode(0o700)).unwrap();
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn network_file_systems_are_known_by_number() {
    assert_eq!(folder::network_name(0x6969), Some("NFS"));
    assert_eq!(folder::network_name(0xFE53_4D42), Some("SMB"));
    assert_eq!(folder::network_name(0xEF53), None, "ext4");
}
