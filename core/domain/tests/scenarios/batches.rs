//! Batches, images and bundles: versions, permissions, what may be removed when.

use std::collections::BTreeMap;

use fasti_domain::access::Principal;
use fasti_domain::command::{Command, Force, Receipt, RunSource, Subject};
use fasti_domain::definition::{Definition, Parts, Tag, Task, Work};
use fasti_domain::ids::{BatchId, Digest};
use fasti_domain::image::Image;
use fasti_domain::rejection::{Kind, Rejection};

use crate::batches::{admin, batch, chain, hashed, member, owner, parts, stranger, task};
use crate::world::{World, create_run};

fn save(definition: &Definition, expected_version: Option<u32>) -> Command {
    Command::SaveBatch {
        definition: hashed(definition),
        expected_version,
    }
}

fn version(receipt: &Receipt) -> (BatchId, u32) {
    match receipt.subject {
        Subject::Batch { batch, version } => (batch, version),
        ref other => panic!("{other:?}"),
    }
}

fn image(name: &str, tags: &[Tag]) -> Image {
    Image {
        name: name.to_owned(),
        path: Some("/code".to_owned()),
        bundle: None,
        python: None,
        tags: tags.to_vec(),
        env: BTreeMap::new(),
        owner: String::new(),
        container: None,
    }
}

#[test]
fn saving_again_makes_the_next_version() {
    let mut world = World::new();
    let (id, first) = version(&world.ask(save(&chain("b", 1), None)));
    let (same, second) = version(&world.ask(save(&chain("b", 2), Some(1))));
    assert_eq!((same, first, second), (id, 1, 2));
    let mut production = chain("b", 1);
    production.tag = Tag::Prod;
    let (other, _) = version(&world.ask(save(&production, None)));
    assert_ne!(other, id, "a tag is part of the identity");
    let mismatch = world.refused(save(&chain("b", 1), Some(1)));
    assert_eq!(mismatch.code(), "version_mismatch");
    assert_eq!(
        world.told(),
        [
            "definition.added",
            "batch.saved b v1 Save",
            "definition.added",
            "batch.saved b v2 Save",
            "definition.added",
            "batch.saved b v1 Save",
        ]
    );
}

#[test]
fn a_run_keeps_the_version_it_began_with() {
    let mut world = World::new();
    world.join("r1", 1);
    let id = world.save(&chain("b", 2));
    let run = world.run_saved(id);
    world.save(&chain("b", 1));
    world.hush();
    world.exit("a", 0);
    assert_eq!(world.told()[2], "task.queued b");
    assert_eq!(world.state.run(run).unwrap().task_runs(), 2);
    world.exit("b", 0);
    let run = world.run_saved(id);
    assert_eq!(world.state.run(run).unwrap().task_runs(), 1);
}

#[test]
fn an_unsaved_definition_runs_under_a_batch_of_its_name() {
    let mut world = World::new();
    let run = world.run(&chain("b", 1));
    let made = world.state.batch_named("b", Tag::Dev).unwrap().id;
    assert_eq!(world.state.run(run).unwrap().batch, made);
    let again = world.run(&chain("b", 2));
    assert_eq!(world.state.run(again).unwrap().batch, made);
    let present = world.state.batch_named("b", Tag::Dev).unwrap();
    assert_eq!(present.version, 1, "running is not saving");
    let saved = version(&world.ask(save(&chain("b", 3), None)));
    assert_eq!(saved, (made, 2));
}

#[test]
fn a_batch_with_live_runs_is_deleted_with_force_only() {
    let mut world = World::new();
    let id = world.save(&chain("b", 1));
    let delete = |force| Command::DeleteBatch { batch: id, force };
    world.run_saved(id);
    world.hush();
    assert_eq!(world.refused(delete(Force::No)).code(), "batch_busy");
    let receipt = world.ask(delete(Force::Yes));
    assert_eq!(receipt.subject, Subject::None);
    world.pass_ms(0);
    assert_eq!(
        world.told(),
        [
            "batch.deleted",
            "run.cancel_requested",
            "task.finished a cancelled (cancelled)",
            "run.finished cancelled (its batch was deleted)",
        ]
    );
    assert_eq!(world.refused(delete(Force::Yes)).code(), "not_found");
    let anew = world.save(&chain("b", 1));
    assert_ne!(anew, id, "the name is free for another batch");
}

#[test]
fn pausing_twice_changes_nothing() {
    let mut world = World::new();
    let batch = world.save(&chain("b", 1));
    world.hush();
    for _ in 0..2 {
        let reason = Some("holiday".to_owned());
        world.ask(Command::PauseBatch {
            batch,
            reason,
            until: None,
        });
    }
    for _ in 0..2 {
        world.ask(Command::ResumeBatch { batch });
    }
    assert_eq!(world.told(), ["batch.paused", "batch.resumed"]);
}

#[test]
fn only_those_with_the_right_change_a_batch() {
    let mut world = World::new();
    let id = world.save(&chain("b", 1));
    let run = world.run_saved(id);
    let set = |world: &mut World| {
        let receipt = world.ask(Command::CreateRunSet {
            batch: id,
            title: "t".to_owned(),
            labels: vec![],
            runs: vec![],
            more: fasti_domain::command::More::Yes,
        });
        crate::world::made_set(&receipt)
    };
    let run_set = set(&mut world);
    let commands = || {
        [
            save(&chain("b", 2), None),
            Command::PauseBatch {
                batch: id,
                reason: None,
                until: None,
            },
            Command::ResumeBatch { batch: id },
            create_run(RunSource::Saved(id)),
            create_run(RunSource::Given(hashed(&chain("b", 1)))),
            Command::CreateRunSet {
                batch: id,
                title: "t".to_owned(),
                labels: vec![],
                runs: vec![],
                more: fasti_domain::command::More::No,
            },
            Command::AddRunSetRuns {
                run_set,
                runs: vec![],
                more: fasti_domain::command::More::No,
            },
            Command::CancelRun { run, reason: None },
            Command::DeleteBatch {
                batch: id,
                force: Force::Yes,
            },
        ]
    };
    for who in [member(), stranger()] {
        for command in commands() {
            let refused = world.ask_as(who.clone(), command).unwrap_err();
            assert_eq!(refused.kind(), Kind::Forbidden, "{refused}");
        }
    }
    for command in commands() {
        world.ask_as(admin(), command).unwrap();
    }
}

#[test]
fn images_must_be_there_and_for_the_tag() {
    let mut world = World::new();
    let mut definition = chain("b", 1);
    definition.image = Some("py".to_owned());
    let code = |world: &mut World, definition: &Definition| {
        let refused = world.refused(save(definition, None));
        (refused.code(), refused.field())
    };
    let field = || Some("image".to_owned());
    assert_eq!(code(&mut world, &definition), ("unknown_image", field()));
    world.ask(Command::RegisterImage {
        image: image("py", &[Tag::Dev]),
    });
    world.save(&definition);
    definition.tag = Tag::Prod;
    assert_eq!(code(&mut world, &definition), ("image_tag", field()));
    definition.tag = Tag::Dev;
    definition.tasks[0].image = Some("other".to_owned());
    assert_eq!(
        code(&mut world, &definition),
        ("unknown_image", Some("tasks[0].image".to_owned()))
    );
}

#[test]
fn an_image_in_use_stays() {
    let mut world = World::new();
    world.join("r1", 1);
    world.ask(Command::RegisterImage {
        image: image("py", &[Tag::Dev]),
    });
    let mut definition = chain("b", 1);
    definition.image = Some("py".to_owned());
    let id = world.save(&definition);
    world.run_saved(id);
    let remove = || Command::RemoveImage {
        name: "py".to_owned(),
    };
    assert_eq!(world.refused(remove()).code(), "image_busy");
    world.exit("a", 0);
    let refused = world.ask_as(stranger(), remove()).unwrap_err();
    assert_eq!(refused.code(), "forbidden");
    world.ask(remove());
    assert_eq!(world.refused(remove()).code(), "not_found");
    let run = world.refused(create_run(RunSource::Saved(id)));
    assert_eq!(run.code(), "unknown_image", "noticed before it starts");
}

#[test]
fn images_are_checked_and_belong_to_somebody() {
    let mut world = World::new();
    let register = |image| Command::RegisterImage { image };
    let both = Image {
        bundle: Some(Digest([1; 32])),
        ..image("py", &[Tag::Dev])
    };
    let relative = Image {
        path: Some("code".to_owned()),
        ..image("py", &[Tag::Dev])
    };
    let unknown = Image {
        path: None,
        ..both.clone()
    };
    for bad in [both, relative, image("py", &[]), image(" ", &[Tag::Dev])] {
        assert_eq!(world.refused(register(bad)).code(), "validation_failed");
    }
    assert_eq!(
        world.refused(register(unknown.clone())).code(),
        "unknown_bundle"
    );
    let digest = Digest([1; 32]);
    world.ask(Command::RegisterBundle { digest, size: 5 });
    world.hush();
    world.ask(Command::RegisterBundle { digest, size: 5 });
    world.ask(register(unknown.clone()));
    world.ask(register(unknown));
    assert_eq!(world.told(), ["image.registered py"], "said once");
    let other = register(image("py", &[Tag::Pre]));
    let refused = world.ask_as(stranger(), other.clone()).unwrap_err();
    assert_eq!(refused.code(), "forbidden");
    world.ask_as(admin(), other).unwrap();
}

fn refusal(definition: &Definition) -> Rejection {
    World::new().refused(save(definition, None))
}

#[test]
fn definitions_are_checked_before_anything_happens() {
    let field = |change: &dyn Fn(&mut Definition)| {
        let mut definition = chain("b", 2);
        change(&mut definition);
        refusal(&definition).field().unwrap()
    };
    assert_eq!(field(&|d| d.name = "\n".to_owned()), "name");
    assert_eq!(field(&|d| d.permissions = "rwx".to_owned()), "permissions");
    assert_eq!(
        field(&|d| d.fail_after_seconds = Some(0)),
        "fail_after_seconds"
    );
    assert_eq!(field(&|d| d.tasks[1].retries = 1_001), "tasks[1].retries");
    assert_eq!(field(&|d| d.tasks.clear()), "tasks");
    assert_eq!(field(&|d| d.edges[0].to = 7), "edges[0]");
    assert_eq!(
        field(&|d| d.tasks[0].parts = Parts::Count(0)),
        "tasks[0].configuration_json"
    );
    assert_eq!(field(&|d| d.bundle = Some(Digest([9; 32]))), "bundle");
    assert_eq!(
        field(&|d| d.schedule.timezone = Some("Mars/Olympus".to_owned())),
        "schedule.timezone"
    );
    assert_eq!(
        field(&|d| d.schedule.rundate_offset = Some(i32::MIN)),
        "schedule.rundate_offset"
    );
    let command = |argv: &[&str]| Task {
        work: Work::Command {
            argv: argv.iter().map(|&it| it.to_owned()).collect(),
            env: BTreeMap::new(),
            cwd: None,
            stdin: None,
        },
        ..task("a")
    };
    for bad in [&[][..], &[""], &["a", "b\0"]] {
        assert_eq!(
            field(&|d| d.tasks[0] = command(bad)),
            "tasks[0].command",
            "{bad:?}"
        );
    }
    let cycle = batch("b", vec![task("x"), task("y")], &[(0, 1), (1, 0)]);
    assert_eq!(refusal(&cycle).code(), "cyclic_dependency");
    let twice = batch("b", vec![task("t[1]"), parts("t", 3)], &[]);
    assert_eq!(refusal(&twice).code(), "duplicate_name");
    let apart = batch("b", vec![task("t[3]"), task("t[01]"), parts("t", 3)], &[]);
    World::new().save(&apart);
}

#[test]
fn rundates_are_dates() {
    let mut world = World::new();
    let batch = world.save(&chain("b", 1));
    let run = |rundate: &str| {
        let Command::CreateRun(create) = create_run(RunSource::Saved(batch)) else {
            unreachable!("made so");
        };
        Command::CreateRun(fasti_domain::command::CreateRun {
            rundate: Some(rundate.to_owned()),
            ..create
        })
    };
    for bad in [
        "",
        "today",
        "2024-02-30",
        "2024-1-01",
        "+024-01-01",
        "+2024-1-01",
        "2024- 1-01",
        "2024-01- 1",
        " 2024-1-01",
        "20240-1-01",
        "2024-01-01 ",
    ] {
        let refused = world.ask_as(owner(), run(bad));
        assert_eq!(
            refused.map_err(|it| it.field()),
            Err(Some("rundate".to_owned())),
            "`{bad}`"
        );
    }
    world.join("r1", 1);
    world.ask(run("1999-12-31"));
    assert!(world.told().contains(&"run.started 1999-12-31".to_owned()));
}

#[test]
fn a_log_begins_once() {
    let mut world = World::new();
    let before = world.state.log_id;
    world.hush();
    world
        .ask_as(
            Principal::system(),
            Command::CreateLog {
                log_id: fasti_domain::ids::LogId([9; 16]),
                seed: [9; 16],
            },
        )
        .unwrap();
    assert!(world.told().is_empty());
    assert_eq!(world.state.log_id, before);
}
