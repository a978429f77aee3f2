//! Results, logs and metrics over HTTP.

use fasti_core::codec::sha256;
use fasti_core::output::Stream;
use serde_json::json;
use tokio::io::AsyncReadExt as _;

use crate::client::{open, send, unchunk};
use crate::server::{Server, chain};

fn function(name: &str) -> serde_json::Value {
    json!({"name": "b", "tasks": [{"name": name, "entrypoint": "m.f"}]})
}

#[tokio::test]
async fn results_come_as_they_were_stored() {
    let server = Server::start().await;
    let run = server.started(&function("tâsk 1/2")).await;
    let path = format!("/api/v1/task-runs/{}/result", run + 1);
    let early = server.get(&path).await;
    assert_eq!(early.problem().1, "result_unavailable");
    let value = b"\x80\x04K\x07.".to_vec();
    server.run_next(0, Some(&value)).await;
    let seq = server.engine.feed().last();
    let whole = server.get(&format!("{path}?min_seq={seq}")).await;
    assert_eq!((whole.status, &whole.body), (200, &value));
    assert_eq!(
        whole.header("content-type"),
        Some("application/vnd.fasti.pickle")
    );
    assert_eq!(whole.header("x-fasti-task-name"), Some("t%C3%A2sk%201%2F2"));
    let etag = format!("\"{}\"", sha256(&value));
    assert_eq!(whole.header("etag"), Some(etag.as_str()));
    let known = send(
        server.address,
        "GET",
        &path,
        &[("If-None-Match", &etag)],
        b"",
    )
    .await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    server.stop().await;
}

#[tokio::test]
async fn large_results_are_streamed_and_ranges_cut() {
    let server = Server::start().await;
    let run = server.started(&function("t")).await;
    let path = format!("/api/v1/task-runs/{}/result", run + 1);
    let value: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    server.run_next(0, Some(&value)).await;
    let seq = server.engine.feed().last();
    let whole = server.get(&format!("{path}?min_seq={seq}")).await;
    assert!(whole.status == 200 && whole.body == value);
    assert_eq!(whole.header("content-length"), Some("1000000"));
    let etag = whole.header("etag").unwrap().to_owned();
    let head = send(server.address, "HEAD", &path, &[], b"").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some("1000000"));
    for (range, part, text) in [
        ("bytes=0-9", 0..10, "bytes 0-9/1000000"),
        (
            "bytes=999990-",
            999_990..1_000_000,
            "bytes 999990-999999/1000000",
        ),
        (
            "bytes=-5",
            999_995..1_000_000,
            "bytes 999995-999999/1000000",
        ),
        (
            "bytes=300000-9999999",
            300_000..1_000_000,
            "bytes 300000-999999/1000000",
        ),
    ] {
        let cut = send(server.address, "GET", &path, &[("Range", range)], b"").await;
        assert_eq!((cut.status, cut.header("content-range")), (206, Some(text)));
        assert!(cut.body == value[part], "{range}");
    }
    for odd in ["bytes=5-3", "lines=1-2", "bytes=a-b", "bytes=0-1,5-6"] {
        assert_eq!(
            send(server.address, "GET", &path, &[("Range", odd)], b"")
                .await
                .status,
            200,
            "{odd}"
        );
    }
    let beyond = send(
        server.address,
        "GET",
        &path,
        &[("Range", "bytes=1000000-")],
        b"",
    )
    .await;
    assert_eq!(beyond.problem().1, "range_not_satisfiable");
    assert_eq!(beyond.header("content-range"), Some("bytes */1000000"));
    let other = [("Range", "bytes=0-9"), ("If-Range", "\"other\"")];
    assert_eq!(
        send(server.address, "GET", &path, &other, b"").await.status,
        200
    );
    let same = [("Range", "bytes=0-9"), ("If-Range", etag.as_str())];
    assert_eq!(
        send(server.address, "GET", &path, &same, b"").await.status,
        206
    );
    server.stop().await;
}

#[tokio::test]
async fn a_missing_result_says_why() {
    let server = Server::start().await;
    let run = server.started(&chain("b", &["a", "b", "c"])).await;
    server.run_next(0, None).await;
    server.run_next(3, None).await;
    let seq = server.engine.feed().last();
    for (task, why) in [
        (1, "ran a command"),
        (2, "failed: exit code 3"),
        (3, "skipped"),
    ] {
        let path = format!("/api/v1/task-runs/{}/result?min_seq={seq}", run + task);
        let reply = server.get(&path).await;
        assert_eq!(reply.problem().1, "result_unavailable");
        assert!(
            reply.json()["detail"].as_str().unwrap().contains(why),
            "{}",
            reply.text()
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn logs_whole_and_in_part() {
    let server = Server::start().await;
    let run = server.started(&chain("b", &["a"])).await;
    let path = format!("/api/v1/task-runs/{}/logs", run + 1);
    let empty = server.get(&path).await;
    assert_eq!((empty.status, empty.text().as_str()), (200, ""));
    let launch = server.next_launch();
    server.write_output(&launch, Stream::Stdout, "0123456789");
    server.write_output(&launch, Stream::Stderr, "oh");
    server.begin_attempt(&launch).await;
    server
        .get(&format!("{path}?min_seq={}", server.engine.feed().last()))
        .await;
    for (query, text) in [
        ("", "0123456789"),
        ("?stream=stderr", "oh"),
        ("?offset=8", "89"),
        ("?offset=2&limit=3", "234"),
        ("?tail=4", "6789"),
        ("?tail=100", "0123456789"),
        ("?offset=100", ""),
        ("?attempt=1&limit=0", ""),
    ] {
        let reply = server.get(&format!("{path}{query}")).await;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, text),
            "{query}"
        );
        assert_eq!(
            reply.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        let size = if query.contains("stderr") { "2" } else { "10" };
        assert_eq!(reply.header("x-fasti-log-size"), Some(size));
    }
    assert_eq!(
        server.get(&format!("{path}?attempt=2")).await.problem().0,
        404
    );
    assert_eq!(
        server.get(&format!("{path}?attempt=0")).await.problem().0,
        404
    );
    assert_eq!(
        server
            .get(&format!("{path}?tail=1&offset=1"))
            .await
            .problem()
            .2,
        "tail"
    );
    assert_eq!(
        server.get(&format!("{path}?stream=both")).await.problem().2,
        "stream"
    );
    server.stop().await;
}

#[tokio::test]
async fn logs_are_followed_until_the_task_ends() {
    let server = Server::start().await;
    let mut definition = chain("b", &["a"]);
    definition["tasks"][0]["retries"] = json!(1);
    let run = server.started(&definition).await;
    let path = format!("/api/v1/task-runs/{}/logs?follow=true", run + 1);
    let mut stream = open(server.address, "GET", &path, &[], b"").await;
    let first = server.next_launch();
    server.begin_attempt(&first).await;
    server.write_output(&first, Stream::Stdout, "one ");
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("one ") {
        assert_ne!(
            stream.read_buf(&mut seen).await.unwrap(),
            0,
            "the stream goes on"
        );
    }
    server.write_output(&first, Stream::Stdout, "two ");
    server.end_attempt(&first, 1, None).await;
    // The wait before the next attempt is over.
    server.clock.set(crate::server::NOW.plus_ms(60_000));
    server.wake().await;
    let second = server.next_launch();
    server.begin_attempt(&second).await;
    server.write_output(&second, Stream::Stdout, "three");
    server.end_attempt(&second, 0, None).await;
    stream.read_to_end(&mut seen).await.unwrap();
    let body = seen
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap()
        + 4;
    assert_eq!(
        String::from_utf8(unchunk(&seen[body..])).unwrap(),
        "one two three"
    );
    let old = server
        .get(&format!("/api/v1/task-runs/{}/logs?attempt=1", run + 1))
        .await;
    assert_eq!(old.text(), "one two ");
    let last = server
        .get(&format!("/api/v1/task-runs/{}/logs", run + 1))
        .await;
    assert_eq!(last.text(), "three");
    server.stop().await;
}

#[tokio::test]
async fn reused_task_runs_read_through() {
    let server = Server::start().await;
    let mut definition = chain("b", &["a", "b"]);
    definition["tasks"][0] = json!({"name": "a", "entrypoint": "m.f"});
    let run = server.started(&definition).await;
    let first = server.next_launch();
    server.write_output(&first, Stream::Stdout, "once");
    server.begin_attempt(&first).await;
    server.end_attempt(&first, 0, Some(b"value".to_vec())).await;
    server.run_next(1, None).await;
    server
        .get(&format!(
            "/api/v1/runs/{run}?min_seq={}",
            server.engine.feed().last()
        ))
        .await;
    let again = server
        .post(&format!("/api/v1/runs/{run}/rerun"), &json!({}))
        .await
        .json();
    let reused = again["id"].as_u64().unwrap() + 1;
    let result = server
        .get(&format!("/api/v1/task-runs/{reused}/result"))
        .await;
    assert_eq!((result.status, result.text().as_str()), (200, "value"));
    assert_eq!(
        server
            .get(&format!("/api/v1/task-runs/{reused}/logs"))
            .await
            .text(),
        "once"
    );
    let metrics = server
        .get(&format!("/api/v1/task-runs/{reused}/metrics"))
        .await
        .json();
    assert_eq!(
        metrics["timestamps"],
        json!(["2024-03-31T01:00:00.000Z", "2024-03-31T01:00:02.000Z"])
    );
    assert_eq!(metrics["memory_metrics_absolute"], json!([0.0, 2.0]));
    assert_eq!(metrics["cpu_metrics_percentage"], json!([0.0, 500.0]));
    assert_eq!(metrics["total_allocated_cpu"], 400);
    server.stop().await;
}

#[tokio::test]
async fn a_damaged_result_is_not_given_out_for_whole() {
    for bytes in [500_000_usize, 3_000_000] {
        let server = Server::start().await;
        let run = server.started(&function("t")).await;
        let path = format!("/api/v1/task-runs/{}/result", run + 1);
        let value: Vec<u8> = (0..bytes).map(|n| n.to_le_bytes()[1]).collect();
        server.run_next(0, Some(&value)).await;
        let seq = server.engine.feed().last();
        let whole = server.get(&format!("{path}?min_seq={seq}")).await;
        assert!(whole.body == value);
        let name = sha256(&value).to_string();
        let file = server
            .data
            .path()
            .join("blobs")
            .join(&name[..2])
            .join(&name);
        let mut damaged = value.clone();
        damaged[bytes / 2] ^= 1;
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, &damaged).unwrap();
        let given = server.get(&path).await;
        let is_refused = given.status == 409 && given.problem().1 == "result_unavailable";
        assert!(is_refused || given.body.len() < bytes, "{bytes}");
        server.stop().await;
    }
}
