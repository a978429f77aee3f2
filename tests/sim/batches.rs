//! Random batches: graphs, parts, retries, priorities, limits of time.

use std::collections::BTreeMap;

use fasti_core::codec;
use fasti_core::domain::command::Hashed;
use fasti_core::domain::definition::{
    Definition, Edge, EndCondition, Parts, Priority, Resources, RetryPolicy, Tag, Task,
    TaskOptions, Work,
};
use fasti_core::domain::schedule::Schedule;
use fasti_core::domain::slots::{Misfire, Overlap, SlotPolicy};

use super::dice::Dice;

fn task(dice: &mut Dice, index: u32) -> Task {
    let parts = match dice.small(6) {
        0 => Parts::Count(2 + dice.small(4)),
        1 => Parts::Count(20),
        _ => Parts::One,
    };
    Task {
        name: format!("t{index}"),
        work: Work::Command {
            argv: vec!["true".to_owned()],
            env: BTreeMap::new(),
            cwd: None,
            stdin: None,
        },
        parts,
        image: None,
        description: String::new(),
        configuration: None,
        configuration_blob: None,
        resources: Resources::default(),
        retries: dice.small(3),
        count_for_prewarming: false,
        priority: dice
            .pick(&[None, None, Some(Priority::High), Some(Priority::Low)])
            .flatten(),
        timeout_ms: dice.once_in(4).then_some(700),
        options: dice.once_in(4).then(|| Box::new(spread())),
    }
}

/// Further attempts with waits that grow, by chance.
fn spread() -> TaskOptions {
    TaskOptions {
        retry: Some(RetryPolicy {
            delay_ms: Some(300),
            backoff_percent: Some(200),
            jitter_percent: 50,
            ..RetryPolicy::default()
        }),
        ..TaskOptions::default()
    }
}

fn policy(dice: &mut Dice) -> SlotPolicy {
    let misfires = [
        Misfire::Latest,
        Misfire::All,
        Misfire::Within,
        Misfire::Skip,
    ];
    let overlaps = [
        Overlap::Allow,
        Overlap::Skip,
        Overlap::QueueOne,
        Overlap::QueueAll,
        Overlap::CancelOld,
    ];
    let misfire = dice.pick(&misfires).unwrap_or_default();
    SlotPolicy {
        misfire,
        misfire_max: matches!(misfire, Misfire::All | Misfire::Within).then_some(3),
        overlap: dice.pick(&overlaps).unwrap_or_default(),
        start_deadline_seconds: dice.once_in(3).then_some(3),
        jitter_seconds: dice.once_in(3).then_some(2),
        ..SlotPolicy::default()
    }
}

/// A batch of the name `b<number>`.
pub(super) fn random(dice: &mut Dice, number: u64) -> Hashed {
    let count = 1 + dice.small(6);
    let tasks: Vec<Task> = (0..count).map(|index| task(dice, index)).collect();
    let mut edges = Vec::new();
    for to in 1..count {
        for from in 0..to {
            if dice.once_in(3) {
                edges.push(Edge { from, to });
            }
        }
    }
    let cron = dice
        .once_in(5)
        .then(|| format!("*/{} * * * * *", 1 + dice.small(20)));
    let policy = cron.is_some().then(|| policy(dice));
    let schedule = Schedule {
        cron,
        policy: policy.unwrap_or_default(),
        timezone: dice.once_in(2).then(|| "Asia/Tokyo".to_owned()),
        ..Schedule::default()
    };
    codec::hashed(Definition {
        name: format!("b{number}"),
        tag: Tag::Dev,
        schedule,
        image: None,
        bundle: None,
        python: None,
        labels: Vec::new(),
        fail_after_seconds: dice.once_in(4).then_some(2),
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
        edges,
        annotations: std::collections::BTreeMap::new(),
    })
}
