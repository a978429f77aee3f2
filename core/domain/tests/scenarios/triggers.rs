//! Triggers: which signals start runs, and what is said of the others.

use fasti_domain::command::{Command, Force, Receipt, Settings, Subject};
use fasti_domain::definition::Definition;
use fasti_domain::event::Event;
use fasti_domain::ids::{BatchId, RunId};
use fasti_domain::launching::launches_of;
use fasti_domain::run::RunType;
use fasti_domain::schedule::Schedule;
use fasti_domain::slots::Overlap;
use fasti_domain::trigger::{
    Condition, PAYLOAD_BYTES_MAX, Scalar, Signal, TRIGGERS_MAX, Trigger, TriggerSource,
};

use crate::batches::{batch, hashed, runner_id, task};
use crate::world::{World, made_run};

fn nats(subject: &str) -> Trigger {
    Trigger {
        name: "orders".to_owned(),
        source: TriggerSource::Nats {
            subject: subject.to_owned(),
        },
        filter: vec![],
        debounce_seconds: None,
    }
}

fn waiting(seconds: u64) -> Trigger {
    Trigger {
        debounce_seconds: Some(seconds),
        ..nats("orders.>")
    }
}

fn triggered(trigger: Trigger) -> Definition {
    Definition {
        schedule: Schedule {
            triggers: vec![trigger],
            ..Schedule::default()
        },
        ..batch("b", vec![task("a")], &[])
    }
}

fn world_with(trigger: Trigger) -> (World, BatchId) {
    let mut world = World::new();
    let id = world.save(&triggered(trigger));
    world.hush();
    (world, id)
}

fn signal(batch: BatchId, id: &str, payload: &str) -> Signal {
    Signal {
        batch,
        trigger: "orders".to_owned(),
        id: id.to_owned(),
        payload: payload.as_bytes().into(),
    }
}

fn give(world: &mut World, batch: BatchId, id: &str, payload: &str) -> Receipt {
    let request = signal(batch, id, payload).into_request(None);
    world.request(&request).unwrap()
}

/// What was said of signals and runs since the last time.
fn said(world: &mut World) -> Vec<String> {
    let first = world.hushed();
    let lines = world.log[first..].iter().filter_map(|it| match &it.event {
        Event::TriggerFired(event) => Some(format!("fired {}", event.signal)),
        Event::TriggerHeld(event) => Some(format!("held {}", event.signal.id)),
        Event::TriggerIgnored(event) => Some(format!("ignored {} {}", event.signal, event.reason)),
        Event::RunCreated(event) => {
            let signal = event.signal.as_ref().map(|it| it.payload.clone());
            Some(format!("run {}", signal.unwrap_or_default()))
        }
        _ => None,
    });
    let lines = lines.collect();
    world.hush();
    lines
}

#[test]
fn a_signal_starts_a_run_that_gets_its_payload() {
    let (mut world, id) = world_with(nats("orders.>"));
    world.join("r1", 1);
    let receipt = give(&mut world, id, "1", r#"{ "country": "FR", "n": [1, 2] }"#);
    let run = made_run(&receipt);
    assert_eq!(
        said(&mut world),
        ["fired 1", r#"run { "country": "FR", "n": [1, 2] }"#]
    );
    let created = world.log.iter().find(|it| it.event.name() == "run.created");
    let created = created.unwrap();
    let cause = &world.log[usize::try_from(created.causation.unwrap().0).unwrap() - 1];
    assert_eq!(cause.event.name(), "trigger.fired", "the signal is why");
    assert_eq!(world.state.run(run).unwrap().run_type, RunType::Triggered);
    let launches = launches_of(&world.state, &runner_id("r1"));
    let env = &launches[0].env;
    assert_eq!(env["FASTI_TRIGGER"], "orders");
    assert_eq!(env["FASTI_SIGNAL_ID"], "1");
    assert_eq!(env["FASTI_SIGNAL"], r#"{ "country": "FR", "n": [1, 2] }"#);
}

#[test]
fn the_same_signal_again_starts_nothing() {
    let (mut world, id) = world_with(nats("orders.>"));
    let first = give(&mut world, id, "1", "1");
    said(&mut world);
    // Whatever it says the second time, and after a restart.
    let again = give(&mut world, id, "1", "2");
    assert!(again.repeated);
    assert_eq!(made_run(&again), made_run(&first));
    world.start_server();
    assert!(give(&mut world, id, "1", "1").repeated);
    assert!(said(&mut world).is_empty());
    give(&mut world, id, "2", "1");
    assert_eq!(said(&mut world).len(), 2);
}

#[test]
fn what_is_ignored_says_why() {
    let condition = |path: &str, one_of| Condition {
        path: path.to_owned(),
        one_of,
    };
    let (mut world, id) = world_with(Trigger {
        filter: vec![
            condition("/country", vec![Scalar::Text("FR".to_owned())]),
            condition("/n", vec![Scalar::Number(1), Scalar::Bool(true)]),
            condition("/id", vec![]),
        ],
        ..nats("orders.>")
    });
    let mut told = |payload: &str| {
        let position = world.log.len().to_string();
        let receipt = give(&mut world, id, &position, payload);
        match receipt.subject {
            Subject::Ignored(reason) => reason,
            Subject::Run(_) => "run".to_owned(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told(r#"{"country": "FR", "n": 1, "id": null}"#), "run");
    assert_eq!(told(r#"{"country": "FR", "n": true, "id": 0}"#), "run");
    assert_eq!(told(r#"{"country": "FR", "n": 1.0, "id": 0}"#), "run");
    for (payload, reason) in [
        (r#"{"country": "DE", "n": 1, "id": 0}"#, "`/country`"),
        (r#"{"n": 1, "id": 0}"#, "`/country`"),
        (r#"{"country": "FR", "n": 1.5, "id": 0}"#, "`/n`"),
        (r#"{"country": "FR", "n": 1}"#, "`/id`"),
        ("{", "no JSON"),
        ("", "`/country`"),
        (&"1".repeat(PAYLOAD_BYTES_MAX + 1), "65537 bytes"),
    ] {
        let told = told(payload);
        assert!(told.contains(reason), "{payload:.50}: {told}");
    }
    world.ask(Command::PauseBatch {
        batch: id,
        reason: None,
        until: None,
    });
    said(&mut world);
    give(&mut world, id, "p", r#"{"country": "FR", "n": 1, "id": 0}"#);
    assert_eq!(said(&mut world), ["ignored p its batch is paused"]);
}

#[test]
fn a_payload_arrives_as_it_was_sent() {
    let (mut world, id) = world_with(nats("orders.>"));
    for (number, payload) in [
        r#"{"id":123456789012345678901234567890,"price":1.10}"#,
        r#"{"b":1,"a":2,"a":3}"#,
        "[1e15,1e15]",
    ]
    .into_iter()
    .enumerate()
    {
        give(&mut world, id, &number.to_string(), payload);
        let told = said(&mut world);
        assert!(told.contains(&format!("run {payload}")), "{told:?}");
    }
}

#[test]
fn signals_wait_for_silence_and_the_newest_starts() {
    let (mut world, id) = world_with(waiting(10));
    let held = give(&mut world, id, "1", "1");
    assert_eq!(held.subject, Subject::Held(world.now.plus_ms(10_000)));
    world.pass_ms(6_000);
    give(&mut world, id, "2", "2");
    assert_eq!(
        said(&mut world),
        [
            "held 1",
            "held 2",
            "ignored 1 the signal 2 followed within 10 s"
        ]
    );
    world.pass_ms(9_999);
    assert!(said(&mut world).is_empty(), "not yet");
    world.pass_ms(1);
    assert_eq!(said(&mut world), ["fired 2", "run 2"]);
    world.pass_ms(60_000);
    assert!(said(&mut world).is_empty(), "once");
    assert!(give(&mut world, id, "2", "2").repeated, "and never again");
    // Without any silence it starts all the same.
    for second in 0..100 {
        give(&mut world, id, &format!("s{second}"), "0");
        world.pass_ms(1_000);
    }
    let fired = said(&mut world);
    let fired: Vec<_> = fired.iter().filter(|it| it.starts_with("fired")).collect();
    assert_eq!(fired, ["fired s99"]);
}

#[test]
fn a_signal_that_waits_and_loses_its_trigger_says_so() {
    let (mut world, id) = world_with(waiting(10));
    give(&mut world, id, "1", "1");
    said(&mut world);
    world.save(&batch("b", vec![task("a")], &[]));
    assert_eq!(said(&mut world), ["ignored 1 its trigger was removed"]);
    let (mut world, id) = world_with(waiting(10));
    give(&mut world, id, "1", "1");
    said(&mut world);
    world.ask(Command::DeleteBatch {
        batch: id,
        force: Force::No,
    });
    assert_eq!(said(&mut world), ["ignored 1 its batch was deleted"]);
    assert_eq!(world.state.next_wake(), None);
    let (mut world, id) = world_with(waiting(10));
    give(&mut world, id, "1", "1");
    world.ask(Command::PauseBatch {
        batch: id,
        reason: None,
        until: None,
    });
    said(&mut world);
    world.pass_ms(10_000);
    assert_eq!(said(&mut world), ["ignored 1 its batch is paused"]);
}

#[test]
fn a_signal_that_waits_keeps_its_time_when_its_trigger_waits_no_more() {
    let (mut world, id) = world_with(waiting(10));
    give(&mut world, id, "1", "1");
    said(&mut world);
    world.save(&triggered(nats("orders.>")));
    give(&mut world, id, "2", "2");
    assert_eq!(said(&mut world), ["fired 2", "run 2"]);
    world.pass_ms(9_999);
    assert!(said(&mut world).is_empty(), "not yet");
    world.pass_ms(1);
    assert_eq!(said(&mut world), ["fired 1", "run 1"]);
}

#[test]
fn a_slot_at_the_end_of_a_silence_sees_the_run_of_the_signal() {
    for (overlap, expected) in [
        (
            Overlap::Skip,
            ["signal.held", "run.created", "schedule.skipped"].as_slice(),
        ),
        (
            Overlap::CancelOld,
            &[
                "signal.held",
                "run.created",
                "run.cancel_requested",
                "run.created",
            ],
        ),
    ] {
        let mut definition = triggered(waiting(1));
        definition.schedule.cron = Some("* * * * * *".to_owned());
        definition.schedule.policy.overlap = overlap;
        let mut world = World::new();
        let id = world.save(&definition);
        world.hush();
        give(&mut world, id, "1", "1");
        let first = world.hushed();
        world.pass_ms(1_000);
        // What is left to do at that moment.
        world.pass_ms(0);
        let told = world.log[first..].iter().filter_map(|it| match &it.event {
            Event::TriggerHeld(_) => Some("signal.held"),
            Event::RunCreated(_) => Some("run.created"),
            Event::RunCancelRequested(_) => Some("run.cancel_requested"),
            Event::ScheduleSkipped(_) => Some("schedule.skipped"),
            _ => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), expected, "{overlap:?}");
    }
}

#[test]
fn signals_for_nobody_are_refused() {
    let (mut world, id) = world_with(nats("orders.>"));
    let mut refused = |signal: Signal| world.request(&signal.into_request(None)).unwrap_err();
    let elsewhere = Signal {
        trigger: "other".to_owned(),
        ..signal(id, "1", "1")
    };
    assert_eq!(refused(elsewhere).code(), "not_found");
    assert_eq!(
        refused(signal(BatchId([0; 16]), "1", "1")).code(),
        "not_found"
    );
    for bad in ["", "a b", "é", &"x".repeat(129)] {
        assert_eq!(refused(signal(id, bad, "1")).code(), "validation_failed");
    }
}

#[test]
fn a_rerun_gets_the_same_payload() {
    let (mut world, id) = world_with(nats("orders.>"));
    let run: RunId = made_run(&give(&mut world, id, "1", "7"));
    let signal = world.state.run(run).unwrap().signal.clone();
    let command = crate::world::create_run(fasti_domain::command::RunSource::Given(hashed(
        &triggered(nats("orders.>")),
    )));
    let Command::CreateRun(mut create) = command else {
        unreachable!("a run is made")
    };
    create.repeats = Some(fasti_domain::command::Repeats {
        original: run,
        version: Some(1),
        reused: vec![],
        signal,
    });
    let again = made_run(&world.ask(Command::CreateRun(create)));
    assert_eq!(
        world.state.run(again).unwrap().signal,
        world.state.run(run).unwrap().signal
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is refused")]
fn a_trigger_that_makes_no_sense_is_refused_by_its_field() {
    let mut world = World::new();
    let mut field = |change: &dyn Fn(&mut Trigger)| {
        let mut trigger = nats("orders.>");
        change(&mut trigger);
        world
            .refused(Command::SaveBatch {
                definition: hashed(&triggered(trigger)),
                expected_version: None,
            })
            .field()
            .unwrap()
    };
    let source = |source: TriggerSource| move |it: &mut Trigger| it.source = source.clone();
    for name in ["", "a b", "a.b", &"x".repeat(33)] {
        let name = name.to_owned();
        let change = |it: &mut Trigger| it.name.clone_from(&name);
        assert_eq!(field(&change), "schedule.triggers[0].name");
    }
    for subject in [
        "",
        ".",
        "a..b",
        "a.",
        ">",
        "*.a",
        "a.>.b",
        "a.b*",
        "a b",
        "fasti.v1.>",
        "$JS.x",
    ] {
        let bad = source(TriggerSource::Nats {
            subject: subject.to_owned(),
        });
        assert_eq!(field(&bad), "schedule.triggers[0].subject", "{subject}");
    }
    for stream in ["", "a.b", "a b", "FASTI_EVENTS_DEFAULT"] {
        let bad = source(TriggerSource::Stream {
            stream: stream.to_owned(),
            subject: None,
        });
        assert_eq!(field(&bad), "schedule.triggers[0].stream", "{stream}");
    }
    for key in ["", "nobody"] {
        let bad = source(TriggerSource::Webhook {
            key: key.to_owned(),
        });
        assert_eq!(field(&bad), "schedule.triggers[0].key", "{key}");
    }
    let bad = |it: &mut Trigger| it.debounce_seconds = Some(0);
    assert_eq!(field(&bad), "schedule.triggers[0].debounce_seconds");
    let bad = |it: &mut Trigger| {
        it.filter = vec![Condition {
            path: "a".to_owned(),
            one_of: vec![],
        }];
    };
    assert_eq!(field(&bad), "schedule.triggers[0].filter");
    for count in [2, TRIGGERS_MAX + 1] {
        let mut many = triggered(nats("a"));
        many.schedule.triggers = vec![nats("a"); count];
        let refused = world.refused(Command::SaveBatch {
            definition: hashed(&many),
            expected_version: None,
        });
        assert!(refused.field().unwrap().starts_with("schedule.triggers"));
    }
    let source = TriggerSource::Webhook {
        key: "shop".to_owned(),
    };
    world.save(&triggered(Trigger {
        source,
        ..nats("a")
    }));
}

#[test]
fn a_server_that_nothing_can_reach_takes_no_triggers() {
    let mut world = World::new();
    world.ask(Command::StartServer {
        version: "0".to_owned(),
        host: "host".to_owned(),
        tz_database: "2024a".to_owned(),
        settings: Settings::default(),
    });
    for (source, field) in [
        (nats("a").source, "subject"),
        (
            TriggerSource::Stream {
                stream: "S".to_owned(),
                subject: None,
            },
            "stream",
        ),
        (
            TriggerSource::Webhook {
                key: "shop".to_owned(),
            },
            "key",
        ),
    ] {
        let definition = hashed(&triggered(Trigger {
            source,
            ..nats("a")
        }));
        let refused = world.refused(Command::SaveBatch {
            definition,
            expected_version: None,
        });
        assert_eq!(
            refused.field().unwrap(),
            format!("schedule.triggers[0].{field}")
        );
        let text = refused.to_string();
        assert!(
            text.contains("--nats") || text.contains("--webhook-keys"),
            "{text}"
        );
    }
}
