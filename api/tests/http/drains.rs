//! Runners that are drained: nothing new for them, and everybody is told why something waits.

use serde_json::{Value, json};

use crate::server::{Server, chain};

async fn runner(server: &Server) -> Value {
    let seen = server.engine.feed().last();
    let path = format!("/api/v1/runners?min_seq={seen}");
    server.get(&path).await.json()["items"][0].clone()
}

/// The first task run of a run, and why it waits: the short form, then all causes with those that name their event.
async fn why(server: &Server, run: u64) -> (String, Vec<String>) {
    let seen = server.engine.feed().last();
    let tasks = format!("/api/v1/runs/{run}/tasks?min_seq={seen}");
    let task = server.get(&tasks).await.json()["items"][0].clone();
    let path = format!("/api/v1/task-runs/{}/why?min_seq={seen}", task["id"]);
    let told = server.get(&path).await.json();
    let causes = told["causes"].as_array().unwrap().iter();
    let told = causes.filter(|it| !it["seq"].is_null());
    let told = told.map(|it| it["text"].as_str().unwrap().to_owned());
    (
        task["queue_reason"].as_str().unwrap_or("").to_owned(),
        told.collect(),
    )
}

#[tokio::test]
async fn it_gets_nothing_new_and_what_waits_says_so() {
    let server = Server::start().await;
    let first = server.started(&chain("first", &["a"])).await;
    let launch = server.next_launch();
    server.begin_attempt(&launch).await;
    // Percent-encoded, as the command line has it.
    let path = "/api/v1/runners/local%2D1/drain";
    let answer = server.post(path, &json!({"reason": "new disk"})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let drained = answer.json();
    assert_eq!(drained["drained_reason"], "new disk");
    assert_eq!(drained["drained_by"], "operator");
    assert_eq!(drained["held_attempts"], 1, "what it has goes on");
    assert_eq!(runner(&server).await, drained);
    let figures = server.get("/metrics").await.text();
    assert!(figures.contains("fasti_runners_drained 1\n"), "{figures}");
    let second = server.started(&chain("second", &["a"])).await;
    let since = drained["drained_at"].as_str().unwrap();
    let (reason, causes) = why(&server, second).await;
    assert_eq!(
        reason,
        format!("queued: runner `local-1` is drained since {since} (new disk)")
    );
    let expected =
        "the runner `local-1` was drained by `operator`: new disk; it is given nothing new";
    assert!(causes.iter().any(|it| it == expected), "{causes:?}");
    // Another reason is news, the time is that of the first.
    let again = server
        .post(path, &json!({"reason": "and a fan"}))
        .await
        .json();
    assert_eq!(
        (&again["drained_at"], &again["drained_reason"]),
        (&json!(since), &json!("and a fan"))
    );
    server.end_attempt(&launch, 0, None).await;
    assert_eq!(runner(&server).await["held_attempts"], 0);
    let (reason, _) = why(&server, second).await;
    assert!(reason.contains("is drained since"), "{reason}");
    // A moment of the past knows of the drain, or not, as it was.
    let joined = server.get("/api/v1/runners?as_of=4").await.json();
    assert_eq!(joined["items"][0]["drained_at"], Value::Null);

    let resumed = server
        .post("/api/v1/runners/local-1/resume", &json!({}))
        .await;
    assert_eq!(
        resumed.json()["drained_at"],
        Value::Null,
        "{}",
        resumed.text()
    );
    server.run_next(0, None).await;
    for run in [first, second] {
        let run = server.get(&format!("/api/v1/runs/{run}")).await.json();
        assert_eq!(run["status"], "success");
    }
    server.stop().await;
}

#[tokio::test]
async fn only_administrators_drain_runners_that_there_are() {
    let server = Server::start().await;
    let drain = |runner: &str| format!("/api/v1/runners/{runner}/drain");
    for unknown in ["local-9", "No%20Name", "%2E%2E"] {
        for verb in ["drain", "resume"] {
            let path = format!("/api/v1/runners/{unknown}/{verb}");
            let (status, code, _) = server.post(&path, &json!({})).await.problem();
            assert_eq!((status, code.as_str()), (404, "not_found"), "{path}");
        }
    }
    let long = json!({"reason": "x".repeat(2_001)});
    let (status, _, field) = server.post(&drain("local-1"), &long).await.problem();
    assert_eq!((status, field.as_str()), (422, "reason"));
    let other = server.post(&drain("local-1"), &json!({"why": "x"})).await;
    assert_eq!(other.status, 422, "{}", other.text());
    let somebody = [("x-fasti-user", "somebody")];
    let refused = server
        .send("POST", &drain("local-1"), &somebody, &json!({}))
        .await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(
        refused
            .text()
            .contains("only an administrator may drain a runner")
    );
    assert_eq!(runner(&server).await["drained_at"], Value::Null);
    server.stop().await;
}
