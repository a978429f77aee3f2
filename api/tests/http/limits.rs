//! Bounds on what one client can hold: connections, pages, events with much in them.

use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::client::{open, send};
use crate::server::{Server, chain};

/// A definition of about so many KiB.
fn wide(name: &str, kib: usize) -> Value {
    let mut definition = chain(name, &["a"]);
    definition["tasks"][0]["description"] = json!("x".repeat(kib << 10));
    definition
}

#[tokio::test]
async fn a_full_server_says_so_and_still_tells_its_health() {
    let server = Server::start_with(|config| config.connections_max = 1).await;
    let held = TcpStream::connect(server.address).await.unwrap();
    let refused = server.get("/api/v1/runs").await;
    let (status, code, _) = refused.problem();
    assert_eq!((status, code.as_str()), (503, "busy"));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.header("connection"), Some("close"));
    for path in ["/api/v1/health", "/healthz", "/readyz"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    drop(held);
    // The server hears of the end of the connection in its own time.
    while server.get("/api/v1/runs").await.status == 503 {
        tokio::task::yield_now().await;
    }
    server.stop().await;
}

#[tokio::test]
async fn long_events_are_named_in_lists_and_whole_by_themselves() {
    let server = Server::start().await;
    server.saved(&wide("short", 8)).await;
    server.saved(&wide("long", 100)).await;
    let path = "/api/v1/events?types=definition.added";
    let items = server.get(path).await.json()["items"].clone();
    let short = &items[0]["data"]["definition"]["tasks"][0]["description"];
    assert_eq!(short.as_str().map(str::len), Some(8 << 10));
    assert_eq!(items[0].get("data_at"), None);
    assert_eq!(items[1]["data"], json!({}));
    let whole_at = items[1]["data_at"].as_str().unwrap();
    assert_eq!(whole_at, format!("/api/v1/events/{}", items[1]["seq"]));
    let whole = server.get(whole_at).await.json();
    let long = &whole["data"]["definition"]["tasks"][0]["description"];
    assert_eq!(long.as_str().map(str::len), Some(100 << 10));
    for missing in ["0", "999999"] {
        let path = format!("/api/v1/events/{missing}");
        assert_eq!(server.get(&path).await.problem().0, 404);
    }
    server.stop().await;
}

#[tokio::test]
async fn pages_of_events_are_bounded_in_bytes() {
    let server = Server::start().await;
    for number in 0..100 {
        server.saved(&wide(&format!("b{number}"), 50)).await;
    }
    let path = "/api/v1/events?limit=1000&types=definition.added";
    let mut seen = 0;
    let mut next = Some(path.to_owned());
    let mut pages = 0;
    while let Some(path) = next {
        let page = server.get(&path).await;
        assert!(page.body.len() < 5 << 20, "{}", page.body.len());
        let page = page.json();
        seen += page["items"].as_array().unwrap().len();
        let cursor = page["next_cursor"].as_str();
        next = cursor.map(|cursor| {
            format!("/api/v1/events?limit=1000&types=definition.added&cursor={cursor}")
        });
        pages += 1;
    }
    assert_eq!(seen, 100);
    assert!(pages > 1, "one page held all");
    server.stop().await;
}

#[tokio::test]
async fn events_of_others_are_not_shown_by_number() {
    let server = Server::start().await;
    let mut hidden = chain("hidden", &["a"]);
    hidden["permissions"] = json!("rw----");
    server.saved(&hidden).await;
    let path = "/api/v1/events?types=definition.added";
    let seq = server.get(path).await.json()["items"][0]["seq"].clone();
    let path = format!("/api/v1/events/{seq}");
    assert_eq!(server.get(&path).await.status, 200);
    assert_eq!(server.get_as("eve", &path).await.problem().0, 404);
    server.stop().await;
}

#[tokio::test]
async fn a_request_has_one_key() {
    let server = Server::start().await;
    let body = chain("b", &["a"]).to_string();
    for (second, status, field) in [("b", 400, "Idempotency-Key"), ("a", 201, "")] {
        let headers = [
            ("Content-Type", "application/json"),
            ("Idempotency-Key", "a"),
            ("Idempotency-Key", second),
        ];
        let address = server.address;
        let reply = send(
            address,
            "POST",
            "/api/v1/batches",
            &headers,
            body.as_bytes(),
        );
        let reply = reply.await;
        assert_eq!(reply.status, status, "{second}");
        assert_eq!(reply.json()["field"].as_str().unwrap_or_default(), field);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_followed_log_that_is_cut_off_is_not_taken_for_whole() {
    use tokio::io::AsyncReadExt as _;
    let server = Server::start().await;
    let run = server.started(&chain("b", &["a"])).await;
    let launch = server.next_launch();
    server.begin_attempt(&launch).await;
    let path = format!("/api/v1/task-runs/{}/logs?follow=true", run + 1);
    let mut stream = open(server.address, "GET", &path, &[], b"").await;
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        stream.read_buf(&mut bytes).await.unwrap();
    }
    server.shutdown.cancel();
    // A reset is as good as a missing end.
    let _ = stream.read_to_end(&mut bytes).await;
    assert!(!bytes.ends_with(b"0\r\n\r\n"), "the body ends well");
    server.stop().await;
}
