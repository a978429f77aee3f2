//! Backfills: a run a slot of a range, so many at a time.

use fasti_domain::backfill::{BackfillOrder, BackfillRequest};
use fasti_domain::command::{Command, Force};
use fasti_domain::definition::Definition;
use fasti_domain::event::Event;
use fasti_domain::ids::{BatchId, RunSetId};
use fasti_domain::run::RunType;
use fasti_domain::schedule::Schedule;
use fasti_domain::time::Timestamp;

use crate::batches::{batch, task};
use crate::world::{NOON, World, made_set};

const DAY_US: i64 = 86_400_000_000;

/// Daily at eight in Tokyo, for the day before.
fn daily() -> Definition {
    Definition {
        schedule: Schedule {
            at_hours: vec![8],
            timezone: Some("Asia/Tokyo".to_owned()),
            rundate_offset: Some(-1),
            ..Schedule::default()
        },
        ..batch("b", vec![task("a")], &[])
    }
}

fn request(batch: BatchId, days: i64, order: BackfillOrder) -> BackfillRequest {
    BackfillRequest {
        batch,
        title: "again".to_owned(),
        labels: vec![],
        from: NOON.plus_us(-days * DAY_US),
        until: NOON,
        order,
        live_max: 2,
    }
}

fn begin(world: &mut World, days: i64, order: BackfillOrder) -> RunSetId {
    let batch = world.save(&daily());
    world.join("r1", 4);
    world.hush();
    let receipt = world.ask(Command::CreateBackfill(request(batch, days, order)));
    made_set(&receipt)
}

/// Rundates of runs made since the last time, and ends of the set.
fn made(world: &mut World) -> Vec<String> {
    let first = world.hushed();
    let lines = world.log[first..].iter().filter_map(|it| match &it.event {
        Event::RunCreated(event) => {
            assert_eq!(event.run_type, RunType::Manual);
            assert!(event.run_set.is_some() && event.version.is_some());
            Some(event.rundate.clone().unwrap())
        }
        Event::RunSetClosed(event) => Some(format!("closed {}", event.runs)),
        Event::RunSetFinished(event) => {
            Some(format!("finished {}+{}x", event.success, event.cancelled))
        }
        _ => None,
    });
    let lines = lines.collect();
    world.hush();
    lines
}

#[test]
fn slots_are_filled_in_order_so_many_at_a_time() {
    let mut world = World::new();
    begin(&mut world, 4, BackfillOrder::OldestFirst);
    // 28 March, 8:00 in Tokyo is 27 March, 23:00 UTC; its rundate is the day before in Tokyo.
    assert_eq!(made(&mut world), ["2024-03-27", "2024-03-28"]);
    world.exit("a", 0);
    assert_eq!(made(&mut world), ["2024-03-29"]);
    world.exit("a", 1);
    assert_eq!(made(&mut world), ["2024-03-30", "closed 4"]);
    world.exit("a", 0);
    world.exit("a", 0);
    assert_eq!(made(&mut world), ["finished 3+0x"]);
}

#[test]
fn the_newest_may_come_first() {
    let mut world = World::new();
    begin(&mut world, 3, BackfillOrder::NewestFirst);
    assert_eq!(made(&mut world), ["2024-03-30", "2024-03-29"]);
    world.exit("a", 0);
    assert_eq!(made(&mut world), ["2024-03-28", "closed 3"]);
}

#[test]
fn a_pause_makes_no_runs_and_ends_none() {
    let mut world = World::new();
    let run_set = begin(&mut world, 5, BackfillOrder::OldestFirst);
    made(&mut world);
    world.ask(Command::PauseRunSet { run_set });
    world.ask(Command::PauseRunSet { run_set });
    world.exit("a", 0);
    world.exit("a", 0);
    assert!(made(&mut world).is_empty());
    world.ask(Command::ResumeRunSet { run_set });
    assert_eq!(made(&mut world), ["2024-03-28", "2024-03-29"]);
}

#[test]
fn cancelling_ends_what_goes_on() {
    let mut world = World::new();
    let run_set = begin(&mut world, 50, BackfillOrder::OldestFirst);
    made(&mut world);
    world.ask(Command::CancelRunSet {
        run_set,
        reason: None,
    });
    world.pass_ms(0);
    world.end("a", fasti_domain::attempt::Outcome::Stopped);
    world.end("a", fasti_domain::attempt::Outcome::Stopped);
    assert_eq!(made(&mut world), ["closed 2", "finished 0+2x"]);
    let gone = world.refused(Command::ResumeRunSet { run_set });
    assert_eq!(gone.code(), "not_found");
}

#[test]
fn a_batch_that_goes_takes_its_backfill_along() {
    let mut world = World::new();
    begin(&mut world, 50, BackfillOrder::OldestFirst);
    let batch = world
        .state
        .batch_named("b", fasti_domain::definition::Tag::Dev)
        .unwrap()
        .id;
    made(&mut world);
    world.ask(Command::DeleteBatch {
        batch,
        force: Force::Yes,
    });
    world.cancel_all();
    let lines = made(&mut world);
    assert_eq!(lines, ["closed 2", "finished 0+2x"]);
}

#[test]
fn slots_that_the_schedule_may_still_start_are_not_filled() {
    let mut world = World::new();
    let mut late = daily();
    late.schedule.policy.jitter_seconds = Some(3_600);
    let batch = world.save(&late);
    let slot = Timestamp(NOON.0 - 13 * 3_600 * 1_000_000 + DAY_US);
    world.pass_ms(11 * 3_600 * 1_000);
    assert_eq!(world.now, slot, "the slot has come, and its delay goes on");
    let mut request = request(batch, 3, BackfillOrder::OldestFirst);
    request.until = world.now.plus_us(1);
    world.pass_ms(1);
    let refusal = world.refused(Command::CreateBackfill(request.clone()));
    assert_eq!(refusal.field().unwrap(), "until");
    assert!(refusal.to_string().contains("no outcome yet"), "{refusal}");
    world.pass_ms(3_600 * 1_000);
    world.ask(Command::CreateBackfill(request));
}

#[test]
fn a_batch_that_loses_its_times_pauses_its_backfill() {
    let mut world = World::new();
    let run_set = begin(&mut world, 5, BackfillOrder::OldestFirst);
    made(&mut world);
    let mut untimed = daily();
    untimed.schedule = Schedule::default();
    world.save(&untimed);
    world.exit("a", 0);
    let paused = world.log.iter().rev().find_map(|it| match &it.event {
        Event::RunSetPaused(event) => event.reason.clone(),
        _ => None,
    });
    assert!(paused.unwrap().contains("no times any more"));
    world.save(&daily());
    world.ask(Command::ResumeRunSet { run_set });
    assert_eq!(made(&mut world), ["2024-03-28"]);
}

#[test]
fn ranges_that_make_no_sense_are_refused() {
    let mut world = World::new();
    let timed = world.save(&daily());
    let mut often = daily();
    often.name = "often".to_owned();
    often.schedule.at_hours = vec![];
    often.schedule.every_minute = Some(1);
    let often = world.save(&often);
    let untimed = world.save(&batch("u", vec![task("a")], &[]));
    let mut refused = |change: fn(&mut BackfillRequest), batch| {
        let mut request = request(batch, 3, BackfillOrder::OldestFirst);
        change(&mut request);
        let refusal = world.refused(Command::CreateBackfill(request));
        refusal.field().unwrap()
    };
    assert_eq!(refused(|_| (), untimed), "batch_id");
    assert_eq!(refused(|it| it.until = it.from, timed), "until");
    assert_eq!(refused(|it| it.live_max = 0, timed), "live_max");
    assert_eq!(
        refused(|it| it.from = Timestamp(it.until.0 - 1), timed),
        "until"
    );
    assert_eq!(
        refused(|it| it.from = NOON.plus_us(-100 * DAY_US), often),
        "until"
    );
    // What is to come is the schedule's own.
    assert_eq!(refused(|it| it.until = NOON.plus_us(1), timed), "until");
    assert_eq!(
        refused(|it| it.labels = vec!["a".to_owned(); 101], timed),
        "labels"
    );
}
