//! Sessions of the page: what begins one, what it opens, and that tokens cannot be guessed through it for long.

use serde_json::json;

use crate::client::{Reply, send};
use crate::server::{NOW, Server};

const TOKEN: &str = "s3cret";

async fn guarded() -> Server {
    Server::start_with(|config| config.token = Some(TOKEN.to_owned())).await
}

async fn begin(server: &Server, token: &str) -> Reply {
    server
        .post("/api/v1/session", &json!({ "token": token }))
        .await
}

/// What a browser sends back of `Set-Cookie`.
fn pair(reply: &Reply) -> String {
    let line = reply.header("set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(line.contains(part), "{line}");
    }
    line.split(';').next().unwrap().to_owned()
}

async fn runs_with(server: &Server, cookie: &str) -> u16 {
    let headers = [("Cookie", cookie)];
    let reply = send(server.address, "GET", "/api/v1/runs", &headers, b"").await;
    reply.status
}

#[tokio::test]
async fn a_session_opens_what_the_token_opens_until_it_ends() {
    let server = guarded().await;
    let refused = begin(&server, "wrong").await;
    assert_eq!(refused.problem().1, "unauthenticated");
    assert_eq!(refused.header("set-cookie"), None);
    let begun = begin(&server, TOKEN).await;
    assert_eq!((begun.status, begun.body.len()), (204, 0));
    let cookie = pair(&begun);
    assert!(!cookie.contains(TOKEN));
    assert_eq!(runs_with(&server, &cookie).await, 200);
    assert_eq!(runs_with(&server, &format!("{cookie}0")).await, 401);
    // A page of another site cannot make the browser of somebody who is logged in do anything.
    let headers = [
        ("Cookie", cookie.as_str()),
        ("Origin", "https://evil.example"),
        ("Content-Type", "application/json"),
    ];
    let foreign = send(server.address, "POST", "/api/v1/runs", &headers, b"{}").await;
    assert_eq!(foreign.problem().1, "cross_site");
    server.clock.set(NOW.plus_us(12 * 3600 * 1_000_000 - 1));
    assert_eq!(runs_with(&server, &cookie).await, 200);
    server.clock.set(NOW.plus_us(12 * 3600 * 1_000_000));
    assert_eq!(runs_with(&server, &cookie).await, 401);
    server.stop().await;
}

#[tokio::test]
async fn a_session_is_ended_by_an_empty_cookie() {
    let server = guarded().await;
    let headers = [("Content-Length", "0")];
    let ended = send(server.address, "DELETE", "/api/v1/session", &headers, b"").await;
    assert_eq!(ended.status, 204);
    assert!(ended.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(runs_with(&server, &pair(&ended)).await, 401);
    server.stop().await;
}

#[tokio::test]
async fn without_a_token_there_is_nothing_to_begin() {
    let server = Server::start().await;
    for _ in 0..20 {
        let begun = begin(&server, "any").await;
        assert_eq!((begun.status, begun.header("set-cookie")), (204, None));
    }
    let empty = server.post("/api/v1/session", &json!({})).await;
    assert_eq!(empty.problem().1, "validation_failed");
    server.stop().await;
}

#[tokio::test]
async fn whoever_guesses_is_slowed_down() {
    let server = guarded().await;
    for _ in 0..10 {
        assert_eq!(begin(&server, "wrong").await.status, 401);
    }
    // Not even the right one: else each try would tell.
    let refused = begin(&server, TOKEN).await;
    assert_eq!(refused.problem().1, "limit");
    assert_eq!(refused.status, 429);
    let seconds: i64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&seconds), "{seconds}");
    // Programs send the token itself, and go on.
    let bearer = [("Authorization", "Bearer s3cret")];
    let runs = send(server.address, "GET", "/api/v1/runs", &bearer, b"").await;
    assert_eq!(runs.status, 200);
    server.clock.set(NOW.plus_us(seconds * 1_000_000));
    assert_eq!(begin(&server, TOKEN).await.status, 204);
    // The right token ends the counting.
    assert_eq!(begin(&server, "wrong").await.status, 401);
    server.stop().await;
}
