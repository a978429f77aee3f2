//! Definitions, runners and principals for the tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use fasti_domain::access::Principal;
use fasti_domain::command::Hashed;
use fasti_domain::definition::{
    Definition, Edge, EndCondition, Parts, Priority, Resources, Tag, Task, Work,
};
use fasti_domain::ids::{Digest, RunnerId};
use fasti_domain::image::Image;
use fasti_domain::runner::{Capacity, RunnerInfo};
use fasti_domain::schedule::Schedule;

/// A task that runs a program.
pub(crate) fn task(name: &str) -> Task {
    Task {
        name: name.to_owned(),
        work: Work::Command {
            argv: vec!["true".to_owned()],
            env: BTreeMap::new(),
            cwd: None,
            stdin: None,
        },
        parts: Parts::One,
        image: None,
        description: String::new(),
        configuration: None,
        configuration_blob: None,
        resources: Resources::default(),
        retries: 0,
        count_for_prewarming: false,
        priority: None,
        timeout_ms: None,
        options: None,
    }
}

/// A task of so many parts.
pub(crate) fn parts(name: &str, count: u32) -> Task {
    Task {
        parts: Parts::Count(count),
        ..task(name)
    }
}

/// A task that is tried again so many times.
pub(crate) fn retried(name: &str, retries: u32) -> Task {
    Task {
        retries,
        ..task(name)
    }
}

/// A batch of tasks with edges between positions; owner `owner`, group `group`, permissions `rwr---`.
pub(crate) fn batch(name: &str, tasks: Vec<Task>, edges: &[(u32, u32)]) -> Definition {
    Definition {
        name: name.to_owned(),
        tag: Tag::Dev,
        schedule: Schedule::default(),
        image: None,
        bundle: None,
        python: None,
        labels: Vec::new(),
        fail_after_seconds: None,
        fail_after_run_children: EndCondition::OnSuccess,
        run_as: "owner".to_owned(),
        owner: "owner".to_owned(),
        group: "group".to_owned(),
        permissions: "rwr---".to_owned(),
        priority: Priority::Normal,
        alert_email: None,
        alert_sms: None,
        alert_only_failures: false,
        tasks,
        edges: edges.iter().map(|&(from, to)| Edge { from, to }).collect(),
        annotations: std::collections::BTreeMap::new(),
    }
}

/// Tasks `a`, `b`, `c`, … each after the one before.
pub(crate) fn chain(name: &str, length: u8) -> Definition {
    let tasks = (0..length).map(|i| task(&char::from(b'a' + i).to_string()));
    let edges: Vec<(u32, u32)> = (1..u32::from(length)).map(|i| (i - 1, i)).collect();
    batch(name, tasks.collect(), &edges)
}

/// With a digest of the content. Any function of the content will do here; this one is FNV-1a.
pub(crate) fn hashed(definition: &Definition) -> Hashed {
    let bytes = rmp_serde::to_vec_named(definition).unwrap();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&hash.to_be_bytes());
    Hashed {
        digest: Digest(digest),
        definition: Arc::new(definition.clone()),
    }
}

/// The owner of every batch here.
pub(crate) fn owner() -> Principal {
    Principal::user("owner", vec![], false)
}

/// Somebody in the group: may read.
pub(crate) fn member() -> Principal {
    Principal::user("member", vec!["group".to_owned()], false)
}

/// Somebody else: may do nothing.
pub(crate) fn stranger() -> Principal {
    Principal::user("stranger", vec![], false)
}

/// An administrator.
pub(crate) fn admin() -> Principal {
    Principal::user("root", vec![], true)
}

/// Id of a runner.
pub(crate) fn runner_id(name: &str) -> RunnerId {
    RunnerId::new(name).unwrap()
}

/// A runner with so many slots.
pub(crate) fn runner(name: &str, slots: u32) -> RunnerInfo {
    RunnerInfo {
        runner: runner_id(name),
        host: "host".to_owned(),
        boot_id: "boot".to_owned(),
        pid: 1,
        version: "0".to_owned(),
        capacity: Capacity {
            slots,
            cpu_mhz: 4000,
            memory_mb: 1000,
        },
        labels: BTreeMap::new(),
    }
}

/// An image for development, without code of its own.
pub(crate) fn image(name: &str) -> Image {
    Image {
        name: name.to_owned(),
        path: None,
        bundle: None,
        python: None,
        tags: vec![Tag::Dev],
        env: BTreeMap::new(),
        owner: String::new(),
        container: None,
    }
}
