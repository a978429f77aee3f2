//! What a save answers, and what it refuses before a runner would.

use serde_json::{Value, json};

use crate::server::{Server, chain};

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut definition = chain("b", &["a"]);
    change(&mut definition);
    definition
}

#[tokio::test]
async fn a_repeated_save_is_told_of_its_own_version() {
    let server = Server::start().await;
    // Too long for its answer to be kept, so that the log alone knows what the key did.
    let first = with(|it| it["tasks"][0]["description"] = json!("x".repeat(300 << 10)));
    let key = [("Idempotency-Key", "k")];
    let made = server.send("POST", "/api/v1/batches", &key, &first).await;
    assert_eq!(made.status, 201);
    server
        .saved(&with(|it| it["labels"] = json!(["newer"])))
        .await;
    let again = server.send("POST", "/api/v1/batches", &key, &first).await;
    assert_eq!(again.status, 201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.header("etag"), Some("\"1\""));
    let body = again.json();
    assert_eq!((&body["version"], &body["labels"]), (&json!(1), &json!([])));
    server.stop().await;
}

#[tokio::test]
async fn who_gives_a_batch_away_is_told_that_it_was_saved() {
    let server = Server::start().await;
    let given = with(|it| {
        it["owner"] = json!("bob");
        it["group"] = json!("bobs");
        it["permissions"] = json!("rw----");
    });
    let alice = [("X-Fasti-User", "alice")];
    let made = server.send("POST", "/api/v1/batches", &alice, &given).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let path = format!("/api/v1/batches/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(server.get_as("alice", &path).await.status, 404);
    assert_eq!(server.get_as("bob", &path).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn what_no_runner_could_start_is_refused() {
    let server = Server::start().await;
    let task = |change: fn(&mut Value)| with(|it| change(&mut it["tasks"][0]));
    for (definition, field) in [
        (task(|it| it["cwd"] = json!("")), "tasks[0].cwd"),
        (task(|it| it["cwd"] = json!("here")), "tasks[0].cwd"),
        (task(|it| it["cwd"] = json!("/a\0b")), "tasks[0].cwd"),
        (task(|it| it["env"] = json!({"": "x"})), "tasks[0].env"),
        (task(|it| it["env"] = json!({"A=B": "x"})), "tasks[0].env"),
        (task(|it| it["env"] = json!({"A": "\0"})), "tasks[0].env"),
        (
            task(|it| it["env"] = json!({"FASTI_ATTEMPT": "x"})),
            "tasks[0].env",
        ),
        (
            task(|it| it["configuration_blob"] = json!("no base64")),
            "tasks[0].configuration_blob",
        ),
        (
            task(|it| {
                it["kind"] = json!("parallel");
                it["configuration_json"] = json!([["part", "text"]]);
            }),
            "tasks[0].configuration_json[0]",
        ),
        (with(|it| it["owner"] = json!("")), "owner"),
        (with(|it| it["run_as"] = json!("a\0")), "run_as"),
        (with(|it| it["python"] = json!("")), "python"),
        (
            with(|it| it["fail_after_seconds"] = json!(u64::MAX)),
            "fail_after_seconds",
        ),
    ] {
        let refused = server.post("/api/v1/batches", &definition).await;
        let (status, _, at) = refused.problem();
        assert_eq!((status, at.as_str()), (422, field), "{definition}");
    }
    let fine = task(|it| {
        it["cwd"] = json!("/tmp");
        it["env"] = json!({"A": "", "FASTI_URL": "http://127.0.0.1:1"});
    });
    server.saved(&fine).await;
    for image in [
        json!({"path": "/a\0b"}),
        json!({"path": "/a", "env": {"": "x"}}),
        json!({"path": "/a", "python": ""}),
    ] {
        let refused = server.send("PUT", "/api/v1/images/i", &[], &image).await;
        assert_eq!(refused.problem().0, 422, "{image}");
    }
    server.stop().await;
}

#[tokio::test]
async fn reasons_are_kept_as_they_are_or_refused() {
    let server = Server::start().await;
    let run = server.started(&chain("b", &["a"])).await;
    let path = format!("/api/v1/runs/{run}/cancel");
    let reason = |length| json!({"reason": "x".repeat(length)});
    let refused = server.post(&path, &reason(2_001)).await;
    assert_eq!(
        refused.problem(),
        (422, "validation_failed".into(), "reason".into())
    );
    assert_eq!(server.post(&path, &reason(2_000)).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn cancelling_a_finished_run_takes_the_same_right() {
    let server = Server::start().await;
    let run = server
        .started(&with(|it| it["permissions"] = json!("rwr-r-")))
        .await;
    server.run_next(0, None).await;
    let path = format!("/api/v1/runs/{run}/cancel");
    let seq = server.engine.feed().last();
    server
        .get(&format!("/api/v1/runs/{run}?min_seq={seq}"))
        .await;
    let eve = [("X-Fasti-User", "eve")];
    let refused = server.send("POST", &path, &eve, &json!({})).await;
    assert_eq!(refused.problem().0, 403);
    assert_eq!(server.post(&path, &json!({})).await.status, 200);
    server.stop().await;
}
