//! Requests that are wrong before their body is looked at: methods, addresses, parameters, hosts, origins.

use serde_json::Value;

use super::{good, healthy, refused};
use crate::support::server::Server;
use crate::support::wire;

#[test]
fn methods_that_do_not_fit_are_told_those_that_do() {
    let mut server = Server::start(&[]);
    let paths = [
        "health",
        "batches",
        "runs",
        "runs/1",
        "runs/1/cancel",
        "task-runs/1/result",
        "events",
    ];
    for path in paths {
        for method in [
            "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "BREW", "POST", "GET",
        ] {
            let path = format!("/api/v1/{path}");
            let reply = wire::request(server.address(), method, &path, &[], b"");
            assert!(reply.status < 500, "{method} {path}: {}", reply.status);
            if reply.status == 405 {
                refused(&reply, 405, "method_not_allowed", &path);
                let allow = reply.header("allow").unwrap_or_default();
                assert!(
                    !allow.is_empty() && !allow.split(", ").any(|one| one == method),
                    "{allow}"
                );
            }
        }
    }
    let reply = wire::request(server.address(), "DELETE", "/api/v1/health", &[], b"");
    refused(&reply, 405, "method_not_allowed", "DELETE health");
    healthy(&mut server);
}

#[test]
fn addresses_that_lead_nowhere_say_so() {
    let mut server = Server::start(&[]);
    let unknown_batch = "/batches/01890000-0000-7000-8000-000000000000";
    for path in [
        "/nothing",
        "/runs/",
        "/runs/4711",
        "/runs/4711/graph",
        "/runs/0",
        "/runs/-1",
        "/runs/1e3",
        "/runs/99999999999999999999999",
        "/runs/..",
        "/runs/..%2f..%2f..%2fetc%2fpasswd",
        "/runs/%00",
        "/runs/1%00",
        "/runs/%ff%fe",
        "/task-runs/4711/result",
        "/task-runs/4711/logs",
        "/batches/nightly",
        "/batches/%2e%2e",
        unknown_batch,
        "/images/nowhere",
        "/images/%2e%2e%2f",
    ] {
        let reply = wire::request(server.address(), "GET", &format!("/api/v1{path}"), &[], b"");
        assert!(
            (400..500).contains(&reply.status),
            "{path}: {}",
            reply.status
        );
        reply.problem();
    }
    let reply = wire::request(server.address(), "GET", "/nothing/here", &[], b"");
    refused(&reply, 404, "not_found", "outside of the API");
    healthy(&mut server);
}

#[test]
fn parameters_are_checked() {
    let mut server = Server::start(&[]);
    let batch = server.api().save(&good());
    let run = server.api().start(&batch);
    server.api().finished(run);
    let task = server.api().task_runs(run)[0]["id"].clone();
    let cases = [
        ("/runs?limit=0", "limit"),
        ("/runs?limit=1001", "limit"),
        ("/runs?limit=99999999999999999999999", "limit"),
        ("/runs?limit=-1", "limit"),
        ("/runs?limit=ten", "limit"),
        ("/runs?limit=1&limit=2", "limit"),
        ("/runs?cursor=x", "cursor"),
        ("/runs?cursor=%00", "cursor"),
        ("/runs?cursor=batches~a~b", "cursor"),
        ("/runs?status=gone", "status"),
        ("/runs?order=sideways", "order"),
        ("/runs?rundate=2024-02-30", "rundate"),
        ("/runs?scheduled_from=yesterday", "scheduled_from"),
        ("/runs?batch_id=seven", "batch_id"),
        ("/runs?colour=red", "colour"),
        ("/runs?min_seq=-1", "min_seq"),
        ("/batches?tag=production", "tag"),
        ("/events?after=-1", "after"),
        ("/events?after=last", "after"),
        ("/events?run_id=one", "run_id"),
        ("/events?types=run.exploded", "types"),
        ("/task-runs/{task}/logs?stream=stdin", "stream"),
        ("/task-runs/{task}/logs?attempt=0", "attempt"),
        ("/task-runs/{task}/logs?offset=-1", "offset"),
        ("/task-runs/{task}/logs?tail=x", "tail"),
        ("/task-runs/{task}/logs?follow=perhaps", "follow"),
    ];
    for (path, field) in cases {
        let path = format!("/api/v1{}", path.replace("{task}", &task.to_string()));
        let reply = wire::request(server.address(), "GET", &path, &[], b"");
        assert!(
            matches!(reply.status, 404 | 422),
            "{path}: {} {}",
            reply.status,
            reply.head
        );
        let problem = reply.problem();
        assert!(
            reply.status == 404 || problem["field"] == field,
            "{path}: {problem}"
        );
    }
    let wrong = [
        ("Accept", "text/event-stream"),
        ("Last-Event-ID", "yesterday"),
    ];
    let reply = wire::request(server.address(), "GET", "/api/v1/events", &wrong, b"");
    assert!((400..500).contains(&reply.status), "{}", reply.head);
    reply.problem();
    healthy(&mut server);
}

#[test]
fn bodies_of_commands_are_checked() {
    let mut server = Server::start(&[]);
    let batch = server.api().save(&good());
    let runs = format!("/batches/{batch}/runs");
    let cases: [(&str, &str, Option<&str>); 9] = [
        (&runs, r#"{"rundate": "2024-13-45"}"#, Some("rundate")),
        (&runs, r#"{"rundate": 20240101}"#, Some("rundate")),
        (&runs, r#"{"rundat": null}"#, Some("rundat")),
        (&runs, "[]", None),
        ("/runs", r#"{"run_type": "manual"}"#, Some("definition")),
        (
            "/runs",
            r#"{"definition": {"name": "x"}}"#,
            Some("definition.tasks"),
        ),
        ("/runs/1/rerun", r#"{"mode": "backwards"}"#, Some("mode")),
        (
            "/run-sets",
            r#"{"batch_id": "x", "runs": [{}]}"#,
            Some("batch_id"),
        ),
        ("/run-sets", r#"{"batch_id": null}"#, Some("batch_id")),
    ];
    for (path, body, field) in cases {
        let path = format!("/api/v1{path}");
        let reply = wire::request(server.address(), "POST", &path, &[], body.as_bytes());
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(
            matches!(reply.status, 404 | 422),
            "{path} {body}: {} {text}",
            reply.status
        );
        let problem = reply.problem();
        if reply.status == 422 {
            assert_eq!(
                problem["field"],
                field.map_or(Value::Null, Value::from),
                "{path} {body}"
            );
        }
    }
    healthy(&mut server);
}

#[test]
fn keys_are_for_one_request() {
    let mut server = Server::start(&[]);
    let batch = server.api().save(&good());
    let path = format!("/api/v1/batches/{batch}/runs");
    let send = |key: &str, body: &[u8]| {
        wire::request(
            server.address(),
            "POST",
            &path,
            &[("Idempotency-Key", key)],
            body,
        )
    };
    let first = send("one", b"{}");
    let again = send("one", b"{}");
    assert_eq!((first.status, again.status), (201, 201), "{again:?}");
    assert_eq!(first.body, again.body, "the same answer, byte by byte");
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let other = send("one", br#"{"rundate": "2024-01-01"}"#);
    refused(&other, 422, "idempotency_key_reused", "another body");
    assert!(
        (400..500).contains(&send(&"k".repeat(256), b"{}").status),
        "a key of 256 bytes"
    );
    assert_eq!(server.api().list("/runs").len(), 1);
    healthy(&mut server);
}

#[test]
fn other_hosts_and_origins_are_refused() {
    let mut server = Server::start(&[]);
    let port = server.address().rsplit_once(':').unwrap().1.to_owned();
    let body = good().to_string();
    for host in ["evil.example", "127.0.0.1.evil.example", "10.1.2.3", ""] {
        let reply = wire::request(
            server.address(),
            "GET",
            "/api/v1/runs",
            &[("Host", host)],
            b"",
        );
        assert!(
            matches!(reply.status, 400 | 421),
            "{host}: {}",
            reply.status
        );
        reply.problem();
    }
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let host = format!("{host}:{port}");
        let reply = wire::request(
            server.address(),
            "GET",
            "/api/v1/runs",
            &[("Host", &host)],
            b"",
        );
        assert_eq!(reply.status, 200, "{host}");
    }
    for header in [
        ("Origin", "http://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
    ] {
        let reply = wire::request(
            server.address(),
            "POST",
            "/api/v1/batches",
            &[header],
            body.as_bytes(),
        );
        refused(&reply, 403, "cross_site", header.1);
    }
    assert!(
        server.api().list("/batches").is_empty(),
        "nothing was saved"
    );
    healthy(&mut server);
}

#[test]
fn what_is_hardly_http_does_no_harm() {
    let mut server = Server::start(&[]);
    let long_header = format!(
        "GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "x".repeat(1 << 20)
    );
    let many = format!(
        "GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        "A: b\r\n".repeat(5_000)
    );
    let long_path = format!(
        "GET /api/v1/{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "x".repeat(100_000)
    );
    let cases: [&[u8]; 9] = [
        b"\r\n\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/v1/batches HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        long_header.as_bytes(),
        many.as_bytes(),
        long_path.as_bytes(),
    ];
    for bytes in cases {
        let reply = wire::last_words(server.address(), bytes);
        let what = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        assert!(reply.status < 500, "{what}: {}", reply.head);
    }
    let reply = wire::request(
        server.address(),
        "GET",
        &format!("/api/v1/runs?x={}", "y".repeat(9_000)),
        &[],
        b"",
    );
    refused(&reply, 414, "address_too_long", "9 kB");
    healthy(&mut server);
}
