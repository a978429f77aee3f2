//! Images, bundles and runners over HTTP.

use fasti_core::codec::sha256;
use fasti_core::domain::launch::Program;
use serde_json::{Value, json};

use crate::client::send;
use crate::server::{Server, chain};

#[tokio::test]
async fn images_are_registered_and_removed() {
    let server = Server::start().await;
    let path = "/api/v1/images/registry.example%2Fteam%2Fimg:1";
    let body = json!({"path": "/srv/code", "python": "/usr/bin/python3", "env": {"A": "1"}, "tags": ["dev"]});
    let made = server.send("PUT", path, &[], &body).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let image = made.json();
    assert_eq!(
        (&image["name"], &image["owner"]),
        (&json!("registry.example/team/img:1"), &json!("operator"))
    );
    assert_eq!(server.get(path).await.json(), image);
    assert_eq!(
        server.get("/api/v1/images").await.json()["items"],
        json!([image])
    );
    let mut definition = chain("b", &["a"]);
    definition["image"] = json!("registry.example/team/img:1");
    server.saved(&definition).await;
    definition["tag"] = json!("prod");
    assert_eq!(
        server
            .post("/api/v1/batches", &definition)
            .await
            .problem()
            .1,
        "image_tag"
    );
    let ann = [("X-Fasti-User", "ann")];
    assert_eq!(
        server.send("PUT", path, &ann, &json!({})).await.problem().1,
        "forbidden"
    );
    for (body, field) in [
        (json!({"path": "/a", "bundle": "ab"}), "bundle"),
        (json!({"path": "relative"}), "path"),
        (json!({"name": "other"}), "name"),
        (json!({"tags": ["test"]}), "tags[0]"),
    ] {
        assert_eq!(
            server.send("PUT", path, &[], &body).await.problem().2,
            field,
            "{body}"
        );
    }
    assert_eq!(server.delete(path).await.status, 204);
    assert_eq!(server.delete(path).await.problem().0, 404);
    assert_eq!(server.get(path).await.problem().0, 404);
    server.stop().await;
}

#[tokio::test]
async fn lists_of_images_are_paged() {
    let server = Server::start().await;
    for name in ["b", "a", "c"] {
        server
            .send("PUT", &format!("/api/v1/images/{name}"), &[], &json!({}))
            .await;
    }
    let first = server.get("/api/v1/images?limit=2").await;
    let names = |reply: &Value| -> Vec<String> {
        let items = reply["items"].as_array().unwrap().iter();
        items
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&first.json()), ["a", "b"]);
    let next = first.header("link").unwrap()[1..]
        .split('>')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(names(&server.get(&next).await.json()), ["c"]);
    server.stop().await;
}

/// Bytes in a gzip, not made smaller.
fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut out, bytes).unwrap();
    out.finish().unwrap()
}

/// A source tree of one file.
fn packed(content: &[u8]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    archive
        .append_data(&mut header, "module.py", content)
        .unwrap();
    gzipped(&archive.into_inner().unwrap())
}

#[tokio::test]
async fn bundles_are_kept_by_their_digest() {
    let server = Server::start_with(|config| config.bundle_bytes_max = 100_000).await;
    let gzip = [("Content-Type", "application/gzip")];
    let bundle = packed(&[7; 50_000]);
    let id = sha256(&bundle).to_string();
    let path = format!("/api/v1/bundles/{id}");
    assert_eq!(
        send(server.address, "HEAD", &path, &[], b"").await.status,
        404
    );
    let made = send(server.address, "POST", "/api/v1/bundles", &gzip, &bundle).await;
    assert_eq!(
        (made.status, made.json()),
        (201, json!({"id": id, "size": bundle.len()})),
        "{}",
        made.text()
    );
    let again = send(server.address, "POST", "/api/v1/bundles", &gzip, &bundle).await;
    assert_eq!(again.status, 201);
    let known = send(server.address, "HEAD", &path, &[], b"").await;
    assert_eq!(
        (known.status, known.header("content-length")),
        (200, Some(bundle.len().to_string().as_str()))
    );
    let large = send(
        server.address,
        "POST",
        "/api/v1/bundles",
        &gzip,
        &vec![0x1f; 100_001],
    )
    .await;
    assert_eq!(large.problem().1, "too_large");
    let text = send(server.address, "POST", "/api/v1/bundles", &gzip, b"hello").await;
    assert_eq!(text.problem().1, "malformed");
    let no_tar = gzipped(b"print('hello')");
    let no_tar = send(server.address, "POST", "/api/v1/bundles", &gzip, &no_tar).await;
    assert_eq!(no_tar.problem().1, "malformed");
    assert!(no_tar.text().contains("is not tar"), "{}", no_tar.text());
    let json = server.post("/api/v1/bundles", &json!({})).await;
    assert_eq!(json.problem().0, 415);
    let mut definition = chain("b", &["a"]);
    definition["bundle"] = json!("ab".repeat(32));
    let unknown = server
        .post(
            "/api/v1/runs",
            &json!({"definition": definition, "run_type": "dev_run"}),
        )
        .await;
    assert_eq!(unknown.problem().1, "unknown_bundle");
    definition["bundle"] = json!(id);
    let run = server
        .post(
            "/api/v1/runs",
            &json!({"definition": definition, "run_type": "dev_run"}),
        )
        .await;
    assert_eq!(
        (run.status, &run.json()["run_type"]),
        (201, &json!("dev_run"))
    );
    server.stop().await;
}

#[tokio::test]
async fn runners_are_shown_under_both_names() {
    let server = Server::start().await;
    let runners = server.get("/api/v1/runners").await.json();
    let runner = &runners["items"][0];
    assert_eq!(
        (&runner["id"], &runner["slots"], &runner["cpu"]),
        (&json!("local-1"), &json!(8), &json!(32_000))
    );
    assert_eq!(
        server.get("/api/v1/workers").await.json()["items"],
        runners["items"]
    );
    server.stop().await;
}

#[tokio::test]
async fn secrets_of_an_image_are_for_those_who_may_change_it() {
    let server = Server::start().await;
    let path = "/api/v1/images/img";
    let body = json!({"env": {"DB_PASSWORD": "hunter2", "LANG": "C"}});
    let zoe = [("X-Fasti-User", "zoe")];
    let made = server.send("PUT", path, &zoe, &body).await;
    assert_eq!(made.json()["env"], body["env"], "she knows it");
    let event = "/api/v1/events?types=image.registered";
    for (user, is_shown) in [
        ("zoe", true),
        (crate::server::OWN_USER, true),
        ("eve", false),
    ] {
        let hidden = json!({"DB_PASSWORD": "***", "LANG": "C"});
        let expected = if is_shown { &body["env"] } else { &hidden };
        assert_eq!(
            &server.get_as(user, path).await.json()["env"],
            expected,
            "{user}"
        );
        let list = server.get_as(user, "/api/v1/images").await.json();
        assert_eq!(&list["items"][0]["env"], expected, "{user}");
        let events = server.get_as(user, event).await.json();
        let seq = &events["items"][0]["seq"];
        assert_eq!(
            &events["items"][0]["data"]["image"]["env"], expected,
            "{user}"
        );
        let one = server.get_as(user, &format!("/api/v1/events/{seq}")).await;
        assert_eq!(&one.json()["data"]["image"]["env"], expected, "{user}");
    }
    server.stop().await;
}

#[tokio::test]
async fn containers_are_taken_where_they_can_be_run() {
    let server = Server::start().await;
    let path = "/api/v1/images/boxed";
    let of = |image: &str, engine: Value| json!({"container": {"image": image, "engine": engine}, "python": "/opt/python"});
    for (body, container) in [
        (
            of("busybox:1.36", Value::Null),
            json!({"image": "busybox:1.36", "engine": null}),
        ),
        (
            of("localhost/a", json!("docker")),
            json!({"image": "localhost/a", "engine": "docker"}),
        ),
        (json!({}), Value::Null),
    ] {
        let made = server.send("PUT", path, &[], &body).await;
        assert_eq!(made.status, 200, "{}", made.text());
        assert_eq!(made.json()["container"], container);
        assert_eq!(server.get(path).await.json(), made.json());
    }
    for body in [
        of("--privileged", Value::Null),
        of("", Value::Null),
        of("a", json!("podman")),
    ] {
        let (status, code, field) = server.send("PUT", path, &[], &body).await.problem();
        assert_eq!(
            (status, code.as_str(), field.as_str()),
            (422, "validation_failed", "container"),
            "{body}"
        );
    }
    let unknown = server.send("PUT", path, &[], &of("a", json!("lxc"))).await;
    assert_eq!(unknown.problem().2, "container.engine");

    // A task gets its container; the interpreter of whoever submits is not one of the container.
    let body = of("tools:1", Value::Null);
    assert_eq!(server.send("PUT", path, &[], &body).await.status, 200);
    let definition = json!({"name": "b", "image": "boxed", "python": "/host/python",
        "tasks": [{"name": "a", "entrypoint": "m.f"}]});
    server.started(&definition).await;
    let launch = server.next_launch();
    let Program::Contained(contained) = launch.program else {
        panic!("{launch:?}")
    };
    assert_eq!(contained.container.image, "tools:1");
    let Program::Python(call) = contained.program else {
        panic!("{contained:?}")
    };
    assert_eq!(call.python.as_deref(), Some("/opt/python"));
    server.stop().await;
}

#[tokio::test]
async fn environments_are_asked_for_and_read() {
    let server = Server::start().await;
    let path = "/api/v1/environments";
    let bytes = packed(b"environment");
    let id = sha256(&bytes).to_string();
    let ask = |bundle: &str, python: &str| json!({"bundle": bundle, "python": python});
    let unknown = server.post(path, &ask(&id, "good")).await;
    assert_eq!(unknown.problem().1, "unknown_bundle");
    let request = [("content-type", "application/gzip")];
    let sent = send(server.address, "POST", "/api/v1/bundles", &request, &bytes).await;
    assert_eq!(sent.status, 201, "{}", sent.text());

    let ready = server.post(path, &ask(&id, "good")).await.json();
    assert_eq!(ready["id"], id[..8]);
    assert_eq!(ready["status"], "ready");
    assert_eq!(ready["python"], "/venv/bin/python");
    let failed = server.post(path, &json!({"bundle": id})).await.json();
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["step"], "installing failed");
    assert_eq!(failed["output"], "ERROR: no such thing\n");
    assert_eq!(failed["output_bytes"], 100);
    assert_eq!(failed["python"], Value::Null);

    for (body, field) in [
        (ask("ab", "good"), "bundle"),
        (ask(&id, "bad"), "python"),
        (json!({"bundle": id, "pythons": "x"}), "pythons"),
    ] {
        let (status, code, found) = server.post(path, &body).await.problem();
        assert_eq!(
            (status, code.as_str(), found.as_str()),
            (422, "validation_failed", field)
        );
    }
    let known = server.get("/api/v1/environments/known").await;
    assert_eq!((known.status, &known.json()["id"]), (200, &json!("known")));
    let missing = server.get("/api/v1/environments/other").await;
    assert_eq!(missing.problem().0, 404);
    server.stop().await;
}
