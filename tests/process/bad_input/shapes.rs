//! JSON that is no definition: the refusal names the field.

use serde_json::{Value, json};

use super::{good, healthy, refused, save};
use crate::support::server::Server;

/// The good definition with one place changed.
fn with(pointer: &str, value: Value) -> Value {
    let mut definition = good();
    let (above, key) = pointer.rsplit_once('/').unwrap();
    let parent = definition.pointer_mut(above).unwrap();
    match parent.as_array_mut() {
        Some(items) if key == "-" => items.push(value),
        Some(items) => items[key.parse::<usize>().unwrap()] = value,
        None => parent[key] = value,
    }
    if !pointer.starts_with("/edges") {
        // They name tasks, which may be gone.
        definition["edges"] = json!([]);
    }
    definition
}

/// A place, what is wrong there, and how the refusal names it.
type Case = (&'static str, Value, &'static str);

fn cases_of_batches() -> Vec<Case> {
    let long = "x".repeat(201);
    vec![
        ("/nmae", json!("x"), "nmae"),
        ("/name", json!(null), "name"),
        ("/name", json!(7), "name"),
        ("/name", json!(""), "name"),
        ("/name", json!("a\u{0}b"), "name"),
        ("/name", json!("a\nb"), "name"),
        ("/name", json!(long), "name"),
        ("/tag", json!("production"), "tag"),
        ("/tasks", json!([]), "tasks"),
        ("/tasks", json!({}), "tasks"),
        ("/tasks", json!("a"), "tasks"),
        ("/edges/0/from", json!("nobody"), "edges[0]"),
        ("/edges/0/to", json!("nobody"), "edges[0]"),
        ("/edges/0/via", json!("x"), "edges[0].via"),
        ("/edges/0", json!(["a", "b"]), "edges[0]"),
        ("/schedule", json!({"at_hours": [25]}), "schedule.at_hours"),
        (
            "/schedule",
            json!({"timezone": "Mars/Olympus"}),
            "schedule.timezone",
        ),
        ("/schedule", json!({"cron": "every day"}), "schedule.cron"),
        ("/permissions", json!("rwxrwx"), "permissions"),
        ("/fail_after_seconds", json!(-5), "fail_after_seconds"),
        ("/labels", json!("a,b"), "labels"),
    ]
}

fn cases_of_tasks() -> Vec<Case> {
    vec![
        ("/tasks/0", json!(null), "tasks[0]"),
        ("/tasks/0/nmae", json!("x"), "tasks[0].nmae"),
        ("/tasks/1/name", json!(["b"]), "tasks[1].name"),
        ("/tasks/1/retries", json!(-1), "tasks[1].retries"),
        ("/tasks/1/retries", json!(1.5), "tasks[1].retries"),
        (
            "/tasks/1/retries",
            json!(4_000_000_000_u32),
            "tasks[1].retries",
        ),
        ("/tasks/1/retries", json!(1e300), "tasks[1].retries"),
        ("/tasks/1/cpu", json!("4000"), "tasks[1].cpu"),
        ("/tasks/1/memory", json!(u64::MAX), "tasks[1].memory"),
        (
            "/tasks/1/timeout_seconds",
            json!(-1),
            "tasks[1].timeout_seconds",
        ),
        (
            "/tasks/1/timeout_seconds",
            json!("1"),
            "tasks[1].timeout_seconds",
        ),
        ("/tasks/1/kind", json!("serial"), "tasks[1].kind"),
        ("/tasks/1/command", json!([]), "tasks[1].command"),
        ("/tasks/1/command", json!("true"), "tasks[1].command"),
        (
            "/tasks/1/command",
            json!(["echo", 1]),
            "tasks[1].command[1]",
        ),
        ("/tasks/1/env", json!({"K": 1}), "tasks[1].env.K"),
        ("/tasks/1/priority", json!("urgent"), "tasks[1].priority"),
        ("/tasks/1/count", json!(3), "tasks[1].count"),
    ]
}

#[test]
fn the_field_is_named() {
    let mut server = Server::start(&[]);
    for (pointer, value, field) in cases_of_batches().into_iter().chain(cases_of_tasks()) {
        let what = format!("{pointer} = {value}");
        let reply = save(&server, with(pointer, value).to_string().as_bytes());
        assert_eq!(
            reply.status,
            422,
            "{what}: {}",
            String::from_utf8_lossy(&reply.body)
        );
        let problem = reply.problem();
        let named = problem["field"].as_str().unwrap_or_default();
        // A list may be named by itself or with the place in it.
        assert!(
            named == field || named.starts_with(&format!("{field}[")),
            "{what}: {problem}"
        );
    }
    healthy(&mut server);
}

#[test]
fn work_is_one_thing_or_the_other() {
    let mut server = Server::start(&[]);
    let neither = json!({"name": "b"});
    let both = json!({"name": "b", "command": ["true"], "entrypoint": "a.b"});
    for task in [neither, both] {
        let problem = save(
            &server,
            with("/tasks/1", task.clone()).to_string().as_bytes(),
        );
        let problem = refused(&problem, 422, "validation_failed", &task.to_string());
        assert!(
            problem["field"].as_str().unwrap().starts_with("tasks[1]"),
            "{problem}"
        );
    }
    healthy(&mut server);
}

#[test]
fn a_cycle_is_refused_with_the_tasks_on_it() {
    let mut server = Server::start(&[]);
    let tasks: Vec<Value> = (0..10)
        .map(|at| json!({"name": format!("step {at}"), "command": ["true"]}))
        .collect();
    let edge =
        |from: u8, to: u8| json!({"from": format!("step {from}"), "to": format!("step {to}")});
    let edges = [edge(0, 1), edge(1, 2), edge(2, 3), edge(3, 1), edge(3, 4)];
    let definition = json!({"name": "round", "tasks": tasks, "edges": edges});
    let problem = save(&server, definition.to_string().as_bytes());
    let problem = refused(&problem, 422, "cyclic_dependency", "a cycle of three");
    let detail = problem["detail"].as_str().unwrap();
    for (step, is_on) in [
        (0, false),
        (1, true),
        (2, true),
        (3, true),
        (4, false),
        (5, false),
    ] {
        assert_eq!(detail.contains(&format!("step {step}")), is_on, "{detail}");
    }
    let own = with("/edges/0", json!({"from": "a", "to": "a"}));
    let problem = refused(
        &save(&server, own.to_string().as_bytes()),
        422,
        "validation_failed",
        "itself",
    );
    assert!(
        problem["detail"].as_str().unwrap().contains("`a`"),
        "{problem}"
    );
    healthy(&mut server);
}

#[test]
fn what_is_not_there_is_said() {
    let mut server = Server::start(&[]);
    let python = |image: &str| json!({"name": "b", "entrypoint": "a.b", "image": image});
    let cases = [
        (with("/tasks/1", python("nowhere")), "unknown_image"),
        (with("/tasks/1/name", json!("a")), "duplicate_name"),
        (with("/bundle", json!("ab".repeat(32))), "unknown_bundle"),
    ];
    for (definition, code) in cases {
        let problem = refused(
            &save(&server, definition.to_string().as_bytes()),
            422,
            code,
            code,
        );
        assert!(
            !problem["field"].is_null() || !problem["detail"].is_null(),
            "{problem}"
        );
    }
    let only_prod = json!({"tags": ["prod"]});
    server.api().put("PUT", "/images/ours", &only_prod);
    let definition = with("/tasks/1", python("ours"));
    refused(
        &save(&server, definition.to_string().as_bytes()),
        422,
        "image_tag",
        "another tag",
    );
    healthy(&mut server);
}

#[test]
fn sizes_are_bounded() {
    let mut server = Server::start(&[]);
    let parts = json!({"name": "b", "kind": "parallel", "count": 100_001, "command": ["true"]});
    let too_many: Vec<Value> = (0..100_001)
        .map(|at| json!({"name": format!("t{at}"), "command": ["true"]}))
        .collect();
    let many_words: Vec<String> = (0..20_000).map(|word| word.to_string()).collect();
    let cases = [
        ("parts", with("/tasks/1", parts)),
        ("tasks", with("/tasks", json!(too_many))),
        ("arguments", with("/tasks/1/command", json!(many_words))),
        (
            "configuration",
            with(
                "/tasks/1/configuration_json",
                json!({"x": "y".repeat(2 << 20)}),
            ),
        ),
    ];
    for (what, definition) in cases {
        let reply = save(&server, definition.to_string().as_bytes());
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(
            matches!(reply.status, 413 | 422 | 429),
            "{what}: {} {text}",
            reply.status
        );
        let problem = reply.problem();
        assert!(text.len() < 10_000, "{what}: {} bytes", text.len());
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .bytes()
                .any(|byte| byte.is_ascii_digit()),
            "{problem}"
        );
    }
    healthy(&mut server);
}
