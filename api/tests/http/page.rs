//! The page, the probes and the figures over HTTP.

use crate::server::{Server, chain};

#[tokio::test]
async fn the_page_is_served_and_has_no_inline_script() {
    let server = Server::start().await;
    for path in ["/", "/ui", "/ui/", "/ui/runs/7", "/ui/batches"] {
        let page = server.get(path).await;
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, Some("text/html; charset=utf-8")),
            "{path}"
        );
        let text = page.text();
        assert_eq!(text.matches("<script").count(), 1, "{text}");
        assert!(
            text.contains("<script type=\"module\" src=\"/ui/app-"),
            "{text}"
        );
        for inline in ["<script>", "<style", " style=", " onclick=", "javascript:"] {
            assert!(!text.contains(inline), "{inline}");
        }
    }
    let index = server.get("/").await.text();
    let named: Vec<&str> = index
        .split('"')
        .filter(|part| part.starts_with("/ui/"))
        .collect();
    for (end, kind) in [
        (".js", "text/javascript; charset=utf-8"),
        (".css", "text/css; charset=utf-8"),
    ] {
        let path = named.iter().find(|path| path.ends_with(end)).unwrap();
        let reply = server.get(path).await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some(kind))
        );
        assert!(!reply.body.is_empty());
        // Its name changes with its content.
        let caching = reply.header("cache-control");
        assert!(caching.is_some_and(|text| text.contains("immutable")));
        assert_eq!(
            reply.header("content-encoding"),
            None,
            "nobody asked for it"
        );
    }
    assert_eq!(
        server.get("/").await.header("cache-control"),
        Some("no-cache")
    );
    assert_eq!(server.get("/ui/nothing.js").await.problem().0, 404);
    assert_eq!(server.get("/ui/../Cargo.toml").await.problem().0, 404);
    server.stop().await;
}

#[tokio::test]
async fn probes_and_figures() {
    let server = Server::start().await;
    assert_eq!(server.get("/healthz").await.status, 200);
    assert_eq!(server.get("/readyz").await.status, 200);
    let health = server.get("/api/v1/health").await.json();
    assert_eq!(
        (health["status"].as_str(), health["accepting"].as_bool()),
        (Some("ok"), Some(true))
    );
    let version = server.get("/api/v1/version").await.json();
    assert_eq!(version["server"], "0.0.0-test");
    assert_eq!(version["log_id"], "07".repeat(16));
    server.started(&chain("b", &["a"])).await;
    server.run_next(0, None).await;
    let seq = server.engine.feed().last();
    server.get(&format!("/api/v1/runs?min_seq={seq}")).await;
    let figures = server.get("/metrics").await;
    assert!(
        figures
            .header("content-type")
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    let text = figures.text();
    for line in [
        format!("fasti_log_sequence {seq}"),
        "fasti_projector_lag_events 0".to_owned(),
        "fasti_runs{status=\"success\"} 1".to_owned(),
        "fasti_runners 1".to_owned(),
        "# TYPE fasti_task_runs gauge".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    server.stop().await;
}

#[tokio::test]
async fn problems_lead_to_their_page() {
    let server = Server::start().await;
    let problem = server.get("/api/v1/runs/999").await.json();
    let page = server.get(problem["type"].as_str().unwrap()).await;
    assert_eq!(
        page.header("content-type"),
        Some("text/markdown; charset=utf-8")
    );
    assert!(page.text().starts_with("# `not_found`"));
    assert_eq!(server.get("/api/v1/errors/nothing").await.problem().0, 404);
    server.stop().await;
}
