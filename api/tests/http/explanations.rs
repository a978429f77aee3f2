//! Why something ran, or did not: a scenario for each reason, with the text that a user reads.

use serde_json::{Value, json};

use crate::server::{NOW, Server, chain};

/// What was answered: the answer, then the causes, with positions and ids of this log left out.
async fn told(server: &Server, path: &str) -> Vec<String> {
    let join = if path.contains('?') { '&' } else { '?' };
    let seen = server.engine.feed().last();
    let reply = server.get(&format!("{path}{join}min_seq={seen}")).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    let explanation = reply.json();
    let mut lines = vec![explanation["answer"].as_str().unwrap().to_owned()];
    for cause in explanation["causes"].as_array().unwrap() {
        let mark = if cause["seq"].is_null() { "-" } else { "*" };
        lines.push(format!("{mark} {}", cause["text"].as_str().unwrap()));
    }
    lines
}

async fn why(server: &Server, kind: &str, id: u64) -> Vec<String> {
    told(server, &format!("/api/v1/{kind}/{id}/why")).await
}

async fn why_not(server: &Server, batch: &str, at: &str) -> Vec<String> {
    told(server, &format!("/api/v1/batches/{batch}/why-not?at={at}")).await
}

/// Moves the clock by so many seconds and lets the engine look at it.
async fn later(server: &Server, seconds: i64) {
    let now = fasti_core::ports::Clock::now(&server.clock);
    server
        .clock
        .set(now.plus_ms(u64::try_from(seconds).unwrap() * 1_000));
    server.wake().await;
}

fn scheduled(name: &str, schedule: Value) -> Value {
    let mut definition = chain(name, &["a"]);
    definition["schedule"] = schedule;
    definition
}

#[tokio::test]
async fn what_waits_says_for_what() {
    let server = Server::start().await;
    let run = server.started(&chain("b", &["a", "b", "c"])).await;
    assert_eq!(
        why(&server, "runs", run).await,
        [
            "it goes on, with nothing running: `a`: given to runner `local-1`, about to start",
            "* operator asked for it, of a definition that was not saved",
            "* its first attempt was given to a runner, 0 ms after it was made",
            "- `a`: given to runner `local-1`, about to start",
            "- `b`: waiting for `a`",
            "- `c`: waiting for `b`",
        ]
    );
    let launch = server.next_launch();
    server.begin_attempt(&launch).await;
    assert_eq!(
        why(&server, "runs", run).await[0],
        "it goes on: a task is running"
    );
    assert_eq!(
        why(&server, "task-runs", run + 2).await,
        [
            "it has not begun: waiting for `a`",
            "- `a` is running since 2024-03-31T01:00:00.000Z",
        ]
    );
    server.stop().await;
}

#[tokio::test]
async fn what_is_queued_says_who_has_the_slots() {
    let server = Server::start().await;
    // As many as the runner of these tests has.
    let slots = 8;
    let mut runs = Vec::new();
    for number in 0..=slots {
        runs.push(server.started(&chain(&format!("b{number}"), &["a"])).await);
    }
    let launch = server.next_launch();
    server.begin_attempt(&launch).await;
    let last = runs[runs.len() - 1] + 1;
    let told = why(&server, "task-runs", last).await;
    assert_eq!(told[0], "it has not begun: queued: no free runner slot");
    let (first, holders) = (runs[0], &told[2..]);
    assert_eq!(holders.len(), slots);
    assert_eq!(
        holders[0],
        format!(
            "- `a` of run {first} of `b0` has a slot of runner `local-1` since 2024-03-31T01:00:00.000Z"
        )
    );
    // What waits for a try of its own has no holders.
    assert_eq!(why(&server, "task-runs", first + 1).await.len(), 3);
    server.stop().await;
}

#[tokio::test]
async fn what_failed_says_where_it_began() {
    let server = Server::start().await;
    let mut definition = chain("b", &["a", "b"]);
    definition["tasks"][0]["retries"] = json!(1);
    let run = server.started(&definition).await;
    server.run_next(3, None).await;
    let told = why(&server, "task-runs", run + 1).await;
    assert_eq!(
        told[0],
        "it has not begun: next attempt at 2024-03-31T01:00:01.000Z"
    );
    later(&server, 1).await;
    server.run_next(3, None).await;
    assert_eq!(
        why(&server, "runs", run).await,
        [
            "it failed: `a` failed",
            "* operator asked for it, of a definition that was not saved",
            "* its first attempt was given to a runner, 0 ms after it was made",
            "* attempt 1 of `a` failed: exit code 3; it was tried again",
            "* attempt 2 of `a` failed: exit code 3; no tries are left of 2",
            "- `b` was skipped: `a` did not succeed",
            "* it ended in failure: `a` failed",
        ]
    );
    let skipped = why(&server, "task-runs", run + 2).await;
    assert_eq!(skipped[0], "it was skipped: `a` did not succeed");
    assert!(
        skipped
            .contains(&"* attempt 2 of `a` failed: exit code 3; no tries are left of 2".to_owned())
    );
    server.stop().await;
}

#[tokio::test]
async fn what_was_stopped_says_by_whom() {
    let server = Server::start().await;
    let run = server.started(&chain("b", &["a"])).await;
    let body = json!({"reason": "wrong input"});
    server
        .post(&format!("/api/v1/runs/{run}/cancel"), &body)
        .await;
    let told = why(&server, "runs", run).await;
    assert!(
        told.contains(&"* operator asked for its end: wrong input".to_owned()),
        "{told:?}"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_moment_of_the_past_is_explained_as_it_was() {
    let server = Server::start().await;
    let run = server.started(&chain("b", &["a", "b"])).await;
    let then = server.engine.feed().last();
    server.run_next(0, None).await;
    server.run_next(0, None).await;
    assert_eq!(
        why(&server, "runs", run).await[0],
        "it succeeded: all of its tasks did"
    );
    let path = format!("/api/v1/runs/{run}/why?as_of={then}");
    let told = told(&server, &path).await;
    assert_eq!(
        told[0],
        "it goes on, with nothing running: `a`: given to runner `local-1`, about to start"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_slot_says_what_became_of_it() {
    let server = Server::start().await;
    let schedule = json!({"cron": "*/10 * * * *", "timezone": "UTC"});
    let batch = server.saved(&scheduled("b", schedule)).await;
    // The clock shows 01:00:00; the slot of 01:10 fires.
    later(&server, 600).await;
    let fired = why_not(&server, &batch, "2024-03-31T01:10:00Z").await;
    assert!(fired[0].starts_with("it did run: run "), "{fired:?}");
    let run = server.get("/api/v1/runs").await.json()["items"][0]["id"]
        .as_u64()
        .unwrap();
    let made = why(&server, "runs", run).await;
    assert_eq!(
        made[1],
        "* it was made of version 1 for the slot 2024-03-31T01:10:00.000Z of its schedule, 0 ms after it was due"
    );
    let body = json!({"reason": "maintenance"});
    server
        .post(&format!("/api/v1/batches/{batch}/pause"), &body)
        .await;
    later(&server, 600).await;
    let paused = why_not(&server, &batch, "2024-03-31T01:20:00Z").await;
    assert_eq!(
        paused,
        [
            "its schedule was off, paused by operator: maintenance",
            "- version 1 was in force: Every 10 minutes on every day, UTC",
            "* its schedule was off, paused by operator: maintenance",
        ]
    );
    let resume = format!("/api/v1/batches/{batch}/resume");
    server.post(&resume, &json!({})).await;
    let resumed = why_not(&server, &batch, "2024-03-31T01:20:00Z").await;
    let skipped = "its slot 2024-03-31T01:20:00.000Z was skipped: its batch was paused";
    assert_eq!(resumed[0], skipped);
    let between = why_not(&server, &batch, "2024-03-31T01:13:00Z").await;
    assert_eq!(between[0], "no slot of its schedule was then");
    assert!(between[3].starts_with(
        "* the slot before was 2024-03-31T01:10:00.000Z, 3 min earlier: it did run: run "
    ));
    assert_eq!(
        between[4],
        "- the next slot was 2024-03-31T01:20:00.000Z, 7 min later"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_batch_that_could_not_run_says_why() {
    let server = Server::start().await;
    assert_eq!(NOW.to_string(), "2024-03-31T01:00:00.000Z");
    later(&server, 60).await;
    let by_hand = server.saved(&chain("by hand", &["a"])).await;
    assert_eq!(
        why_not(&server, &by_hand, "2024-03-31T01:01:00Z").await,
        ["it has no schedule: it starts when somebody asks"]
    );
    assert_eq!(
        why_not(&server, &by_hand, "2024-03-31T01:00:30Z").await,
        ["the batch was not there yet", "* operator saved it first"]
    );
    let after = json!({"run_after_job_name": "by hand"});
    let follower = server.saved(&scheduled("follower", after)).await;
    let told = why_not(&server, &follower, "2024-03-31T01:01:00Z").await;
    assert!(told[0].contains(&by_hand), "{told:?}");
    let path = format!("/api/v1/batches/{by_hand}/why-not?at=2999-01-01T00:00:00Z");
    assert_eq!(server.get(&path).await.status, 422);
    let unknown = "/api/v1/batches/00000000-0000-0000-0000-000000000000/why-not";
    assert_eq!(server.get(unknown).await.status, 404);
    server.stop().await;
}
