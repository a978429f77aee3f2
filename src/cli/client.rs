//! The native API as the commands use it.

use std::io::BufReader;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body};

use super::Global;
use super::exit::{Exit, Failure};
use crate::config::ConfigFile;

const DEFAULT_URL: &str = "http://127.0.0.1:7450";

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A server and who we are to it.
pub(crate) struct Client {
    agent: Agent,
    url: String,
    token: Option<String>,
    /// Shown only without a token: with one, it is the token that counts.
    user: String,
    /// Moment that reads are about; `None`: now.
    as_of: Option<String>,
}

impl Client {
    pub(crate) fn new(global: &Global, config: &ConfigFile) -> Self {
        let url = global.url.clone().or_else(|| config.url.clone());
        let url = url.unwrap_or_else(|| DEFAULT_URL.to_owned());
        let token = global.token.clone().or_else(|| config.token.clone());
        let user = global.user.clone().unwrap_or_else(crate::user::name);
        Self {
            as_of: global.as_of.clone(),
            ..Self::with(&url, token, user)
        }
    }

    /// As the user that this process runs as.
    pub(crate) fn at(url: &str, token: Option<String>) -> Self {
        Self::with(url, token, crate::user::name())
    }

    fn with(url: &str, token: Option<String>, user: String) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .user_agent(concat!("fasti/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: agent.into(),
            url: url.trim_end_matches('/').to_owned(),
            token,
            user,
            as_of: None,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    fn address(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.url)
    }

    fn unreachable(&self, error: &ureq::Error) -> anyhow::Error {
        let url = &self.url;
        if matches!(error, ureq::Error::BadUri(_) | ureq::Error::Http(_)) {
            let message = format!(
                "`{url}` is no address of a server ({error}); write http://HOST:PORT with --url or FASTI_URL"
            );
            return Failure::new(Exit::Usage, message).into();
        }
        Failure::new(
            Exit::Unreachable,
            format!("no answer from {url} ({error}); start a server with `fasti serve`, or name another with --url or FASTI_URL"),
        )
        .into()
    }

    /// An answer that is JSON.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        let Some(as_of) = &self.as_of else {
            return json(self.open(path, None)?);
        };
        let join = if path.contains('?') { '&' } else { '?' };
        json(self.open(&format!("{path}{join}as_of={}", encode(as_of)), None)?)
    }

    /// Refuses a change when the past is asked for.
    fn only_now(&self) -> anyhow::Result<()> {
        if self.as_of.is_none() {
            return Ok(());
        }
        let message = "what was cannot be changed; leave --as-of out";
        Err(Failure::new(Exit::Usage, message).into())
    }

    /// An answer as a stream of lines or bytes.
    pub(crate) fn open(&self, path: &str, accept: Option<&str>) -> anyhow::Result<Response<Body>> {
        let request = self.agent.get(self.address(path));
        let request = match accept {
            Some(accept) => request.header("Accept", accept),
            None => request,
        };
        let answer = self.authorized(request).call();
        good(answer.map_err(|error| self.unreachable(&error))?)
    }

    /// Events as they happen, from the one after `last_seq` on if it is given.
    pub(crate) fn events(
        &self,
        path: &str,
        last_seq: Option<u64>,
    ) -> anyhow::Result<Response<Body>> {
        let request = self
            .agent
            .get(self.address(path))
            .header("Accept", "text/event-stream");
        let request = match last_seq {
            Some(seq) => request.header("Last-Event-ID", seq.to_string()),
            None => request,
        };
        let answer = self.authorized(request).call();
        good(answer.map_err(|error| self.unreachable(&error))?)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.post_keyed(path, body, None)
    }

    /// With a key that makes a repetition harmless.
    pub(crate) fn post_keyed(
        &self,
        path: &str,
        body: &Value,
        key: Option<&str>,
    ) -> anyhow::Result<Value> {
        self.only_now()?;
        let request = self.authorized(self.agent.post(self.address(path)));
        let request = match key {
            Some(key) => request.header("Idempotency-Key", key),
            None => request,
        };
        let answer = request
            .send_json(body)
            .map_err(|error| self.unreachable(&error))?;
        json(good(answer)?)
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.only_now()?;
        let request = self.authorized(self.agent.put(self.address(path)));
        let answer = request
            .send_json(body)
            .map_err(|error| self.unreachable(&error))?;
        json(good(answer)?)
    }

    /// Removes something; the answer has no body.
    pub(crate) fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.only_now()?;
        let request = self.authorized(self.agent.delete(self.address(path)));
        good(request.call().map_err(|error| self.unreachable(&error))?)?;
        Ok(())
    }

    fn authorized<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("Authorization", format!("Bearer {token}")),
            None => request.header("X-Fasti-User", encode(&self.user)),
        }
    }

    /// Items of a list, page after page, up to `limit`.
    pub(crate) fn list(&self, path: &str, limit: usize) -> anyhow::Result<Vec<Value>> {
        const PAGE: usize = 1000;
        if limit == 0 {
            // The server refuses it, and so does this.
            let message = "--limit must be at least 1";
            return Err(Failure::new(Exit::Usage, message).into());
        }
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        while items.len() < limit {
            let page = (limit - items.len()).min(PAGE);
            let join = if path.contains('?') { '&' } else { '?' };
            let mut address = format!("{path}{join}limit={page}");
            if let Some(cursor) = &cursor {
                address.push_str("&cursor=");
                address.push_str(&encode(cursor));
            }
            let answer = self.get(&address)?;
            items.extend(answer["items"].as_array().cloned().unwrap_or_default());
            match answer["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
        }
        Ok(items)
    }

    /// Id of a batch from its id, its name, or `name:tag`.
    pub(crate) fn batch(&self, text: &str) -> anyhow::Result<Value> {
        let is_uuid = text.len() == 36 && text.bytes().filter(|byte| *byte == b'-').count() == 4;
        if is_uuid {
            return self.get(&format!("/batches/{text}"));
        }
        let (name, tag) = match text.rsplit_once(':') {
            Some((name, tag @ ("dev" | "pre" | "prod"))) => (name, Some(tag)),
            Some(_) | None => (text, None),
        };
        let tag = tag.map(|tag| format!("&tag={tag}")).unwrap_or_default();
        let found = self.list(&format!("/batches?name={}{tag}", encode(name)), 10)?;
        match found.as_slice() {
            [batch] => Ok(batch.clone()),
            [] => Err(Failure::new(
                Exit::NotFound,
                format!("there is no batch `{text}`; `fasti batch list` shows those there are"),
            )
            .into()),
            several => {
                let names: Vec<String> = several
                    .iter()
                    .filter_map(|b| b["tag"].as_str())
                    .map(|tag| format!("{name}:{tag}"))
                    .collect();
                Err(Failure::new(
                    Exit::Usage,
                    format!(
                        "`{name}` is there under several tags; say which: {}",
                        names.join(", ")
                    ),
                )
                .into())
            }
        }
    }
}

/// A path with those fields of a query that are given.
pub(crate) fn query(path: &str, fields: &[(&str, Option<&str>)]) -> String {
    let given = fields
        .iter()
        .filter_map(|(field, value)| Some((field, (*value)?)));
    let given: Vec<String> = given
        .map(|(field, value)| format!("{field}={}", encode(value)))
        .collect();
    format!("{path}?{}", given.join("&"))
}

/// A part of a path or query, percent-encoded.
pub(crate) fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Lines of a streamed answer.
pub(crate) fn reader(response: Response<Body>) -> BufReader<ureq::BodyReader<'static>> {
    BufReader::new(
        response
            .into_body()
            .into_with_config()
            .limit(u64::MAX)
            .reader(),
    )
}

fn json(response: Response<Body>) -> anyhow::Result<Value> {
    if response.status() == 204 {
        return Ok(Value::Null);
    }
    let body = response.into_body().into_with_config().limit(1 << 30);
    Ok(serde_json::from_reader(body.reader())?)
}

/// An answer below 400, or what the problem document says.
fn good(response: Response<Body>) -> anyhow::Result<Response<Body>> {
    let status = response.status().as_u16();
    if status < 400 {
        return Ok(response);
    }
    let text = response.into_body().read_to_string().unwrap_or_default();
    let problem: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    let detail = problem["detail"]
        .as_str()
        .or(problem["title"].as_str())
        .unwrap_or(&text);
    let field = problem["field"]
        .as_str()
        .map(|field| format!("{field}: "))
        .unwrap_or_default();
    let exit = match status {
        401 | 403 => Exit::Denied,
        404 | 410 => Exit::NotFound,
        409 | 412 => Exit::Conflict,
        503 | 507 => Exit::Unreachable,
        400..500 => Exit::Usage,
        _ => Exit::Internal,
    };
    Err(Failure::new(exit, format!("{field}{detail}")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_have_what_is_given() {
        let fields = [("a", Some("x y")), ("b", None), ("c", Some("1"))];
        assert_eq!(query("/runs", &fields), "/runs?a=x%20y&c=1");
        assert_eq!(query("/runs", &[("b", None)]), "/runs?");
    }
}
