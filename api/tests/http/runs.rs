//! Runs over HTTP.

use serde_json::{Value, json};

use crate::server::{Server, chain};

#[tokio::test]
async fn a_run_from_request_to_result() {
    let server = Server::start().await;
    let id = server.saved(&chain("b", &["a", "b"])).await;
    let made = server
        .post(
            &format!("/api/v1/batches/{id}/runs"),
            &json!({"rundate": "2024-02-29"}),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let run = made.json();
    let number = run["id"].as_u64().unwrap();
    assert_eq!(
        made.header("location"),
        Some(format!("/api/v1/runs/{number}").as_str())
    );
    assert_eq!(
        (&run["rundate"], &run["rundate_is_custom"]),
        (&json!("2024-02-29"), &json!(true))
    );
    assert_eq!(
        (&run["definition_version"], &run["run_type"]),
        (&json!(1), &json!("manual"))
    );
    assert_eq!(
        (&run["batch_name"], &run["requested_by"]),
        (&json!("b"), &json!("operator"))
    );
    server.run_next(0, None).await;
    let last = server.run_next(0, None).await;
    let seq = server.engine.feed().last();
    let read = server
        .get(&format!("/api/v1/runs/{number}?min_seq={seq}"))
        .await
        .json();
    assert_eq!(
        (&read["status"], &read["task_counts"]),
        (&json!("success"), &json!({"success": 2}))
    );
    let tasks = server
        .get(&format!("/api/v1/runs/{number}/tasks"))
        .await
        .json();
    let tasks = tasks["items"].as_array().unwrap();
    assert_eq!(tasks.len(), 2);
    assert_eq!(tasks[1]["id"], last.attempt.task_run.0);
    assert_eq!(
        (&tasks[1]["name"], &tasks[1]["command"]),
        (&json!("b"), &json!(["true"]))
    );
    assert_eq!(tasks[1]["attempts"][0]["exit_code"], 0);
    assert_eq!(tasks[1]["worker_id"], "local-1");
    let one = server
        .get(&format!("/api/v1/task-runs/{}", number + 1))
        .await
        .json();
    assert_eq!(one, tasks[0]);
    let graph = server
        .get(&format!("/api/v1/runs/{number}/graph"))
        .await
        .json();
    assert_eq!(graph["edges"], json!([{"from": "a", "to": "b"}]));
    assert_eq!(graph["nodes"][1]["status"], "success");
    server.stop().await;
}

#[tokio::test]
async fn ids_of_the_other_kind_are_named() {
    let server = Server::start().await;
    let run = server.started(&chain("b", &["a"])).await;
    let as_run = server.get(&format!("/api/v1/runs/{}", run + 1)).await;
    assert_eq!(as_run.problem().0, 404);
    assert!(
        as_run.json()["detail"]
            .as_str()
            .unwrap()
            .contains("id of a task run"),
        "{}",
        as_run.text()
    );
    let as_task_run = server.get(&format!("/api/v1/task-runs/{run}")).await;
    assert!(
        as_task_run.json()["detail"]
            .as_str()
            .unwrap()
            .contains("id of a run")
    );
    for path in [
        "runs/999",
        "runs/0",
        "runs/x",
        "runs/-1",
        "task-runs/999",
        "task-runs/18446744073709551616",
    ] {
        assert_eq!(
            server.get(&format!("/api/v1/{path}")).await.problem().1,
            "not_found",
            "{path}"
        );
    }
    server.stop().await;
}

fn ids(reply: &Value) -> Vec<u64> {
    let items = reply["items"].as_array().unwrap().iter();
    items.map(|run| run["id"].as_u64().unwrap()).collect()
}

/// A server with runs of two batches, `x` and `y`.
async fn with_runs() -> (Server, Vec<u64>) {
    let server = Server::start().await;
    let mut runs = Vec::new();
    for name in ["x", "y", "x", "x"] {
        runs.push(server.started(&chain(name, &["a"])).await);
    }
    (server, runs)
}

#[tokio::test]
async fn lists_of_runs_are_filtered() {
    let (server, runs) = with_runs().await;
    let of = |query: &'static str| {
        let server = &server;
        async move { server.get(&format!("/api/v1/runs?{query}")).await.json() }
    };
    let all = of("").await;
    assert_eq!((ids(&all), &all["total"]), (runs.clone(), &json!(4)));
    let named = of("batch_name=x&order=desc").await;
    assert_eq!(ids(&named), [runs[3], runs[2], runs[0]]);
    let total = (&named["total"], &named["total_is_exact"]);
    assert_eq!(total, (&json!(3), &json!(true)));
    for (query, found) in [
        ("status=success,failure", vec![]),
        ("status=queued,running&batch_name=y", vec![runs[1]]),
        ("scheduled_until=2024-01-01T00:00:00Z", vec![]),
        ("scheduled_from=2024-01-01T00:00:00%2B01:00", runs.clone()),
        ("tag=prod", vec![]),
        ("search=Y", vec![runs[1]]),
        ("search=never", vec![]),
    ] {
        assert_eq!(ids(&of(query).await), found, "{query}");
    }
    let never = server.get("/api/v1/runs?batch_name=never").await;
    assert_eq!(never.problem().0, 404);
    let path = "/api/v1/task-runs?batch_name=x&name=a&limit=2";
    let by_name = server.get(path).await.json();
    assert_eq!(ids(&by_name), [runs[0] + 1, runs[2] + 1]);
    server.stop().await;
}

#[tokio::test]
async fn lists_of_runs_are_paged_and_read_strictly() {
    let (server, runs) = with_runs().await;
    let first = server.get("/api/v1/runs?limit=3").await.json();
    assert_eq!(ids(&first), runs[..3]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let path = format!("/api/v1/runs?limit=3&cursor={cursor}");
    let rest = server.get(&path).await.json();
    assert_eq!(ids(&rest), runs[3..]);
    assert_eq!(rest["next_cursor"], Value::Null);
    for (query, field) in [
        ("runs?status=done", "status"),
        ("runs?rundate=today", "rundate"),
        ("runs?scheduled_from=today", "scheduled_from"),
        ("runs?batch_id=7", "batch_id"),
        ("runs?order=up", "order"),
        ("task-runs?batch_name=x", "name"),
    ] {
        let reply = server.get(&format!("/api/v1/{query}")).await;
        let expected = (422, "validation_failed".to_owned(), field.to_owned());
        assert_eq!(reply.problem(), expected, "{query}");
    }
    server.stop().await;
}

#[tokio::test]
async fn cancelling() {
    let server = Server::start().await;
    let run = server.started(&chain("b", &["a", "b"])).await;
    let launch = server.next_launch();
    server.begin_attempt(&launch).await;
    let path = format!("/api/v1/runs/{run}/cancel");
    let asked = server.post(&path, &json!({"reason": "enough"})).await;
    assert_eq!(asked.status, 200);
    assert!(asked.json()["cancel_requested_at"].is_string());
    server.end_attempt(&launch, 143, None).await;
    let seq = server.engine.feed().last();
    let over = server
        .get(&format!("/api/v1/runs/{run}?min_seq={seq}"))
        .await
        .json();
    assert_eq!(over["status"], "cancelled", "{over}");
    let again = server.post(&path, &Value::Null).await;
    assert_eq!(
        (again.status, again.json()),
        (200, over),
        "no effect on a finished run"
    );
    assert_eq!(
        server
            .post("/api/v1/runs/999/cancel", &json!({}))
            .await
            .problem()
            .0,
        404
    );
    assert_eq!(
        server.post(&path, &json!({"why": 1})).await.problem().2,
        "why"
    );
    server.stop().await;
}

#[tokio::test]
async fn running_again() {
    let server = Server::start().await;
    let run = server.started(&chain("b", &["a", "b"])).await;
    let path = format!("/api/v1/runs/{run}/rerun");
    assert_eq!(
        server.post(&path, &json!({})).await.problem().1,
        "run_not_finished"
    );
    let first = server.run_next(0, None).await;
    server.run_next(3, None).await;
    let seq = server.engine.feed().last();
    server
        .get(&format!("/api/v1/runs/{run}?min_seq={seq}"))
        .await;
    let again = server.post(&path, &json!({"mode": "failed"})).await;
    assert_eq!(again.status, 201, "{}", again.text());
    let again = again.json();
    assert_eq!(
        (&again["original_run_id"], &again["run_type"]),
        (&json!(run), &json!("partial_rerun"))
    );
    let tasks = server
        .get(&format!("/api/v1/runs/{}/tasks", again["id"]))
        .await
        .json();
    assert_eq!(tasks["items"][0]["reused_from"], first.attempt.task_run.0);
    assert_eq!(tasks["items"][0]["status"], "success");
    server.run_next(0, None).await;
    let seq = server.engine.feed().last();
    let over = server
        .get(&format!("/api/v1/runs/{}?min_seq={seq}", again["id"]))
        .await
        .json();
    assert_eq!(over["status"], "success");
    let nothing = server
        .post(&format!("/api/v1/runs/{}/rerun", again["id"]), &Value::Null)
        .await;
    assert_eq!(nothing.problem().1, "nothing_to_rerun");
    let from = server
        .post(&path, &json!({"mode": "from", "tasks": ["b"]}))
        .await;
    assert_eq!(from.status, 201);
    let all = server
        .post(&path, &json!({"mode": "all", "rundate": "2024-01-01"}))
        .await
        .json();
    assert_eq!(
        (&all["run_type"], &all["rundate"]),
        (&json!("rerun"), &json!("2024-01-01"))
    );
    for (body, field) in [
        (json!({"mode": "from"}), "tasks"),
        (json!({"mode": "from", "tasks": ["a", "z"]}), "tasks[1]"),
        (json!({"mode": "all", "tasks": ["a"]}), "tasks"),
        (json!({"mode": "some"}), "mode"),
    ] {
        assert_eq!(server.post(&path, &body).await.problem().2, field, "{body}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_key_makes_a_repetition_harmless() {
    let server = Server::start().await;
    let body = json!({"definition": chain("b", &["a"])});
    let post = |key: &'static str, body: Value| {
        let server = &server;
        async move {
            server
                .send("POST", "/api/v1/runs", &[("Idempotency-Key", key)], &body)
                .await
        }
    };
    let first = post("\"k1\"", body.clone()).await;
    assert_eq!(
        (first.status, first.header("idempotency-replayed")),
        (201, None)
    );
    // The state moves on, the answer stays.
    server.run_next(0, None).await;
    let second = post("k1", body.clone()).await;
    assert_eq!(
        (second.status, second.header("idempotency-replayed")),
        (201, Some("true"))
    );
    assert_eq!(second.body, first.body);
    assert_eq!(server.get("/api/v1/runs").await.json()["total"], 1);
    let other = post("k1", json!({"definition": chain("other", &["a"])})).await;
    assert_eq!(other.problem().1, "idempotency_key_reused");
    assert_eq!(post("k2", body.clone()).await.json()["id"], 3);
    assert_eq!(post("", body).await.problem().2, "Idempotency-Key");
    let events = server.get("/api/v1/events?types=run.created").await.json();
    assert_eq!(events["items"][0]["data"]["idempotency_key"], "k1");
    server.stop().await;
}

#[tokio::test]
async fn run_sets() {
    let server = Server::start().await;
    let batch = server.saved(&chain("b", &["a"])).await;
    let body = json!({"batch_id": batch, "title": "March", "labels": ["x"], "more": true,
                      "runs": [{"rundate": "2024-03-01"}, {"rundate": "2024-03-02"}]});
    let made = server.post("/api/v1/run-sets", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_u64().unwrap();
    assert_eq!(
        (&made.json()["run_count"], &made.json()["closed"]),
        (&json!(2), &json!(false))
    );
    let path = format!("/api/v1/run-sets/{id}/runs");
    let more = server.post(&path, &json!({"runs": [{}]})).await;
    assert_eq!((more.status, &more.json()["closed"]), (200, &json!(true)));
    assert_eq!(
        server.post(&path, &json!({"runs": [{}]})).await.problem().1,
        "run_set_closed"
    );
    for _ in 0..3 {
        server.run_next(0, None).await;
    }
    let seq = server.engine.feed().last();
    let over = server
        .get(&format!("/api/v1/run-sets/{id}?min_seq={seq}"))
        .await
        .json();
    assert_eq!(over["run_counts"], json!({"success": 3}));
    assert!(over["finished_at"].is_string());
    let runs = server
        .get(&format!("/api/v1/runs?run_set={id}"))
        .await
        .json();
    assert_eq!(runs["total"], 3);
    assert_eq!(
        server.get("/api/v1/run-sets").await.json()["items"][0],
        over
    );
    let wrong = server
        .post("/api/v1/run-sets", &json!({"batch_id": "x"}))
        .await;
    assert_eq!(wrong.problem().2, "batch_id");
    let date = json!({"batch_id": batch, "runs": [{}, {"rundate": "x"}]});
    assert_eq!(
        server.post("/api/v1/run-sets", &date).await.problem().2,
        "runs[1].rundate"
    );
    server.stop().await;
}
