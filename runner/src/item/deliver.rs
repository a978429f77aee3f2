//! Delivers a prediction: signed, tried again, never led elsewhere.

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use sha2::Sha256;

use fasti_core::protocol::item_v1::{Destination, ItemSpec, STAGES, Targets};

use super::http::{agent, why};
use super::progress::Report;
use super::targets::Reach;
use super::{ItemLine, Surroundings, clock, secret};

/// Time for one attempt.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Wait before the second attempt; it doubles with each further one.
const BACKOFF_MS: u64 = 500;

/// Bytes of an answer that are looked at.
const ANSWER_BYTES_MAX: u64 = 4 << 10;

/// What is delivered, and under which id: the same for all attempts of one delivery.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// The bytes.
    pub body: &'a [u8],
}

/// What became of one attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attempted {
    /// Status of the answer; 0 when there was none.
    pub status: u16,
    /// Time until then.
    pub latency_ms: u64,
    /// Beginning of the answer.
    pub body: Option<String>,
    /// Why it counts as failed.
    pub reason: Option<String>,
}

impl Attempted {
    /// Whether it was taken.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.reason.is_none()
    }
}

/// One attempt to a destination, with the key that lies in the data folder.
#[must_use]
pub fn attempt_to(
    data: &Path,
    targets: &Targets,
    destination: &Destination,
    message: Message<'_>,
) -> Attempted {
    match secret(data, destination.secret.as_ref()) {
        Ok(key) => attempt(targets, &destination.endpoint, key.as_deref(), message),
        Err(reason) => Attempted {
            reason: Some(reason),
            ..Attempted::default()
        },
    }
}

/// One attempt.
#[must_use]
pub fn attempt(
    targets: &Targets,
    endpoint: &str,
    key: Option<&[u8]>,
    message: Message<'_>,
) -> Attempted {
    let failed = |reason: String| Attempted {
        reason: Some(reason),
        ..Attempted::default()
    };
    if let Err(reason) = Reach(targets.clone()).check(endpoint) {
        return failed(reason);
    }
    let timestamp = clock::now_ms().div_euclid(1_000).to_string();
    let agent = agent(targets, TIMEOUT, 0, endpoint);
    let mut request = agent
        .post(endpoint)
        .header("content-type", "application/json")
        .header("webhook-id", message.id)
        .header("webhook-timestamp", &timestamp);
    if let Some(key) = key {
        request = request.header("webhook-signature", sign(key, &timestamp, message));
    }
    let begun = Instant::now();
    let answer = request.send(message.body);
    let latency_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    match answer {
        Err(error) => Attempted {
            latency_ms,
            ..failed(why(&error))
        },
        Ok(mut response) => {
            let status = response.status();
            let config = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
            let body = config.lossy_utf8(true).read_to_string().ok();
            let reason =
                (!status.is_success()).then(|| format!("the receiver answers {}", status.as_u16()));
            Attempted {
                status: status.as_u16(),
                latency_ms,
                body,
                reason,
            }
        }
    }
}

/// `v1,<base64>` over id, time and body, as Standard Webhooks have it.
fn sign(key: &[u8], timestamp: &str, message: Message<'_>) -> String {
    // A key of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return String::new();
    };
    for part in [
        message.id.as_bytes(),
        b".",
        timestamp.as_bytes(),
        b".",
        message.body,
    ] {
        mac.update(part);
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    kind: &'static str,
    project_id: &'a str,
    job_id: String,
    job_name: &'a str,
    dataset_id: &'a str,
    item: Box<RawValue>,
    predictions: &'a RawValue,
    create_time: i64,
}

/// What is delivered.
///
/// # Errors
/// The item is no object.
pub(super) fn body(
    spec: &ItemSpec,
    surroundings: &Surroundings,
    line: &ItemLine,
    predictions: &RawValue,
) -> Result<Vec<u8>, String> {
    let body = Body {
        kind: "ItemPredicted",
        project_id: &spec.project,
        job_id: format!("{}{}", spec.job_prefix, surroundings.batch),
        job_name: &spec.job_name,
        dataset_id: &spec.dataset.id,
        item: with_index(line, surroundings.index)?,
        predictions,
        create_time: clock::now_ms(),
    };
    serde_json::to_vec(&body).map_err(|error| error.to_string())
}

/// The line as it was uploaded, numbers of any length and all, with its position at the end.
fn with_index(line: &ItemLine, index: u32) -> Result<Box<RawValue>, String> {
    let fields = line.raw.get().trim_end();
    let fields = fields.strip_suffix('}').ok_or("the item is no object")?;
    let text = format!("{fields},\"index\":{index}}}");
    RawValue::from_string(text).map_err(|error| error.to_string())
}

/// Delivers to every destination, each at its own pace.
///
/// # Errors
/// One did not take it: the first that did not.
pub(super) fn deliver_all(
    spec: &ItemSpec,
    surroundings: &Surroundings,
    body: &[u8],
    report: &Report,
) -> Result<(), String> {
    let one = |destination: &Destination| deliver(spec, surroundings, destination, body, report);
    match spec.destinations.as_slice() {
        [] => Ok(()),
        [only] => one(only),
        several => std::thread::scope(|scope| {
            let threads: Vec<_> = several
                .iter()
                .map(|to| scope.spawn(move || one(to)))
                .collect();
            let ends = threads.into_iter().map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err("a delivery broke off".to_owned()))
            });
            ends.fold(Ok(()), Result::and)
        }),
    }
}

/// Until it is taken or there are no attempts left.
fn deliver(
    spec: &ItemSpec,
    surroundings: &Surroundings,
    destination: &Destination,
    body: &[u8],
    report: &Report,
) -> Result<(), String> {
    // The same whatever process does it: a receiver that has seen it can leave it at that.
    let id = format!(
        "item_{}_{}_{}",
        surroundings.batch, surroundings.index, destination.id
    );
    let message = Message { id: &id, body };
    let mut wait_ms = BACKOFF_MS;
    let mut number = 0;
    loop {
        let attempted = attempt_to(&surroundings.data, &spec.targets, destination, message);
        number += 1;
        let detail = json!({
            "webhookId": destination.id,
            "attempt": number,
            "responseCode": attempted.status,
            "latencyMs": attempted.latency_ms,
            "reason": attempted.reason,
        });
        report.note(STAGES[3], &detail);
        let Some(reason) = attempted.reason else {
            return Ok(());
        };
        if number > destination.max_retries {
            return Err(format!(
                "not delivered to {} after {number} attempts: {reason}",
                destination.id
            ));
        }
        std::thread::sleep(Duration::from_millis(
            wait_ms.min(destination.max_backoff_ms),
        ));
        wait_ms = wait_ms.saturating_mul(2);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_signature_is_what_the_convention_says() {
        // The example of the Standard Webhooks specification.
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let message = Message {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            body: br#"{"test": 2432232314}"#,
        };
        assert_eq!(
            sign(&key, "1614265330", message),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn the_position_is_added_to_the_fields_as_they_came() {
        let line = |text: &str| ItemLine {
            url: String::new(),
            raw: RawValue::from_string(text.to_owned()).unwrap(),
        };
        let given = line(r#"{"kind":"Image","url":"u","n":1.50}"#);
        let wanted = r#"{"kind":"Image","url":"u","n":1.50,"index":7}"#;
        assert_eq!(with_index(&given, 7).unwrap().get(), wanted);
    }
}
