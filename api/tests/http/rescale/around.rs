//! What is around jobs: refusals, logs, limits, images, regions.

use fasti_api::ImageRule;
use fasti_core::output::Stream;
use serde_json::{Value, json};

use super::{Site, element, job_id, text};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_whole() {
    let site = Site::start().await;
    let change = |pointer: &str, value: Value| {
        let mut bad = element(1);
        *bad.pointer_mut(pointer).unwrap() = value;
        bad
    };
    let mut with = element(1);
    with["htcJobDefinition"]["envs"] = json!([]);
    with["htcJobDefinition"]["priority"] = json!("ON_DEMAND_ECONOMY");
    with["htcJobDefinition"]["execTimeoutSeconds"] = json!(1);
    let bad_env = |name: &str| {
        let mut bad = with.clone();
        bad["htcJobDefinition"]["envs"] = json!([{"name": name, "value": "x"}]);
        bad
    };
    let mut no_image = element(1);
    no_image["htcJobDefinition"]
        .as_object_mut()
        .unwrap()
        .remove("imageName");
    let bad = [
        json!([]),
        json!({}),
        json!([1]),
        json!([element(1), {}]),
        json!([no_image]),
        json!([change("/batchSize", json!(0))]),
        json!([change("/batchSize", json!(100_001))]),
        json!([element(60_000), element(60_000)]),
        json!([change("/batchSize", json!("2"))]),
        json!([change("/htcJobDefinition/maxVCpus", json!(65))]),
        json!([change("/htcJobDefinition/imageName", json!("Team/Tool"))]),
        json!([change("/htcJobDefinition/commands", json!("true"))]),
        json!([change("/htcJobDefinition/commands", json!(["a\u{0}"]))]),
        json!([bad_env("AWS_BATCH_JOB_ID"), element(1)]),
        json!([bad_env("RDF_X")]),
        json!([bad_env("RESCALE_JOB_ID")]),
        json!([bad_env("PROJECT_SHARED_FOLDER")]),
        json!([bad_env("A=B")]),
        json!([bad_env("FASTI_RUN_ID")]),
        Value::Array(vec![element(1); 101]),
    ];
    for bad in bad {
        let reply = site.post(&site.at("/jobs/batch"), &bad).await;
        assert_eq!(reply.status, 400, "{bad} {}", reply.text());
        let body = reply.json();
        for name in ["error", "errorType", "errorDescription", "message"] {
            assert!(body[name].is_string(), "{body}");
        }
    }
    for body in [&b"{"[..], b"", b"\xff", b"null", &b"[".repeat(1_000)] {
        assert_eq!(
            site.send("POST", &site.at("/jobs/batch"), body)
                .await
                .status,
            400
        );
    }
    assert_eq!(site.counts().await["RUNNABLE"], 0);
    let jobs = site.get(&site.at("/jobs")).await.json();
    assert_eq!(jobs, json!({"items": []}));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_newest_first_and_pages_exact() {
    let site = Site::start().await;
    let made = site.submit(&json!([element(1)])).await;
    let path = site.at(&format!("/jobs/{}/logs", job_id(&made[0], 0)));
    assert_eq!(site.get(&path).await.json(), json!({"items": []}));
    let launch = site.server.next_launch();
    site.server.begin_attempt(&launch).await;
    site.seen().await;
    let lines: Vec<String> = (0..12_000).map(|n| format!("line {n}\n")).collect();
    site.server
        .write_output(&launch, Stream::Stdout, &lines.concat());
    let page = site.get(&format!("{path}?pageSize=10000")).await.json();
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 10_000);
    assert_eq!(
        (&items[0]["message"], &items[9_999]["message"]),
        (&json!("line 11999"), &json!("line 2000"))
    );
    // Written meanwhile, and it shifts nothing.
    site.server
        .write_output(&launch, Stream::Stdout, "more\n\nand no end");
    let address = format!("http://{}/api/v1", site.server.address);
    let next = text(&page["next"])[address.len()..].to_owned();
    let rest = site.get(&format!("{next}&pageSize=10000")).await.json();
    let items = rest["items"].as_array().unwrap();
    assert_eq!(
        (items.len(), &items[0]["message"]),
        (2_000, &json!("line 1999"))
    );
    assert!(!rest.as_object().unwrap().contains_key("next"));
    let last = site.get(&format!("{path}?pageSize=3")).await.json();
    let last: Vec<&Value> = last["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["message"])
        .collect();
    assert_eq!(last, ["and no end", "", "more"]);
    let first = site
        .get(&format!("{path}?pageSize=1&sort=asc"))
        .await
        .json();
    assert_eq!(first["items"][0]["message"], "line 0");
    for bad in ["pageSize=0", "pageSize=x", "sort=up", "pageIndex=x"] {
        assert_eq!(
            site.get(&format!("{path}?{bad}")).await.status,
            400,
            "{bad}"
        );
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_those_of_the_pool() {
    let site = Site::start().await;
    let limits = format!("/htc/projects/{}/limits", site.project);
    assert_eq!(site.get(&limits).await.json(), json!([]));
    let role = |role: &str, vcpus: u64| json!({"vCPUs": vcpus, "modifierRole": role});
    let first = site.post(&limits, &role("WORKSPACE_ADMIN", 2)).await;
    assert_eq!((first.status, &first.json()["vCPUs"]), (201, &json!(2)));
    let again = site.post(&limits, &role("WORKSPACE_ADMIN", 3)).await.json();
    assert_eq!(again["id"], first.json()["id"]);
    site.post(&limits, &role("PROJECT_ADMIN", 1)).await;
    assert_eq!(site.get(&limits).await.json().as_array().unwrap().len(), 2);
    let made = site.submit(&json!([element(3)])).await;
    let counts = site.counts().await;
    assert_eq!(
        (&counts["STARTING"], &counts["SUBMITTED_TO_RESCALE"]),
        (&json!(1), &json!(2))
    );
    let held = site.job(&job_id(&made[0], 2)).await;
    assert!(text(&held["statusReason"]).contains("pool"), "{held}");
    // As the rest of the server tells it.
    let runs = site.server.get("/api/v1/runs").await.json();
    let tasks = format!("/api/v1/runs/{}/tasks", runs["items"][0]["id"]);
    assert!(
        site.server
            .get(&tasks)
            .await
            .text()
            .contains("of pool `rescale/")
    );
    let one = format!("{limits}/2");
    let change = json!({"vCPUs": 2}).to_string();
    let changed = site.send("PATCH", &one, change.as_bytes()).await;
    assert_eq!(changed.json()["vCPUs"], 2);
    assert_eq!(site.counts().await["STARTING"], 2);
    assert_eq!(site.send("DELETE", &one, b"").await.status, 204);
    assert_eq!(site.get(&one).await.status, 404);
    assert_eq!(site.counts().await["STARTING"], 3);
    assert_eq!(site.send("DELETE", &limits, b"").await.status, 204);
    for bad in [
        role("NOBODY", 1),
        role("PROJECT_ADMIN", 1_000_000),
        json!({"vCPUs": 1}),
    ] {
        assert_eq!(site.post(&limits, &bad).await.status, 400, "{bad}");
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_images_have_slashes_and_must_stand_for_something() {
    let site = Site::start_with(|config| {
        let rule = |pattern: &str| ImageRule {
            pattern: pattern.to_owned(),
            image: None,
        };
        config.rescale.images = vec![rule("team/tool:1.0"), rule("other/*")];
    })
    .await;
    let images = format!("/htc/projects/{}/container-registry/images", site.project);
    let all = site.get(&images).await.json();
    assert_eq!(all["images"], json!(["team/tool:1.0"]));
    for name in ["team/tool:1.0", "other/a/b/c:latest"] {
        let reply = site.get(&format!("{images}/{name}")).await;
        assert_eq!(reply.json(), json!({"status": "READY"}), "{name}");
    }
    let missing = site.get(&format!("{images}/team/tool:2.0")).await;
    assert_eq!(
        (missing.status, &missing.json()["error"]),
        (404, &json!("IMAGE_UNAVAILABLE"))
    );
    let mut unknown = element(1);
    unknown["htcJobDefinition"]["imageName"] = json!("nothing");
    let refused = site.post(&site.at("/jobs/batch"), &json!([unknown])).await;
    assert_eq!(
        (refused.status, &refused.json()["error"]),
        (404, &json!("IMAGE_UNAVAILABLE"))
    );
    let repo = format!(
        "/htc/projects/{}/container-registry/repo/team/tool",
        site.project
    );
    for _ in 0..2 {
        let made = site.send("POST", &repo, b"").await;
        assert_eq!(
            (made.status, &made.json()["repositoryName"]),
            (200, &json!("team/tool"))
        );
    }
    let project = site
        .get(&format!("/htc/projects/{}", site.project))
        .await
        .json();
    assert_eq!(project["repositories"], json!(["team/tool"]));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_region_of_a_project_is_one_that_clients_know() {
    let site = Site::start().await;
    let path = format!("/htc/projects/{}", site.project);
    let project = site.get(&path).await.json();
    assert_eq!(project["regions"], json!(["AWS_US_EAST_1"]));
    let change = |regions: Value| json!({"regions": regions}).to_string();
    let changed = site
        .send(
            "PATCH",
            &path,
            change(json!(["GCP_US_CENTRAL1"])).as_bytes(),
        )
        .await;
    assert_eq!(changed.json()["regions"], json!(["GCP_US_CENTRAL1"]));
    for bad in [
        json!([]),
        json!(["here"]),
        json!(["AWS_A", "AWS_B"]),
        json!("AWS_A"),
    ] {
        let reply = site.send("PATCH", &path, change(bad).as_bytes()).await;
        assert_eq!(reply.status, 400);
    }
    let nowhere = site.get("/htc/nothing").await;
    assert_eq!(
        (nowhere.status, &nowhere.json()["error"]),
        (404, &json!("NOT_FOUND"))
    );
    assert_eq!(site.send("PUT", &path, b"{}").await.status, 405);
    site.stop().await;
}
