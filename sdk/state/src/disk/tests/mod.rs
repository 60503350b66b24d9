//! The disk layer under damage, crashes, failing disks and company.

mod company;
mod crash;
mod damage;
mod faults;
#[cfg(feature = "planted")]
mod planted;
mod recorder;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use super::{Access, Disk, Opened};

/// A folder that is gone when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("terrane-disk-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// A state folder that is not there yet.
    fn state(&self) -> PathBuf {
        self.0.join("state")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn write(folder: &Path) -> Opened {
    Disk::open(folder, Access::Write).unwrap()
}

/// A batch of records whose payloads are numbers.
fn batch(numbers: impl IntoIterator<Item = u32>) -> Vec<Vec<u8>> {
    numbers.into_iter().map(|number| number.to_string().into_bytes()).collect()
}

/// The state at the end of a test's records is simply all of them.
fn state(last: u32) -> Vec<u8> {
    batch(1..=last).join(&b' ')
}

/// All numbers that an opened folder holds.
fn numbers(opened: &Opened) -> Vec<u32> {
    let kept = opened.snapshot.clone().unwrap_or_default();
    let kept = String::from_utf8(kept).unwrap();
    let recorded = opened.frames.iter().map(|frame| String::from_utf8(frame.payload.clone()).unwrap());
    kept.split_whitespace().map(str::to_owned).chain(recorded).map(|text| text.parse().unwrap()).collect()
}

/// Each file of a state folder but the lock.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut contents = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            contents.extend(self::contents(&path));
        } else if path != super::folder::lock(folder) {
            contents.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    contents
}
