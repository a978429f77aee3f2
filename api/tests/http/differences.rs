//! Two runs side by side: what changed since it last worked.

use serde_json::json;

use crate::server::{Server, chain};

#[tokio::test]
async fn a_failed_run_is_compared_with_the_last_one_that_worked() {
    let server = Server::start().await;
    let mut definition = chain("b", &["a", "b"]);
    let batch = server.saved(&definition).await;
    let runs = format!("/api/v1/batches/{batch}/runs");
    let good = server.post(&runs, &json!({})).await.json()["id"].clone();
    server.run_next(0, Some(b"one")).await;
    server.run_next(0, Some(b"two")).await;
    definition["tasks"][1]["retries"] = json!(0);
    definition["tasks"][1]["command"] = json!(["false"]);
    definition["tasks"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "c", "command": ["true"]}));
    server.saved(&definition).await;
    let bad = server.post(&runs, &json!({})).await.json()["id"]
        .as_u64()
        .unwrap();
    for _ in 0..3 {
        let launch = server.next_launch();
        server.begin_attempt(&launch).await;
        let code = i32::from(launch.index == 1);
        server.end_attempt(&launch, code, None).await;
    }
    let seen = server.engine.feed().last();
    let path = format!("/api/v1/runs/{bad}/diff?min_seq={seen}");
    let found = server.get(&path).await.json();
    assert_eq!(found["with"]["id"], good);
    assert_eq!(
        (&found["run"]["status"], &found["with"]["status"]),
        (&json!("failure"), &json!("success"))
    );
    let fields: Vec<_> = found["definition"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["tasks.b.work.command.argv", "tasks.c"]);
    assert_eq!(found["definition"][0]["after"], json!(["false"]));
    let tasks = found["tasks"].as_array().unwrap();
    let of = |name: &str| tasks.iter().find(|task| task["name"] == name).unwrap();
    assert_eq!(of("b")["run"]["status"], "failure");
    assert_eq!(of("b")["with"]["status"], "success");
    assert_eq!(of("c")["with"], json!(null));
    assert_ne!(
        of("a")["run"]["result_sha256"],
        of("a")["with"]["result_sha256"]
    );
    assert_eq!(
        (&found["different"], &found["same"]),
        (&json!(3), &json!(0))
    );
    let itself = server
        .get(&format!("/api/v1/runs/{bad}/diff?with={bad}"))
        .await
        .json();
    assert_eq!(
        (&itself["different"], &itself["same"]),
        (&json!(0), &json!(3))
    );
    assert_eq!(itself["definition"], json!([]));
    let before = server.get(&format!("/api/v1/runs/{good}/diff")).await;
    assert_eq!(before.status, 404);
    assert!(
        before
            .text()
            .contains("no run of the same batch succeeded before")
    );
    server.stop().await;
}

#[tokio::test]
async fn two_versions_of_a_batch_are_compared() {
    let server = Server::start().await;
    let mut definition = chain("b", &["a", "b"]);
    let batch = server.saved(&definition).await;
    let path = format!("/api/v1/batches/{batch}/diff");
    let first = server.get(&path).await.json();
    assert_eq!(
        (&first["from"], &first["to"], &first["definition"]),
        (&json!(1), &json!(1), &json!([]))
    );
    definition["tasks"][1]["retries"] = json!(3);
    server.saved(&definition).await;
    let found = server.get(&path).await.json();
    assert_eq!(
        (&found["batch_name"], &found["from"], &found["to"]),
        (&json!("b"), &json!(1), &json!(2))
    );
    assert_eq!(found["definition"].as_array().unwrap().len(), 1);
    assert_eq!(found["definition"][0]["field"], "tasks.b.retries");
    assert_eq!(found["definition"][0]["after"], 3);
    let back = server.get(&format!("{path}?from=2&to=1")).await.json();
    assert_eq!(back["definition"][0]["before"], 3);
    for (query, field) in [("?from=7", "from"), ("?to=7", "to")] {
        let refused = server.get(&format!("{path}{query}")).await;
        assert_eq!(refused.status, 404);
        assert_eq!(refused.json()["field"], field);
    }
    assert_eq!(server.get(&format!("{path}?from=x")).await.status, 422);
    server.stop().await;
}
