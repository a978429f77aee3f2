//! Backfills over HTTP: what a range comes to, runs for its slots, and how they are steered.

use serde_json::{Value, json};

use crate::server::{Server, chain};

const PATH: &str = "/api/v1/run-sets/backfill";

async fn daily(server: &Server) -> String {
    let mut batch = chain("daily", &["a"]);
    batch["schedule"] = json!({"at_hours": [8], "timezone": "Asia/Tokyo", "rundate_offset": -1});
    server.saved(&batch).await
}

fn week(batch: &str) -> Value {
    json!({"batch_id": batch, "from": "2024-03-01T00:00:00Z", "until": "2024-03-08T00:00:00Z", "live_max": 2})
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

#[tokio::test]
async fn a_preview_starts_nothing_and_says_what_would_be() {
    let server = Server::start().await;
    let batch = daily(&server).await;
    let dry = with(week(&batch), "dry_run", json!(true));
    let reply = server.post(PATH, &dry).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let found = reply.json();
    assert_eq!(
        (&found["slots"], &found["truncated"]),
        (&json!(7), &json!(false))
    );
    assert_eq!(found["fire_times"][0], "2024-03-01T23:00:00.000Z");
    assert_eq!(found["rundates"][0], "2024-03-01");
    let newest = with(dry, "order", json!("newest_first"));
    let newest = server.post(PATH, &newest).await.json();
    assert_eq!(newest["rundates"][0], "2024-03-07");
    let sets = server.get("/api/v1/run-sets").await.json();
    assert_eq!(sets["items"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn a_backfill_is_made_once_and_steered() {
    let server = Server::start().await;
    let batch = daily(&server).await;
    let key = [("Idempotency-Key", "march")];
    let made = server.send("POST", PATH, &key, &week(&batch)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].clone();
    let again = server.send("POST", PATH, &key, &week(&batch)).await;
    assert_eq!(again.json()["id"], id, "a repetition is harmless");
    let path = format!("/api/v1/run-sets/{id}");
    assert_eq!(made.header("location"), Some(path.as_str()));
    let set = server.get(&path).await.json();
    assert_eq!(set["backfill"]["slots"], 7);
    assert_eq!(
        (&set["run_count"], &set["closed"]),
        (&json!(2), &json!(false))
    );
    let runs = server
        .get(&format!("/api/v1/runs?batch_id={batch}"))
        .await
        .json();
    let dates: Vec<&Value> = runs["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["rundate"])
        .collect();
    assert_eq!(dates, ["2024-03-01", "2024-03-02"]);

    let steer = async |verb: &str| server.post(&format!("{path}/{verb}"), &json!({})).await;
    assert_eq!(steer("pause").await.json()["backfill"]["paused"], true);
    let resumed = steer("resume").await.json();
    assert_eq!(resumed["backfill"]["paused"], false);
    let cancelled = steer("cancel").await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    assert_eq!(cancelled.json()["closed"], true);
    assert_eq!(steer("resume").await.problem().1, "run_set_closed");
    let gone = server.post("/api/v1/run-sets/999/pause", &json!({})).await;
    assert_eq!(gone.problem().0, 404);
    server.stop().await;
}

#[tokio::test]
async fn a_batch_that_cannot_run_pauses_its_backfill_and_says_why() {
    let server = Server::start().await;
    let image = json!({"path": "/srv/code", "tags": ["dev"]});
    let reply = server.send("PUT", "/api/v1/images/code", &[], &image).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let mut batch = chain("daily", &["a"]);
    batch["schedule"] = json!({"at_hours": [8]});
    batch["image"] = json!("code");
    let batch = server.saved(&batch).await;
    assert_eq!(server.delete("/api/v1/images/code").await.status, 204);
    let set = server.post(PATH, &week(&batch)).await.json();
    assert_eq!(set["backfill"]["paused"], true, "{set}");
    let why = set["backfill"]["pause_reason"].as_str().unwrap();
    assert!(why.contains("`code` is not registered"), "{why}");
    assert_eq!(set["run_count"], 0);
    server.send("PUT", "/api/v1/images/code", &[], &image).await;
    let path = format!("/api/v1/run-sets/{}/resume", set["id"]);
    let set = server.post(&path, &json!({})).await.json();
    assert_eq!(
        (&set["run_count"], &set["backfill"]["pause_reason"]),
        (&json!(2), &Value::Null)
    );
    server.stop().await;
}

#[tokio::test]
async fn ranges_that_make_no_sense_are_refused_with_their_field() {
    let server = Server::start().await;
    let batch = daily(&server).await;
    let untimed = server.saved(&chain("untimed", &["a"])).await;
    for (body, field) in [
        (week(&untimed), "batch_id"),
        (with(week(&batch), "batch_id", json!("daily")), "batch_id"),
        (with(week(&batch), "from", json!("yesterday")), "from"),
        (
            with(week(&batch), "until", json!("2024-03-01T00:00:00Z")),
            "until",
        ),
        (
            with(week(&batch), "until", json!("2024-03-01T01:00:00Z")),
            "until",
        ),
        (
            with(week(&batch), "until", json!("3024-03-01T01:00:00Z")),
            "until",
        ),
        (
            with(week(&batch), "until", json!("2024-03-31T01:00:00.001Z")),
            "until",
        ),
        (with(week(&batch), "live_max", json!(0)), "live_max"),
        (with(week(&batch), "live_max", json!(1001)), "live_max"),
        (with(week(&batch), "order", json!("random")), "order"),
        (with(week(&batch), "limit", json!(1)), "limit"),
    ] {
        for dry in [true, false] {
            let body = with(body.clone(), "dry_run", json!(dry));
            let (status, _, named) = server.post(PATH, &body).await.problem();
            assert_eq!((status, named.as_str()), (422, field), "{body}");
        }
    }
    let unknown = week("00000000-0000-0000-0000-000000000000");
    assert_eq!(server.post(PATH, &unknown).await.problem().0, 404);
    server.stop().await;
}
