//! Events over HTTP, as a list and as a stream.

use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::client::open;
use crate::server::{NOW, Server, chain};

fn types(reply: &Value) -> Vec<String> {
    let items = reply["items"].as_array().unwrap().iter();
    items
        .map(|item| item["type"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_log_is_a_list() {
    let server = Server::start().await;
    let run = server.started(&chain("b", &["a"])).await;
    server.run_next(0, None).await;
    let other = server.started(&chain("c", &["a"])).await;
    let all = server.get("/api/v1/events?limit=1000").await.json();
    let items = all["items"].as_array().unwrap();
    let seqs: Vec<u64> = items
        .iter()
        .map(|item| item["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "no gap");
    assert_eq!(all["as_of_seq"], seqs.len());
    assert_eq!(all["next_cursor"], Value::Null);
    let text = all.to_string();
    for secret in ["seed", "\"token\"", "03030303030303030303030303030303"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let of_run = server
        .get(&format!("/api/v1/events?run_id={run}&limit=1000"))
        .await
        .json();
    let of_run = types(&of_run);
    assert_eq!(of_run.first().unwrap(), "run.created");
    assert_eq!(of_run.last().unwrap(), "run.finished");
    let created = server
        .get("/api/v1/events?types=run.created,run.finished")
        .await
        .json();
    assert_eq!(
        types(&created),
        ["run.created", "run.finished", "run.created"]
    );
    assert_eq!(created["items"][2]["run_id"], other);
    assert_eq!(created["items"][0]["actor"], "user:operator");
    let paged = server.get("/api/v1/events?limit=2&after=1").await;
    assert_eq!(paged.json()["items"][0]["seq"], 2);
    let next = paged.header("link").unwrap()[1..]
        .split('>')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(server.get(&next).await.json()["items"][0]["seq"], 4);
    assert_eq!(
        server
            .get("/api/v1/events?types=run.exploded")
            .await
            .problem()
            .2,
        "types"
    );
    assert_eq!(
        server.get("/api/v1/events?run_id=999").await.problem().0,
        404
    );
    let beyond = server.get("/api/v1/events?after=100000").await.json();
    assert_eq!(beyond["items"], json!([]));
    server.stop().await;
}

/// Reads a stream until `enough` events came; gives their positions and types.
async fn read(stream: &mut TcpStream, enough: usize) -> Vec<(u64, String)> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let events: Vec<_> = text
            .split("\n\n")
            .filter_map(|block| {
                let id = block.lines().find_map(|line| line.strip_prefix("id: "))?;
                let data = block.lines().find_map(|line| line.strip_prefix("data: "))?;
                let event: Value = serde_json::from_str(data).ok()?;
                assert_eq!(event["seq"].to_string(), id);
                Some((
                    id.parse().unwrap(),
                    event["type"].as_str().unwrap().to_owned(),
                ))
            })
            .collect();
        if events.len() >= enough {
            return events;
        }
        assert_ne!(
            stream.read_buf(&mut bytes).await.unwrap(),
            0,
            "the stream goes on: {text}"
        );
    }
}

const STREAM: (&str, &str) = ("Accept", "text/event-stream");

#[tokio::test]
async fn a_stream_goes_on_and_resumes_without_gap_or_repetition() {
    let server = Server::start().await;
    let mut stream = open(server.address, "GET", "/api/v1/events", &[STREAM], b"").await;
    let first = read(&mut stream, 3).await;
    assert_eq!(
        first.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    server.started(&chain("b", &["a"])).await;
    let live = read(&mut stream, 1).await;
    assert_eq!(live[0].0, 4);
    drop(stream);
    server.run_next(0, None).await;
    let last = server.engine.feed().last().0;
    // `Last-Event-ID` counts more than `after`: a browser repeats the address it began with.
    let headers = [STREAM, ("Last-Event-ID", "4")];
    let mut stream = open(
        server.address,
        "GET",
        "/api/v1/events?after=1",
        &headers,
        b"",
    )
    .await;
    let wanted = usize::try_from(last - 4).unwrap();
    let rest = read(&mut stream, wanted).await;
    assert_eq!(
        rest.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
        (5..=last).collect::<Vec<_>>()
    );
    drop(stream);
    server.stop().await;
}

#[tokio::test]
async fn events_are_counted_over_time() {
    let server = Server::start().await;
    let begun = server.engine.feed().last().0;
    server.clock.set(NOW.plus_ms(75_000));
    server.started(&chain("b", &["a"])).await;
    let middle = server.engine.feed().last().0;
    server.clock.set(NOW.plus_ms(100_000));
    server.started(&chain("c", &["a"])).await;
    let last = server.engine.feed().last().0;
    let found = server
        .get("/api/v1/events/density?stretches=4")
        .await
        .json();
    assert_eq!(found["from"], "2024-03-31T01:00:00.000Z");
    assert_eq!(found["until"], "2024-03-31T01:01:40.000Z");
    assert_eq!(found["last_seqs"], json!([begun, begun, middle, last]));
    assert_eq!(
        found["counts"],
        json!([begun, 0, middle - begun, last - middle])
    );
    assert_eq!(found["as_of_seq"], last);
    let of = |query: &'static str| {
        let server = &server;
        async move { server.get(&format!("/api/v1/events/density?{query}")).await }
    };
    let around = "from=2024-03-31T00:59:00Z&until=2024-03-31T02:00:00Z&stretches=2";
    let around = of(around).await.json();
    assert_eq!(around["counts"], json!([last, 0]));
    let before = "until=2024-03-31T00:00:00Z&from=2024-03-30T00:00:00Z&stretches=1";
    let before = of(before).await.json();
    assert_eq!(
        (&before["counts"], &before["last_seqs"]),
        (&json!([0]), &json!([0]))
    );
    let all = of("").await.json();
    assert_eq!(all["counts"].as_array().unwrap().len(), 120);
    for (wrong, field) in [
        ("stretches=0", "stretches"),
        ("stretches=501", "stretches"),
        ("stretches=x", "stretches"),
        ("from=yesterday", "from"),
        (
            "from=2024-03-31T02:00:00Z&until=2024-03-31T01:00:00Z",
            "until",
        ),
    ] {
        let (status, code, found) = of(wrong).await.problem();
        assert_eq!(
            (status, code.as_str(), found.as_str()),
            (422, "validation_failed", field)
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn a_stream_of_one_run() {
    let server = Server::start().await;
    let run = server.started(&chain("b", &["a"])).await;
    server.started(&chain("other", &["a"])).await;
    let path = format!("/api/v1/events?run_id={run}&types=run.created,run.finished");
    let mut stream = open(server.address, "GET", &path, &[STREAM], b"").await;
    server.run_next(0, None).await;
    server.run_next(0, None).await;
    let events = read(&mut stream, 2).await;
    let types: Vec<&str> = events.iter().map(|(_, kind)| kind.as_str()).collect();
    assert_eq!(types, ["run.created", "run.finished"]);
    drop(stream);
    let headers = [STREAM, ("Last-Event-ID", "x")];
    let wrong = crate::client::send(server.address, "GET", "/api/v1/events", &headers, b"").await;
    assert_eq!(wrong.problem().2, "Last-Event-ID");
    server.stop().await;
}

#[tokio::test]
async fn an_open_stream_does_not_hold_up_the_end() {
    let server = Server::start().await;
    let mut stream = open(server.address, "GET", "/api/v1/events", &[STREAM], b"").await;
    read(&mut stream, 1).await;
    let begun = std::time::Instant::now();
    server.stop().await;
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
}
