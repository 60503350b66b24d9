//! The journal's times and sizes.

use crate::Holder;
use std::{path::PathBuf, sync::Arc, time::Duration};
use terrane_core::failpoint::haste;

/// Says whether the process of a holder on this same machine lives.
pub type IsAlive = Arc<dyn Fn(&Holder) -> bool + Send + Sync>;

/// Times and sizes of the journal; the defaults are what production uses, and a simulation takes smaller ones.
///
/// The times belong together: whoever takes a stack over waits `silence`, which must be longer than `permit` and the longest attempt of a
/// provider's call (30 s) together.
#[derive(Clone)]
pub struct Settings {
    /// The folder with the key files of stacks that nothing else guards, `<project>/<stack>.key`: none. Other machines read the state, too,
    /// and would lack the file.
    pub key_folder: Option<PathBuf>,
    /// The longest time between two writes of a holder: 10 s.
    pub beat: Duration,
    /// How long a holder must have been silent before another takes over: 90 s.
    pub silence: Duration,
    /// How long after a successful write was sent calls may start: 20 s.
    pub permit: Duration,
    /// How many bytes of records the head carries itself: 512 KiB.
    pub tail_bytes_max: usize,
    /// How many segments there are before they are folded into a snapshot: 128.
    pub segments_max: usize,
    /// How long the log may be before it is folded, where the last snapshot is smaller: 1 MiB.
    pub log_bytes_min: u64,
    /// How many restore points are kept: 20.
    pub points_max: usize,
    /// How old garbage must be before it is deleted, by the store's clock: 1 h.
    pub garbage_age: Duration,
    /// How often a request is sent before its failure counts: 8.
    pub attempts_max: u32,
    /// The first pause between two attempts, which doubles, with jitter: 100 ms.
    pub pause: Duration,
    /// The longest such pause: 2 s.
    pub pause_max: Duration,
    /// How many requests race in the probe: 32.
    pub probe_racers: usize,
    /// For how long a stack's head vouches for the store, so that not every process probes it: 24 h.
    pub proof: Duration,
    /// Whether a process of this machine lives.
    pub is_alive: IsAlive,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            key_folder: None,
            beat: Duration::from_secs(10) / haste(),
            silence: Duration::from_secs(90) / haste(),
            permit: Duration::from_secs(20) / haste(),
            tail_bytes_max: 512 << 10,
            segments_max: 128,
            log_bytes_min: 1 << 20,
            points_max: 20,
            garbage_age: Duration::from_secs(3600),
            attempts_max: 8,
            pause: Duration::from_millis(100),
            pause_max: Duration::from_secs(2),
            probe_racers: 32,
            proof: Duration::from_secs(24 * 3600),
            is_alive: Arc::new(Holder::is_alive),
        }
    }
}

/// A time in milliseconds.
pub(super) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
