//! What nobody should send, and what is answered to it: always a problem document, never a fault.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::send;
use crate::server::{Server, chain};

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[tokio::test]
async fn bodies_that_are_no_json() {
    let server = Server::start().await;
    let bomb = "[".repeat(1_000_000);
    let deep = format!("{{\"a\":{}1{}}}", "{\"a\":".repeat(500), "}".repeat(500));
    for body in [
        "",
        "{",
        "nul",
        "{\"name\":\"a\"",
        "\u{feff}{}",
        &bomb,
        &deep,
    ] {
        for path in ["/api/v1/batches", "/api/v1/runs", "/api/v1/run-sets"] {
            let reply = send(server.address, "POST", path, &[JSON], body.as_bytes()).await;
            assert_eq!(
                reply.problem().1,
                "malformed",
                "{path} {:?}",
                &body[..body.len().min(20)]
            );
        }
    }
    let binary = send(
        server.address,
        "POST",
        "/api/v1/batches",
        &[JSON],
        b"\xff\xfe{}",
    )
    .await;
    assert_eq!(binary.problem().0, 400);
    for body in ["[]", "7", "\"x\"", "true"] {
        let reply = send(
            server.address,
            "POST",
            "/api/v1/batches",
            &[JSON],
            body.as_bytes(),
        )
        .await;
        assert_eq!(reply.problem().0, 422, "{body}");
    }
    server.stop().await;
}

#[tokio::test]
async fn bodies_without_the_right_type() {
    let server = Server::start().await;
    let body = chain("b", &["a"]).to_string();
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
    ] {
        let headers = [("Content-Type", kind)];
        let reply = send(
            server.address,
            "POST",
            "/api/v1/batches",
            &headers,
            body.as_bytes(),
        )
        .await;
        assert_eq!(reply.problem().1, "unsupported_media_type", "{kind}");
    }
    let none = send(
        server.address,
        "POST",
        "/api/v1/batches",
        &[],
        body.as_bytes(),
    )
    .await;
    assert_eq!(none.problem().0, 415);
    let utf8 = [("Content-Type", "Application/JSON; charset=utf-8")];
    let fine = send(
        server.address,
        "POST",
        "/api/v1/batches",
        &utf8,
        body.as_bytes(),
    )
    .await;
    assert_eq!(fine.status, 201);
    server.stop().await;
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    let server = Server::start_with(|config| {
        config.definition_bytes_max = 1 << 20;
        config.json_bytes_max = 1 << 16;
    })
    .await;
    let garbage = vec![b'x'; 10 << 20];
    for path in [
        "/api/v1/batches",
        "/api/v1/runs",
        "/api/v1/run-sets",
        "/api/v1/schedules/preview",
    ] {
        let reply = send(server.address, "POST", path, &[JSON], &garbage).await;
        assert_eq!(reply.problem().1, "too_large", "{path}");
    }
    // The same without a length: counted as it comes.
    let mut chunked = format!("{:x}\r\n", garbage.len()).into_bytes();
    chunked.extend_from_slice(&garbage);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    let headers = [JSON, ("Transfer-Encoding", "chunked")];
    let reply = send(
        server.address,
        "POST",
        "/api/v1/batches",
        &headers,
        &chunked,
    )
    .await;
    assert_eq!(reply.problem().1, "too_large");
    server.stop().await;
}

#[tokio::test]
async fn ten_megabytes_of_garbage_within_the_limit() {
    let server = Server::start().await;
    let garbage = vec![b'{'; 10 << 20];
    let reply = send(server.address, "POST", "/api/v1/batches", &[JSON], &garbage).await;
    assert_eq!(reply.problem().0, 400);
    let text = format!("\"{}\"", "x".repeat(10 << 20));
    let reply = send(
        server.address,
        "POST",
        "/api/v1/runs",
        &[JSON],
        text.as_bytes(),
    )
    .await;
    assert_eq!(reply.problem().0, 422);
    assert!(
        reply.body.len() < 4_096,
        "a refusal does not repeat what it refuses: {}",
        reply.body.len()
    );
    server.stop().await;
}

#[tokio::test]
async fn addresses_and_methods_that_are_not_there() {
    let server = Server::start().await;
    for path in [
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v1/runs/",
        "/api/v2/runs",
        "/v5/batches",
        "/x",
        "/api/v1/runs/1/x",
    ] {
        assert_eq!(server.get(path).await.problem().1, "not_found", "{path}");
    }
    for (method, path, allow) in [
        ("DELETE", "/api/v1/runs", "GET, HEAD, POST"),
        ("PUT", "/api/v1/batches", "GET, HEAD, POST"),
        ("POST", "/api/v1/health", "GET, HEAD"),
        ("GET", "/api/v1/bundles", "POST"),
        ("PATCH", "/api/v1/runs/1/cancel", "POST"),
        ("OPTIONS", "/api/v1/runs", "GET, HEAD, POST"),
        ("POST", "/", "GET, HEAD"),
    ] {
        let reply = send(server.address, method, path, &[], b"").await;
        assert_eq!(reply.problem().1, "method_not_allowed", "{method} {path}");
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
    let long = format!("/api/v1/runs?batch_name={}", "x".repeat(9_000));
    assert_eq!(server.get(&long).await.problem().1, "address_too_long");
    for odd in ["/api/v1/runs?batch_name=%ff", "/api/v1/images/%ff"] {
        let status = server.get(odd).await.problem().0;
        assert!((400..500).contains(&status), "{odd}: {status}");
    }
    server.stop().await;
}

#[tokio::test]
async fn foreign_hosts_and_origins() {
    let server =
        Server::start_with(|config| config.allowed_hosts.push("fasti.example".to_owned())).await;
    let status = |method: &'static str, headers: Vec<(&'static str, String)>| {
        let address = server.address;
        async move {
            let headers: Vec<(&str, &str)> = headers
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            send(address, method, "/api/v1/runs", &headers, b"")
                .await
                .status
        }
    };
    let text = str::to_owned;
    assert_eq!(
        status("GET", vec![("Host", text("evil.example"))]).await,
        421
    );
    assert_eq!(
        status("GET", vec![("Host", text("fasti.example:80"))]).await,
        200
    );
    assert_eq!(
        status("POST", vec![("Origin", text("http://evil.example"))]).await,
        403
    );
    assert_eq!(status("POST", vec![("Origin", text("null"))]).await, 403);
    assert_eq!(
        status("POST", vec![("Sec-Fetch-Site", text("cross-site"))]).await,
        403
    );
    assert_eq!(
        status(
            "POST",
            vec![("Origin", format!("http://{}", server.address))]
        )
        .await,
        415
    );
    let pages = send(server.address, "GET", "/", &[("Host", "evil.example")], b"").await;
    assert_eq!(pages.problem().0, 421, "static files too");
    server.stop().await;
}

#[tokio::test]
async fn a_server_with_a_token() {
    let server = Server::start_with(|config| config.token = Some("s3cret".to_owned())).await;
    let get = |path: &'static str, token: &'static str| {
        let address = server.address;
        async move { send(address, "GET", path, &[("Authorization", token)], b"").await }
    };
    let refused = server.get("/api/v1/runs").await;
    assert_eq!(refused.problem().1, "unauthenticated");
    assert_eq!(
        refused.header("www-authenticate"),
        Some("Bearer realm=\"fasti\"")
    );
    assert_eq!(get("/api/v1/runs", "Bearer wrong").await.status, 401);
    assert_eq!(get("/api/v1/runs", "Bearer s3cret").await.status, 200);
    assert_eq!(get("/metrics", "Bearer wrong").await.status, 401);
    assert_eq!(
        get("/api/v1/nothing", "Bearer wrong").await.status,
        401,
        "what is there is not told"
    );
    for open in [
        "/healthz",
        "/readyz",
        "/api/v1/health",
        "/api/v1/version",
        "/",
        "/ui/licences.txt",
    ] {
        assert_eq!(server.get(open).await.status, 200, "{open}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_is_no_http() {
    let server = Server::start().await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // Closed or refused; either way it ends.
        let _ = stream.read_to_end(&mut answer).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{text}");
    }
    let none = TcpStream::connect(server.address).await.unwrap();
    drop(none);
    let reply = send(
        server.address,
        "GET",
        "/api/v1/health",
        &[("Host", "")],
        b"",
    )
    .await;
    assert_eq!(reply.status, 421);
    server.stop().await;
}

#[tokio::test]
async fn reading_one_s_own_write_and_waiting_in_vain() {
    let server = Server::start().await;
    let reply = server.get("/api/v1/runs?min_seq=1").await;
    assert_eq!(reply.status, 200);
    let begun = std::time::Instant::now();
    let late = server.get("/api/v1/runs?min_seq=1000000").await;
    assert_eq!(late.problem().1, "not_ready");
    assert!(late.header("retry-after").is_some());
    assert!(begun.elapsed() >= std::time::Duration::from_secs(5));
    server.stop().await;
}

#[tokio::test]
async fn every_answer_says_what_it_is_as_of_and_is_locked_down() {
    let server = Server::start().await;
    let trace = (
        "traceparent",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    );
    for path in [
        "/api/v1/runs",
        "/api/v1/nothing",
        "/",
        "/metrics",
        "/api/v1/events",
    ] {
        let reply = send(server.address, "GET", path, &[trace], b"").await;
        assert!(
            reply.header("fasti-seq").unwrap().parse::<u64>().unwrap() >= 3,
            "{path}"
        );
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert!(
            reply
                .header("content-security-policy")
                .unwrap()
                .starts_with("default-src 'none'")
        );
        assert_eq!(reply.header("access-control-allow-origin"), None);
    }
    let refused = send(server.address, "GET", "/api/v1/nothing", &[trace], b"").await;
    assert_eq!(
        refused.json()["trace_id"],
        "4bf92f3577b34da6a3ce929d0e0e4736"
    );
    let body = json!({"definition": chain("b", &["a"])}).to_string();
    send(
        server.address,
        "POST",
        "/api/v1/runs",
        &[JSON, trace],
        body.as_bytes(),
    )
    .await;
    let events = server.get("/api/v1/events?types=run.created").await.json();
    assert_eq!(events["items"][0]["traceparent"], trace.1);
    server.stop().await;
}

#[tokio::test]
async fn when_the_views_stand_still_health_says_so_and_commands_are_answered() {
    let mut server = Server::start().await;
    let id = server.saved(&chain("b", &["a"])).await;
    server.stop_following().await;
    let health = server.get("/api/v1/health").await;
    assert_eq!(health.status, 503);
    let body = health.json();
    assert_eq!(
        (&body["status"], &body["accepting"], &body["is_stale"]),
        (&json!("stale"), &json!(true), &json!(true))
    );
    assert_eq!(server.get("/readyz").await.status, 503);
    let made = server
        .post(&format!("/api/v1/batches/{id}/runs"), &json!({}))
        .await;
    assert_eq!(made.status, 202, "{}", made.text());
    let receipt = made.json();
    assert_eq!(receipt["id"], server.next_launch().run.0, "it is done");
    assert_eq!(receipt["seq"], server.engine.feed().last().0);
    // What was seen before is still there.
    assert_eq!(
        server.get(&format!("/api/v1/batches/{id}")).await.status,
        200
    );
    server.stop().await;
}
