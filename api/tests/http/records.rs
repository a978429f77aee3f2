//! The log in its exact bytes: for administrators, and chained again by whoever reads it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fasti_core::domain::ids::Digest;
use fasti_core::store::ChainCheck;
use serde_json::{Value, json};

use crate::server::{Server, chain};

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn exact_records_make_the_chain_again() {
    let server = Server::start().await;
    server.started(&chain("b", &["a", "b"])).await;
    server.run_next(0, Some(b"value")).await;
    let mut check = ChainCheck::default();
    loop {
        let from = check.last().seq.next();
        let page = format!("/api/v1/log/records?from={from}&limit=3");
        let reply = server.get(&page).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-type"), Some("application/x-ndjson"));
        let found = lines(&reply.text());
        assert!(found.len() <= 3);
        for line in &found {
            assert_eq!(line["seq"], check.last().seq.0 + 1);
            let record = STANDARD.decode(line["record"].as_str().unwrap()).unwrap();
            let hash: Digest = line["hash"].as_str().unwrap().parse().unwrap();
            check.push(&record, hash.0).unwrap();
        }
        if found.is_empty() {
            let end = reply.header("fasti-seq").unwrap().to_owned();
            assert_eq!(end, check.last().seq.to_string());
            break;
        }
    }
    assert!(check.is_whole() && check.last().seq.0 > 8);
    let anchors = server.get("/api/v1/log/anchors").await;
    assert_eq!((anchors.status, anchors.text().as_str()), (200, ""));
}

#[tokio::test]
async fn nobody_else_reads_them_and_wrong_questions_are_refused() {
    let server = Server::start().await;
    for path in ["records", "anchors"] {
        let refused = server.get_as("bob", &format!("/api/v1/log/{path}")).await;
        assert_eq!(refused.problem().0, 403, "{path}");
        assert!(!refused.text().contains("\"record\""));
    }
    for (query, status) in [
        ("from=x", 422),
        ("limit=0", 422),
        ("limit=10001", 422),
        ("limit=-1", 422),
        ("to=4", 422),
    ] {
        let path = format!("/api/v1/log/records?{query}");
        let refused = server.get(&path).await;
        let (found, ..) = refused.problem();
        assert!(found == status || found == 400, "{query}: {found}");
    }
    let beyond = server.get("/api/v1/log/records?from=100000").await;
    assert_eq!((beyond.status, beyond.text().as_str()), (200, ""));
    // A server that keeps its views in memory has nothing to build them into, and says so.
    let reply = server.post("/api/v1/log/rebuild", &json!({})).await;
    assert_eq!(reply.problem().0, 503);
}
