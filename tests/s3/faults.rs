//! What a proxy does to the requests that pass it.

use std::time::Duration;

/// When a process is killed, seen from the request that it has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The store has not got it.
    BeforeForward,
    /// The store has carried it out, and the process has no reply.
    AfterApply,
    /// Half of the reply is on its way.
    MidReply,
}

impl Moment {
    pub(crate) const ALL: [Self; 3] = [Self::BeforeForward, Self::AfterApply, Self::MidReply];
}

/// How a proxy behaves.
#[derive(Debug, Clone)]
pub(crate) enum Conduct {
    /// It only counts.
    Faithful,
    /// Each request meets a fault by chance; the same seed gives the same fault to the request of the same number.
    Faulty { seed: u64 },
    /// It kills the process that it serves at one request, by number from 0.
    Killing { request: u64, moment: Moment },
    /// It takes a header from requests, as a store would that doesn't know it.
    Without { header: &'static str },
    /// It doesn't let through what asks a service for one thing: a method of S3, or an operation of another service.
    Denying { what: &'static str },
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    Delay(Duration),
    ResetBefore,
    ResetAfter,
    Unavailable,
    SlowDown,
    Truncated,
    /// Nothing passes for a while.
    Partition(Duration),
}

impl Conduct {
    /// The fault that the request of a number meets.
    pub(crate) fn fault(&self, number: u64) -> Fault {
        let Self::Faulty { seed } = self else { return Fault::None };
        let mut random = fastrand::Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
        // Lost replies are the largest share: they are what is hardest to get right.
        match random.u8(..100) {
            0..8 => Fault::ResetAfter,
            8..12 => Fault::ResetBefore,
            12..15 => Fault::Unavailable,
            15..17 => Fault::SlowDown,
            17..20 => Fault::Truncated,
            20..26 => Fault::Delay(Duration::from_millis(random.u64(5..150))),
            26 => Fault::Partition(Duration::from_millis(random.u64(100..400))),
            _ => Fault::None,
        }
    }
}
