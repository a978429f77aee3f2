//! What would have been, asked over HTTP: figures with what was recorded beside them, and what is refused.

use serde_json::{Value, json};

use crate::server::{NOW, Server, chain};

/// A batch that ran each minute, three times.
async fn history(server: &Server) -> (String, String) {
    let mut definition = chain("etl", &["a"]);
    definition["schedule"] = json!({"cron": "* * * * *"});
    server.saved(&definition).await;
    for minute in 1..=3 {
        server.clock.set(NOW.plus_ms(minute * 60_000));
        server.wake().await;
        server.run_next(0, None).await;
    }
    let until = NOW.plus_ms(3 * 60_000 + 1);
    server.clock.set(until);
    (NOW.to_string(), until.to_string())
}

fn figure<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let figures = answer["figures"].as_array().unwrap();
    let found = figures.iter().find(|it| it["name"] == name);
    found.unwrap_or_else(|| panic!("{name}: {answer}"))
}

#[tokio::test]
async fn what_was_stands_beside_what_would_have_been() {
    let server = Server::start().await;
    let (from, until) = history(&server).await;
    let ask = json!({
        "from": from, "until": until, "schedules": {"etl": "*/30 * * * * *"}, "slots": 4,
    });
    let before = server.engine.feed().last();
    let reply = server.post("/api/v1/what-if", &ask).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let answer = reply.json();
    assert_eq!(answer["is_estimate"], true);
    let changes = json!(["4 task runs at a time", "`etl` starts by `*/30 * * * * *`"]);
    assert_eq!(answer["changes"], changes);
    let runs = figure(&answer, "runs");
    assert_eq!(
        (&runs["recorded"], &runs["model"]),
        (&json!(3.0), &json!(3.0))
    );
    assert!(runs["median"].as_f64().unwrap() >= 6.0, "{runs}");
    assert_eq!(answer["batches"][0]["batch"], "etl:dev");
    assert_eq!(
        server.post("/api/v1/what-if", &ask).await.json(),
        answer,
        "the same seed"
    );
    assert_eq!(server.engine.feed().last(), before, "nothing was done");
    server.stop().await;
}

#[tokio::test]
async fn wrong_questions_are_refused_in_words() {
    let server = Server::start().await;
    let (from, until) = history(&server).await;
    for (ask, code, field) in [
        (json!({}), "validation_failed", "from"),
        (
            json!({"from": until, "until": from}),
            "validation_failed",
            "from",
        ),
        (
            json!({"from": from, "until": "2999-01-01T00:00:00Z"}),
            "validation_failed",
            "until",
        ),
        (
            json!({"from": from, "slots": 0}),
            "validation_failed",
            "slots",
        ),
        (
            json!({"from": from, "task_seconds": 0}),
            "validation_failed",
            "task_seconds",
        ),
        (
            json!({"from": from, "schedules": {"etl": "never"}}),
            "validation_failed",
            "schedules",
        ),
        (
            json!({"from": from, "versions": {"etl": 9}}),
            "validation_failed",
            "versions",
        ),
        (
            json!({"from": from, "priorities": {"nobody": "high"}}),
            "not_found",
            "-",
        ),
        (
            json!({"from": from, "wrong": 1}),
            "validation_failed",
            "wrong",
        ),
    ] {
        let (_, found, at) = server.post("/api/v1/what-if", &ask).await.problem();
        assert_eq!((found.as_str(), at.as_str()), (code, field), "{ask}");
    }
    let other = [("X-Fasti-User", "somebody")];
    let ask = json!({"from": from, "until": until});
    let refused = server.send("POST", "/api/v1/what-if", &other, &ask).await;
    assert_eq!(refused.problem().1, "forbidden");
    server.stop().await;
}
