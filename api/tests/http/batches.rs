//! Batches over HTTP.

use serde_json::{Value, json};

use crate::server::{Server, chain};

#[tokio::test]
async fn saving_makes_and_then_replaces() {
    let server = Server::start().await;
    let made = server
        .post("/api/v1/batches", &chain("nightly", &["a", "b"]))
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let batch = made.json();
    let id = batch["id"].as_str().unwrap();
    assert_eq!(
        made.header("location"),
        Some(format!("/api/v1/batches/{id}").as_str())
    );
    assert_eq!(made.header("etag"), Some("\"1\""));
    assert!(made.header("fasti-seq").unwrap().parse::<u64>().unwrap() >= 4);
    assert_eq!(
        (&batch["name"], &batch["tag"], &batch["version"]),
        (&json!("nightly"), &json!("dev"), &json!(1))
    );
    assert_eq!(
        (&batch["owner"], &batch["created_by"]),
        (&json!("operator"), &json!("operator"))
    );
    assert_eq!(batch["run_count"], 0);
    assert_eq!(batch["next_run"], Value::Null);

    let replaced = server
        .post("/api/v1/batches", &chain("nightly", &["a"]))
        .await;
    assert_eq!(replaced.status, 200);
    assert_eq!(replaced.json()["id"], id);
    assert_eq!(replaced.json()["version"], 2);

    let read = server.get(&format!("/api/v1/batches/{id}")).await;
    assert_eq!(read.json(), replaced.json());
    let versions = server
        .get(&format!("/api/v1/batches/{id}/versions"))
        .await
        .json();
    let tasks = |version: &Value| version["tasks"].as_array().unwrap().len();
    let counts: Vec<usize> = versions["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(tasks)
        .collect();
    assert_eq!(counts, [2, 1]);
    let first = server
        .get(&format!("/api/v1/batches/{id}/versions/1"))
        .await
        .json();
    assert_eq!(first["edges"], json!([{"from": "a", "to": "b"}]));
    let missing = server
        .get(&format!("/api/v1/batches/{id}/versions/3"))
        .await;
    assert_eq!(missing.problem().0, 404);
    server.stop().await;
}

#[tokio::test]
async fn a_known_version_guards_against_others() {
    let server = Server::start().await;
    server.saved(&chain("b", &["a"])).await;
    let save = |header: &'static str, path: &'static str| {
        let headers = if header.is_empty() {
            vec![]
        } else {
            vec![("If-Match", header)]
        };
        let server = &server;
        async move {
            server
                .send("POST", path, &headers, &chain("b", &["a"]))
                .await
        }
    };
    assert_eq!(save("\"1\"", "/api/v1/batches").await.status, 200);
    let (status, code, _) = save("\"1\"", "/api/v1/batches").await.problem();
    assert_eq!((status, code.as_str()), (412, "precondition_failed"));
    let (status, code, _) = save("", "/api/v1/batches?expected_version=1")
        .await
        .problem();
    assert_eq!((status, code.as_str()), (409, "version_mismatch"));
    assert_eq!(
        save("", "/api/v1/batches?expected_version=2").await.status,
        200
    );
    assert_eq!(save("\"x\"", "/api/v1/batches").await.problem().0, 400);
    server.stop().await;
}

#[tokio::test]
async fn lists_are_sorted_filtered_and_paged() {
    let server = Server::start().await;
    for (name, tag, label) in [
        ("b", "dev", "x"),
        ("a", "prod", "y"),
        ("a", "dev", "x"),
        ("c", "dev", "y"),
    ] {
        let mut definition = chain(name, &["t"]);
        definition["tag"] = json!(tag);
        definition["labels"] = json!([label]);
        server.saved(&definition).await;
    }
    let names = |reply: &Value| -> Vec<String> {
        let one = |item: &Value| {
            format!(
                "{} {}",
                item["name"].as_str().unwrap(),
                item["tag"].as_str().unwrap()
            )
        };
        reply["items"].as_array().unwrap().iter().map(one).collect()
    };
    let all = server.get("/api/v1/batches").await;
    assert_eq!(names(&all.json()), ["a dev", "a prod", "b dev", "c dev"]);
    assert_eq!(all.json()["next_cursor"], Value::Null);
    assert_eq!(all.header("link"), None);
    assert_eq!(
        names(&server.get("/api/v1/batches?label=x").await.json()),
        ["a dev", "b dev"]
    );
    assert_eq!(
        names(&server.get("/api/v1/batches?name=a&tag=prod").await.json()),
        ["a prod"]
    );
    let found = server.get("/api/v1/batches?search=A&label=x").await.json();
    assert_eq!(names(&found), ["a dev"], "in capitals or not");
    let mut path = "/api/v1/batches?limit=3".to_owned();
    let mut pages = Vec::new();
    loop {
        let page = server.get(&path).await;
        pages.push(names(&page.json()));
        let Some(link) = page.header("link") else {
            break;
        };
        assert!(link.ends_with(">; rel=\"next\""), "{link}");
        path = link[1..].split('>').next().unwrap().to_owned();
    }
    assert_eq!(pages, [vec!["a dev", "a prod", "b dev"], vec!["c dev"]]);
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("tag=test", "tag"),
        ("cursor=zzz", "cursor"),
        ("nam=a", "nam"),
    ] {
        let reply = server.get(&format!("/api/v1/batches?{query}")).await;
        assert_eq!(
            reply.problem(),
            (422, "validation_failed".to_owned(), field.to_owned())
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn pause_resume_delete() {
    let server = Server::start().await;
    let id = server.saved(&chain("b", &["a"])).await;
    let path = format!("/api/v1/batches/{id}");
    let paused = server
        .post(&format!("{path}/pause"), &json!({"reason": "holidays"}))
        .await;
    assert_eq!(
        (paused.status, &paused.json()["paused"]),
        (200, &json!(true))
    );
    assert_eq!(paused.json()["paused_reason"], "holidays");
    let resumed = server.post(&format!("{path}/resume"), &json!(null)).await;
    assert_eq!(
        (resumed.status, &resumed.json()["paused"]),
        (200, &json!(false))
    );
    let run = server
        .post(&format!("{path}/runs"), &json!({}))
        .await
        .json()["id"]
        .as_u64()
        .unwrap();
    let busy = server.delete(&path).await;
    assert_eq!(busy.problem().1, "batch_busy");
    let gone = server.delete(&format!("{path}?force=true")).await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    assert_eq!(
        server.get("/api/v1/batches").await.json()["items"],
        json!([])
    );
    let history = server
        .get(&format!(
            "{path}?min_seq={}",
            gone.header("fasti-seq").unwrap()
        ))
        .await;
    assert!(history.json()["deleted_at"].is_string());
    assert_eq!(server.get(&format!("/api/v1/runs/{run}")).await.status, 200);
    let again = server.delete(&path).await;
    assert_eq!(again.problem().0, 404);
    server.stop().await;
}

#[tokio::test]
async fn wrong_definitions_are_refused_with_their_field() {
    let server = Server::start().await;
    let mut cycle = chain("b", &["a", "b"]);
    cycle["edges"] = json!([{"from": "a", "to": "b"}, {"from": "b", "to": "a"}]);
    let mut image = chain("b", &["a"]);
    image["tasks"][0]["image"] = json!("nowhere");
    let mut unknown = chain("b", &["a"]);
    unknown["tasks"][0]["memry"] = json!(1);
    let mut hours = chain("b", &["a"]);
    hours["schedule"] = json!({"at_hours": [24]});
    let twice = json!({"name": "b", "tasks": [{"name": "a", "command": ["x"]}, {"name": "a", "command": ["x"]}]});
    for (definition, code, field) in [
        (cycle, "cyclic_dependency", "edges"),
        (image, "unknown_image", "tasks[0].image"),
        (unknown, "validation_failed", "tasks[0].memry"),
        (hours, "validation_failed", "schedule.at_hours"),
        (twice, "duplicate_name", "tasks[1].name"),
        (
            json!({"name": "", "tasks": [{"name": "a", "command": ["x"]}]}),
            "validation_failed",
            "name",
        ),
        (
            json!({"name": "b", "tasks": []}),
            "validation_failed",
            "tasks",
        ),
    ] {
        for path in ["/api/v1/batches", "/api/v1/batches/validate"] {
            let reply = server.post(path, &definition).await;
            assert_eq!(
                reply.problem(),
                (422, code.to_owned(), field.to_owned()),
                "{path} {definition}"
            );
        }
        let reply = server
            .post("/api/v1/runs", &json!({"definition": definition}))
            .await;
        assert_eq!(
            reply.problem(),
            (422, code.to_owned(), format!("definition.{field}"))
        );
    }
    let good = server
        .post("/api/v1/batches/validate", &chain("b", &["a"]))
        .await;
    assert_eq!((good.status, good.json()), (200, json!({})));
    assert_eq!(
        server.get("/api/v1/batches").await.json()["items"],
        json!([]),
        "nothing was saved"
    );
    server.stop().await;
}

#[tokio::test]
async fn retry_policies_are_kept_as_given() {
    let server = Server::start().await;
    let mut definition = chain("spread", &["a", "b"]);
    let policy = json!({
        "delay_seconds": 0.5, "backoff": 1.5, "max_delay_seconds": 60, "jitter": 0.25,
        "on_exit_codes": [75], "not_on_exit_codes": [2],
    });
    definition["tasks"][0]["retry"] = policy.clone();
    let saved = server.post("/api/v1/batches", &definition).await.json();
    assert_eq!(saved["tasks"][0]["retry"], policy, "{saved}");
    assert!(saved["tasks"][1].get("retry").is_none());
    for (field, value) in [
        ("delay_seconds", json!(-1)),
        ("delay_seconds", json!(604_801)),
        ("max_delay_seconds", json!(0)),
        ("backoff", json!(0.5)),
        ("backoff", json!(1e300)),
        ("jitter", json!(1.01)),
        ("on_exit_codes", json!([0])),
        ("not_on_exit_codes", json!([75])),
    ] {
        let mut wrong = definition.clone();
        wrong["tasks"][0]["retry"][field] = value.clone();
        let refused = server.post("/api/v1/batches", &wrong).await;
        assert_eq!(refused.status, 422, "{field} {value}");
        let wanted = format!("tasks[0].retry.{field}");
        assert!(refused.text().contains(&wanted), "{}", refused.text());
    }
    server.stop().await;
}

#[tokio::test]
async fn what_one_may_not_read_is_not_there() {
    let server = Server::start().await;
    let mut secret = chain("secret", &["a"]);
    secret["permissions"] = json!("rw----");
    let id = server.saved(&secret).await;
    let mut shared = chain("shared", &["a"]);
    shared["permissions"] = json!("rwr-r-");
    let shared_id = server.saved(&shared).await;
    let run = server.started(&secret).await;
    let items = server.get_as("ann", "/api/v1/batches").await.json();
    assert_eq!(items["items"].as_array().unwrap().len(), 1);
    for path in [
        format!("/api/v1/batches/{id}"),
        format!("/api/v1/batches/{id}/versions"),
        format!("/api/v1/runs/{run}"),
        format!("/api/v1/runs/{run}/tasks"),
        format!("/api/v1/runs/{run}/graph"),
        format!("/api/v1/task-runs/{}", run + 1),
        format!("/api/v1/task-runs/{}/logs", run + 1),
        format!("/api/v1/task-runs/{}/result", run + 1),
        format!("/api/v1/events?run_id={run}"),
        format!("/api/v1/events?batch_id={id}"),
        "/api/v1/runs?batch_name=secret".to_owned(),
    ] {
        assert_eq!(server.get_as("ann", &path).await.problem().0, 404, "{path}");
        assert!(
            server.get(&path).await.status != 404,
            "{path} is there for who may see it"
        );
    }
    let events = server
        .get_as("ann", "/api/v1/events?limit=1000")
        .await
        .text();
    assert!(!events.contains("secret"), "{events}");
    let ann = [("X-Fasti-User", "ann")];
    let hidden = server
        .send(
            "POST",
            &format!("/api/v1/batches/{id}/pause"),
            &ann,
            &json!({}),
        )
        .await;
    assert_eq!(hidden.problem().0, 404);
    let cancel = server
        .send(
            "POST",
            &format!("/api/v1/runs/{run}/cancel"),
            &ann,
            &json!({}),
        )
        .await;
    assert_eq!(cancel.problem().0, 404);
    let shown = server
        .send(
            "POST",
            &format!("/api/v1/batches/{shared_id}/pause"),
            &ann,
            &json!({}),
        )
        .await;
    assert_eq!(shown.problem().1, "forbidden");
    server.stop().await;
}
