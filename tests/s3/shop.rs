//! The test program with its state in a bucket.

use super::{
    faults::{Conduct, Moment},
    heads, moto,
    proxy::Proxy,
};
use crate::{
    kill::points::{Tally, Way},
    session::Session,
};
use std::{
    net::SocketAddr,
    process::{Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// How often a program is started until it has come to its end in spite of all faults.
const STARTS_MAX: u32 = 30;

/// Who serves the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// Moto, which stands in for AWS in its wire format.
    Moto,
    /// A region of the local platform.
    Region,
}

impl Server {
    pub(crate) const ALL: [Self; 2] = [Self::Moto, Self::Region];
}

/// A session whose state is in a bucket behind a proxy.
pub(crate) struct Shop {
    pub(crate) session: Session,
    pub(crate) proxy: Proxy,
    /// The session whose region serves the bucket.
    region: Option<Session>,
}

impl Shop {
    pub(crate) fn on(server: Server) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let bucket = format!("shop-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let (address, region) = match server {
            Server::Moto => (moto::bucket(&bucket), None),
            Server::Region => {
                let (address, session) = region(&bucket);
                (address, Some(session))
            }
        };
        let proxy = Proxy::before(address);
        let mut session = Session::new();
        let endpoint = format!("http://{}", proxy.address());
        session.set("TERRANE_STATE", format!("s3://{bucket}/team?region=us-east-1&endpoint={endpoint}"));
        // Without a file of its own for the key: other machines would lack it.
        session.set("TERRANE_PASSPHRASE", "correct horse battery staple");
        session.set("AWS_ACCESS_KEY_ID", "terrane");
        session.set("AWS_SECRET_ACCESS_KEY", "terrane-local");
        Self { session, proxy, region }
    }

    /// The session apart from what it needs.
    pub(crate) fn parts(self) -> (Session, (Proxy, Option<Session>)) {
        (self.session, (self.proxy, self.region))
    }

    /// How many requests have asked the store to change something, since the last time.
    pub(crate) fn writes(&self) -> usize {
        self.proxy.passed().iter().filter(|passed| passed.method != "GET").count()
    }

    /// Whether a stack's head was written.
    pub(crate) fn has_head(&self) -> bool {
        self.proxy.passed().iter().any(|passed| passed.head.is_some())
    }

    /// Looks at all heads that were written since the last time; tells how often the stack has changed hands.
    pub(crate) fn audit(&self) -> usize {
        let heads: Vec<_> = self.proxy.passed().into_iter().filter_map(|passed| passed.head).collect();
        heads::audit(&heads)
    }

    /// Starts the program again until it succeeds; it never panics on the way.
    pub(crate) fn persist(&self, words: &str) -> Output {
        for _ in 0..STARTS_MAX {
            let output = self.session.output(words);
            let shown = self.session.shown(&output);
            assert!(!shown.contains("panicked"), "{shown}");
            if output.status.success() {
                return output;
            }
        }
        panic!("`{words}` does not succeed in {STARTS_MAX} starts: {}", self.session.run(words));
    }

    /// Kills the program at random requests, so often; each time the next run ends where it would have.
    pub(crate) fn kill_at_requests(&self, ways: &[Way], seed: u64, kills: u64, tally: &mut Tally) {
        let mut random = fastrand::Rng::with_seed(seed);
        // A run of no way has fewer requests at its own.
        let mut longest = 10;
        let until = tally.total() + kills;
        for way in ways.iter().cycle() {
            if tally.total() >= until {
                return;
            }
            way.begin(&self.session);
            let moment = Moment::ALL[random.usize(..Moment::ALL.len())];
            self.kill_at(Conduct::Killing { request: random.u64(..longest), moment }, tally);
            longest = longest.max(self.proxy.requests());
            self.proxy.conduct(Conduct::Faithful);
            way.finish(&self.session, &format!("killed {moment:?} of a request, seed {seed}\n{tally}"));
        }
    }

    fn kill_at(&self, conduct: Conduct, tally: &mut Tally) {
        let before = self.proxy.done();
        self.proxy.conduct(conduct);
        let mut program = self.session.program("up --yes");
        program.env("TERRANE_PARALLEL", "64").stdout(Stdio::null()).stderr(Stdio::null());
        let mut run = program.spawn().unwrap();
        self.proxy.target(run.id());
        run.wait().unwrap();
        let after = self.proxy.done();
        after.iter().filter(|(name, times)| before.get(*name) != Some(*times)).for_each(|(name, _)| tally.add(name));
    }
}

/// A bucket of a local region: its address, and the session that keeps it.
fn region(bucket: &str) -> (SocketAddr, Session) {
    let session =
        Session::with(&format!("[region.state]\nendpoint = 'NET.1:9000'\n[bucket.{bucket}]\nregion = 'state'\n"));
    session.data("up --yes");
    (session.address(1, 9000), session)
}
