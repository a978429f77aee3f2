//! Triggers over HTTP: definitions with them, and signed requests that start runs.

use fasti_core::domain::command::Command;
use fasti_core::domain::time::Timestamp;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::client::{self, Reply};
use crate::server::{NOW, Server, WEBHOOK_KEY, chain};

fn triggered(trigger: &Value) -> Value {
    let mut batch = chain("orders", &["a"]);
    batch["schedule"] = json!({"triggers": [trigger]});
    batch
}

fn webhook() -> Value {
    json!({"name": "paid", "source": "webhook", "key": "shop",
        "filter": [{"path": "/country", "one_of": ["FR", "DE"]}]})
}

/// One request, signed at `at` unless told otherwise.
struct Post<'a> {
    path: String,
    id: &'a str,
    at: Timestamp,
    key: &'a [u8],
    body: &'a str,
}

impl<'a> Post<'a> {
    fn new(batch: &str, id: &'a str, body: &'a str) -> Self {
        Self {
            path: format!("/api/v1/webhooks/{batch}/paid"),
            id,
            at: NOW,
            key: WEBHOOK_KEY,
            body,
        }
    }

    async fn send(&self, server: &Server) -> Reply {
        let seconds = (self.at.0 / 1_000_000).to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key).unwrap();
        mac.update(format!("{seconds}.{}.{}", self.id, self.body).as_bytes());
        let digest = mac.finalize().into_bytes();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let signature = format!("v1={hex}");
        let headers = [
            ("Fasti-Webhook-Id", self.id),
            ("Fasti-Webhook-Timestamp", &seconds),
            ("Fasti-Webhook-Signature", &signature),
        ];
        let body = self.body.as_bytes();
        client::send(server.address, "POST", &self.path, &headers, body).await
    }
}

#[tokio::test]
async fn a_signed_request_starts_a_run_once() {
    // The signature is what counts; a token is not asked for.
    let server = Server::start_with(|config| config.token = Some("s3cret".to_owned())).await;
    let bearer = [("Authorization", "Bearer s3cret")];
    let saved = server
        .send("POST", "/api/v1/batches", &bearer, &triggered(&webhook()))
        .await;
    assert_eq!(saved.status, 201, "{}", saved.text());
    let saved = saved.json();
    assert_eq!(saved["schedule"]["triggers"][0], webhook());
    assert_eq!(saved["schedule_description"], "started by messages");
    let batch = saved["id"].as_str().unwrap();

    let post = Post::new(batch, "evt-1", r#"{"country": "FR"}"#);
    let reply = post.send(&server).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    let first = reply.json();
    assert_eq!(
        (&first["outcome"], &first["repeated"]),
        (&json!("fired"), &json!(false))
    );
    let path = format!(
        "/api/v1/runs/{}?min_seq={}",
        first["run_id"],
        reply.header("fasti-seq").unwrap()
    );
    let run = server
        .send("GET", &path, &bearer, &Value::Null)
        .await
        .json();
    assert_eq!(run["run_type"], "triggered");
    assert_eq!(
        run["signal"],
        json!({"trigger": "paid", "id": "evt-1", "payload": r#"{"country": "FR"}"#})
    );

    let again = post.send(&server).await.json();
    assert_eq!(
        (&again["run_id"], &again["repeated"]),
        (&first["run_id"], &json!(true))
    );
    let ignored = Post::new(batch, "evt-2", r#"{"country": "IT"}"#)
        .send(&server)
        .await
        .json();
    assert_eq!(ignored["outcome"], "ignored");
    assert!(
        ignored["reason"].as_str().unwrap().contains("/country"),
        "{ignored}"
    );
    let ignored = Post::new(batch, "evt-3", "no JSON")
        .send(&server)
        .await
        .json();
    assert!(
        ignored["reason"].as_str().unwrap().contains("JSON"),
        "{ignored}"
    );
    let runs = server
        .send("GET", "/api/v1/runs", &bearer, &Value::Null)
        .await
        .json();
    assert_eq!(runs["items"].as_array().unwrap().len(), 1);
    let events = format!("/api/v1/events?batch_id={batch}&types=trigger.ignored");
    let events = server
        .send("GET", &events, &bearer, &Value::Null)
        .await
        .json();
    assert_eq!(events["items"].as_array().unwrap().len(), 2, "{events}");
    server.stop().await;
}

#[tokio::test]
async fn who_cannot_sign_learns_nothing() {
    let server = Server::start().await;
    let batch = server.saved(&triggered(&webhook())).await;
    let post = || Post::new(&batch, "evt-1", "{}");
    let elsewhere = |path: String| Post { path, ..post() };
    let mut told = Vec::new();
    for wrong in [
        Post {
            key: b"another",
            ..post()
        },
        elsewhere(format!("/api/v1/webhooks/{batch}/other")),
        elsewhere("/api/v1/webhooks/00000000-0000-0000-0000-000000000000/paid".to_owned()),
        elsewhere("/api/v1/webhooks/nothing/paid".to_owned()),
    ] {
        let reply = wrong.send(&server).await;
        assert_eq!(reply.status, 401, "{}", reply.text());
        told.push(reply.json()["detail"].clone());
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    for seconds in [-301, 301] {
        let at = NOW.plus_us(seconds * 1_000_000);
        let reply = Post { at, ..post() }.send(&server).await;
        assert_eq!(reply.problem().0, 401);
        assert_eq!(reply.problem().2, "Fasti-Webhook-Timestamp");
    }
    let large = "1".repeat((64 << 10) + 1);
    let reply = Post {
        body: &large,
        ..post()
    }
    .send(&server)
    .await;
    assert_eq!(reply.status, 413);
    server.stop().await;
}

#[tokio::test]
async fn signals_wait_for_silence() {
    let server = Server::start().await;
    let mut trigger = webhook();
    trigger["filter"] = json!([]);
    trigger["debounce_seconds"] = json!(10);
    let batch = server.saved(&triggered(&trigger)).await;
    let held = Post::new(&batch, "1", "1").send(&server).await.json();
    assert_eq!(held["outcome"], "held");
    assert_eq!(held["due"], "2024-03-31T01:00:10.000Z");
    Post::new(&batch, "2", "2").send(&server).await;
    server.clock.set(NOW.plus_us(10_000_000));
    let wake = fasti_core::domain::command::Request::system(Command::Wake);
    let seq = server.engine.submit(wake).await.unwrap().seq;
    let runs = server
        .get(&format!("/api/v1/runs?min_seq={seq}"))
        .await
        .json();
    let runs = runs["items"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0]["signal"]["id"], "2");
    server.stop().await;
}

#[tokio::test]
async fn wrong_triggers_are_refused_with_their_field() {
    let server = Server::start().await;
    for (trigger, field) in [
        (json!({"name": "a"}), "source"),
        (json!({"name": "a", "source": "mail"}), "source"),
        (
            json!({"name": "a b", "source": "webhook", "key": "shop"}),
            "name",
        ),
        (json!({"name": "a", "source": "webhook"}), "key"),
        (
            json!({"name": "a", "source": "webhook", "key": "bank"}),
            "key",
        ),
        (
            json!({"name": "a", "source": "webhook", "key": "shop", "subject": "x"}),
            "subject",
        ),
        (json!({"name": "a", "source": "nats"}), "subject"),
        (
            json!({"name": "a", "source": "nats", "subject": ">"}),
            "subject",
        ),
        // No NATS server is configured.
        (
            json!({"name": "a", "source": "nats", "subject": "orders.>"}),
            "subject",
        ),
        (json!({"name": "a", "source": "stream"}), "stream"),
        (
            json!({"name": "a", "source": "stream", "stream": "ORDERS"}),
            "stream",
        ),
        (
            json!({"name": "a", "source": "webhook", "key": "shop", "debounce_seconds": 0}),
            "debounce_seconds",
        ),
        (
            json!({"name": "a", "source": "webhook", "key": "shop", "filter": [{"path": "x"}]}),
            "filter",
        ),
    ] {
        let saved = server.post("/api/v1/batches", &triggered(&trigger)).await;
        let (status, _, named) = saved.problem();
        assert_eq!(status, 422, "{trigger}");
        assert!(
            named.starts_with("schedule.triggers[0]")
                && (named.ends_with(field) || field == "source"),
            "{trigger}: {named}"
        );
    }
    server.stop().await;
}
