//! Reads about the past: `as_of` a position or an instant.

use serde_json::json;

use crate::server::{Server, chain};

#[tokio::test]
async fn a_run_is_shown_as_it_was_at_every_event() {
    let server = Server::start().await;
    let before = server.engine.feed().last();
    let run = server.started(&chain("b", &["a", "b"])).await;
    let queued = server.engine.feed().last();
    server.run_next(0, None).await;
    let half = server.engine.feed().last();
    server.run_next(3, None).await;
    let end = server.engine.feed().last();
    let at = async |path: &str, seq: fasti_core::domain::ids::Seq| {
        let separator = if path.contains('?') { '&' } else { '?' };
        server.get(&format!("{path}{separator}as_of={seq}")).await
    };
    let path = format!("/api/v1/runs/{run}");
    assert_eq!(at(&path, before).await.problem().0, 404);
    let mut seen = Vec::new();
    for seq in [queued, half, end] {
        let reply = at(&path, seq).await;
        assert_eq!(reply.header("fasti-seq"), Some(seq.to_string().as_str()));
        seen.push(reply.json()["task_counts"].clone());
    }
    assert_eq!(seen[0], json!({"queued": 1, "waiting": 1}));
    assert_eq!(seen[1], json!({"success": 1, "queued": 1}));
    assert_eq!(seen[2], json!({"success": 1, "failure": 1}));
    let list = "/api/v1/runs?limit=10";
    assert_eq!(at(list, before).await.json()["items"], json!([]));
    let listed = at(list, half).await.json();
    assert_eq!(listed["as_of_seq"], half.0);
    assert_eq!(listed["items"][0]["status"], "running");
    let batches = at("/api/v1/batches", before).await.json();
    assert_eq!(batches["items"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn an_instant_means_the_last_event_until_then() {
    let server = Server::start().await;
    let run = server.started(&chain("b", &["a"])).await;
    let created = server.get(&format!("/api/v1/runs/{run}")).await.json();
    let created = created["created_at"].as_str().unwrap().to_owned();
    let path = |at: &str| format!("/api/v1/runs/{run}?as_of={at}");
    assert_eq!(server.get(&path(&created)).await.status, 200);
    let early = server.get(&path("1999-01-01T00:00:00Z")).await;
    assert_eq!(early.status, 422);
    assert!(early.text().contains("the log begins at"));
    server.stop().await;
}

#[tokio::test]
async fn moments_that_are_none_are_refused() {
    let server = Server::start().await;
    let wrong = [
        ("/api/v1/runs?as_of=yesterday", "must be a sequence number"),
        ("/api/v1/runs?as_of=0", "the first event has sequence 1"),
        ("/api/v1/runs?as_of=99999", "the log ends at sequence"),
        (
            "/api/v1/runs?as_of=2999-01-01T00:00:00Z",
            "is still to come",
        ),
        ("/api/v1/events?as_of=1", "as_of"),
    ];
    for (path, message) in wrong {
        let refused = server.get(path).await;
        assert_eq!(refused.status, 422, "{path}");
        assert!(refused.text().contains(message), "{}", refused.text());
    }
    server.stop().await;
}
