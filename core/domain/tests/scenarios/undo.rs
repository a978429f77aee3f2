//! What an operator asked for is taken back: by the inverse, with the undone event as its cause, or not at all.

use fasti_domain::backfill::{BackfillOrder, BackfillRequest};
use fasti_domain::command::{Command, CreateRun, Force, More, RunSource, RunWindow};
use fasti_domain::event::{Event, Recorded};
use fasti_domain::rejection::Rejection;
use fasti_domain::run::RunType;
use fasti_domain::undo::{Undo, UndoMode, changes};

use super::undo_laws::{Meaning, calendar, daily, limit, of, pause, register, undo};
use crate::batches::{admin, chain, hashed, member};
use crate::world::{NOON, World, made_run, made_set};

/// The last event of this name, undone as whoever reads the log would.
fn undoing(world: &World, name: &str) -> Undo {
    let is_it = |it: &&Recorded| it.event.name() == name;
    let found = world.log.iter().rfind(is_it).unwrap();
    of(world, found.seq).unwrap()
}

/// Undoes the last event of this name; what happened then, in words.
fn undone(world: &mut World, name: &str) -> Vec<String> {
    let wanted = undoing(world, name);
    world.hush();
    let events = undo(world, &wanted).unwrap();
    let caused = |it: &&Recorded| it.causation == Some(wanted.event);
    assert!(
        events.iter().any(|it| caused(&it)),
        "it says what it undoes"
    );
    world.told()
}

fn refusal(world: &mut World, name: &str) -> Rejection {
    let wanted = undoing(world, name);
    undo(world, &wanted).unwrap_err()
}

#[test]
fn a_pause_is_undone_by_a_resume_and_that_by_the_same_pause() {
    let mut world = World::new();
    let id = world.save(&daily(13));
    let until = NOON.plus_ms(3_600_000);
    world.ask(pause(id, Some(until)));
    assert_eq!(undone(&mut world, "batch.paused"), ["batch.resumed"]);
    assert!(!world.state.batch(id).unwrap().paused);
    assert_eq!(undone(&mut world, "batch.resumed"), ["batch.paused"]);
    let Event::BatchPaused(again) = &world.log.last().unwrap().event else {
        panic!("it is paused again");
    };
    assert_eq!(again.reason.as_deref(), Some("holidays"));
    assert_eq!(again.until, Some(until));
}

#[test]
fn a_longer_pause_is_undone_by_the_shorter_one_until_that_is_over() {
    let mut world = World::new();
    let id = world.save(&daily(13));
    let short = NOON.plus_ms(1_000);
    world.ask(pause(id, Some(short)));
    world.ask(pause(id, None));
    let wanted = undoing(&world, "batch.paused");
    world.pass_ms(1_000);
    let late = undo(&mut world, &wanted).unwrap_err();
    assert_eq!(late.code(), "not_undone");
    assert!(late.to_string().contains("would have ended"), "{late}");
    world.now = NOON;
    let mut world = World::new();
    let id = world.save(&daily(13));
    world.ask(pause(id, Some(short)));
    world.ask(pause(id, None));
    undone(&mut world, "batch.paused");
    assert_eq!(world.state.batch(id).unwrap().resume_at, Some(short));
}

#[test]
fn slots_that_are_due_are_not_caused_by_the_undo() {
    let mut world = World::new();
    world.join("r1", 1);
    let id = world.save(&daily(13));
    world.ask(pause(id, None));
    world.ask(Command::ResumeBatch { batch: id });
    let wanted = undoing(&world, "batch.resumed");
    // Nobody woke the scheduler at one; the pause that comes back finds the slot due.
    world.now = NOON.plus_ms(3_600_000);
    let events = undo(&mut world, &wanted).unwrap();
    let cause = |name: &str| {
        let found = events.iter().find(|it| it.event.name() == name);
        found.unwrap().causation
    };
    assert_eq!(cause("schedule.fired"), None);
    assert_eq!(cause("batch.paused"), Some(wanted.event));
}

#[test]
fn a_version_is_undone_by_the_one_before_and_a_batch_by_its_end() {
    let mut world = World::new();
    let id = world.save(&daily(8));
    world.save(&daily(9));
    let told = undone(&mut world, "batch.saved");
    assert!(
        told.contains(&"batch.saved b v3 Save".to_owned()),
        "{told:?}"
    );
    let digest = world.state.batch(id).unwrap().definition;
    assert_eq!(digest, hashed(&daily(8)).digest);

    let mut world = World::new();
    world.save(&chain("b", 1));
    assert_eq!(undone(&mut world, "batch.saved"), ["batch.deleted"]);

    // Once it has been run it is more than its definition.
    let mut world = World::new();
    let id = world.save(&chain("b", 1));
    let made = undoing(&world, "batch.saved");
    world.run_saved(id);
    let mut created = world.log.iter().map(|it| &it.event);
    let run = created.find(|event| event.name() == "run.created");
    assert!(changes(&made.action, run.unwrap()));
    assert_eq!(undo(&mut world, &made).unwrap_err().code(), "batch_busy");
}

#[test]
fn limits_calendars_and_images_become_what_they_were() {
    let mut world = World::new();
    for (first, second, name) in [
        (limit("a", Some(5)), limit("a", Some(3)), "pool.limited"),
        (limit("b", Some(1)), limit("b", None), "pool.limited"),
        (calendar("Sat"), calendar("Sun"), "calendar.saved"),
        (
            calendar("Sun"),
            Command::RemoveCalendar {
                name: "work".to_owned(),
            },
            "calendar.removed",
        ),
        (register("/one"), register("/two"), "image.registered"),
        (
            register("/one"),
            Command::RemoveImage {
                name: "i".to_owned(),
            },
            "image.removed",
        ),
    ] {
        let asker = || match name {
            "pool.limited" => admin(),
            _ => crate::batches::owner(),
        };
        world.ask_as(asker(), first).unwrap();
        let before = Meaning::of(&world.log).shown();
        world.ask_as(asker(), second).unwrap();
        // An administrator brings back what somebody else owns.
        undone(&mut world, name);
        assert_eq!(Meaning::of(&world.log).shown(), before, "{name}");
    }
    // What was not there before goes.
    let mut world = World::new();
    world.ask(register("/one"));
    undone(&mut world, "image.registered");
    world.ask(calendar("Sat"));
    undone(&mut world, "calendar.saved");
    assert!(world.state.image("i").is_none() && world.state.calendar("work").is_none());
}

#[test]
fn a_run_is_undone_until_it_starts() {
    let mut world = World::new();
    let id = world.save(&chain("b", 1));
    let run = world.run_saved(id);
    let told = undone(&mut world, "run.created");
    assert_eq!(told[0], "run.cancel_requested");
    assert!(world.state.run(run).is_none());
    let over = refusal(&mut world, "run.created");
    assert!(over.to_string().contains("is over"), "{over}");
    world.join("r1", 1);
    world.run_saved(id);
    let started = refusal(&mut world, "run.created");
    assert_eq!(started.code(), "not_undone");
    assert!(
        started.to_string().contains("fasti run cancel"),
        "{started}"
    );
}

#[test]
fn a_set_is_undone_until_one_of_its_runs_starts() {
    let mut world = World::new();
    let id = world.save(&chain("b", 1));
    let set = Command::CreateRunSet {
        batch: id,
        title: "many".to_owned(),
        labels: vec![],
        runs: vec![None, None],
        more: More::Yes,
    };
    world.ask(set.clone());
    let told = undone(&mut world, "run_set.created");
    assert_eq!(told[..2], ["run_set.closed of 2", "run_set.cancelled"]);
    world.pass_ms(0);
    assert_eq!(world.state.runs().count(), 0);
    world.join("r1", 1);
    let made = made_set(&world.ask(set));
    let refused = refusal(&mut world, "run_set.created").to_string();
    assert!(
        refused.contains(&format!("fasti backfill cancel {made}")),
        "{refused}"
    );
}

#[test]
fn a_backfill_is_stopped_and_let_go_again() {
    let mut world = World::new();
    let id = world.save(&daily(8));
    let request = BackfillRequest {
        batch: id,
        title: "again".to_owned(),
        labels: vec![],
        from: NOON.plus_us(-4 * 86_400_000_000),
        until: NOON,
        order: BackfillOrder::OldestFirst,
        live_max: 1,
    };
    let set = made_set(&world.ask(Command::CreateBackfill(request)));
    world.ask(Command::PauseRunSet { run_set: set });
    assert_eq!(undone(&mut world, "run_set.paused"), ["run_set.resumed"]);
    assert_eq!(undone(&mut world, "run_set.resumed"), ["run_set.paused"]);
    let earlier = world
        .log
        .iter()
        .find(|it| it.event.name() == "run_set.resumed");
    let earlier = of(&world, earlier.unwrap().seq).unwrap();
    assert_eq!(
        undo(&mut world, &earlier).unwrap_err().code(),
        "changed_since"
    );
}

#[test]
fn an_end_goes_back_to_the_instant_before_if_that_is_to_come() {
    let mut world = World::new();
    let id = world.save(&chain("b", 1));
    let ends = |ms| NOON.plus_ms(ms);
    let create = |ends_at| Command::CreateRunWithin {
        create: CreateRun {
            source: RunSource::Saved(id),
            rundate: None,
            run_type: RunType::Manual,
            repeats: None,
        },
        window: RunWindow {
            starts_at: None,
            ends_at,
        },
    };
    let run = made_run(&world.ask(create(Some(ends(1_000)))));
    let later = |run, ms| Command::MoveRunEnd {
        run,
        ends_at: ends(ms),
    };
    world.ask(later(run, 5_000));
    let wanted = undoing(&world, "run.end_moved");
    assert_eq!(undone(&mut world, "run.end_moved"), ["run.end_moved"]);
    assert_eq!(
        undo(&mut world, &wanted).unwrap_err().code(),
        "changed_since"
    );
    world.ask(later(run, 5_000));
    let wanted = undoing(&world, "run.end_moved");
    world.pass_ms(1_000);
    let passed = undo(&mut world, &wanted).unwrap_err();
    assert!(passed.to_string().contains("has passed"), "{passed}");
    let endless = made_run(&world.ask(create(None)));
    world.ask(later(endless, 9_000));
    let none = refusal(&mut world, "run.end_moved");
    assert!(none.to_string().contains("no end before"), "{none}");
}

#[test]
fn what_changed_since_is_refused() {
    let mut world = World::new();
    let id = world.save(&daily(8));
    world.ask(pause(id, None));
    let wanted = undoing(&world, "batch.paused");
    world.ask(Command::ResumeBatch { batch: id });
    let later = &world.log.last().unwrap().event;
    assert!(changes(&wanted.action, later));
    assert_eq!(
        undo(&mut world, &wanted).unwrap_err().code(),
        "changed_since"
    );
    world.save(&daily(9));
    let wanted = undoing(&world, "batch.saved");
    world.save(&daily(10));
    assert_eq!(
        undo(&mut world, &wanted).unwrap_err().code(),
        "changed_since"
    );
}

#[test]
fn whoever_may_not_do_it_may_not_undo_it() {
    let mut world = World::new();
    let id = world.save(&daily(8));
    world.ask(pause(id, None));
    let wanted = undoing(&world, "batch.paused");
    let command = Command::Undo(Box::new(wanted));
    assert_eq!(
        world.ask_as(member(), command).unwrap_err().code(),
        "forbidden"
    );
}

#[test]
fn looking_changes_nothing_and_is_refused_like_the_deed() {
    let mut world = World::new();
    let id = world.save(&daily(8));
    world.ask(pause(id, None));
    let wanted = Undo {
        mode: UndoMode::Try,
        ..undoing(&world, "batch.paused")
    };
    assert!(undo(&mut world, &wanted).unwrap().is_empty());
    assert!(world.state.batch(id).unwrap().paused);
    world.ask(Command::ResumeBatch { batch: id });
    assert_eq!(
        undo(&mut world, &wanted).unwrap_err().code(),
        "changed_since"
    );
}

#[test]
fn what_no_operator_did_is_refused_with_what_to_do() {
    let mut world = World::new();
    world.join("r1", 1);
    let id = world.save(&daily(13));
    world.pass_ms(3_600_000);
    let run = world.state.runs().next().unwrap().id;
    world.cancel(run);
    world.cancel_all();
    world.ask(Command::DeleteBatch {
        batch: id,
        force: Force::No,
    });
    let mut told = String::new();
    for recorded in &world.log {
        if let Err(why) = of(&world, recorded.seq) {
            let line = format!("{}: {why}\n", recorded.event.name());
            if !told.contains(&line) {
                told.push_str(&line);
            }
        }
    }
    for expected in [
        "log.created: it is the server's own doing\n",
        "run.created: it followed from something else",
        "run.started: what a run did cannot be taken back",
        "run.cancel_requested: a run that was told to end cannot be told to go on",
        "batch.deleted: a batch that was deleted does not come back",
    ] {
        assert!(told.contains(expected), "{expected} in {told}");
    }
}
