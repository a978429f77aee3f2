//! Definitions there and back.

#![allow(clippy::unwrap_used, reason = "tests")]

use fasti_core::domain::definition::{Parts, Work};
use serde_json::{Value, json};

use super::*;
use crate::body::read_json;

fn principal() -> Principal {
    Principal::user("ann", vec!["users".to_owned(), "ops".to_owned()], false)
}

fn read(value: &Value) -> Result<Definition, Problem> {
    let wire = read_json(value.to_string().as_bytes())?;
    from_wire("", wire, &principal())
}

fn answer(definition: &Definition) -> Value {
    serde_json::to_value(to_wire(definition)).unwrap()
}

fn field(value: &Value) -> String {
    let response = read(value).unwrap_err().into_response(None);
    assert_eq!(response.status(), 422, "{value}");
    let body = futures_util::FutureExt::now_or_never(http_body_util::BodyExt::collect(
        response.into_body(),
    ));
    let problem: Value = serde_json::from_slice(&body.unwrap().unwrap().to_bytes()).unwrap();
    problem["field"].as_str().unwrap_or("-").to_owned()
}

#[test]
fn name_and_tasks_are_enough() {
    let least = json!({"name": "b", "tasks": [{"name": "t", "command": ["true"]}]});
    let definition = read(&least).unwrap();
    assert_eq!(definition.owner, "ann");
    assert_eq!(definition.run_as, "ann");
    assert_eq!(definition.group, "users");
    assert_eq!(definition.permissions, "rwrwr-");
    assert_eq!(definition.tag.as_str(), "dev");
    assert_eq!(definition.tasks[0].resources.cpu_mhz, 400);
    assert_eq!(definition.tasks[0].parts, Parts::One);
}

#[test]
fn null_means_not_given() {
    let nulls = json!({
        "name": "b", "tag": null, "schedule": null, "image": null, "labels": null, "edges": null,
        "tasks": [{"name": "t", "command": ["true"], "env": null, "cwd": null, "stdin": null,
                   "timeout_seconds": null, "configuration_json": null, "kind": null}],
    });
    let least = json!({"name": "b", "tasks": [{"name": "t", "command": ["true"]}]});
    assert_eq!(read(&nulls).unwrap(), read(&least).unwrap());
}

fn full() -> Value {
    let text = include_str!("../../../../../tests/golden/definition.json");
    serde_json::from_str(text).unwrap()
}

#[test]
fn what_is_answered_equals_what_was_sent() {
    let given = full();
    let definition = read(&given).unwrap();
    assert_eq!(answer(&definition), given);
    assert_eq!(
        read(&answer(&definition)).unwrap(),
        definition,
        "and reads back as the same"
    );
    assert_eq!(definition.tasks[1].part_name(1), "p1");
    assert_eq!(definition.tasks[2].part_count(), 3);
    assert!(matches!(&definition.tasks[2].work, Work::Command { argv, .. } if argv.len() == 2));
}

#[test]
fn configurations_stay_as_they_were_written() {
    let text = r#"{"name":"b","tasks":[{"name":"t","command":["x"],
        "configuration_json":{"z":1,"a":123456789012345678901234567890,"e":1e400}}]}"#;
    let definition = from_wire("", read_json(text.as_bytes()).unwrap(), &principal()).unwrap();
    let kept = r#"{"z":1,"a":123456789012345678901234567890,"e":1e400}"#;
    assert_eq!(definition.tasks[0].configuration.as_deref(), Some(kept));
    let answered = serde_json::to_string(&to_wire(&definition)).unwrap();
    assert!(answered.contains(kept), "{answered}");
}

#[test]
fn mistakes_are_named_by_their_field() {
    let with = |task: Value| {
        let mut whole = json!({"name": "t"});
        whole
            .as_object_mut()
            .unwrap()
            .extend(task.as_object().unwrap().clone());
        json!({"name": "b", "tasks": [{"name": "first", "command": ["true"]}, whole]})
    };
    for (task, expected) in [
        (json!({}), "tasks[1].entrypoint"),
        (
            json!({"command": ["x"], "entrypoint": "m.f"}),
            "tasks[1].command",
        ),
        (
            json!({"entrypoint": "m.f", "env": {"A": "1"}}),
            "tasks[1].env",
        ),
        (
            json!({"command": ["x"], "arguments_blob": ""}),
            "tasks[1].arguments_blob",
        ),
        (json!({"command": ["x"], "cpu": 0}), "tasks[1].cpu"),
        (json!({"command": ["x"], "cpu": "1"}), "tasks[1].cpu"),
        (json!({"command": ["x"], "cpus": 1}), "tasks[1].cpus"),
        (json!({"command": ["x"], "arch": "z80"}), "tasks[1].arch"),
        (
            json!({"command": ["x"], "timeout_seconds": 0}),
            "tasks[1].timeout_seconds",
        ),
        (
            json!({"command": ["x"], "timeout_seconds": -1}),
            "tasks[1].timeout_seconds",
        ),
        (json!({"command": ["x"], "count": 3}), "tasks[1].count"),
        (
            json!({"command": ["x"], "configuration_json": []}),
            "tasks[1].configuration_json",
        ),
        (
            json!({"command": ["x"], "kind": "parallel"}),
            "tasks[1].configuration_json",
        ),
        (json!({"command": ["x"], "kind": "many"}), "tasks[1].kind"),
        (
            json!({"command": ["x"], "kind": "parallel", "configuration_json": [{"Name": "a"}, 3]}),
            "tasks[1].configuration_json[1]",
        ),
        (json!({"command": "x"}), "tasks[1].command"),
        (json!({"command": ["x", 1]}), "tasks[1].command[1]"),
    ] {
        assert_eq!(field(&with(task.clone())), expected, "{task}");
    }
    let mut unknown = with(json!({"command": ["x"]}));
    unknown["edges"] = json!([{"from": "first", "to": "t"}, {"from": "t", "to": "u"}]);
    assert_eq!(field(&unknown), "edges[1]");
    let mut bundle = with(json!({"command": ["x"]}));
    bundle["bundle"] = json!("xyz");
    assert_eq!(field(&bundle), "bundle");
    assert_eq!(field(&json!({"name": "b"})), "tasks");
    assert_eq!(
        field(&json!({"name": "b", "tasks": [], "schedule": {"at_hour": 1}})),
        "schedule.at_hour"
    );
}

#[test]
fn timeouts_keep_milliseconds() {
    for (seconds, timeout_ms) in [
        (json!(0.001), 1),
        (json!(1), 1_000),
        (json!(1.234_6), 1_235),
    ] {
        let one = json!({"name": "b", "tasks": [{"name": "t", "command": ["x"], "timeout_seconds": seconds}]});
        assert_eq!(read(&one).unwrap().tasks[0].timeout_ms, Some(timeout_ms));
    }
}
