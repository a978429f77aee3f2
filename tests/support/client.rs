//! The native API as a test speaks it.

use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::http::{HeaderMap, Request};
use ureq::{Agent, Body};

use super::PATIENCE;
use super::stream::Stream;

/// Longest wait for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// A caller of one server.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    url: String,
}

impl Client {
    pub(crate) fn new(url: &str) -> Self {
        let config = Agent::config_builder().http_status_as_error(false);
        let config = config
            .timeout_global(Some(ANSWER_TIMEOUT))
            .max_redirects(0)
            .build();
        Self {
            agent: config.into(),
            url: url.to_owned(),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sends a request; `path` follows `/api/v1`.
    pub(crate) fn attempt(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match body {
            Some(body) => {
                let is_given = headers.iter().any(|(name, _)| *name == "content-type");
                if !is_given {
                    request = request.header("content-type", "application/json");
                }
                self.agent.run(request.body(body).unwrap())?
            }
            None => self.agent.run(request.body(()).unwrap())?,
        };
        whole(response)
    }

    /// Sends a request that must be answered.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Answer {
        let answer = self.attempt(method, path, headers, body);
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// A successful answer.
    pub(crate) fn fetch(&self, path: &str) -> Answer {
        let answer = self.send("GET", path, &[], None);
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.text());
        answer
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        self.fetch(path).json()
    }

    /// Sends JSON that must be taken.
    pub(crate) fn put(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.send(method, path, &[], Some(body.to_string().as_bytes()));
        assert!(
            (200..300).contains(&answer.status),
            "{method} {path}: {} {}",
            answer.status,
            answer.text()
        );
        if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()
        }
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        self.put("POST", path, body)
    }

    /// All items of a list, page after page.
    pub(crate) fn list(&self, path: &str) -> Vec<Value> {
        let join = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut address = format!("{path}{join}limit=1000");
        loop {
            let page = self.get(&address);
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            let Some(cursor) = page["next_cursor"].as_str() else {
                return items;
            };
            address = format!("{path}{join}limit=1000&cursor={cursor}");
        }
    }

    /// All events.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.list("/events")
    }

    /// Saves a batch and answers with its id.
    pub(crate) fn save(&self, definition: &Value) -> String {
        self.post("/batches", definition)["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Starts a run of a batch.
    pub(crate) fn start(&self, batch: &str) -> u64 {
        self.post(&format!("/batches/{batch}/runs"), &serde_json::json!({}))["id"]
            .as_u64()
            .unwrap()
    }

    /// Starts a definition without saving it.
    pub(crate) fn start_definition(&self, definition: &Value) -> u64 {
        let body = serde_json::json!({ "definition": definition });
        self.post("/runs", &body)["id"].as_u64().unwrap()
    }

    /// Follows a run to its end and answers with it.
    pub(crate) fn finished(&self, run: u64) -> Value {
        let stream = Stream::open(self, &format!("/events?run_id={run}"), Some(0));
        let end = stream.wait_for(Instant::now() + PATIENCE, |event| {
            event["type"] == "run.finished"
        });
        self.get(&format!("/runs/{run}?min_seq={}", end["seq"]))
    }

    /// Task runs of a run, in definition order.
    pub(crate) fn task_runs(&self, run: u64) -> Vec<Value> {
        self.list(&format!("/runs/{run}/tasks"))
    }

    /// Waits until a task run has a process and answers with it.
    pub(crate) fn running(&self, run: u64) -> Value {
        let stream = Stream::open(self, &format!("/events?run_id={run}"), Some(0));
        let started = stream.wait_for(Instant::now() + PATIENCE, |event| {
            event["type"] == "attempt.started"
        });
        let tasks = self.get(&format!("/runs/{run}/tasks?min_seq={}", started["seq"]));
        tasks["items"][0].clone()
    }

    /// An answer that goes on; its head must be a success.
    pub(crate) fn open(&self, path: &str, headers: &[(&str, &str)]) -> ureq::BodyReader<'static> {
        let mut request = self.agent.get(format!("{}/api/v1{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.config().timeout_global(None).build();
        let response = request
            .call()
            .unwrap_or_else(|error| panic!("GET {path}: {error}"));
        assert_eq!(response.status(), 200, "GET {path}");
        response
            .into_body()
            .into_with_config()
            .limit(u64::MAX)
            .reader()
    }
}

fn whole(response: ureq::http::Response<Body>) -> Result<Answer, ureq::Error> {
    let (parts, body) = response.into_parts();
    let body = body.into_with_config().limit(1 << 30).read_to_vec()?;
    Ok(Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    })
}
