//! The shapes of answers, held against files. `FASTI_BLESS=1` writes them anew.

use fasti_core::output::Stream;
use serde_json::{Value, json};

use crate::server::{Server, chain};

fn golden(name: &str, value: &Value) {
    let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = serde_json::to_string_pretty(value).unwrap() + "\n";
    if std::env::var_os("FASTI_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "{path} says otherwise; bless it if this is meant:\n{text}"
    );
}

/// What differs from run to run: ids of batches come from the seed and stay.
fn settled(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        for name in ["trace_id", "group"] {
            if fields.get(name).is_some_and(Value::is_string) {
                fields.insert(name.to_owned(), json!("…"));
            }
        }
    }
    value
}

#[tokio::test]
async fn answers_have_their_shapes() {
    let server = Server::start().await;
    let definition = json!({
        "name": "shapes", "group": "g",
        "tasks": [
            {"name": "f", "entrypoint": "m.f", "configuration_json": {"b": 1, "a": 2}},
            {"name": "p", "kind": "parallel", "command": ["true"], "count": 2},
        ],
        "edges": [{"from": "f", "to": "p"}],
    });
    let batch = server.saved(&definition).await;
    let run = server
        .post(&format!("/api/v1/batches/{batch}/runs"), &json!({}))
        .await
        .json();
    let run = run["id"].as_u64().unwrap();
    let launch = server.run_next(0, Some(b"value")).await;
    server.write_output(&launch, Stream::Stdout, "hello");
    server.run_next(0, None).await;
    server.run_next(1, None).await;
    let seq = server.engine.feed().last();
    let read = |path: String| {
        let server = &server;
        async move { server.get(&format!("/api/v1/{path}")).await.json() }
    };
    golden("run", &read(format!("runs/{run}?min_seq={seq}")).await);
    golden("batch", &read(format!("batches/{batch}")).await);
    golden("tasks", &read(format!("runs/{run}/tasks")).await);
    golden("graph", &read(format!("runs/{run}/graph")).await);
    golden(
        "events",
        &read("events?types=run.created,attempt.leased,attempt.finished,run.finished".to_owned())
            .await,
    );
    golden("runners", &read("runners".to_owned()).await);
    golden("problem", &settled(read("runs/999".to_owned()).await));
    server.stop().await;
}

#[test]
fn the_description_has_its_shape() {
    let document: Value = serde_json::from_str(fasti_api::openapi_json()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    golden("openapi", &document);
}

#[test]
fn the_description_of_the_stream_has_its_shape() {
    let document: Value = serde_json::from_str(fasti_core::bus::asyncapi_json()).unwrap();
    assert_eq!(document["asyncapi"], "3.0.0");
    golden("asyncapi", &document);
}

/// Every `$ref` leads somewhere.
#[test]
fn the_description_is_whole() {
    let document: Value = serde_json::from_str(fasti_api::openapi_json()).unwrap();
    let mut open = vec![&document];
    let mut references = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                    let pointer = target.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{target}");
                    references += 1;
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    assert!(references > 50);
}

#[tokio::test]
async fn what_was_sent_is_answered() {
    let server = Server::start().await;
    let mut given = chain("b", &["a", "b"]);
    given["labels"] = json!(["x"]);
    given["permissions"] = json!("rw----");
    given["tasks"][0]["timeout_seconds"] = json!(7);
    let id = server.saved(&given).await;
    let answered = server
        .get(&format!("/api/v1/batches/{id}/versions/1"))
        .await
        .json();
    for (field, value) in given
        .as_object()
        .unwrap()
        .iter()
        .filter(|(field, _)| *field != "tasks")
    {
        assert_eq!(&answered[field], value, "{field}");
    }
    let tasks = given["tasks"].as_array().unwrap().iter().enumerate();
    for (index, task) in tasks {
        for (field, value) in task.as_object().unwrap() {
            assert_eq!(&answered["tasks"][index][field], value, "{field}");
        }
    }
    server.stop().await;
}
