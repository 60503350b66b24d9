//! Callers of the counters: single calls, and a load that goes on while the cluster changes.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle, sleep},
    time::{Duration, Instant},
};

/// How long a call is waited for.
const CALL_LIMIT: Duration = Duration::from_secs(5);
/// How long a call is tried again, at any ingress.
const TRIED_FOR: Duration = Duration::from_secs(60);
/// Callers of a load, each with a counter of its own.
const CALLERS: usize = 4;

/// Adds to a counter through one ingress. With a key, calling again does nothing twice.
pub(crate) fn add(ingress: &str, counter: &str, value: u64, key: &str) -> Result<u64, String> {
    let header = format!("idempotency-key: {key}\r\n");
    let answer = post(ingress, &format!("/Counter/{counter}/add"), &value.to_string(), &header)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => body.trim().parse().map_err(|_| answer),
        _ => Err(answer),
    }
}

/// Sends JSON, and gives back the whole answer.
pub(crate) fn post(url: &str, path: &str, body: &str, headers: &str) -> Result<String, String> {
    let address = address(url);
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    exchange(address, &request)
}

/// What an admin API answers.
pub(crate) fn get(admin: &str, path: &str) -> String {
    let address = address(admin);
    exchange(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")).unwrap()
}

/// The host and port of a URL.
fn address(url: &str) -> &str {
    url.trim_start_matches("http://").trim_end_matches('/')
}

/// One request, one connection.
fn exchange(address: &str, request: &str) -> Result<String, String> {
    let address = address.parse().map_err(|_| format!("`{address}` is no address"))?;
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&address, CALL_LIMIT)?;
        stream.set_read_timeout(Some(CALL_LIMIT))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    };
    ask().map_err(|error| error.to_string())
}

/// Adds to a counter through any ingress, trying again under the same key until one acknowledges.
pub(crate) fn add_somehow(ingresses: &[String], counter: &str, value: u64, key: &str) -> Result<u64, String> {
    let began = Instant::now();
    let mut last = "no ingress".to_owned();
    for ingress in ingresses.iter().cycle() {
        match add(ingress, counter, value, key) {
            Ok(sum) => return Ok(sum),
            Err(error) if began.elapsed() < TRIED_FOR => last = error,
            Err(error) => return Err(format!("{error}; before: {last}")),
        }
        sleep(Duration::from_millis(20));
    }
    Err(last)
}

/// Calls that go on until they are stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    callers: Vec<JoinHandle<Called>>,
}

/// What one caller saw.
struct Called {
    counter: String,
    acknowledged: u64,
    failed: u64,
    longest: Duration,
}

/// What a load came to.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Each counter's acknowledged calls, of which each has added 1, and those that may or may not have.
    pub(crate) counters: BTreeMap<String, (u64, u64)>,
    /// The longest time from a call to its acknowledgement.
    pub(crate) longest: Duration,
}

impl Load {
    /// Begins to call; `name` tells the counters and keys of loads apart.
    pub(crate) fn begin(name: &str, ingresses: &[String]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let caller = |number: usize| {
            let (stop, mut ingresses) = (stop.clone(), ingresses.to_vec());
            let counter = format!("{name}-{number}");
            let count = ingresses.len();
            ingresses.rotate_left(number % count);
            thread::spawn(move || call_until(&stop, &ingresses, counter))
        };
        let callers = (0..CALLERS).map(caller).collect();
        Self { stop, callers }
    }

    /// Ends it, and insists that each counter has all that was acknowledged and nothing that was not asked for.
    pub(crate) fn end(self, ingresses: &[String]) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let called: Vec<Called> = self.callers.into_iter().map(|caller| caller.join().unwrap()).collect();
        let longest = called.iter().map(|called| called.longest).max().unwrap_or_default();
        let counters =
            called.into_iter().map(|called| (called.counter, (called.acknowledged, called.failed))).collect();
        let tally = Tally { counters, longest };
        tally.holds(ingresses);
        tally
    }
}

impl Tally {
    /// Reads each counter by adding nothing.
    pub(crate) fn holds(&self, ingresses: &[String]) {
        for (counter, (acknowledged, failed)) in &self.counters {
            let sum = value(ingresses, counter);
            assert!(
                (*acknowledged..=acknowledged + failed).contains(&sum),
                "{counter} is {sum} after {acknowledged} acknowledged and {failed} failed calls"
            );
        }
    }

    /// How many calls were acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.counters.values().map(|(acknowledged, _)| acknowledged).sum()
    }
}

/// What a counter stands at.
pub(crate) fn value(ingresses: &[String], counter: &str) -> u64 {
    let key = format!("read-{counter}-{:?}", Instant::now()).replace([' ', '{', '}', ':', ','], "");
    add_somehow(ingresses, counter, 0, &key).unwrap()
}

fn call_until(stop: &AtomicBool, ingresses: &[String], counter: String) -> Called {
    let mut called = Called { counter, acknowledged: 0, failed: 0, longest: Duration::ZERO };
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        number += 1;
        match add_somehow(ingresses, &called.counter, 1, &format!("{}-{number}", called.counter)) {
            Ok(_) => called.acknowledged += 1,
            Err(_) => called.failed += 1,
        }
        called.longest = called.longest.max(began.elapsed());
        sleep(Duration::from_millis(20));
    }
    called
}
