//! Supervision: restart, adoption, coming back, stopping, and what a person is told.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use terrane_local::RefusalKind;
use terrane_local::agent::{Started, start};
use terrane_local::client::{Client, Error};
use terrane_local::spec::{BalancerSpec, Change, Data, EndpointSpec, Limits, ProcessSpec, Readiness};
use terrane_local::status::ProcessState;

use crate::support::{Region, eventually, exists, file_server, free_address, is_running, kill, new_folder, shell};

#[tokio::test]
async fn a_process_that_dies_is_started_again() {
    let region = Region::start("restart").await;
    region.put("sleeper", shell("exec sleep 1000")).await;
    let first = region.process("sleeper").await.pid.unwrap();
    kill(first);
    eventually("it runs again", async || region.process("sleeper").await.restarts == 1).await;
    assert_ne!(region.ready("sleeper").await, first);
    assert_eq!(region.process("sleeper").await.last_exit.as_deref(), Some("was killed by signal 9"));
}

#[tokio::test]
async fn an_agent_that_was_killed_adopts_what_runs() {
    let region = Region::start("adopt").await;
    let spec = shell("exec sleep 1000");
    region.put("sleeper", spec.clone()).await;
    let pid = region.process("sleeper").await.pid.unwrap();

    region.kill_agent().await;
    assert!(is_running(pid));
    assert_eq!(region.start_agent().await, Started::New);
    assert_eq!(region.ready("sleeper").await, pid);
    assert_eq!(region.client().await.put_process("sleeper", spec).await.unwrap(), Change::Unchanged);

    kill(pid);
    eventually("the adopted one is started again", async || region.process("sleeper").await.restarts == 1).await;
    let second = region.ready("sleeper").await;
    // Killed before it had written down what it started: a stranger, but not left behind.
    region.kill_agent().await;
    std::fs::remove_file(region.folder.join("processes/.instances/sleeper.json")).unwrap();
    region.start_agent().await;
    let third = region.ready("sleeper").await;
    assert!(third != second && !is_running(second));
    region.kill_agent().await;
    region.start_agent().await;
    let change = region.client().await.remove_process("sleeper", Data::Deleted).await.unwrap();
    assert_eq!(change, Change::Removed);
    assert!(!is_running(third));
}

#[tokio::test]
async fn what_is_desired_comes_back_after_everything_has_died() {
    let region = Region::start("return").await;
    let address = free_address();
    let mut spec = file_server(address);
    spec.files.insert("conf/a.txt".to_owned(), "first".to_owned());
    region.put("files", spec.clone()).await;
    let pid = region.process("files").await.pid.unwrap();
    region.kill_agent().await;
    kill(pid);
    region.start_agent().await;
    assert_ne!(region.ready("files").await, pid);

    spec.files.insert("conf/a.txt".to_owned(), "second".to_owned());
    let mut client = region.client().await;
    assert_eq!(client.put_process("files", spec).await.unwrap(), Change::Replaced);
    let written = client.process_folder("files").join("conf/a.txt");
    region.ready("files").await;
    assert_eq!(std::fs::read_to_string(&written).unwrap(), "second");
    assert_eq!(mode(&written), 0o600);
    assert_eq!(region.processes().len(), 1);
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_stop_takes_all_that_was_started() {
    let region = Region::start("group").await;
    let stubborn = shell("trap '' TERM; sleep 1000 & setsid sleep 1000 & while true; do sleep 1; done");
    region.put("stubborn", ProcessSpec { stop_limit_ms: 300, ..stubborn }).await;
    eventually("its children run", async || region.processes().len() >= 3).await;
    region.client().await.remove_process("stubborn", Data::Deleted).await.unwrap();
    assert!(region.processes().is_empty());

    region.put("parent", shell("sleep 1000 & exec sleep 1000")).await;
    eventually("its child runs", async || region.processes().len() == 2).await;
    kill(region.process("parent").await.pid.unwrap());
    eventually("it was started again", async || region.process("parent").await.restarts == 1).await;
    eventually("nothing of the first is left", async || region.processes().len() == 2).await;
}

#[tokio::test]
async fn a_person_is_told_why_a_process_is_not_ready() {
    let region = Region::start("told").await;
    let mut client = region.client().await;
    client.put_process("failing", shell("echo no luck today; exit 3")).await.unwrap();
    eventually("it backs off", async || {
        let status = region.process("failing").await;
        let words = status.progress.contains("exited with 3, restart") && status.progress.contains("no luck today");
        status.state == ProcessState::BackingOff && words
    })
    .await;
    client.put_process("missing", ProcessSpec::new("no-such-program")).await.unwrap();
    eventually("the program is named", async || {
        region.process("missing").await.progress.contains("cannot start no-such-program")
    })
    .await;

    let address = free_address();
    let mut silent = shell("exec sleep 1000");
    silent.readiness = Readiness::Tcp { address };
    silent.limits = Limits { memory_bytes: Some(1 << 30), cpus: Some(1.0) };
    client.put_process("silent", silent).await.unwrap();
    let mut told = Vec::new();
    let limit = Duration::from_millis(300);
    let error = client.wait_ready("silent", limit, |text| told.push(text.to_owned())).await.unwrap_err();
    assert!(matches!(error, Error::NotReady { .. }), "{error}");
    assert!(told.contains(&format!("port {address} not open yet")), "{told:?}");
    let notes = region.process("silent").await.notes;
    assert!(notes.len() == 1 && notes[0].contains("processors is not enforced"), "{notes:?}");
}

#[tokio::test]
async fn an_address_in_use_names_its_holder() {
    let region = Region::start("ports").await;
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap();
    let expected = format!("{address} is in use by pid {} (", std::process::id());
    let mut client = region.client().await;
    let spec = BalancerSpec { listen: address, target: free_address() };
    let keys = || ("key".to_owned(), "secret".to_owned());
    let (access_key, secret_key) = keys();
    let refusals = [
        client.put_process("files", file_server(address)).await.unwrap_err(),
        client.put_balancer("balancer", spec).await.unwrap_err(),
        client.put_endpoint(EndpointSpec { listen: address, access_key, secret_key }).await.unwrap_err(),
    ];
    for refusal in refusals {
        let Error::Refused { kind, message } = refusal else { panic!("{refusal}") };
        assert_eq!(kind, RefusalKind::Conflict);
        assert!(message.starts_with(&expected), "{message}");
    }
    let status = region.status().await;
    assert!(status.processes.is_empty() && status.balancers.is_empty() && status.endpoint.is_none());

    drop(holder);
    region.put("files", file_server(address)).await;
    let mut changed = file_server(address);
    changed.environment.insert("NEW".to_owned(), "1".to_owned());
    region.put("files", changed).await;
}

#[tokio::test]
async fn a_shutdown_leaves_nothing_and_a_start_brings_it_back() {
    let region = Region::start("shutdown").await;
    let [server, balancer, endpoint] = [(); 3].map(|()| free_address());
    let mut client = region.client().await;
    region.put("files", file_server(server)).await;
    client.put_balancer("front", BalancerSpec { listen: balancer, target: server }).await.unwrap();
    let keys = EndpointSpec { listen: endpoint, access_key: "key".to_owned(), secret_key: "secret".to_owned() };
    client.put_endpoint(keys).await.unwrap();
    let agent = client.status().await.unwrap().pid;

    client.shutdown().await.unwrap();
    eventually("the agent is gone", async || !is_running(agent)).await;
    assert!(region.processes().is_empty());
    assert!(!exists(&region.folder.join("agent.sock")));
    for address in [server, balancer, endpoint] {
        assert!(std::net::TcpStream::connect(address).is_err(), "{address}");
    }
    assert!(matches!(Client::connect(&region.folder).await, Err(Error::Unreachable { .. })));

    region.start_agent().await;
    region.ready("files").await;
    assert!(std::net::TcpStream::connect(balancer).is_ok());
    let status = region.status().await;
    assert_eq!(status.endpoint.unwrap().error, None);
}

#[tokio::test]
async fn one_agent_serves_a_folder_and_a_failing_one_tells_why() {
    let region = Region::start("single").await;
    let before = region.status().await.pid;
    assert_eq!(region.start_agent().await, Started::Already);
    assert_eq!(region.status().await.pid, before);

    let folder = new_folder("broken");
    let command = ["sh", "-c", "echo the disk is on fire >&2; exit 4"].map(Into::into).into();
    let error = start(&folder, command, &[]).await.unwrap_err().to_string();
    assert!(error.contains("status: 4") && error.contains("the disk is on fire"), "{error}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn bad_requests_are_refused_with_a_reason() {
    let region = Region::start("bad").await;
    let mut client = region.client().await;
    let mut escaping = shell("true");
    escaping.files.insert("../../desired.json".to_owned(), String::new());
    let mut unreachable = shell("true");
    unreachable.readiness = Readiness::Http { url: "https://example.com/".to_owned(), status: 200 };
    for (name, spec, reason) in [
        ("../x", shell("true"), "can't name a process"),
        ("x", ProcessSpec::new(""), "the program's name is empty"),
        ("x", escaping, "inside the process's own folder"),
        ("x", unreachable, "must look like http://"),
    ] {
        let error = client.put_process(name, spec).await.unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    let error = client.cut("elsewhere", "relative/folder").await.unwrap_err().to_string();
    assert!(error.contains("must be absolute"), "{error}");
    let error = client.restart_process("nobody").await.unwrap_err().to_string();
    assert_eq!(error, "there is no process `nobody` in this region");
}
