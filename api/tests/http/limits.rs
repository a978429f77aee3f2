//! Bounds on what one client can hold: connections, pages, events with much in them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
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

/// Sends a request whose body comes late, and another one over the same connection.
async fn late_body_then_another(server: &Server, head: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let host = format!("Host: {}\r\n", server.address);
    let late = format!("{head} HTTP/1.1\r\n{host}Content-Length: 2\r\n\r\n");
    stream.write_all(late.as_bytes()).await.unwrap();
    let mut early = [0; 1];
    let waiting = tokio::time::timeout(Duration::from_millis(200), stream.read(&mut early));
    assert!(
        waiting.await.is_err(),
        "{head}: an answer before the body, and the connection goes with it"
    );
    let next = format!("{{}}GET /healthz HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
    stream.write_all(next.as_bytes()).await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    answers
}

#[tokio::test]
async fn a_connection_outlives_a_body_that_nobody_wanted() {
    let server = Server::start().await;
    for (head, status) in [
        ("POST /api/v1/nowhere", 404),
        ("PUT /api/v1/runs", 405),
        ("POST /api/v1/log/rebuild", 503),
    ] {
        let answers = late_body_then_another(&server, head).await;
        let statuses = answers.matches("HTTP/1.1 ").count();
        assert_eq!(statuses, 2, "{head}: {answers}");
        assert!(
            answers.starts_with(&format!("HTTP/1.1 {status} ")),
            "{head}: {answers}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_never_comes_does_not_hold_back_the_answer() {
    let server = Server::start().await;
    for (more, what) in [
        (
            "Content-Length: 2\r\n",
            "a short one is waited for, not for long",
        ),
        ("Content-Length: 99999999\r\n", "a long one is not"),
        (
            "Content-Length: 2\r\nExpect: 100-continue\r\n",
            "nor one that was to be asked for",
        ),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!(
            "POST /api/v1/nowhere HTTP/1.1\r\nHost: {}\r\n{more}\r\n",
            server.address
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 404 "), "{what}: {answer}");
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

/// Events that `user` sees, as a list and by number.
async fn seen(server: &Server, user: &str, kinds: &str) -> Vec<u64> {
    let path = format!("/api/v1/events?types={kinds}");
    let listed = server.get_as(user, &path).await.json();
    let seqs = listed["items"].as_array().unwrap().iter();
    let seqs: Vec<u64> = seqs.map(|item| item["seq"].as_u64().unwrap()).collect();
    let everything = server.get(&path).await.json();
    for item in everything["items"].as_array().unwrap() {
        let seq = item["seq"].as_u64().unwrap();
        let one = server.get_as(user, &format!("/api/v1/events/{seq}")).await;
        assert_eq!(one.status == 200, seqs.contains(&seq), "{item}");
    }
    seqs
}

#[tokio::test]
async fn events_that_name_neither_run_nor_batch_are_shown_as_what_they_belong_to() {
    let server = Server::start().await;
    let kinds = "attempt.reported_late,run_set.closed,run_set.paused,run_set.resumed";
    let mut counts = Vec::new();
    for permissions in ["rw----", "rwr-r-"] {
        let mut definition = chain(permissions, &["a"]);
        definition["permissions"] = json!(permissions);
        definition["schedule"] = json!({"cron": "0 0 * * *"});
        let batch = server.saved(&definition).await;
        let run = server.started(&definition).await;
        // The backfill of the batch before has handed out an attempt of its own.
        let launch = loop {
            let launch = server.next_launch();
            if launch.run.0 == run {
                break launch;
            }
        };
        server.begin_attempt(&launch).await;
        server.end_attempt(&launch, 1, None).await;
        // Twice: the second time there is no lease any more.
        server.end_attempt(&launch, 1, None).await;
        let set = json!({"batch_id": batch, "title": "s", "runs": []});
        let made = server.post("/api/v1/run-sets", &set).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let backfill = json!({
            "batch_id": batch, "title": "b", "from": "2024-01-01T00:00:00Z", "until": "2024-01-09T00:00:00Z", "live_max": 1,
        });
        let made = server.post("/api/v1/run-sets/backfill", &backfill).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let id = made.json()["id"].clone();
        for what in ["pause", "resume"] {
            let path = format!("/api/v1/run-sets/{id}/{what}");
            let done = server.post(&path, &json!({})).await;
            assert!(done.status < 300, "{}", done.text());
        }
        let all = seen(&server, crate::server::OWN_USER, kinds).await.len();
        counts.push((all, seen(&server, "eve", kinds).await.len()));
    }
    let [(hidden, none), (both, shared)] = counts[..] else {
        panic!("{counts:?}");
    };
    assert!(hidden >= 4, "{hidden}");
    assert_eq!(none, 0, "work that eve may not see");
    assert_eq!(shared, both - hidden, "work that she may see");
    let own = "server.started,runner.joined";
    assert_eq!(seen(&server, "eve", own).await.len(), 2, "nobody's work");
    server.stop().await;
}

#[tokio::test]
async fn pages_of_definitions_and_task_runs_are_bounded_in_bytes() {
    let server = Server::start().await;
    let text = "x".repeat(900_000);
    let heavy = |name: &str, tasks: usize| {
        let task = |task: usize| json!({"name": format!("t{task}"), "command": ["echo", text]});
        json!({"name": name, "tasks": (0..tasks).map(task).collect::<Vec<_>>()})
    };
    let mut id = String::new();
    for number in 0..8 {
        let mut definition = heavy("versions", 1);
        definition["tasks"][0]["description"] = json!(number.to_string());
        id = server.saved(&definition).await;
        server.saved(&heavy(&format!("b{number}"), 1)).await;
    }
    let run = server.started(&heavy("wide", 8)).await;
    // The item that passes 4 MiB is the last one: the widest batch has about 7 MiB by itself.
    for (path, count, mib) in [
        ("/api/v1/batches".to_owned(), 10, 12),
        (format!("/api/v1/batches/{id}/versions"), 8, 6),
        (format!("/api/v1/runs/{run}/tasks"), 8, 6),
    ] {
        let (mut seen, mut pages, mut next) = (0, 0, Some(String::new()));
        while let Some(cursor) = next {
            let page = server.get(&format!("{path}?limit=1000{cursor}")).await;
            assert!(page.body.len() < mib << 20, "{path}: {}", page.body.len());
            let page = page.json();
            seen += page["items"].as_array().unwrap().len();
            pages += 1;
            next = page["next_cursor"]
                .as_str()
                .map(|it| format!("&cursor={it}"));
        }
        assert_eq!(seen, count, "{path}");
        assert!(pages > 1, "{path}: one page held all");
    }
    server.stop().await;
}

#[tokio::test]
async fn bodies_of_all_requests_share_their_memory() {
    let server = Server::start_with(|config| config.bodies_bytes_max = 64 << 10).await;
    let small = chain("b", &["a"]);
    server.saved(&small).await;
    let mut large = chain("c", &["a"]);
    large["tasks"][0]["stdin"] = json!("x".repeat(200_000));
    let refused = server.post("/api/v1/batches", &large).await.problem();
    assert_eq!((refused.0, refused.1.as_str()), (503, "busy"));
    // What was taken is given back.
    server.saved(&small).await;
    server.stop().await;
}

#[tokio::test]
async fn a_running_task_asks_as_the_owner_of_its_batch() {
    use fasti_core::attempt_token::attempt_token;
    for token in [None, Some("s3cret")] {
        let server = Server::start_with(|config| config.token = token.map(str::to_owned)).await;
        let address = server.address;
        let own = token.map(|token| ("Authorization", format!("Bearer {token}")));
        let own = own.as_ref().map(|(name, value)| (*name, value.as_str()));
        let ask = |method: &'static str, path: String, bearer: Option<String>, body: String| async move {
            let value = bearer.map(|bearer| format!("Bearer {bearer}"));
            let mut headers = vec![("Content-Type", "application/json")];
            match &value {
                Some(value) => headers.push(("Authorization", value)),
                None => headers.extend(own),
            }
            send(address, method, &path, &headers, body.as_bytes()).await
        };
        let mut definition = chain("b", &["a"]);
        definition["owner"] = json!("zoe");
        definition["permissions"] = json!("rw----");
        let start = json!({"definition": definition}).to_string();
        let made = ask("POST", "/api/v1/runs".to_owned(), None, start).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let run = made.json()["id"].as_u64().unwrap();
        let mut other = chain("other", &["a"]);
        other["permissions"] = json!("rw----");
        let start = json!({"definition": other}).to_string();
        let hidden = ask("POST", "/api/v1/runs".to_owned(), None, start).await;
        let hidden = hidden.json()["id"].as_u64().unwrap();
        let launch = server.next_launch();
        server.begin_attempt(&launch).await;
        let its = attempt_token(launch.attempt, launch.token);
        let as_task = |path: String| ask("GET", path, Some(its.clone()), String::new());
        assert_eq!(as_task(format!("/api/v1/runs/{run}")).await.status, 200);
        let others = as_task(format!("/api/v1/runs/{hidden}")).await;
        assert_eq!(
            others.status, 404,
            "the server's own user may see it, zoe may not"
        );
        let saved = ask(
            "POST",
            "/api/v1/batches".to_owned(),
            Some(its.clone()),
            chain("mine", &["a"]).to_string(),
        )
        .await;
        assert_eq!(saved.json()["owner"], "zoe", "{}", saved.text());
        let mut forged = its.clone();
        forged.replace_range(its.len() - 1.., if its.ends_with('0') { "1" } else { "0" });
        let refused = ask(
            "GET",
            format!("/api/v1/runs/{run}"),
            Some(forged),
            String::new(),
        )
        .await;
        assert_eq!(refused.problem().0, 401);
        server.end_attempt(&launch, 0, None).await;
        let late = as_task(format!("/api/v1/runs/{run}")).await;
        assert_eq!(late.problem().0, 401, "the attempt is over");
        server.stop().await;
    }
}
