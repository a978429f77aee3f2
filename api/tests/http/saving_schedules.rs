//! Another schedule for a batch: a new version that is else the one before.

use serde_json::{Value, json};

use crate::client::{Reply, send};
use crate::server::{Server, chain};

async fn put(server: &Server, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
    let body = body.to_string();
    let mut all = vec![("Content-Type", "application/json")];
    all.extend_from_slice(headers);
    send(server.address, "PUT", path, &all, body.as_bytes()).await
}

#[tokio::test]
async fn a_schedule_is_replaced_and_nothing_else() {
    let server = Server::start().await;
    let mut definition = chain("b", &["a", "c"]);
    definition["schedule"] = json!({"at_hours": [8], "overlap": "skip"});
    // More than a reader in JavaScript could hand back unharmed.
    definition["tasks"][0] = json!({"name": "a", "kind": "parallel", "command": ["true"],
        "configuration_json": [{"Name": "p", "Description": "", "n": 9_007_199_254_740_993_u64}]});
    let id = server.saved(&definition).await;
    let path = format!("/api/v1/batches/{id}/schedule");
    let before = server.get(&format!("/api/v1/batches/{id}")).await.json();
    let reply = put(&server, &path, &[], &json!({"cron": "0 9 * * 1-5"})).await;
    assert_eq!((reply.status, reply.header("etag")), (200, Some("\"2\"")));
    let after = reply.json();
    assert_eq!(after["schedule"]["cron"], "0 9 * * 1-5");
    assert_ne!(
        after["schedule"]["overlap"], "skip",
        "it is the whole schedule"
    );
    for same in ["tasks", "edges", "owner", "name", "tag", "permissions"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert!(reply.text().contains("9007199254740993"));
    let none = put(&server, &path, &[], &json!({})).await.json();
    assert_eq!(
        (&none["version"], &none["next_run"]),
        (&json!(3), &Value::Null)
    );
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_replaced_stays() {
    let server = Server::start().await;
    let id = server.saved(&chain("b", &["a"])).await;
    let path = format!("/api/v1/batches/{id}/schedule");
    let cron = json!({"cron": "0 9 * * *"});
    let wrong = put(&server, &path, &[], &json!({"cron": "99 9 * * *"})).await;
    assert_eq!(
        wrong.problem(),
        (422, "validation_failed".into(), "schedule.cron".into())
    );
    let unknown = put(&server, &path, &[], &json!({"crom": ""})).await;
    assert_eq!(unknown.status, 422);
    let stale = format!("{path}?expected_version=7");
    let stale = put(&server, &stale, &[], &cron).await;
    assert_eq!(stale.problem().1, "version_mismatch");
    let stale = put(&server, &path, &[("If-Match", "\"7\"")], &cron).await;
    assert_eq!(stale.problem().1, "precondition_failed");
    // Who may see a batch may not change it.
    let foreign = put(&server, &path, &[("X-Fasti-User", "stranger")], &cron).await;
    assert_eq!(foreign.problem().1, "forbidden");
    let nowhere = "/api/v1/batches/00000000-0000-7000-8000-000000000000/schedule";
    assert_eq!(put(&server, nowhere, &[], &cron).await.status, 404);
    assert_eq!(
        server.delete(&format!("/api/v1/batches/{id}")).await.status,
        204
    );
    let gone = put(&server, &path, &[], &cron).await;
    assert_eq!(gone.problem().1, "not_found");
    let left = server.get("/api/v1/batches").await.json();
    assert_eq!(
        left["items"],
        json!([]),
        "no batch is made of a deleted one"
    );
    server.stop().await;
}
