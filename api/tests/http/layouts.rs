//! A graph that nobody saved is laid out as that of a run is.

use serde_json::{Value, json};

use crate::server::Server;

/// Makes something of a good graph that is none.
type Spoil = fn(&mut Value);

fn graph() -> Value {
    let names = ["fetch", "clean", "load", "report"];
    let tasks = names.map(|name| json!({"name": name}));
    let edges = [
        ("fetch", "clean"),
        ("clean", "load"),
        ("load", "report"),
        ("fetch", "report"),
    ];
    let edges = edges.map(|(from, to)| json!({"from": from, "to": to}));
    json!({"tasks": tasks, "edges": edges})
}

#[tokio::test]
async fn it_is_drawn_as_a_run_of_it_is() {
    let server = Server::start().await;
    let mut graph = graph();
    graph["tasks"][1]["count"] = json!(3);
    let mut drawn = server.post("/api/v1/layout", &graph).await.json();
    let mut definition = graph.clone();
    definition["name"] = json!("b");
    for task in definition["tasks"].as_array_mut().unwrap() {
        task["command"] = json!(["true"]);
    }
    definition["tasks"][1]["kind"] = json!("parallel");
    let run = server.started(&definition).await;
    let mut of_run = server
        .get(&format!("/api/v1/runs/{run}/layout"))
        .await
        .json();
    assert!(of_run["definition_digest"].take().is_string());
    assert!(drawn["definition_digest"].take().is_null());
    assert_eq!(drawn, of_run);
    assert_eq!(drawn["parts"], json!([1, 3, 1, 1]));
    assert_eq!(drawn["bend_edges"], json!([3, 3]), "{drawn}");
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_graph_is_refused_with_the_reason() {
    let server = Server::start().await;
    let cases: [(&str, &str, Spoil); 8] = [
        ("tasks", "validation_failed", |it| {
            it["tasks"] = json!([]);
            it["edges"] = json!([]);
        }),
        ("tasks[3].name", "duplicate_name", |it| {
            it["tasks"][3]["name"] = json!("load");
            it["edges"] = json!([]);
        }),
        ("tasks[0].name", "validation_failed", |it| {
            it["tasks"][0]["name"] = json!("x".repeat(201));
            it["edges"] = json!([]);
        }),
        ("edges[0]", "validation_failed", |it| {
            it["edges"][0]["to"] = json!("nobody");
        }),
        ("edges", "cyclic_dependency", |it| {
            it["edges"][0] = json!({"from": "report", "to": "fetch"});
        }),
        ("tasks", "validation_failed", |it| {
            it["tasks"][0]["count"] = json!(100_001);
        }),
        ("tasks[0].count", "validation_failed", |it| {
            it["tasks"][0]["count"] = json!(0);
        }),
        ("colour", "validation_failed", |it| {
            it["colour"] = json!("red");
        }),
    ];
    for (field, code, spoil) in cases {
        let mut graph = graph();
        spoil(&mut graph);
        let reply = server.post("/api/v1/layout", &graph).await;
        let (status, found_code, found) = reply.problem();
        assert_eq!(status, 422, "{field}: {}", reply.text());
        assert_eq!(found_code, code, "{field}: {}", reply.text());
        assert!(
            found == field || field == "colour",
            "{found} is not {field}"
        );
    }
    server.stop().await;
}
