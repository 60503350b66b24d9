//! The disk of a simulation, which all of its processes share: real files, a model of what a loss of power leaves of them, and everything that can
//! go wrong at each change.

mod model;

use crate::{
    check::Checkers,
    faults::{Fault, Faults},
    scheduler::{Pid, Scheduler},
    story::Code,
};
use fastrand::Rng;
use model::Model;
use std::{
    fmt, io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use terrane_state::disk::{Device, Handle, Kernel};

/// A disk. Clones are the same one.
#[derive(Clone)]
pub struct Disk(Arc<Mutex<Inner>>);

struct Inner {
    model: Model,
    rng: Rng,
    /// Until when there is no space.
    full_until_ms: u64,
}

/// For how long there is no space, at most, in milliseconds.
const FULL_MS: u64 = 60_000;

/// What any change can meet with.
const ANY: &[Fault] = &[Fault::CrashBefore, Fault::CrashAfter, Fault::PowerLoss, Fault::Stop, Fault::Suspend];
/// What a change that takes space can meet with.
const WRITE: &[Fault] = &[
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::PowerLoss,
    Fault::Stop,
    Fault::Suspend,
    Fault::Torn,
    Fault::NoSpace,
];
/// What a sync can meet with.
const SYNC: &[Fault] =
    &[Fault::CrashBefore, Fault::CrashAfter, Fault::PowerLoss, Fault::Stop, Fault::Suspend, Fault::FailedSync];

impl Disk {
    /// An empty disk whose losses follow a seed.
    pub fn new(seed: u64) -> Self {
        let (model, rng) = (Model::default(), Rng::with_seed(seed));
        Self(Arc::new(Mutex::new(Inner { model, rng, full_until_ms: 0 })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One process's way to the disk.
#[derive(Clone)]
pub struct Port {
    /// The disk.
    pub disk: Disk,
    /// What runs the process.
    pub scheduler: Scheduler,
    /// What goes wrong.
    pub faults: Arc<Faults>,
    /// Who looks on.
    pub checkers: Checkers,
    /// Whose way it is.
    pub pid: Pid,
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the disk as process {} sees it", self.pid.0)
    }
}

/// All that a process learns that is dead.
fn dead<T>() -> io::Result<T> {
    Err(io::Error::other("the process is dead"))
}

impl Port {
    /// Lets a change meet its fate. `half` carries a part of it out, where that can be.
    fn step<T>(
        &self,
        what: (&str, &Path),
        fits: &[Fault],
        whole: impl FnOnce(&mut Model) -> io::Result<T>,
        half: impl FnOnce(&mut Model) -> io::Result<()>,
    ) -> io::Result<T> {
        if self.scheduler.is_dead(self.pid) {
            return dead();
        }
        let now_ms = self.scheduler.now_ms();
        let fate = self.faults.fate(self.pid, now_ms, fits);
        let (verb, path) = what;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.scheduler.tell(self.pid, Code(Code::of(&name).0 ^ Code::of(verb).0), || match fate {
            None => format!("{verb} {name}"),
            Some(fault) => format!("{verb} {name}    *** {fault}"),
        });
        self.checkers.disk_changed();
        let mut inner = self.disk.inner();
        if fits.contains(&Fault::NoSpace) && now_ms < inner.full_until_ms {
            return Err(io::ErrorKind::StorageFull.into());
        }
        match fate {
            None => return whole(&mut inner.model),
            Some(Fault::CrashBefore) => {}
            Some(Fault::CrashAfter) => drop(whole(&mut inner.model)?),
            Some(Fault::Torn) => half(&mut inner.model)?,
            Some(Fault::NoSpace) => {
                inner.full_until_ms = now_ms + self.faults.below(FULL_MS);
                half(&mut inner.model)?;
                return Err(io::ErrorKind::StorageFull.into());
            }
            Some(Fault::FailedSync) => {
                inner.model.fail_to_sync(path);
                return Err(io::Error::other("input/output error"));
            }
            Some(Fault::PowerLoss) => {
                if inner.rng.bool() {
                    drop(whole(&mut inner.model)?);
                }
                let Inner { model, rng, .. } = &mut *inner;
                model.lose_power(rng)?;
                self.scheduler.living().into_iter().for_each(|pid| self.scheduler.kill(pid));
            }
            Some(fault) => {
                let done = whole(&mut inner.model);
                let time = std::time::Duration::from_millis(500 + self.faults.below(240_000));
                match fault {
                    Fault::Suspend => self.scheduler.suspend(self.pid, time),
                    _ => self.scheduler.stop(self.pid, time),
                }
                return done;
            }
        }
        drop(inner);
        self.scheduler.kill(self.pid);
        dead()
    }

    fn simply<T>(
        &self,
        what: (&str, &Path),
        fits: &[Fault],
        whole: impl FnOnce(&mut Model) -> io::Result<T>,
    ) -> io::Result<T> {
        self.step(what, fits, whole, |_| Ok(()))
    }
}

impl Device for Port {
    fn create_folder(&mut self, path: &Path) -> io::Result<()> {
        self.simply(("create the folder", path), WRITE, |model| {
            model.create_folder(path);
            Kernel.create_folder(path)
        })
    }

    fn create(&mut self, path: &Path) -> io::Result<Handle> {
        self.simply(("create", path), WRITE, |model| {
            model.create(path);
            Kernel.create(path)
        })
    }

    fn write(&mut self, handle: &Handle, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.checkers.written(&handle.path, bytes);
        let write = |model: &mut Model, bytes: &[u8]| {
            model.write(&handle.path, usize::try_from(offset).unwrap_or(usize::MAX), bytes);
            Kernel.write(handle, offset, bytes)
        };
        let half = &bytes[..bytes.len() / 2];
        self.step(("write to", &handle.path), WRITE, |model| write(model, bytes), |model| write(model, half))
    }

    fn cut(&mut self, handle: &Handle, length: u64) -> io::Result<()> {
        self.simply(("cut", &handle.path), ANY, |model| {
            model.cut(&handle.path, usize::try_from(length).unwrap_or(usize::MAX));
            Kernel.cut(handle, length)
        })
    }

    fn sync(&mut self, handle: &Handle) -> io::Result<()> {
        self.simply(("sync", &handle.path), SYNC, |model| {
            model.sync(&handle.path);
            Ok(())
        })
    }

    fn sync_folder(&mut self, path: &Path) -> io::Result<()> {
        self.simply(("sync the folder", path), SYNC, |model| {
            model.sync_folder(path);
            Ok(())
        })
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.simply(("rename to", to), ANY, |model| {
            model.rename(from, to);
            Kernel.rename(from, to)
        })
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.simply(("remove", path), ANY, |model| {
            model.remove(path);
            Kernel.remove(path)
        })
    }

    fn random(&mut self) -> io::Result<[u8; 16]> {
        Ok(self.disk.inner().rng.u128(..).to_le_bytes())
    }
}
