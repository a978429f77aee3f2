//! The dialect of Rescale HTC as a plain client sees it: what its published client breaks on without a word, and the
//! rules that were decided for a local server. The client itself is tried in `python/tests/live_rescalehtc`.

mod around;

use fasti_api::SigningKey;
use serde_json::{Value, json};

use crate::client::{self, Reply};
use crate::server::{NOW, Server};

/// A server with a session, a project and a task.
struct Site {
    server: Server,
    bearer: String,
    project: String,
    task: String,
}

impl Site {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(configure: impl FnOnce(&mut fasti_api::ApiConfig)) -> Self {
        let server = Server::start_with(|config| {
            config.signing_key = Some(SigningKey::open(&config.data).unwrap());
            configure(config);
        })
        .await;
        let mut site = Self {
            bearer: format!("Bearer {}", token(&server, "Token key").await),
            server,
            project: String::new(),
            task: String::new(),
        };
        let project = json!({"projectName": "p", "projectDescription": "d"});
        let project = site.post("/htc/projects", &project).await.json();
        site.project = text(&project["projectId"]);
        let task = json!({"taskName": "t", "taskDescription": "d"});
        let at = format!("/htc/projects/{}/tasks", site.project);
        let task = site.post(&at, &task).await.json();
        site.task = text(&task["taskId"]);
        site
    }

    async fn send(&self, method: &str, path: &str, body: &[u8]) -> Reply {
        let headers = [
            ("Authorization", self.bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        let path = format!("/api/v1{path}");
        client::send(self.server.address, method, &path, &headers, body).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, b"").await
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, body.to_string().as_bytes()).await
    }

    /// Below the task.
    fn at(&self, path: &str) -> String {
        format!("/htc/projects/{}/tasks/{}{path}", self.project, self.task)
    }

    async fn submit(&self, elements: &Value) -> Value {
        let reply = self.post(&self.at("/jobs/batch"), elements).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    async fn job(&self, id: &str) -> Value {
        let reply = self.get(&self.at(&format!("/jobs/{id}"))).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    async fn counts(&self) -> Value {
        let summary = self.get(&self.at("/summary-statistics")).await.json();
        assert!(summary["group"].is_null());
        summary["jobStatuses"].clone()
    }

    /// Waits until questions are answered with all that happened so far.
    async fn seen(&self) {
        let last = self.server.engine.feed().last();
        let path = format!("/api/v1/runs?limit=1&min_seq={last}");
        assert_eq!(self.server.get(&path).await.status, 200);
    }

    async fn stop(self) {
        self.server.stop().await;
    }
}

async fn token(server: &Server, authorization: &str) -> String {
    let reply = auth(server, "/auth/token", authorization).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    text(&reply.json()["tokenValue"])
}

async fn auth(server: &Server, path: &str, authorization: &str) -> Reply {
    let headers = [("Authorization", authorization)];
    let path = format!("/api/v1{path}");
    client::send(server.address, "GET", &path, &headers, b"").await
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// An element of so many jobs.
fn element(batch_size: u32) -> Value {
    json!({
        "jobName": "j", "batchSize": batch_size, "region": "AWS_US_EAST_1", "cloudProvider": "AWS",
        "tags": [{"key": "a", "value": "b"}], "experimental": {"x": [1]},
        "htcJobDefinition": {"imageName": "team/tool:1.0", "commands": ["true"], "maxVCpus": 1},
    })
}

fn job_id(element: &Value, part: u32) -> String {
    format!("{}:{part}", text(&element["parentJobId"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_long_enough_and_readable() {
    let site = Site::start().await;
    let reply = auth(&site.server, "/auth/token", "Token key").await.json();
    assert!(reply["expiresIn"].as_u64().unwrap() > 8_400);
    assert_eq!(text(&reply["tokenValue"]).split('.').count(), 3);
    let claims = auth(&site.server, "/auth/token/whoami", &site.bearer).await;
    for name in [
        "userFullName",
        "userEmail",
        "workspaceName",
        "workspaceId",
        "organizationCode",
    ] {
        assert!(claims.json()[name].is_string(), "{name}");
    }
    let keys = client::send(
        site.server.address,
        "GET",
        "/api/v1/.well-known/jwks.json",
        &[],
        b"",
    );
    assert_eq!(keys.await.json(), json!({"keys": []}));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_hold_over_a_restart_and_no_others_do() {
    let site = Site::start().await;
    // Another server, with the same key.
    let key = site.server.data.path().join("signing.key");
    let other = Server::start_with(|config| {
        std::fs::copy(&key, config.data.join("signing.key")).unwrap();
        config.signing_key = Some(SigningKey::open(&config.data).unwrap());
        config.token = Some("s3cret".to_owned());
    })
    .await;
    let projects = "/htc/projects";
    assert_eq!(auth(&other, projects, &site.bearer).await.status, 200);
    for bad in [
        "Bearer x.y.z",
        "Bearer s3cret",
        "Token s3cret",
        "Bearer",
        "",
    ] {
        let refused = auth(&other, projects, bad).await;
        assert_eq!(refused.status, 401, "{bad}");
        assert_eq!(refused.json()["error"], "UNAUTHENTICATED");
    }
    for bad in ["Token wrong", "Token", "Refresh x", &site.bearer] {
        assert_eq!(auth(&other, "/auth/token", bad).await.status, 401, "{bad}");
        assert_eq!(auth(&other, "/auth/whoami", bad).await.status, 401, "{bad}");
    }
    assert_eq!(
        auth(&other, "/auth/whoami", "Token s3cret").await.status,
        200
    );
    // Six hours and a second later it holds no longer.
    other.clock.set(NOW.plus_ms(6 * 3_600_000 + 1_000));
    assert_eq!(auth(&other, projects, &site.bearer).await.status, 401);
    other.stop().await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_lead_on_with_the_address_that_was_asked() {
    let site = Site::start().await;
    site.submit(&json!([element(3), element(2)])).await;
    let path = site.at("/jobs?pageSize=2&pageSize=2&viewType=FULL");
    let first = site.get(&path).await.json();
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let next = text(&first["next"]);
    let address = format!("http://{}", site.server.address);
    assert!(next.starts_with(&address), "{next}");
    assert!(!next.contains("pageSize"), "{next}");
    // As the client does: its own parameters again, behind those of the address.
    let second = site
        .get(&format!("{}&pageSize=2", &next[address.len() + 7..]))
        .await;
    let second = second.json();
    assert_eq!(second["items"].as_array().unwrap().len(), 2);
    let next = text(&second["next"]);
    let last = site.get(&next[address.len() + 7..]).await.json();
    assert_eq!(last["items"].as_array().unwrap().len(), 1);
    assert!(!last.as_object().unwrap().contains_key("next"));
    // Another spelling of the same host is answered with that spelling.
    let port = site.server.address.port();
    let host = format!("localhost:{port}");
    let headers = [
        ("Authorization", site.bearer.as_str()),
        ("Host", host.as_str()),
    ];
    let path = format!("/api/v1{}", site.at("/jobs?pageSize=1"));
    let reply = client::send(site.server.address, "GET", &path, &headers, b"").await;
    assert!(text(&reply.json()["next"]).starts_with(&format!("http://{host}/")));
    let headers = [headers[0], ("X-Forwarded-Proto", "https")];
    let reply = client::send(site.server.address, "GET", &path, &headers, b"").await;
    assert!(text(&reply.json()["next"]).starts_with("https://"));
    for bad in ["x", "1", "1-2-3", "-1", "99999999999999999999-0"] {
        let path = site.at(&format!("/jobs?pageIndex={bad}"));
        assert_eq!(site.get(&path).await.status, 400, "{bad}");
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_repeat_what_was_asked_and_say_what_became_of_it() {
    let site = Site::start().await;
    let mut given = element(2);
    given["retryStrategy"] = json!({"maxRetries": 1});
    let made = site.submit(&json!([given])).await;
    let made = made[0].as_object().unwrap();
    for (name, value) in given.as_object().unwrap() {
        assert_eq!(made[name], *value, "{name}");
    }
    assert!(made["group"].is_null() && made.contains_key("group"));
    assert_eq!(made["projectId"], site.project.as_str());
    for name in [
        "taskId",
        "parentJobId",
        "createdBy",
        "workspaceId",
        "rescaleTimeReceived",
    ] {
        assert!(made[name].is_string(), "{name}");
    }
    // Found at once, under its own task and project only.
    let id = job_id(&made.clone().into(), 0);
    let job = site.job(&id).await;
    assert_eq!(job["jobUUID"], id.as_str());
    for name in [
        "failureCode",
        "container",
        "startedAt",
        "completedAt",
        "group",
    ] {
        assert!(job.as_object().unwrap().contains_key(name), "{name}");
        assert!(job[name].is_null(), "{name}");
    }
    let other = json!({"taskName": "other", "taskDescription": ""});
    let at = format!("/htc/projects/{}/tasks", site.project);
    let other = site.post(&at, &other).await.json();
    let elsewhere = format!("{at}/{}/jobs/{id}", text(&other["taskId"]));
    assert_eq!(site.get(&elsewhere).await.status, 404);
    let escaped = site.at(&format!("/jobs/{}", id.replace(':', "%3A")));
    assert_eq!(site.get(&escaped).await.status, 200);
    let parent = text(&made["parentJobId"]);
    for bad in ["2", "00", "-1", "x", "", "0:0", "4294967296"] {
        let path = site.at(&format!("/jobs/{parent}:{bad}"));
        assert_eq!(site.get(&path).await.status, 404, "{bad}");
    }
    assert_eq!(site.get(&site.at("/jobs/155f18d4")).await.status, 404);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_goes_through_its_statuses() {
    let site = Site::start().await;
    let made = site.submit(&json!([element(10)])).await;
    let id = job_id(&made[0], 0);
    let all = site.counts().await;
    // Eight slots: so many are given to the runner, the others wait for one.
    assert_eq!((&all["STARTING"], &all["RUNNABLE"]), (&json!(8), &json!(2)));
    assert_eq!(all.as_object().unwrap().len(), 7);
    let launch = site.server.next_launch();
    assert_eq!(site.job(&id).await["status"], "STARTING");
    site.server.begin_attempt(&launch).await;
    site.seen().await;
    let running = site.job(&id).await;
    assert_eq!(running["status"], "RUNNING");
    assert_eq!(running["startedAt"], "2024-03-31T01:00:00.000Z");
    site.server.end_attempt(&launch, 3, None).await;
    site.seen().await;
    let failed = site.job(&id).await;
    assert_eq!(failed["status"], "FAILED");
    assert_eq!(failed["container"]["exitCode"], 3);
    assert_eq!(failed["failureCode"], "ErrorNonZeroContainerExitCode");
    let counts = site.counts().await;
    let sum: u64 = counts
        .as_object()
        .unwrap()
        .values()
        .map(|n| n.as_u64().unwrap())
        .sum();
    assert_eq!((sum, &counts["FAILED"]), (10, &json!(1)));
    let failed = site
        .get(&site.at("/jobs?status=FAILED&status=RUNNING&viewType=SIMPLE"))
        .await;
    let failed = failed.json();
    assert_eq!(failed["items"].as_array().unwrap().len(), 1);
    assert!(failed["items"][0]["commands"].is_null());
    let path = site.at(&format!(
        "/jobs?jobId={id}&jobId={}&jobId=x",
        job_id(&made[0], 9)
    ));
    assert_eq!(
        site.get(&path).await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        site.get(&site.at("/jobs?status=POD_FAILED")).await.status,
        400
    );
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_started_with_what_it_is_to_see() {
    let site = Site::start().await;
    let mut given = element(2);
    given["retryStrategy"] = json!({"maxRetries": 2});
    given["htcJobDefinition"]["envs"] = json!([{"name": "FOO", "value": "$HOME"}]);
    given["htcJobDefinition"]["claims"] = json!([{"name": "c", "value": "v"}]);
    given["htcJobDefinition"]["execTimeoutSeconds"] = json!(5);
    site.submit(&json!([given])).await;
    let launch = site.server.next_launch();
    assert_eq!(launch.timeout_ms, Some(5_000));
    assert_eq!(launch.env["FOO"], "$HOME");
    assert_eq!(launch.env["RESCALE_HTC_TASK_ID"], site.task);
    let options = launch.options.unwrap();
    assert!(options.merge_output && options.timeout_is_final);
    assert_eq!(
        options.env_templates["AWS_BATCH_JOB_ARRAY_INDEX"],
        "${FASTI_PART_NUM}"
    );
    let token = &options.tokens["RESCALE_HTC_BEARER_TOKEN"];
    let claims: Value = serde_json::from_str(&token.claims).unwrap();
    assert_eq!(claims["userDefined_c"], "v");
    assert!(token.lifetime_seconds > 5);
    // The definition is in the log; the token, and the key that signs it, are not.
    let events = site.server.get("/api/v1/events?limit=1000").await.text();
    assert!(events.contains("userDefined_c") && !events.contains("eyJ"));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_and_what_does_not_take_jobs() {
    let site = Site::start().await;
    let submit = site.at("/jobs/batch");
    let archived = json!({"lifecycleStatus": "ARCHIVED"}).to_string();
    let reply = site.send("PATCH", &site.at(""), archived.as_bytes()).await;
    assert_eq!(reply.json()["lifecycleStatus"], "ARCHIVED");
    assert_eq!(site.post(&submit, &json!([element(1)])).await.status, 400);
    let active = json!({"lifecycleStatus": "ACTIVE"}).to_string();
    site.send("PATCH", &site.at(""), active.as_bytes()).await;
    let made = site.submit(&json!([element(1)])).await;
    for _ in 0..2 {
        let deleted = site.send("DELETE", &site.at(""), b"").await;
        assert_eq!(
            (deleted.status, &deleted.json()["lifecycleStatus"]),
            (200, &json!("DELETED"))
        );
    }
    assert_eq!(site.post(&submit, &json!([element(1)])).await.status, 400);
    // What was made is still to be seen.
    let launch = site.server.next_launch();
    site.server.end_attempt(&launch, 0, None).await;
    site.seen().await;
    assert_eq!(
        site.job(&job_id(&made[0], 0)).await["jobUUID"],
        job_id(&made[0], 0)
    );
    let tasks = format!("/htc/projects/{}/tasks", site.project);
    let tasks = site.get(&tasks).await.json();
    assert_eq!(tasks["items"][0]["lifecycleStatus"], "DELETED");
    for path in [
        "/htc/projects/x",
        "/htc/projects/x/tasks",
        "/htc/projects/x/tasks/y/jobs",
    ] {
        assert_eq!(site.get(path).await.status, 404, "{path}");
    }
    let path = format!("/htc/projects/{}/tasks/none", site.project);
    for (method, path) in [
        ("DELETE", path.clone()),
        ("POST", format!("{path}/jobs/cancel")),
    ] {
        assert_eq!(site.send(method, &path, b"").await.status, 404, "{path}");
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_is_what_was_not_over() {
    let site = Site::start().await;
    // Nothing to cancel is nothing wrong.
    assert_eq!(
        site.send("POST", &site.at("/jobs/cancel"), b"")
            .await
            .status,
        200
    );
    let one = site
        .post(&site.at("/jobs/batch?group=one"), &json!([element(1)]))
        .await
        .json();
    let two = site
        .post(&site.at("/jobs/batch?group=two"), &json!([element(12)]))
        .await
        .json();
    assert_eq!(two[0]["group"], "two");
    let groups = site.get(&site.at("/groups")).await.json();
    assert_eq!(groups, json!(["one", "two"]));
    let first = site.server.next_launch();
    site.server.end_attempt(&first, 0, None).await;
    site.seen().await;
    let reply = site
        .send("POST", &site.at("/jobs/cancel?group=two"), b"{}")
        .await;
    assert_eq!(reply.status, 200);
    site.server.wake().await;
    site.seen().await;
    // Those that a runner has end when it says so.
    let last = site.job(&job_id(&two[0], 11)).await;
    assert_eq!(
        (&last["status"], &last["failureCode"]),
        (&json!("FAILED"), &json!(null))
    );
    assert!(text(&last["statusReason"]).contains("Cancelled"));
    assert_eq!(site.job(&job_id(&one[0], 0)).await["status"], "SUCCEEDED");
    let events = site
        .get(&site.at(&format!("/jobs/{}/events", job_id(&two[0], 11))))
        .await;
    let events = events.json()["items"].as_array().unwrap().clone();
    assert_eq!(events.last().unwrap()["userCancelledEvent"], true);
    let summaries = site
        .get(&site.at("/group-summary-statistics?group=one"))
        .await
        .json();
    assert_eq!(summaries["items"].as_array().unwrap().len(), 1);
    assert_eq!(summaries["items"][0]["jobStatuses"]["SUCCEEDED"], 1);
    site.stop().await;
}
