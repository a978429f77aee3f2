//! `fasti undo` against a real server: what it says, what is so afterwards, also when the server comes back.

use serde_json::json;

use crate::support::command_line::{Called, call};
use crate::support::server::Server;

fn fasti(server: &Server, arguments: &[&str]) -> Called {
    call(server.folder(), server.api().url(), arguments)
}

fn last(server: &Server, kind: &str) -> String {
    let listed = fasti(server, &["event", "list", "--type", kind, "--json"]);
    let events = listed.json();
    let last = events.as_array().and_then(|events| events.last());
    last.unwrap_or_else(|| panic!("{kind}: {listed:?}"))["seq"].to_string()
}

#[test]
fn a_limit_and_a_pause_are_undone_and_stay_undone() {
    let mut server = Server::start(&["--slots", "1"]);
    let batch = server.api().save(&json!({
        "name": "etl", "schedule": {"cron": "0 8 * * *"},
        "tasks": [{"name": "a", "command": ["true"]}],
    }));
    for limit in ["5", "3"] {
        assert_eq!(fasti(&server, &["pool", "limit", "p", limit]).code, 0);
    }
    let limited = last(&server, "pool.limited");
    let looked = fasti(&server, &["undo", &limited, "--dry-run"]);
    assert_eq!(looked.code, 0, "{looked:?}");
    assert!(
        looked
            .out
            .contains("undoing it sets limits of the pool `p`: limit = 5"),
        "{looked:?}"
    );
    let done = fasti(&server, &["undo", &limited, "--json"]);
    assert!(done.json()["seq"].is_u64(), "{done:?}");
    let twice = fasti(&server, &["undo", &limited]);
    assert_eq!(twice.code, 4, "{twice:?}");
    assert!(twice.err.contains("changed again"), "{twice:?}");

    assert_eq!(fasti(&server, &["batch", "pause", "etl"]).code, 0);
    let paused = last(&server, "batch.paused");
    let done = fasti(&server, &["undo", &paused]);
    assert!(done.out.contains("it resumes the batch `etl`"), "{done:?}");
    let (status, _) = server.stop();
    assert!(status.success());
    server.restart();
    let shown = server.api().get(&format!("/batches/{batch}"));
    assert_eq!(shown["paused"], false, "{shown}");
    let pool = server.api().get("/pools/p");
    assert_eq!(pool["capacity"], 5);
}
