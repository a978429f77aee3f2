//! Slots that could not have their chance in time, and what is said and made of them.

use fasti_domain::attempt::Outcome;
use fasti_domain::backfill::{BackfillOrder, BackfillRequest};
use fasti_domain::batch::SavedFrom;
use fasti_domain::command::{Command, Force};
use fasti_domain::event::{BatchSaved, DefinitionAdded, Event, SchedulePlanned};
use fasti_domain::slots::{Misfire, NextSlot, Overlap, SlotPolicy};

use super::slots::{every_minute, ledger, ledger_with_alerts, overlapping, timed, world_with};
use crate::batches::{batch, hashed, task};
use crate::world::World;

fn slots_of(world: &mut World) -> Vec<String> {
    let lines = ledger_with_alerts(world).into_iter();
    lines.filter(|it| it.starts_with("schedule")).collect()
}

#[test]
fn cancel_old_makes_no_runs_that_it_would_cancel_at_once() {
    let policy = SlotPolicy {
        misfire: Misfire::All,
        ..overlapping(Overlap::CancelOld)
    };
    let (mut world, _) = world_with(&every_minute(policy));
    world.pass_ms(10 * 60_000 + 1);
    assert_eq!(
        slots_of(&mut world),
        [
            "schedule.alerted 9 held up",
            "schedule.superseded 12:01:00 9",
            "schedule.fired 12:10:00"
        ]
    );
    assert_eq!(world.state.runs().count(), 1);
    let (mut world, _) = world_with(&timed("* * * * * *", overlapping(Overlap::CancelOld)));
    world.pass_ms(3_500);
    assert_eq!(
        slots_of(&mut world),
        ["schedule.superseded 12:00:01 2", "schedule.fired 12:00:03"]
    );
}

#[test]
fn jitter_longer_than_the_interval_loses_nothing() {
    let policy = SlotPolicy {
        jitter_seconds: Some(300),
        ..SlotPolicy::default()
    };
    let (mut world, _) = world_with(&every_minute(policy));
    let mut fired = Vec::new();
    for _ in 0..3_600 {
        world.pass_ms(1_000);
        for line in slots_of(&mut world) {
            assert!(line.starts_with("schedule.fired"), "{line}");
            fired.push(line);
        }
    }
    // All slots of 55 minutes at least, in their order.
    assert!(fired.len() >= 55 && fired.is_sorted(), "{fired:?}");
    let late = world.log.iter().filter_map(|it| match &it.event {
        Event::ScheduleFired(event) => Some(event.due.0 - event.slot.0),
        _ => None,
    });
    assert!(late.clone().all(|us| us <= 300_000_000));
    assert!(late.max().unwrap() > 60_000_000, "longer than the interval");
}

#[test]
fn a_slot_past_its_start_deadline_is_not_made_up_for() {
    let policy = SlotPolicy {
        start_deadline_seconds: Some(90),
        misfire: Misfire::All,
        ..SlotPolicy::default()
    };
    let (mut world, _) = world_with(&every_minute(policy));
    world.pass_ms(4 * 60_000 + 1_000);
    assert_eq!(
        slots_of(&mut world),
        [
            "schedule.alerted 3 held up",
            "schedule.skipped 1 its start deadline passed before it could start",
            "schedule.skipped 1 its start deadline passed before it could start",
            "schedule.fired 12:03:00",
            "schedule.fired 12:04:00"
        ]
    );
}

#[test]
fn a_slot_finds_the_run_over_that_ends_in_the_same_wake() {
    let policy = SlotPolicy {
        start_deadline_seconds: Some(60),
        ..overlapping(Overlap::Skip)
    };
    let mut world = World::new();
    world.save(&every_minute(policy));
    world.pass_ms(60_000);
    ledger(&mut world);
    // No runner: the run of 12:01 is cancelled at 12:02, when the next slot comes.
    world.pass_ms(60_000);
    world.pass_ms(0);
    assert_eq!(
        ledger(&mut world),
        [
            "run.finished cancelled",
            "schedule.fired 12:02:00",
            "run.created scheduled 12:02:00"
        ]
    );
}

#[test]
fn a_backfill_neither_holds_slots_up_nor_is_cancelled_by_them() {
    for overlap in [Overlap::Skip, Overlap::CancelOld, Overlap::QueueAll] {
        let (mut world, batch) = world_with(&every_minute(overlapping(overlap)));
        world.ask(Command::CreateBackfill(BackfillRequest {
            batch,
            title: "again".to_owned(),
            labels: vec![],
            from: world.now.plus_ms(0).plus_us(-86_400_000_000),
            until: world.now,
            order: BackfillOrder::OldestFirst,
            live_max: 2,
        }));
        ledger(&mut world);
        world.pass_ms(60_000);
        assert_eq!(
            slots_of(&mut world),
            ["schedule.fired 12:01:00"],
            "{overlap:?}"
        );
        assert!(world.state.runs().all(|run| !run.is_stopping()));
        assert_eq!(world.state.runs().count(), 3);
    }
}

#[test]
fn a_run_by_hand_counts_for_the_next_slot() {
    let (mut world, batch) = world_with(&every_minute(overlapping(Overlap::Skip)));
    world.run_saved(batch);
    ledger(&mut world);
    world.pass_ms(60_000);
    let lines = slots_of(&mut world);
    assert!(lines[0].contains("an earlier run"), "{lines:?}");
}

#[test]
fn who_waits_for_a_slot_is_told_why_it_did_not_come() {
    let (mut world, _) = world_with(&every_minute(SlotPolicy::default()));
    world.pass_ms(60_000 + 5_000);
    assert_eq!(
        slots_of(&mut world),
        ["schedule.fired 12:01:00"],
        "a busy moment is no reason"
    );
    // Another server takes the log up after an hour.
    world.now = world.now.plus_ms(3_600_000);
    world.start_server();
    world.pass_ms(0);
    let lines = slots_of(&mut world);
    assert_eq!(
        lines[..2],
        ["schedule.alerted 59 away", "schedule.missed 59 to 13:00:00"],
        "{lines:?}"
    );
    world.pass_ms(0);
    assert!(slots_of(&mut world).is_empty(), "once");
}

#[test]
fn a_schedule_that_this_build_cannot_read_rests_and_is_told_once() {
    let (mut world, id) = world_with(&every_minute(SlotPolicy::default()));
    // Saved by a build whose zones have one that ours have not.
    let mut definition = every_minute(SlotPolicy::default());
    definition.schedule.timezone = Some("Atlantis/Capital".to_owned());
    let saved = hashed(&definition);
    let digest = saved.digest;
    world.append(DefinitionAdded {
        digest,
        definition: saved.definition,
    });
    world.append(BatchSaved {
        batch: id,
        name: "b".to_owned(),
        tag: definition.tag,
        version: 2,
        definition: digest,
        saved_from: SavedFrom::Save,
        runs_after: None,
    });
    let slot = world.now.plus_ms(60_000);
    world.append(SchedulePlanned {
        batch: id,
        version: 2,
        after: world.now,
        next: Some(NextSlot { slot, due: slot }),
    });
    ledger(&mut world);
    world.start_server();
    let lines = slots_of(&mut world);
    assert_eq!(lines[0], "schedule.alerted 1 cannot read");
    assert_eq!(lines[1], "schedule.planned next ");
    assert_eq!(world.state.next_wake(), None, "nothing is due for ever");
    world.start_server();
    assert!(slots_of(&mut world).is_empty(), "once");
}

#[test]
fn a_thousand_runs_of_a_deleted_batch_end_in_steps() {
    let mut world = World::new();
    let id = world.save(&batch("b", vec![task("a")], &[]));
    for _ in 0..2 {
        world.ask(Command::CreateRunSet {
            batch: id,
            title: "many".to_owned(),
            labels: vec![],
            runs: vec![None; 600],
            more: fasti_domain::command::More::No,
        });
    }
    let before = world.log.len();
    world.ask(Command::DeleteBatch {
        batch: id,
        force: Force::Yes,
    });
    assert!(world.log.len() - before < 10, "no commit holds all of them");
    let mut steps = 0;
    while world.state.next_wake().is_some() {
        let before = world.log.len();
        world.pass_ms(50);
        assert!(world.log.len() - before < 4_000);
        steps += 1;
    }
    assert_eq!(world.state.runs().count(), 0);
    assert_eq!(steps, 2, "the first two steps are due at once");
}

#[test]
fn cancelling_a_set_ends_its_runs_and_no_others() {
    let (mut world, id) = world_with(&batch("b", vec![task("a")], &[]));
    world.run_saved(id);
    let receipt = world.ask(Command::CreateRunSet {
        batch: id,
        title: "some".to_owned(),
        labels: vec![],
        runs: vec![None; 3],
        more: fasti_domain::command::More::Yes,
    });
    let run_set = crate::world::made_set(&receipt);
    world.ask(Command::CancelRunSet {
        run_set,
        reason: Some("wrong".to_owned()),
    });
    world.pass_ms(0);
    for run in world.state.runs() {
        assert_eq!(run.is_stopping(), run.run_set == Some(run_set));
    }
    for _ in 0..3 {
        world.end("a", Outcome::Stopped);
    }
    assert_eq!(world.state.runs().count(), 1);
}
