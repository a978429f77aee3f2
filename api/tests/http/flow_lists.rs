//! Lists of what flows are made of: every item once, whatever its name, and pages that do not grow without end.

use serde_json::{Value, json};

use crate::server::Server;

/// All items of a list, by pages of so many; and how many pages they were.
async fn walked(server: &Server, list: &str, limit: usize) -> (Vec<Value>, usize) {
    let (mut items, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let path = format!("/api/v1/{list}?limit={limit}{cursor}");
        let reply = server.get(&path).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let page = reply.json();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (items, pages),
        }
    }
}

async fn step_type(server: &Server, name: &str, description: &str) {
    let body = json!({"argv": ["true"], "description": description});
    let path = format!("/api/v1/step-types/{name}/1");
    let saved = server.send("PUT", &path, &[], &body).await;
    assert!(matches!(saved.status, 200 | 201), "{}", saved.text());
}

#[tokio::test]
async fn every_type_is_listed_once_whatever_the_order_of_their_names() {
    let server = Server::start().await;
    let names = ["m", "z", "a", "k", "b"];
    for name in names {
        step_type(&server, name, "").await;
    }
    let (items, pages) = walked(&server, "step-types", 2).await;
    let found: Vec<&str> = items
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(found, names, "in the order in which they were made");
    assert_eq!(pages, 3);
    server.stop().await;
}

#[tokio::test]
async fn a_page_ends_with_what_fills_it() {
    let server = Server::start().await;
    // Ten of them are more than a page takes.
    let long = "x".repeat(900_000);
    for number in 0..10 {
        step_type(&server, &format!("s{number}"), &long).await;
    }
    let (items, pages) = walked(&server, "step-types", 1_000).await;
    assert_eq!(items.len(), 10);
    assert_eq!(pages, 2, "five fill the first one");
    server.stop().await;
}
