//! Whatever is sent, the answer is a problem document that says what is wrong, never a fault of the server.

mod bodies;
mod requests;
mod shapes;

use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::wire::{self, Reply};

/// A definition with nothing wrong.
fn good() -> Value {
    json!({
        "name": "good",
        "tasks": [
            {"name": "a", "command": ["true"]},
            {"name": "b", "command": ["true"], "retries": 1, "env": {"K": "v"}},
        ],
        "edges": [{"from": "a", "to": "b"}],
    })
}

/// Sends a body to be saved.
fn save(server: &Server, body: &[u8]) -> Reply {
    wire::request(server.address(), "POST", "/api/v1/batches", &[], body)
}

/// A refusal with this status and code, whose problem is answered.
fn refused(reply: &Reply, status: u16, code: &str, what: &str) -> Value {
    assert_eq!(
        reply.status,
        status,
        "{what}: {}",
        String::from_utf8_lossy(&reply.body)
    );
    let problem = reply.problem();
    assert_eq!(problem["code"], code, "{what}: {problem}");
    problem
}

/// The server still does its work, and never had a fault.
fn healthy(server: &mut Server) {
    assert!(server.is_running());
    let api = server.api();
    assert_eq!(api.get("/health")["status"], "ok");
    let batch = api.save(&good());
    assert_eq!(api.finished(api.start(&batch))["status"], "success");
    assert!(!server.said().contains("panicked"), "{}", server.said());
}
