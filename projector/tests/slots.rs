//! The slots of schedules: each has one record, and the sums agree with the rule.

use fasti_core::domain::command::Command;
use fasti_core::domain::ids::BatchId;
use fasti_core::domain::slots::{Misfire, Overlap};
use fasti_core::domain::time::Timestamp;
use fasti_projector::Views;
use fasti_projector::rows::{PlanView, SlotOutcome, SlotView};

use crate::world::{World, definition, task};

const MINUTE_MS: u64 = 60_000;

fn minutely(overlap: Overlap) -> (World, BatchId) {
    let mut world = World::new();
    world.join("r1", 4);
    let mut batch = definition("minutely", vec![task("a")], &[]);
    batch.schedule.cron = Some("* * * * *".to_owned());
    batch.schedule.policy.overlap = overlap;
    let batch = world.save(batch);
    (world, batch)
}

/// Time passes; what is due happens.
fn wait(world: &mut World, duration_ms: u64) {
    world.at = world.at.plus_ms(duration_ms);
    world.ask(Command::Wake);
}

fn plan(views: &Views, batch: BatchId) -> PlanView {
    let ledger = views.ledger(batch).unwrap().unwrap();
    ledger.plan.unwrap()
}

fn all(views: &Views, batch: BatchId, limit: usize) -> Vec<SlotView> {
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let page = views.slots(batch, before, limit).unwrap();
        assert!(page.items.len() <= limit);
        found.extend(page.items);
        before = page.next;
        if before.is_none() {
            return found;
        }
    }
}

/// Each slot once, and as many as the rule has.
fn assert_balanced(views: &Views, batch: BatchId) {
    let plan = plan(views, batch);
    assert_eq!(plan.is_balanced(), Some(true), "{plan:?}");
    let mut rows = all(views, batch, 3);
    assert_eq!(rows, all(views, batch, 100));
    let alerted = rows
        .iter()
        .filter(|row| row.outcome == SlotOutcome::Alerted);
    let alerted: u64 = alerted.map(|row| row.count).sum();
    // What is said of slots before they have an outcome is no outcome.
    rows.retain(|row| row.outcome != SlotOutcome::Alerted);
    let ledger = views.ledger(batch).unwrap().unwrap();
    let counted: u64 = rows.iter().map(|row| row.count).sum();
    assert_eq!(counted, ledger.totals.closed());
    assert_eq!(alerted, ledger.totals.alerted);
    let mut ranges: Vec<(Timestamp, Timestamp)> =
        rows.iter().map(|row| (row.first, row.last)).collect();
    ranges.sort_unstable();
    assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
}

#[test]
fn slots_fire_and_are_on_record() {
    let (mut world, batch) = minutely(Overlap::Allow);
    let saved = plan(&world.views(), batch);
    assert_eq!((saved.planned, saved.through), (Some(0), saved.since));
    for _ in 0..5 {
        wait(&mut world, MINUTE_MS);
        world.start_all();
        world.end_all(|_| fasti_core::domain::attempt::Outcome::Exited { code: 0 });
    }
    let views = world.views();
    assert_balanced(&views, batch);
    let rows = all(&views, batch, 100);
    assert_eq!(rows.len(), 5);
    for row in &rows {
        assert_eq!((row.outcome, row.count), (SlotOutcome::Fired, 1));
        let run = views.run(row.run.unwrap()).unwrap().unwrap();
        assert_eq!(run.scheduled_time, row.first);
    }
    let view = views.batch(batch).unwrap().unwrap();
    assert_eq!(view.next_slot, plan(&views, batch).next);
    assert!(view.next_slot.unwrap().slot > rows[0].last);
}

#[test]
fn busy_slots_wait_and_are_superseded() {
    let (mut world, batch) = minutely(Overlap::QueueOne);
    for _ in 0..4 {
        wait(&mut world, MINUTE_MS);
    }
    let views = world.views();
    let busy = plan(&views, batch);
    assert_eq!((busy.totals.fired, busy.totals.superseded), (1, 2));
    assert_eq!((busy.waiting.len(), busy.waiting_own), (1, 1));
    assert_balanced(&views, batch);
    world.start_all();
    world.end_all(|_| fasti_core::domain::attempt::Outcome::Exited { code: 0 });
    let views = world.views();
    let ended = plan(&views, batch);
    assert_eq!((ended.totals.fired, ended.waiting.len()), (2, 0));
    assert_balanced(&views, batch);
}

#[test]
fn a_new_schedule_begins_a_count_of_its_own() {
    let (mut world, batch) = minutely(Overlap::QueueAll);
    for _ in 0..3 {
        wait(&mut world, MINUTE_MS);
    }
    let mut changed = definition("minutely", vec![task("a")], &[]);
    changed.schedule.every_minute = Some(2);
    changed.schedule.policy.overlap = Overlap::QueueAll;
    changed.schedule.policy.misfire = Misfire::Skip;
    assert_eq!(world.save(changed), batch);
    let views = world.views();
    let begun = plan(&views, batch);
    // What waits belongs to the plan before.
    assert_eq!((begun.waiting.len(), begun.waiting_own), (2, 0));
    assert_eq!((begun.planned, begun.totals.closed()), (Some(0), 0));
    wait(&mut world, 600 * MINUTE_MS);
    let views = world.views();
    let late = plan(&views, batch);
    assert!(late.totals.missed > 250, "{late:?}");
    assert_balanced(&views, batch);
    let missed = all(&views, batch, 100);
    let missed: Vec<_> = missed
        .iter()
        .filter(|row| row.outcome == SlotOutcome::Missed)
        .collect();
    assert_eq!(missed.len(), 1);
    assert_eq!(missed[0].count, late.totals.missed);
}

#[test]
fn a_pause_is_on_record_and_ends_by_itself() {
    let (mut world, batch) = minutely(Overlap::Allow);
    let until = world.at.plus_ms(10 * MINUTE_MS);
    world.ask(Command::PauseBatch {
        batch,
        reason: Some("holiday".to_owned()),
        until: Some(until),
    });
    let views = world.views();
    let view = views.batch(batch).unwrap().unwrap();
    assert_eq!((view.paused_until, view.next_slot), (Some(until), None));
    wait(&mut world, 10 * MINUTE_MS);
    let views = world.views();
    let view = views.batch(batch).unwrap().unwrap();
    assert!(!view.paused && view.paused_until.is_none() && view.next_slot.is_some());
    let resumed = plan(&views, batch);
    assert_eq!((resumed.totals.skipped, resumed.totals.fired), (10, 0));
    assert_balanced(&views, batch);
}

#[test]
fn nothing_comes_of_a_deleted_batch() {
    let (mut world, batch) = minutely(Overlap::QueueAll);
    for _ in 0..3 {
        wait(&mut world, MINUTE_MS);
    }
    world.delete(batch);
    let views = world.views();
    let gone = plan(&views, batch);
    assert_eq!((gone.totals.fired, gone.totals.cancelled), (1, 2));
    assert_eq!((gone.next, gone.waiting.len()), (None, 0));
    assert_eq!(gone.is_balanced(), Some(true));
}

#[test]
fn a_batch_follows_another() {
    let mut world = World::new();
    world.join("r1", 4);
    let first = world.save(definition("first", vec![task("a")], &[]));
    let mut second = definition("second", vec![task("a")], &[]);
    second.schedule.run_after = Some(fasti_core::domain::schedule::RunAfter {
        job_name: Some("first".to_owned()),
        job_uuid: None,
        condition: fasti_core::domain::definition::EndCondition::OnSuccess,
    });
    let second = world.save(second);
    let run = world.run(first);
    world.succeed();
    let views = world.views();
    let view = views.batch(second).unwrap().unwrap();
    assert_eq!(view.runs_after, Some(first));
    let started = views.run(view.last_run.unwrap().id).unwrap().unwrap();
    assert_eq!(started.parent_run, Some(run));
    world.delete(first);
    let view = world.views().batch(second).unwrap().unwrap();
    assert_eq!(view.runs_after, None);
}
