//! Pools: who limits them, who waits for them, and what the answers say.

use serde_json::{Value, json};

use crate::server::{Server, chain};

/// Two tasks that each want all of the pool.
fn two_of(pool: &str) -> Value {
    let task =
        |name: &str| json!({"name": name, "command": ["true"], "pool": pool, "pool_units": 2});
    json!({"name": "b", "tasks": [task("one"), task("two")]})
}

#[tokio::test]
async fn a_task_waits_for_its_pool_and_says_so() {
    let server = Server::start().await;
    let path = "/api/v1/pools/data%2Fbase";
    let limit = |units: Value| json!({"limit": units});
    let limited = server.send("PUT", path, &[], &limit(json!(3))).await;
    let unused = json!({"name": "data/base", "capacity": 3, "used": 0, "limits": {"limit": 3}});
    assert_eq!(limited.json(), unused, "{}", limited.text());

    let run = server.started(&two_of("data/base")).await;
    let first = server.next_launch();
    let pool = server.get(path).await.json();
    assert_eq!((&pool["used"], &pool["capacity"]), (&json!(2), &json!(3)));
    let listed = server.get("/api/v1/pools").await.json();
    assert_eq!(listed["items"], json!([pool]));
    let tasks = server
        .get(&format!("/api/v1/runs/{run}/tasks"))
        .await
        .json();
    let waiting = tasks["items"].as_array().unwrap();
    let waiting = waiting.iter().find(|task| task["name"] == "two");
    let id = waiting.expect("it is listed")["id"].clone();
    let why = server.get(&format!("/api/v1/task-runs/{id}/why")).await;
    assert!(why.text().contains("of pool `data/base`"), "{}", why.text());

    server.begin_attempt(&first).await;
    server.end_attempt(&first, 0, None).await;
    server.run_next(0, None).await;
    assert_eq!(server.get(path).await.json(), unused);
    let none = server.send("PUT", path, &[], &limit(Value::Null)).await;
    assert_eq!(none.json()["capacity"], Value::Null);
    let empty = server.get("/api/v1/pools").await.json();
    assert_eq!(empty["items"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn definitions_give_their_pool_back_and_wrong_ones_are_refused() {
    let server = Server::start().await;
    let id = server.saved(&two_of("p")).await;
    let saved = server.get(&format!("/api/v1/batches/{id}")).await.json();
    let task = &saved["tasks"][0];
    assert_eq!(
        (&task["pool"], &task["pool_units"]),
        (&json!("p"), &json!(2))
    );
    for (field, fields) in [
        ("pool_units", json!({"pool_units": 1})),
        ("pool", json!({"pool": "p", "pool_units": 0})),
        ("pool", json!({"pool": " "})),
        ("pool", json!({"pool": "a\nb"})),
    ] {
        let mut definition = chain("b", &["a"]);
        let task = definition["tasks"][0].as_object_mut().unwrap();
        task.extend(fields.as_object().unwrap().clone());
        let (status, code, found) = server.post("/api/v1/batches", &definition).await.problem();
        assert_eq!(
            (status, code.as_str()),
            (422, "validation_failed"),
            "{fields}"
        );
        assert_eq!(found, format!("tasks[0].{field}"), "{fields}");
    }
    for body in [json!({"limit": -1}), json!({"limit": 1, "x": 1})] {
        let refused = server.send("PUT", "/api/v1/pools/p", &[], &body).await;
        assert_eq!(refused.status, 422, "{body}: {}", refused.text());
    }
    let blank = server
        .send("PUT", "/api/v1/pools/%20", &[], &json!({"limit": 1}))
        .await;
    assert_eq!(blank.problem().2, "pool");
    let ann = [("X-Fasti-User", "ann")];
    let hers = server
        .send("PUT", "/api/v1/pools/p", &ann, &json!({"limit": 1}))
        .await;
    assert_eq!(hers.problem().0, 403);
    server.stop().await;
}
