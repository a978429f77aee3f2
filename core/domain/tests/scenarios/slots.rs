//! Slots of schedules: what fires, what does not, and what is said of it.

use fasti_domain::command::{Command, Force, RunSource};
use fasti_domain::definition::{Definition, EndCondition};
use fasti_domain::event::Event;
use fasti_domain::ids::BatchId;
use fasti_domain::run::RunType;
use fasti_domain::schedule::{RunAfter, Schedule};
use fasti_domain::slots::{Misfire, Overlap, SlotPolicy};

use crate::batches::{batch, chain, hashed, task};
use crate::world::{World, create_run};

/// A batch of one task at these times.
pub(super) fn timed(cron: &str, policy: SlotPolicy) -> Definition {
    Definition {
        schedule: Schedule {
            cron: Some(cron.to_owned()),
            policy,
            ..Schedule::default()
        },
        ..batch("b", vec![task("a")], &[])
    }
}

pub(super) fn every_minute(policy: SlotPolicy) -> Definition {
    timed("* * * * *", policy)
}

pub(super) fn overlapping(overlap: Overlap) -> SlotPolicy {
    SlotPolicy {
        overlap,
        ..SlotPolicy::default()
    }
}

/// What was said of slots, runs made and ended since the last time: the slot, or the number of slots.
pub(super) fn ledger(world: &mut World) -> Vec<String> {
    let lines = ledger_with_alerts(world).into_iter();
    lines
        .filter(|it| !it.starts_with("schedule.alerted"))
        .collect()
}

/// The same with slots that had no outcome in time.
pub(super) fn ledger_with_alerts(world: &mut World) -> Vec<String> {
    let first = world.hushed();
    let lines = world.log[first..].iter().filter_map(|recorded| {
        let name = recorded.event.name();
        Some(match &recorded.event {
            Event::SchedulePlanned(event) => {
                let next = event.next.map(|next| clock(next.slot));
                format!("{name} next {}", next.unwrap_or_default())
            }
            Event::ScheduleFired(event) => format!("{name} {}", clock(event.slot)),
            Event::ScheduleQueued(event) => format!("{name} {}", clock(event.slot)),
            Event::ScheduleMissed(event) => {
                format!("{name} {} to {}", event.count, clock(event.last))
            }
            Event::ScheduleSkipped(event) => format!("{name} {} {}", event.count, event.reason),
            Event::ScheduleSuperseded(event) if event.count > 1 => {
                format!("{name} {} {}", clock(event.first), event.count)
            }
            Event::ScheduleSuperseded(event) => format!("{name} {}", clock(event.first)),
            Event::ScheduleAlerted(event) => {
                format!("{name} {} {}", event.count, why(&event.reason))
            }
            Event::ScheduleCancelled(event) => format!("{name} {}", event.count),
            Event::RunCreated(event) => {
                format!(
                    "{name} {} {}",
                    event.run_type.as_str(),
                    clock(event.scheduled_time)
                )
            }
            Event::RunFinished(event) => format!("{name} {}", event.status.as_str()),
            _ => return None,
        })
    });
    let lines = lines.collect();
    world.hush();
    lines
}

/// The word that matters.
fn why(reason: &str) -> &str {
    let known = ["away", "held up", "cannot read"];
    let found = known.into_iter().find(|word| reason.contains(word));
    found.unwrap_or(reason)
}

fn clock(at: fasti_domain::time::Timestamp) -> String {
    at.to_string()[11..19].to_owned()
}

pub(super) fn world_with(definition: &Definition) -> (World, BatchId) {
    let mut world = World::new();
    let batch = world.save(definition);
    world.join("r1", 4);
    ledger(&mut world);
    (world, batch)
}

#[test]
fn a_slot_and_its_run_are_one_commit() {
    let mut world = World::new();
    world.save(&every_minute(SlotPolicy::default()));
    assert_eq!(ledger(&mut world), ["schedule.planned next 12:01:00"]);
    world.pass_ms(59_999);
    assert!(ledger(&mut world).is_empty(), "not yet");
    world.pass_ms(2);
    assert_eq!(
        ledger(&mut world),
        ["schedule.fired 12:01:00", "run.created scheduled 12:01:00"]
    );
    let run = world
        .log
        .iter()
        .find(|it| matches!(it.event, Event::RunCreated(_)));
    let run = run.unwrap();
    let cause = &world.log[usize::try_from(run.causation.unwrap().0).unwrap() - 1];
    assert_eq!(cause.event.name(), "schedule.fired", "the slot is why");
    world.pass_ms(1);
    assert!(ledger(&mut world).is_empty(), "once");
}

#[test]
fn slots_within_a_short_stall_all_fire() {
    let (mut world, _) = world_with(&timed("* * * * * *", SlotPolicy::default()));
    world.pass_ms(3_500);
    let fired: Vec<_> = ledger(&mut world)
        .into_iter()
        .filter(|it| it.starts_with("schedule"))
        .collect();
    assert_eq!(
        fired,
        [
            "schedule.fired 12:00:01",
            "schedule.fired 12:00:02",
            "schedule.fired 12:00:03"
        ]
    );
}

#[test]
fn after_an_hour_away_the_latest_fires_and_the_others_are_one_line() {
    let (mut world, _) = world_with(&every_minute(SlotPolicy::default()));
    world.pass_ms(60 * 60_000 + 30_000);
    assert_eq!(
        ledger(&mut world),
        [
            "schedule.missed 59 to 12:59:00",
            "schedule.fired 13:00:00",
            "run.created scheduled 13:00:00",
        ]
    );
}

#[test]
fn a_latest_slot_that_is_too_old_is_missed_too() {
    let (mut world, _) = world_with(&timed("15 12 * * *", SlotPolicy::default()));
    world.pass_ms(2 * 3_600_000);
    assert_eq!(ledger(&mut world), ["schedule.missed 1 to 12:15:00"]);
}

#[test]
fn policies_for_what_passed_unseen() {
    let away = |misfire, within, max| {
        let policy = SlotPolicy {
            misfire,
            misfire_within_seconds: within,
            misfire_max: max,
            ..SlotPolicy::default()
        };
        let (mut world, _) = world_with(&every_minute(policy));
        world.pass_ms(10 * 60_000 + 30_000);
        let lines = ledger(&mut world).into_iter();
        lines
            .filter(|line| line.starts_with("schedule"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        away(Misfire::Skip, None, None),
        ["schedule.missed 10 to 12:10:00"]
    );
    assert_eq!(away(Misfire::All, None, None).len(), 10);
    assert_eq!(
        away(Misfire::All, None, Some(2)),
        [
            "schedule.missed 8 to 12:08:00",
            "schedule.fired 12:09:00",
            "schedule.fired 12:10:00"
        ]
    );
    assert_eq!(
        away(Misfire::Within, Some(100), None),
        [
            "schedule.missed 8 to 12:08:00",
            "schedule.fired 12:09:00",
            "schedule.fired 12:10:00"
        ]
    );
    assert_eq!(
        away(Misfire::Latest, Some(10), None),
        ["schedule.missed 10 to 12:10:00"]
    );
}

#[test]
fn ten_years_of_minutes_are_one_event() {
    let (mut world, _) = world_with(&every_minute(SlotPolicy::default()));
    world.pass_ms(10 * 365 * 86_400_000);
    let lines = ledger(&mut world);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines[0].starts_with("schedule.missed 5255999 "),
        "{lines:?}"
    );
}

#[test]
fn a_clock_that_goes_back_fires_nothing_again() {
    let (mut world, _) = world_with(&every_minute(SlotPolicy::default()));
    world.pass_ms(120_000);
    ledger(&mut world);
    world.now = world.now.plus_us(-3_600_000_000);
    world.pass_ms(1_800_000);
    assert!(ledger(&mut world).is_empty());
}

#[test]
fn what_a_slot_does_while_an_earlier_run_goes_on() {
    let two_slots = |overlap| {
        let (mut world, _) = world_with(&every_minute(overlapping(overlap)));
        world.pass_ms(60_000);
        world.start("a");
        ledger(&mut world);
        world.pass_ms(60_000);
        world
    };
    assert_eq!(
        ledger(&mut two_slots(Overlap::Allow)),
        ["schedule.fired 12:02:00", "run.created scheduled 12:02:00"]
    );
    let skipped = ledger(&mut two_slots(Overlap::Skip));
    assert_eq!(skipped.len(), 1);
    assert!(skipped[0].contains("an earlier run"), "{skipped:?}");

    let mut world = two_slots(Overlap::QueueOne);
    assert_eq!(ledger(&mut world), ["schedule.queued 12:02:00"]);
    world.pass_ms(60_000);
    assert_eq!(
        ledger(&mut world),
        ["schedule.superseded 12:02:00", "schedule.queued 12:03:00"]
    );
    world.exit("a", 0);
    assert_eq!(
        ledger(&mut world),
        [
            "run.finished success",
            "schedule.fired 12:03:00",
            "run.created scheduled 12:03:00"
        ]
    );

    let mut world = two_slots(Overlap::QueueAll);
    world.pass_ms(60_000);
    assert_eq!(
        ledger(&mut world),
        ["schedule.queued 12:02:00", "schedule.queued 12:03:00"]
    );
    world.exit("a", 1);
    assert_eq!(
        ledger(&mut world),
        [
            "run.finished failure",
            "schedule.fired 12:02:00",
            "run.created scheduled 12:02:00"
        ]
    );

    let mut world = two_slots(Overlap::CancelOld);
    let lines = ledger(&mut world);
    assert_eq!(
        lines,
        ["schedule.fired 12:02:00", "run.created scheduled 12:02:00"]
    );
    assert_eq!(
        world.state.runs().filter(|run| run.is_stopping()).count(),
        1
    );
}

#[test]
fn saving_again_repeats_nothing_and_drops_nothing() {
    let definition = every_minute(SlotPolicy::default());
    let (mut world, _) = world_with(&definition);
    world.pass_ms(30_000);
    let mut same = definition.clone();
    same.labels = vec!["new".to_owned()];
    world.save(&same);
    assert!(ledger(&mut world).is_empty(), "the plan goes on");
    world.pass_ms(30_000);
    assert_eq!(ledger(&mut world)[0], "schedule.fired 12:01:00");
    world.now = world.now.plus_ms(60_000);
    // Due, and not yet woken for: it belongs to the old schedule.
    world.save(&timed("30 * * * *", SlotPolicy::default()));
    assert_eq!(
        ledger(&mut world),
        [
            "schedule.fired 12:02:00",
            "run.created scheduled 12:02:00",
            "schedule.planned next 12:30:00",
        ]
    );
    world.save(&batch("b", vec![task("a")], &[]));
    assert_eq!(ledger(&mut world), ["schedule.planned next "]);
    world.pass_ms(86_400_000);
    assert!(ledger(&mut world).is_empty(), "by hand from now on");
}

/// Two slots: the run of the first goes on, the second waits.
fn world_with_a_slot_that_waits() -> (World, BatchId) {
    let (mut world, batch) = world_with(&every_minute(overlapping(Overlap::QueueAll)));
    world.pass_ms(60_000);
    world.pass_ms(60_000);
    assert_eq!(
        ledger(&mut world).last().unwrap(),
        "schedule.queued 12:02:00"
    );
    (world, batch)
}

#[test]
fn a_slot_that_waits_outlives_its_schedule() {
    let (mut world, _) = world_with_a_slot_that_waits();
    world.save(&batch("b", vec![task("a")], &[]));
    ledger(&mut world);
    world.exit("a", 0);
    assert_eq!(
        ledger(&mut world),
        [
            "run.finished success",
            "schedule.fired 12:02:00",
            "run.created scheduled 12:02:00"
        ]
    );
    let (mut world, batch_id) = world_with_a_slot_that_waits();
    world.save(&batch("b", vec![task("a")], &[]));
    ledger(&mut world);
    world.ask(Command::DeleteBatch {
        batch: batch_id,
        force: Force::Yes,
    });
    assert_eq!(ledger(&mut world)[0], "schedule.cancelled 1");
}

#[test]
fn slots_of_a_batch_that_is_deleted() {
    let (mut world, batch) = world_with(&every_minute(overlapping(Overlap::QueueAll)));
    world.pass_ms(60_000);
    world.pass_ms(60_000);
    ledger(&mut world);
    world.ask(Command::DeleteBatch {
        batch,
        force: Force::Yes,
    });
    let lines = ledger(&mut world);
    assert_eq!(lines[0], "schedule.cancelled 1");
    world.cancel_all();
    assert_eq!(world.state.next_wake(), None);
}

#[test]
fn a_run_that_does_not_start_in_time_is_cancelled() {
    let policy = SlotPolicy {
        start_deadline_seconds: Some(20),
        ..SlotPolicy::default()
    };
    let mut world = World::new();
    world.save(&every_minute(policy));
    world.pass_ms(60_000);
    ledger(&mut world);
    world.pass_ms(20_000);
    assert_eq!(ledger(&mut world), ["run.finished cancelled"]);
}

#[test]
fn jitter_delays_a_slot_and_keeps_its_time() {
    let policy = SlotPolicy {
        jitter_seconds: Some(30),
        ..SlotPolicy::default()
    };
    let (mut world, _) = world_with(&every_minute(policy));
    world.pass_ms(90_000);
    assert_eq!(ledger(&mut world)[1], "run.created scheduled 12:01:00");
    let fired = world.log.iter().find_map(|it| match &it.event {
        Event::ScheduleFired(event) => Some(event.clone()),
        _ => None,
    });
    let fired = fired.unwrap();
    let delay = fired.due.0 - fired.slot.0;
    assert!((1..=30_000_000).contains(&delay), "{delay}");
}

#[test]
fn a_slot_whose_batch_cannot_run_says_so() {
    let (mut world, batch) = world_with(&every_minute(SlotPolicy::default()));
    let definition = Definition {
        image: Some("img".to_owned()),
        ..every_minute(SlotPolicy::default())
    };
    world.ask(Command::RegisterImage {
        image: crate::batches::image("img"),
    });
    assert_eq!(world.save(&definition), batch);
    world.ask(Command::RemoveImage {
        name: "img".to_owned(),
    });
    ledger(&mut world);
    world.pass_ms(60_000);
    let lines = ledger(&mut world);
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].contains("could not run") && lines[0].contains("img"),
        "{lines:?}"
    );
}

fn after(name: &str, of: &str, condition: EndCondition) -> Definition {
    Definition {
        schedule: Schedule {
            run_after: Some(RunAfter {
                job_name: Some(of.to_owned()),
                job_uuid: None,
                condition,
            }),
            ..Schedule::default()
        },
        ..batch(name, vec![task(name)], &[])
    }
}

#[test]
fn batches_run_after_others_by_how_these_end() {
    let mut world = World::new();
    world.join("r1", 4);
    let parent = world.save(&chain("p", 1));
    for (name, condition) in [
        ("s", EndCondition::OnSuccess),
        ("f", EndCondition::OnFailure),
        ("x", EndCondition::Always),
    ] {
        world.save(&after(name, "p", condition));
    }
    let started = |world: &mut World, code| {
        world.run_saved(parent);
        world.hush();
        world.exit("a", code);
        let first = world.hushed();
        let names: Vec<String> = world.log[first..]
            .iter()
            .filter_map(|it| match &it.event {
                Event::RunCreated(event) if event.run_type == RunType::RunAfter => {
                    assert!(event.parent_run.is_some());
                    let cause = it.causation.unwrap().0;
                    let cause = &world.log[usize::try_from(cause).unwrap() - 1].event;
                    assert_eq!(cause.name(), "run.finished");
                    Some(event.batch_name.clone())
                }
                _ => None,
            })
            .collect();
        for name in &names {
            world.exit(name, 0);
        }
        let mut names = names;
        names.sort();
        names
    };
    assert_eq!(started(&mut world, 0), ["s", "x"]);
    assert_eq!(started(&mut world, 1), ["f", "x"]);
    let run = world.run_saved(parent);
    world.hush();
    world.cancel(run);
    world.end("a", fasti_domain::attempt::Outcome::Stopped);
    let cancelled = world
        .told()
        .into_iter()
        .filter(|line| line.starts_with("run.created"));
    assert_eq!(cancelled.count(), 1, "only `always`");
}

#[test]
fn links_to_nothing_and_circles_are_refused() {
    let mut world = World::new();
    let save = |definition: &Definition| Command::SaveBatch {
        definition: hashed(definition),
        expected_version: None,
    };
    let refusal = world.refused(save(&after("a", "nobody", EndCondition::Always)));
    assert_eq!(refusal.field().unwrap(), "schedule.run_after_job_name");
    let a = world.save(&batch("a", vec![task("a")], &[]));
    world.save(&after("b", "a", EndCondition::Always));
    world.save(&after("c", "b", EndCondition::Always));
    let refusal = world.refused(save(&after("a", "c", EndCondition::Always)));
    assert!(refusal.to_string().contains("after itself"), "{refusal}");
    assert_eq!(refusal.field().unwrap(), "schedule.run_after_job_name");
    let mut by_id = batch("a", vec![task("a")], &[]);
    by_id.schedule.run_after = Some(RunAfter {
        job_name: None,
        job_uuid: Some(a),
        condition: EndCondition::Always,
    });
    let refusal = world.refused(save(&by_id));
    assert_eq!(refusal.field().unwrap(), "schedule.run_after_job_uuid");
    let refusal = world.refused(save(&after("a", "a", EndCondition::Always)));
    assert!(refusal.to_string().contains("after itself"), "{refusal}");
    let refusal = world.refused(Command::DeleteBatch {
        batch: a,
        force: Force::No,
    });
    assert_eq!(refusal.code(), "batch_followed");
    world.ask(Command::DeleteBatch {
        batch: a,
        force: Force::Yes,
    });
    world.ask(create_run(RunSource::Given(hashed(&chain("a", 1)))));
}
