//! Pauses of batches: what becomes of the slots that pass, and when the schedule goes on.

use fasti_domain::command::Command;
use fasti_domain::slots::{Misfire, SlotPolicy};

use super::slots::{every_minute, ledger, world_with};
use crate::world::World;

#[test]
fn a_pause_is_one_line_and_ends_by_itself() {
    let (mut world, batch) = world_with(&every_minute(SlotPolicy::default()));
    let until = world.now.plus_ms(10 * 60_000 + 1);
    world.ask(Command::PauseBatch {
        batch,
        reason: Some("holidays".to_owned()),
        until: Some(until),
    });
    world.pass_ms(5 * 60_000);
    assert!(ledger(&mut world).is_empty(), "nothing while it is paused");
    world.pass_ms(5 * 60_000 + 1);
    assert_eq!(
        ledger(&mut world),
        ["schedule.skipped 10 its batch was paused"]
    );
    world.pass_ms(60_000);
    assert_eq!(ledger(&mut world)[0], "schedule.fired 12:11:00");
    assert!(matches!(
        world.refused(Command::PauseBatch {
            batch,
            reason: None,
            until: Some(until)
        }),
        fasti_domain::rejection::Rejection::Invalid { .. }
    ));
}

#[test]
fn a_pause_covers_what_is_before_its_end_however_late_it_is_noticed() {
    let policy = SlotPolicy {
        misfire: Misfire::All,
        ..SlotPolicy::default()
    };
    let (mut world, batch) = world_with(&every_minute(policy));
    // The end is a slot: that one fires. Nobody was there for three more minutes.
    world.ask(Command::PauseBatch {
        batch,
        reason: None,
        until: Some(world.now.plus_ms(4 * 60_000)),
    });
    world.pass_ms(7 * 60_000);
    // Slots get their chance at the next wake, which follows at once.
    world.pass_ms(0);
    let lines = ledger(&mut world);
    assert_eq!(lines[0], "schedule.skipped 3 its batch was paused");
    let fired = lines.iter().filter(|it| it.starts_with("schedule.fired"));
    assert_eq!(
        fired.collect::<Vec<_>>(),
        [
            "schedule.fired 12:04:00",
            "schedule.fired 12:05:00",
            "schedule.fired 12:06:00",
            "schedule.fired 12:07:00"
        ]
    );
}

#[test]
fn another_reason_for_a_pause_is_told_and_the_same_is_not() {
    let (mut world, batch) = world_with(&every_minute(SlotPolicy::default()));
    let pause = |reason: &str| Command::PauseBatch {
        batch,
        reason: Some(reason.to_owned()),
        until: None,
    };
    let told = |world: &World| {
        let names = world.log.iter().map(|it| it.event.name());
        names.filter(|name| *name == "batch.paused").count()
    };
    for (reason, count) in [("r1", 1), ("r1", 1), ("r2", 2), ("r1", 3)] {
        world.ask(pause(reason));
        assert_eq!(told(&world), count, "{reason}");
    }
}
