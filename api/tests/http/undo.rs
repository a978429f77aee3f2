//! What an operator asked for is undone over HTTP: what is said, what follows, what is refused and why.

use serde_json::{Value, json};

use crate::client::Reply;
use crate::server::{Server, chain};

async fn undo(server: &Server, seq: u64, body: &Value) -> Reply {
    server
        .post(&format!("/api/v1/events/{seq}/undo"), body)
        .await
}

/// The last event of a type.
async fn last(server: &Server, kind: &str) -> Value {
    let seen = server.engine.feed().last();
    let path = format!("/api/v1/events?types={kind}&min_seq={seen}");
    let listed = server.get(&path).await.json();
    listed["items"].as_array().unwrap().last().unwrap().clone()
}

async fn seq(server: &Server, kind: &str) -> u64 {
    last(server, kind).await["seq"].as_u64().unwrap()
}

async fn batch(server: &Server, id: &str) -> Value {
    let seen = server.engine.feed().last();
    let path = format!("/api/v1/batches/{id}?min_seq={seen}");
    server.get(&path).await.json()
}

#[tokio::test]
async fn a_pause_is_looked_at_undone_and_redone() {
    let server = Server::start().await;
    let id = server.saved(&chain("etl", &["a"])).await;
    let pause = json!({"reason": "holidays"});
    server
        .post(&format!("/api/v1/batches/{id}/pause"), &pause)
        .await;
    let paused = seq(&server, "batch.paused").await;
    let looked = undo(&server, paused, &json!({"dry_run": true})).await;
    assert_eq!(looked.status, 200, "{}", looked.text());
    let looked = looked.json();
    assert_eq!(looked["event_type"], "batch.paused");
    assert_eq!(looked["did"], "operator paused the batch `etl`");
    assert_eq!(looked["undo"], "resumes the batch `etl`");
    assert!(looked["stays"].as_str().unwrap().contains("backfill"));
    assert_eq!(looked["seq"], Value::Null);
    assert_eq!(
        batch(&server, &id).await["paused"],
        true,
        "nothing has changed"
    );

    let done = undo(&server, paused, &json!({})).await.json();
    assert_eq!(batch(&server, &id).await["paused"], false);
    let resumed = last(&server, "batch.resumed").await;
    assert_eq!(resumed["causation_seq"], paused);
    assert_eq!(done["seq"], resumed["seq"]);

    // An undo is undone like anything else, and brings the reason back.
    let again = undo(&server, resumed["seq"].as_u64().unwrap(), &json!({}))
        .await
        .json();
    assert_eq!(
        again["undo"],
        "pauses the batch `etl` again, until somebody resumes it (holidays)"
    );
    assert_eq!(batch(&server, &id).await["paused_reason"], "holidays");
    let refused = undo(&server, paused, &json!({})).await;
    assert_eq!(refused.problem().1, "changed_since");
    let named = format!("event {}", resumed["seq"]);
    assert!(refused.text().contains(&named), "{}", refused.text());
    server.stop().await;
}

#[tokio::test]
async fn whatever_the_command_left_leads_to_it() {
    let server = Server::start().await;
    let mut definition = chain("etl", &["a"]);
    definition["schedule"] = json!({"cron": "0 8 * * *"});
    let id = server.saved(&definition).await;
    definition["schedule"] = json!({"cron": "0 9 * * *"});
    server.saved(&definition).await;
    // The definition, the version and the plan are one command.
    let saved = seq(&server, "batch.saved").await;
    for kind in ["definition.added", "schedule.planned"] {
        let at = seq(&server, kind).await;
        let looked = undo(&server, at, &json!({"dry_run": true})).await.json();
        assert_eq!(looked["event_seq"], saved, "{kind}: {looked}");
    }
    let done = undo(&server, saved, &json!({})).await.json();
    assert_eq!(
        done["undo"],
        "saves the definition of version 1 of the batch `etl` as a new version"
    );
    let now = batch(&server, &id).await;
    assert_eq!(
        (&now["version"], &now["schedule"]["cron"]),
        (&json!(3), &json!("0 8 * * *"))
    );
    server.stop().await;
}

#[tokio::test]
async fn limits_go_back_and_images_come_back_whole() {
    let server = Server::start().await;
    for limit in [5, 3] {
        let body = json!({ "limit": limit });
        server.send("PUT", "/api/v1/pools/p", &[], &body).await;
    }
    let limited = seq(&server, "pool.limited").await;
    let done = undo(&server, limited, &json!({})).await.json();
    assert_eq!(
        done["did"],
        "operator set limits of the pool `p`: limit = 3"
    );
    assert_eq!(done["undo"], "sets limits of the pool `p`: limit = 5");
    let path = format!("/api/v1/pools/p?min_seq={}", done["seq"]);
    assert_eq!(server.get(&path).await.json()["capacity"], 5);

    let image = json!({"path": "/code", "tags": ["dev"], "env": {"DB_PASSWORD": "s3cret"}});
    server.send("PUT", "/api/v1/images/i", &[], &image).await;
    server.delete("/api/v1/images/i").await;
    let removed = seq(&server, "image.removed").await;
    undo(&server, removed, &json!({})).await;
    let back = last(&server, "image.registered").await;
    assert_eq!(back["causation_seq"], removed);
    assert_eq!(back["data"]["image"]["env"]["DB_PASSWORD"], "s3cret");
    server.stop().await;
}

#[tokio::test]
async fn a_run_that_started_is_refused_and_one_that_waits_is_cancelled() {
    let server = Server::start().await;
    let run = server.started(&chain("etl", &["a"])).await;
    let created = seq(&server, "run.created").await;
    let refused = undo(&server, created, &json!({})).await;
    assert_eq!(refused.problem().1, "not_undone");
    let way_out = format!("fasti run cancel {run}");
    assert!(refused.text().contains(&way_out), "{}", refused.text());
    // What its runner did leads to the same command.
    let leased = seq(&server, "attempt.leased").await;
    let looked = undo(&server, leased, &json!({"dry_run": true})).await;
    assert!(
        looked.text().contains(&format!("event {created} ")),
        "{}",
        looked.text()
    );
    server.stop().await;
}

#[tokio::test]
async fn wrong_requests_change_nothing() {
    let server = Server::start().await;
    let id = server.saved(&chain("etl", &["a"])).await;
    let first = undo(&server, 1, &json!({})).await;
    assert_eq!(first.problem().1, "not_undone");
    assert_eq!(undo(&server, 0, &json!({})).await.problem().0, 404);
    assert_eq!(undo(&server, 99_999, &json!({})).await.problem().0, 404);
    let typo = undo(&server, 1, &json!({"dryrun": true})).await;
    assert_eq!(typo.problem().0, 422, "{}", typo.text());
    let path = format!("/api/v1/batches/{id}/pause");
    server.post(&path, &json!({})).await;
    let paused = seq(&server, "batch.paused").await;
    let path = format!("/api/v1/events/{paused}/undo");
    // Whoever may not see the batch does not learn of its events.
    let other = [("X-Fasti-User", "somebody")];
    let hidden = server.send("POST", &path, &other, &json!({})).await;
    assert!(matches!(hidden.status, 403 | 404), "{}", hidden.text());
    // The same request twice is done once and answered twice.
    let key = [("Idempotency-Key", "undo-1")];
    let done = server.send("POST", &path, &key, &json!({})).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let again = server.send("POST", &path, &key, &json!({})).await;
    assert_eq!(
        (again.status, again.json()["did"].clone()),
        (200, done.json()["did"].clone())
    );
    server.stop().await;
}
