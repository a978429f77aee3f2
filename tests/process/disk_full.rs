//! A full disk: nothing new is taken and nothing new is started, what is there can be read, running tasks come to
//! their ends and these are recorded, also by a server that was started meanwhile, and everything goes on by itself
//! when space returns.
//!
//! Once on a small file system of its own, truly filled up; and once on whatever disk the tests are on, with the
//! limit of free space moved to where a large file crosses it, which needs no rights.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::FallocateFlags;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::command_line;
use crate::support::look_until;
use crate::support::server::Server;

const MIB: u64 = 1 << 20;

/// Size of the small file system: room for the reserve (32 MiB), the limit (16 MiB) and some work.
const SMALL_MIB: u64 = 96;

/// Parts, of which only a few are given to the runner before the disk is full.
const PARTS: usize = 2500;

/// Runs whose ends, each with a long reason, are more than what was claimed before the disk was full.
const CANCELLED: usize = 1000;

/// What they are made in.
const SETS: usize = 20;

/// A disk that can be filled and emptied.
struct Disk {
    filler: PathBuf,
    /// Whether it was truly full: then the ends of tasks come out of the reserve.
    is_small: bool,
    bytes: u64,
}

impl Disk {
    fn fill(&self) {
        if !self.is_small {
            let file = File::create(&self.filler).unwrap();
            rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, self.bytes).unwrap();
            return;
        }
        let mut file = File::create(&self.filler).unwrap();
        let mut piece = vec![0x5a; 1 << 16];
        while !piece.is_empty() {
            if std::io::Write::write_all(&mut file, &piece).is_err() {
                piece.truncate(piece.len() / 2);
            }
        }
    }

    fn empty(&self) {
        std::fs::remove_file(&self.filler).unwrap();
    }
}

#[test]
fn a_full_file_system_stops_new_work_only_and_only_while_it_is_full() {
    let Some(unshare) = way_to_mount() else {
        println!(
            "this machine lets nobody mount: the other form of this test is the only one here"
        );
        return the_limit_of_free_space();
    };
    println!("mounting with {unshare:?}");
    let mut server = Server::stopped(&["--slots", "2"]);
    std::fs::create_dir(server.data()).unwrap();
    let mount =
        format!("mount -t tmpfs -o size={SMALL_MIB}m,mode=0700 small \"$0\" && exec \"$@\"");
    let data = server.data().to_str().unwrap().to_owned();
    let mut wrapper = unshare;
    wrapper.extend(["sh", "-c", &mount, &data].map(str::to_owned));
    server.set_wrapper(wrapper);
    server.restart();
    // Only processes in its name space see what is mounted there.
    let seen = Path::new("/proc")
        .join(server.pid().to_string())
        .join("root")
        .join(data.trim_start_matches('/'));
    let disk = Disk {
        filler: seen.join("filler"),
        is_small: true,
        bytes: 0,
    };
    let health = server.api().get("/health");
    assert_eq!(health["store"]["reserve_bytes"], 32 * MIB, "{health}");
    go_through(&mut server, &disk);
}

#[test]
fn below_the_limit_of_free_space_nothing_new_is_taken() {
    the_limit_of_free_space();
}

fn the_limit_of_free_space() {
    let probe = Server::stopped(&[]);
    let stat = rustix::fs::statvfs(probe.folder()).unwrap();
    let free_mib = stat.f_bavail * stat.f_frsize / MIB;
    // What other tests write at the same time must not cross it.
    let margin_mib = (free_mib / 4).min(2048);
    let limit_mib = free_mib.saturating_sub(margin_mib);
    let limit = limit_mib.to_string();
    let mut server = Server::start(&["--slots", "2", "--free-min-mib", &limit]);
    let disk = Disk {
        filler: server.folder().join("filler"),
        is_small: false,
        bytes: 2 * margin_mib * MIB,
    };
    go_through(&mut server, &disk);
}

/// How this user can have a file system of its own: as root, or as root of a user name space.
fn way_to_mount() -> Option<Vec<String>> {
    let ways: [&[&str]; 2] = [
        &["unshare", "--mount"],
        &["unshare", "--user", "--map-root-user", "--mount"],
    ];
    let works = |way: &&&[&str]| {
        let mut try_out = Command::new(way[0]);
        try_out
            .args(&way[1..])
            .args(["mount", "-t", "tmpfs", "none", "/tmp"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        try_out.status().is_ok_and(|status| status.success())
    };
    let way = ways.iter().find(works)?;
    Some(way.iter().map(|&part| part.to_owned()).collect())
}

fn go_through(server: &mut Server, disk: &Disk) {
    let go = server.folder().join("go");
    let api = server.api().clone();
    let waits = format!("until [ -e {} ]; do sleep 0.02; done", go.display());
    let one = json!({"name": "one", "tasks": [{"name": "t", "command": ["true"]}]});
    let batch = api.save(&one);
    let before = api.start(&batch);
    api.finished(before);
    let parts = json!({"name": "parts", "kind": "parallel", "count": PARTS, "command": ["sh", "-c", waits]});
    let running = api.start_definition(&json!({"name": "many", "tasks": [parts]}));
    api.running(running);
    let sets = waiting_sets(&api, &batch);

    disk.fill();
    look_until("new requests are refused", || refused(server, &batch));
    assert_eq!(api.get("/health")["status"], "disk_full");
    // What is there can be read.
    assert_eq!(api.get(&format!("/runs/{before}"))["status"], "success");
    assert!(api.events().len() > 10);
    let refusal = api.send("PUT", "/images/x", &[], Some(b"{\"path\": \"/\"}"));
    assert_eq!(refusal.status, 507, "{}", refusal.text());

    if !disk.is_small {
        // A mount of its own would be gone with the server.
        let (status, took) = server.stop();
        assert!(status.success(), "{status}\n{}", server.said());
        assert!(took < Duration::from_secs(30), "{took:?}");
        server.restart();
        look_until("it is full as before", || refused(server, &batch));
    }
    // What runs comes to its end, and that is recorded, with the disk as full as before. What is queued waits.
    let leased = leased(&api, running);
    assert!(leased < PARTS, "{leased} are given out");
    std::fs::write(&go, b"").unwrap();
    look_until("what was given out is over", || {
        let counts = &api.get(&format!("/runs/{running}"))["task_counts"];
        (counts["success"] == leased).then_some(())
    });
    let runs_of = |set| api.list(&format!("/runs?run_set={set}"));
    let waiting: Vec<Value> = sets.iter().flat_map(runs_of).collect();
    assert_eq!(waiting.len(), CANCELLED);
    for run in &waiting {
        let id = run["id"].as_u64().unwrap();
        let reason = json!({"reason": noise(id)});
        api.post(&format!("/runs/{id}/cancel"), &reason);
    }
    if disk.is_small {
        look_until("the reserve is used", || {
            let store = &api.get("/health")["store"];
            let held = store["reserve_bytes"].as_u64().unwrap();
            (held < store["reserve_wanted_bytes"].as_u64().unwrap()).then_some(())
        });
    }
    assert_eq!(
        self::leased(&api, running),
        leased,
        "nothing new is given out"
    );
    assert!(refused(server, &batch).is_some(), "it is still full");

    disk.empty();
    let ended = api.finished(running);
    assert_eq!(ended["status"], "success", "{ended}");
    let after = look_until("new requests are taken again", || accepted(server, &batch));
    assert_eq!(api.finished(after)["status"], "success");
    let health = look_until("the reserve is whole again", || {
        let health = api.get("/health");
        let store = &health["store"];
        (store["reserve_bytes"] == store["reserve_wanted_bytes"]).then(|| health.clone())
    });
    assert_eq!(health["status"], "ok", "{health}");
    let whole = command_line::call(server.folder(), api.url(), &["verify", "--live"]);
    assert_eq!(whole.code, 0, "{whole:?}");
    let (status, _) = server.stop();
    assert!(status.success(), "{status}\n{}", server.said());
}

/// Sets of runs that wait. Small ones: for a commit of many runs a lot is claimed, and what it leaves of that would do
/// for their ends.
fn waiting_sets(api: &Client, batch: &str) -> Vec<Value> {
    let runs = vec![json!({}); CANCELLED / SETS];
    let set = json!({"batch_id": batch, "title": "waiting", "runs": runs});
    (0..SETS)
        .map(|_| api.post("/run-sets", &set)["id"].clone())
        .collect()
}

/// Text that the log cannot make shorter.
fn noise(seed: u64) -> String {
    let mut state = seed;
    let mut next = || {
        // Knuth's multiplier; its high bits are as good as chance.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b'!' + u8::try_from((state >> 33) % 90).unwrap())
    };
    (0..1_900).map(|_| next()).collect()
}

/// Attempts of a run that were given to runners.
fn leased(api: &Client, run: u64) -> usize {
    let events = api.list(&format!("/events?run_id={run}&types=attempt.leased"));
    let leases = events
        .iter()
        .map(|event| event["data"]["leases"].as_array().unwrap().len());
    leases.sum()
}

/// A refusal of the right kind, once there is one.
fn refused(server: &Server, batch: &str) -> Option<Value> {
    let answer = server
        .api()
        .send("POST", &format!("/batches/{batch}/runs"), &[], Some(b"{}"));
    if answer.status == 201 {
        return None;
    }
    assert_eq!(answer.status, 507, "{}", answer.text());
    let problem = answer.json();
    assert_eq!(problem["code"], "disk_full", "{problem}");
    Some(problem)
}

/// The run, once there is one.
fn accepted(server: &Server, batch: &str) -> Option<u64> {
    let answer = server
        .api()
        .send("POST", &format!("/batches/{batch}/runs"), &[], Some(b"{}"));
    if answer.status == 507 {
        return None;
    }
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_u64()
}
