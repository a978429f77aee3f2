//! Schedules of the real binary: every slot once, whatever becomes of the server, and the commands about them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::command_line::call;
use crate::support::look_until;
use crate::support::server::Server;

/// A batch that is due every second.
fn every_second(server: &Server) -> String {
    server.api().save(&json!({
        "name": "ticks",
        "schedule": {"cron": "* * * * * *", "misfire": "all", "misfire_max": 1000},
        "tasks": [{"name": "t", "command": ["true"]}],
    }))
}

fn ledger(server: &Server, id: &str) -> Value {
    server.api().get(&format!("/batches/{id}/slots?limit=1000"))
}

/// Waits until so many slots more have an outcome.
fn pass(server: &Server, id: &str, more: u64) {
    let closed = |ledger: &Value| ledger["plan"]["closed"].as_u64().unwrap();
    let before = closed(&ledger(server, id));
    look_until("slots with an outcome", || {
        (closed(&ledger(server, id)) >= before + more).then_some(())
    });
}

#[test]
fn every_slot_is_on_record_once_whatever_becomes_of_the_server() {
    let mut server = Server::start(&["--slots", "4"]);
    let id = every_second(&server);
    for round in 0..3 {
        pass(&server, &id, 2);
        if round == 1 {
            server.stop();
        } else {
            server.kill();
        }
        server.restart();
    }
    pass(&server, &id, 1);
    server
        .api()
        .post(&format!("/batches/{id}/pause"), &json!({}));
    let found = ledger(&server, &id);
    let plan = &found["plan"];
    assert_eq!(plan["balanced"], true, "{plan}");
    let mut slots = BTreeSet::new();
    for slot in found["items"].as_array().unwrap() {
        // Nothing was late enough to be missed: the policy makes up for all.
        if slot["outcome"] == "open" {
            continue;
        }
        assert_eq!(slot["outcome"], "fired", "{slot}");
        assert!(slots.insert(slot["first"].to_string()), "twice: {slot}");
    }
    assert_eq!(plan["planned"], slots.len(), "{plan}");
    let runs = server.api().list(&format!("/runs?batch_id={id}"));
    let due: BTreeSet<String> = runs
        .iter()
        .map(|run| run["scheduled_time"].to_string())
        .collect();
    assert_eq!((runs.len(), &due), (slots.len(), &slots));
}

#[test]
fn the_command_line_gives_a_batch_another_schedule() {
    let server = Server::start(&[]);
    let of = |arguments: &[&str]| call(server.folder(), server.api().url(), arguments);
    let task = json!({"name": "t", "command": ["true"]});
    let id = server
        .api()
        .save(&json!({"name": "nightly", "schedule": {"at_hours": [2]}, "tasks": [task]}));
    let cron = r#"{"cron": "0 8 * * *", "timezone": "Europe/Paris"}"#;
    let set = of(&["schedule", "set", "nightly", cron]);
    assert_eq!(set.code, 0, "{set:?}");
    assert!(
        set.out.contains("version 2") && set.out.contains("08:00"),
        "{set:?}"
    );
    let file = server.folder().join("none.json");
    std::fs::write(&file, "{}").unwrap();
    let file = format!("@{}", file.display());
    let set = of(&["schedule", "set", "nightly", &file, "--json"]).json();
    assert_eq!(
        (&set["version"], &set["next_run"]),
        (&json!(3), &Value::Null)
    );
    let wrong = of(&["schedule", "set", "nightly", r#"{"cron": "61 * * * *"}"#]);
    assert!(wrong.code != 0 && wrong.err.contains("61"), "{wrong:?}");
    let no_json = of(&["schedule", "set", "nightly", "0 8 * * *"]);
    assert_eq!(no_json.code, 2, "{no_json:?}");
    let now = server.api().get(&format!("/batches/{id}"));
    assert_eq!(
        (&now["version"], &now["tasks"][0]["name"]),
        (&json!(3), &json!("t"))
    );
    let found = of(&["batch", "list", "--search", "IGHT", "--json"]).json();
    assert_eq!(found[0]["id"], id);
    let none = of(&["run", "list", "--search", "ight", "--json"]).json();
    assert_eq!(none, json!([]));
}

#[test]
fn the_command_line_shows_schedules() {
    let server = Server::start(&[]);
    let of = |arguments: &[&str]| {
        let called = call(server.folder(), server.api().url(), arguments);
        assert_eq!(called.code, 0, "{arguments:?}: {called:?}");
        called
    };
    let id = every_second(&server);
    pass(&server, &id, 1);
    let next = of(&["schedule", "next", "ticks", "-n", "3", "--json"]).json();
    assert_eq!(next["fire_times"].as_array().unwrap().len(), 3);
    let explained = of(&["schedule", "explain", "ticks"]);
    assert!(explained.out.contains("late slots"), "{explained:?}");
    let slots = of(&["schedule", "slots", "ticks"]);
    assert!(
        slots.out.contains("balanced") && slots.out.contains("fired"),
        "{slots:?}"
    );
    assert_eq!(
        of(&["schedule", "slots", "ticks", "--json"]).json()["plan"]["balanced"],
        true
    );
    let far = "2099-01-01T00:00:00Z";
    of(&[
        "batch", "pause", "ticks", "--reason", "enough", "--until", far,
    ]);
    let shown = of(&["batch", "show", "ticks"]);
    assert!(
        shown.out.contains("paused until 2099") && shown.out.contains("enough"),
        "{shown:?}"
    );
    of(&["batch", "resume", "ticks"]);
    let window = [
        "--from",
        "2030-01-01T00:00:00Z",
        "--to",
        "2030-01-01T01:00:00Z",
    ];
    let simulated = of(&[&["simulate", "--slots", "1", "--json"], &window[..]].concat()).json();
    assert_eq!(simulated["totals"]["slots"], 3600);
    let table = of(&[&["simulate"], &window[..]].concat());
    assert!(table.out.contains("ticks:dev"), "{table:?}");
}

#[test]
fn a_cron_expression_is_explained_without_a_server() {
    let server = Server::stopped(&[]);
    let of = |arguments: &[&str]| call(server.folder(), "", arguments);
    let arguments = [
        "schedule",
        "explain",
        "--cron",
        "30 2 * * *",
        "--timezone",
        "Europe/Paris",
        "--from",
        "2024-03-30T12:00:00Z",
        "-n",
        "2",
    ];
    let explained = of(&arguments);
    assert_eq!(explained.code, 0, "{explained:?}");
    for text in ["02:30", "2024-03-31T03:00:00+02:00", "leaves its time out"] {
        assert!(explained.out.contains(text), "{text}: {explained:?}");
    }
    let wrong = of(&["schedule", "next", "--cron", "61 * * * *"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.err.contains("cron"), "{wrong:?}");
    let file = server.folder().join("nightly.json");
    let definition = json!({"name": "nightly", "schedule": {"at_hours": [2]}, "tasks": []});
    std::fs::write(&file, definition.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let simulated = of(&[
        "simulate",
        "--file",
        file,
        "--json",
        "--from",
        "2027-01-01T00:00:00Z",
    ]);
    assert_eq!(simulated.json()["totals"]["fired"], 365, "{simulated:?}");
    let busy = json!({"name": "busy", "schedule": {"cron": "* * * * * *"}, "tasks": []});
    std::fs::write(file, busy.to_string()).unwrap();
    let until = [
        "--from",
        "1970-01-01T00:00:00Z",
        "--to",
        "9999-12-31T00:00:00Z",
    ];
    let endless = of(&[&["simulate", "--file", file], &until[..]].concat());
    assert_eq!(endless.code, 2, "{endless:?}");
    assert!(endless.err.contains("slots in that time"), "{endless:?}");
}

#[test]
fn the_command_line_keeps_calendars() {
    let server = Server::start(&[]);
    let of = |arguments: &[&str]| call(server.folder(), server.api().url(), arguments);
    let file = server.folder().join("days.json");
    let days =
        json!({"closed_weekdays": ["Sat", "Sun"], "closed": {"2026-12-25": "Christmas Day"}});
    std::fs::write(&file, days.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let saved = of(&["calendar", "set", "trading days", file, "--json"]);
    assert_eq!(
        (saved.code, &saved.json()["version"]),
        (0, &json!(1)),
        "{saved:?}"
    );
    let listed = of(&["calendar", "list"]);
    assert!(
        listed.out.contains("trading days") && listed.out.contains("Sat Sun"),
        "{listed:?}"
    );
    let listed = of(&["calendar", "list", "--json"]).json();
    assert_eq!(listed[0]["name"], "trading days");
    let shown = of(&["calendar", "show", "trading days"]);
    assert!(
        shown.out.contains("2026-12-25  closed  Christmas Day"),
        "{shown:?}"
    );
    server.api().save(&json!({
        "name": "b",
        "schedule": {"at_hours": [8], "calendars": [{"name": "trading days", "mode": "only_open_days"}]},
        "tasks": [{"name": "t", "command": ["true"]}],
    }));
    let busy = of(&["calendar", "remove", "trading days"]);
    assert_eq!(busy.code, 4, "{busy:?}");
    of(&["batch", "delete", "b"]);
    let removed = of(&["calendar", "remove", "trading days", "--json"]);
    assert_eq!(
        (removed.code, &removed.json()["removed"]),
        (0, &json!(true)),
        "{removed:?}"
    );
    assert_eq!(of(&["calendar", "show", "trading days"]).code, 3);
    std::fs::write(file, "{").unwrap();
    assert_eq!(of(&["calendar", "set", "x", file]).code, 2);
    std::fs::write(file, json!({"closed_weekdays": ["Caturday"]}).to_string()).unwrap();
    let wrong = of(&["calendar", "set", "x", file]);
    assert!(
        wrong.code != 0 && wrong.err.contains("Caturday"),
        "{wrong:?}"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story from start to end")]
fn the_command_line_fills_ranges() {
    let server = Server::start(&["--slots", "4"]);
    let of = |arguments: &[&str]| call(server.folder(), server.api().url(), arguments);
    server.api().save(&json!({
        "name": "nightly",
        "schedule": {"at_hours": [2]},
        "tasks": [{"name": "t", "command": ["true"]}],
    }));
    let range = [
        "--from",
        "2024-03-01T00:00:00Z",
        "--until",
        "2024-03-08T00:00:00Z",
    ];
    let preview = of(&[&["backfill", "preview", "nightly"], &range[..]].concat());
    assert!(
        preview.out.contains("7 slots") && preview.out.contains("2024-03-01"),
        "{preview:?}"
    );
    let start = [
        &["backfill", "start", "nightly", "--key", "march", "--json"],
        &range[..],
    ]
    .concat();
    let set = of(&start).json();
    let id = set["id"].to_string();
    assert_eq!(
        of(&start).json()["id"],
        set["id"],
        "the key makes it harmless"
    );
    let finished = look_until("the backfill is finished", || {
        let shown = of(&["backfill", "show", &id, "--json"]).json();
        (!shown["finished_at"].is_null()).then_some(shown)
    });
    assert_eq!(finished["run_counts"], json!({"success": 7}));
    let shown = of(&["backfill", "show", &id]);
    assert!(
        shown.out.contains("7 of 7") && shown.out.contains("7 success"),
        "{shown:?}"
    );
    let listed = of(&["backfill", "list", "--batch", "nightly"]);
    assert!(listed.out.contains("finished"), "{listed:?}");

    server.api().save(&json!({
        "name": "long",
        "schedule": {"at_hours": [2]},
        "tasks": [{"name": "t", "command": ["sleep", "600"]}],
    }));
    let long = [
        &[
            "backfill",
            "start",
            "long",
            "--live-max",
            "1",
            "--first",
            "newest",
        ],
        &range[..],
    ];
    let id = of(&long.concat()).out.trim().to_owned();
    let paused = of(&["backfill", "pause", &id, "--json"]).json();
    assert_eq!(paused["backfill"]["paused"], true);
    assert!(of(&["backfill", "list"]).out.contains("paused"));
    let resumed = of(&["backfill", "resume", &id, "--json"]).json();
    assert_eq!(resumed["backfill"]["paused"], false);
    let cancelled = of(&["backfill", "cancel", &id, "--json"]);
    assert_eq!(
        (cancelled.code, &cancelled.json()["closed"]),
        (0, &json!(true))
    );
    assert_eq!(of(&["backfill", "pause", "999"]).code, 3);
    let empty = [
        "--from",
        "2024-03-01T00:00:00Z",
        "--until",
        "2024-03-01T00:00:00Z",
    ];
    let wrong = of(&[&["backfill", "preview", "nightly"], &empty[..]].concat());
    assert!(wrong.code != 0 && wrong.err.contains("from"), "{wrong:?}");
}
