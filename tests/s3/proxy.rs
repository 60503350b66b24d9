//! A proxy in front of an S3 endpoint: it counts what passes, and delays, breaks, loses or refuses what its conduct says.

use super::{
    faults::{Conduct, Fault, Moment},
    heads::Written,
    http::Message,
};
use crate::session::kill;
use rustix::net::sockopt::set_socket_linger;
use std::{
    collections::BTreeMap,
    io::{self, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// A request that the store has answered.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) method: String,
    /// The head that it wrote, if it did.
    pub(crate) head: Option<Written>,
}

/// A running proxy; it ends when dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: SocketAddr,
    closing: AtomicBool,
    /// How many requests have come since the conduct was set.
    requests: AtomicU64,
    inner: Mutex<Inner>,
    /// Told when the process to kill is known.
    known: Condvar,
}

struct Inner {
    conduct: Conduct,
    /// The process to kill, once it is known.
    target: Option<u32>,
    cut_until: Option<Instant>,
    passed: Vec<Passed>,
    /// What was done to requests, and how often.
    done: BTreeMap<String, u64>,
}

impl Proxy {
    /// Starts on a free port in front of a server.
    pub(crate) fn before(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (done, passed) = (BTreeMap::new(), Vec::new());
        let inner = Inner { conduct: Conduct::Faithful, target: None, cut_until: None, passed, done };
        let shared = Arc::new(Shared {
            upstream,
            closing: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            inner: Mutex::new(inner),
            known: Condvar::new(),
        });
        let serving = shared.clone();
        thread::spawn(move || serving.accept(&listener));
        Self { address, shared }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Behaves otherwise from now on, and counts requests anew.
    pub(crate) fn conduct(&self, conduct: Conduct) {
        let mut inner = self.shared.inner();
        (inner.conduct, inner.target, inner.cut_until) = (conduct, None, None);
        self.shared.requests.store(0, Ordering::SeqCst);
    }

    /// The process that is to be killed.
    pub(crate) fn target(&self, pid: u32) {
        self.shared.inner().target = Some(pid);
        self.shared.known.notify_all();
    }

    /// How many requests have come since the conduct was set.
    pub(crate) fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// What the store has answered since the last time.
    pub(crate) fn passed(&self) -> Vec<Passed> {
        std::mem::take(&mut self.shared.inner().passed)
    }

    /// What was done to requests, and how often.
    pub(crate) fn done(&self) -> BTreeMap<String, u64> {
        self.shared.inner().done.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

/// How a connection goes on after a request.
type Served = io::Result<()>;

impl Shared {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.closing.load(Ordering::SeqCst) {
                return;
            }
            let Ok(stream) = stream else { continue };
            let shared = self.clone();
            // A connection that breaks is what this is for.
            thread::spawn(move || drop(shared.serve(stream)));
        }
    }

    /// Serves one request.
    fn serve(&self, mut client: TcpStream) -> Served {
        if self.inner().cut_until.is_some_and(|until| Instant::now() < until) {
            return reset(&client);
        }
        let Some(mut request) = Message::receive(&mut client)? else { return Ok(()) };
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        let conduct = self.inner().conduct.clone();
        match conduct {
            Conduct::Killing { request: at, moment } if at == number => return self.kill_at(&client, &request, moment),
            Conduct::Without { header } => request.remove(header),
            Conduct::Denying { what } => {
                if let Some(denial) = denial(&request, what) {
                    return answer(client, &denial);
                }
            }
            _ => {}
        }
        self.suffer(client, &request, conduct.fault(number))
    }

    fn suffer(&self, client: TcpStream, request: &Message, fault: Fault) -> Served {
        if fault != Fault::None {
            self.note(format!("{} {}", name(fault), request.word(0)));
        }
        match fault {
            Fault::None => answer(client, &self.forward(request)?),
            Fault::Delay(time) => {
                thread::sleep(time);
                answer(client, &self.forward(request)?)
            }
            Fault::ResetBefore => reset(&client),
            Fault::ResetAfter => self.forward(request).and_then(|_| reset(&client)),
            Fault::Unavailable => answer(client, &Message::reply("500 Internal Server Error", "InternalError")),
            Fault::SlowDown => answer(client, &Message::reply("503 Service Unavailable", "SlowDown")),
            Fault::Truncated => half(&client, &self.forward(request)?).and_then(|()| reset(&client)),
            Fault::Partition(time) => {
                self.inner().cut_until = Some(Instant::now() + time);
                reset(&client)
            }
        }
    }

    /// Kills the process that sent a request.
    fn kill_at(&self, client: &TcpStream, request: &Message, moment: Moment) -> Served {
        let name = format!("{moment:?} {} {}", request.word(0), place(request.word(1)));
        if moment != Moment::BeforeForward {
            let reply = self.forward(request)?;
            if moment == Moment::MidReply {
                half(client, &reply)?;
            }
        }
        let waiting = self.inner();
        let limit = crate::session::LIMIT;
        let known = self.known.wait_timeout_while(waiting, limit, |inner| inner.target.is_none());
        let (mut inner, _) = known.unwrap_or_else(PoisonError::into_inner);
        kill(inner.target.unwrap());
        *inner.done.entry(name).or_default() += 1;
        Ok(())
    }

    /// Lets the store answer.
    fn forward(&self, request: &Message) -> io::Result<Message> {
        let mut reply = request.clone().exchange(self.upstream)?;
        let passed = Passed { method: request.word(0).to_owned(), head: Written::by(request, &reply) };
        self.inner().passed.push(passed);
        reply.set("Connection", "close");
        Ok(reply)
    }

    fn note(&self, what: String) {
        *self.inner().done.entry(what).or_default() += 1;
    }
}

/// The refusal of a request that asks for something.
fn denial(request: &Message, what: &str) -> Option<Message> {
    match request.header("x-amz-target") {
        Some(target) => {
            target.ends_with(what).then(|| Message::reply_in_json("400 Bad Request", "AccessDeniedException"))
        }
        None => (request.word(0) == what).then(|| Message::reply("403 Forbidden", "AccessDenied")),
    }
}

fn answer(mut client: TcpStream, reply: &Message) -> Served {
    client.write_all(&reply.bytes())
}

fn half(mut client: &TcpStream, reply: &Message) -> Served {
    let bytes = reply.bytes();
    client.write_all(&bytes[..bytes.len() / 2])?;
    // Long enough for the client to see it before the connection ends.
    thread::sleep(Duration::from_millis(2));
    Ok(())
}

/// Ends a connection as a machine does that knows nothing of it.
fn reset(client: &TcpStream) -> Served {
    Ok(set_socket_linger(client, Some(Duration::ZERO))?)
}

fn name(fault: Fault) -> String {
    let text = format!("{fault:?}");
    text.split('(').next().unwrap_or_default().to_owned()
}

/// What kind of object a path leads to: `head`, `log`, `snap`, or else the bucket.
fn place(path: &str) -> &str {
    let path = path.split('?').next().unwrap_or_default();
    path.split('/').find(|part| ["head", "log", "snap"].contains(part)).unwrap_or("other")
}
