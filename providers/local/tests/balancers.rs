//! Balancers: pass-through, latency, and cuts of one balancer and of a whole region.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use terrane_local::spec::{BalancerFault, BalancerSpec, Change, ProcessSpec};

use crate::support::{Region, eventually, free_address};

/// A server that sends back what it gets, for as long as the test runs.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    address
}

async fn balancer(region: &Region) -> SocketAddr {
    let listen = free_address();
    let spec = BalancerSpec { listen, target: echo() };
    let mut client = region.client().await;
    assert_eq!(client.put_balancer("front", spec.clone()).await.unwrap(), Change::Created);
    assert_eq!(client.put_balancer("front", spec).await.unwrap(), Change::Unchanged);
    listen
}

async fn set(region: &Region, fault: BalancerFault) {
    region.client().await.set_balancer_fault("front", fault).await.unwrap();
}

/// Sends a line and gets it back, or not.
fn echoes(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut answer = [0; 5];
    stream.write_all(b"hello").is_ok() && stream.read_exact(&mut answer).is_ok() && answer == *b"hello"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balancer_passes_through_delays_and_cuts() {
    let region = Region::start("balancer").await;
    let address = balancer(&region).await;
    let mut stream = TcpStream::connect(address).unwrap();
    assert!(echoes(&mut stream));
    let status = region.status().await.balancers.remove("front").unwrap();
    assert_eq!((status.connections_open, status.connections_total), (1, 1));

    set(&region, BalancerFault { latency_ms: 100, cut: false }).await;
    let began = Instant::now();
    assert!(echoes(&mut stream));
    assert!(began.elapsed() >= Duration::from_millis(200), "each direction is delayed");

    set(&region, BalancerFault { latency_ms: 0, cut: true }).await;
    assert!(!echoes(&mut stream));
    assert!(!TcpStream::connect(address).is_ok_and(|mut stream| echoes(&mut stream)));
    eventually("nothing is open", async || region.status().await.balancers["front"].connections_open == 0).await;

    // The fault outlives the agent.
    region.kill_agent().await;
    region.start_agent().await;
    assert!(region.status().await.balancers["front"].cut);
    set(&region, BalancerFault::default()).await;
    let mut stream = TcpStream::connect(address).unwrap();
    assert!(echoes(&mut stream));
    // Half-closing passes through as well.
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_transfer_arrives_whole() {
    let region = Region::start("large").await;
    let mut stream = TcpStream::connect(balancer(&region).await).unwrap();
    set(&region, BalancerFault { latency_ms: 5, cut: false }).await;
    let sent: Vec<u8> = (0..8_000_000u32).map(|index| index.to_le_bytes()[index as usize % 3]).collect();
    let mut writer = stream.try_clone().unwrap();
    let copy = sent.clone();
    let writing = thread::spawn(move || {
        writer.write_all(&copy).unwrap();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    writing.join().unwrap();
    assert!(received == sent);
}

/// Dials over and over, through a child of its own, and writes down whether it gets an answer; keeps one connection open, too.
const DIALLER: &str = r#"
import os, socket, sys, time
host, port = sys.argv[1].split(":")
def dial():
    s = socket.create_connection((host, int(port)), 5); s.settimeout(5); return s
def ask(s):
    try:
        s.sendall(b"x"); return s.recv(1) == b"x"
    except OSError:
        return False
kept = dial(); ask(kept)
if os.fork(): os.wait()
while True:
    try: fresh = ask(dial())
    except OSError: fresh = False
    with open("new", "w") as f: f.write(f"{ask(kept)} {fresh}")
    os.replace("new", "answers"); time.sleep(0.05)
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_from_a_region_concerns_its_processes_only() {
    let (near, far) = (Region::start("near").await, Region::start("far").await);
    let address = balancer(&near).await;
    let arguments = vec!["-c".to_owned(), DIALLER.to_owned(), address.to_string()];
    far.put("dialler", ProcessSpec { arguments, ..ProcessSpec::new("python3") }).await;
    let answers = far.client().await.process_folder("dialler").join("answers");
    let reads = |expected: &'static str| {
        let answers = answers.clone();
        async move || std::fs::read_to_string(&answers).unwrap_or_default() == expected
    };
    let mut own = TcpStream::connect(address).unwrap();
    eventually("it gets through", reads("True True")).await;

    near.client().await.cut("far", &far.folder).await.unwrap();
    eventually("both of its connections are cut", reads("False False")).await;
    assert!(echoes(&mut own), "a connection from elsewhere is left alone");
    assert!(echoes(&mut TcpStream::connect(address).unwrap()));

    near.client().await.heal("far").await.unwrap();
    eventually("new connections get through", reads("False True")).await;
}
