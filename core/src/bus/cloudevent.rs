//! An event as a CloudEvent 1.0 in binary mode: attributes are headers `ce-…`, the payload is the body. Pure.
//!
//! Names of attributes are a promise to programs outside; the golden values in the tests below are the
//! reference. Headers that begin with `fasti-` are ours: they tie the message to the log's hash chain.
//!
//! # Source
//! CloudEvents 1.0.2, its extensions for distributed tracing, authentication context, sequence and data
//! reference, and the NATS binding with headers (1.0.3 draft: every attribute has the prefix, the content
//! type too).

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fasti_domain::event::Event;
use fasti_domain::ids::{Digest, LogId, Seq};
use fasti_domain::time::Timestamp;
use serde_json::{Value, json};

use super::config::{Encoding, Tenant};
use super::subject::subject;
use crate::codec::event_json;
use crate::feed::Entry;

/// Before every event type: `dev.fasti.run.created.v1`.
pub const TYPE_PREFIX: &str = "dev.fasti";

/// Header with the log's chain hash up to and including the event, 64 hexadecimal digits.
pub const HASH_HEADER: &str = "fasti-hash";

/// Header with the exact record, sealed, in base64.
pub const RECORD_HEADER: &str = "fasti-record";

/// Header with the name of the object that holds the sealed record, where it is too large for a header.
pub const RECORD_AT_HEADER: &str = "fasti-record-at";

/// Header with the log the message is from; read back when stream and log do not agree.
pub(super) const SOURCE_HEADER: &str = "ce-source";

/// Bytes of a payload; a larger one is left out and referred to, because servers take 1 MiB a message.
pub(super) const BODY_BYTES_MAX: usize = 512 << 10;

/// Bytes of a trace context that is passed on; the standard's has 55.
const TRACE_BYTES_MAX: usize = 256;

/// One event ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Position in the log, and in the stream.
    pub seq: Seq,
    /// Where it goes.
    pub subject: String,
    /// Names with their values, escaped.
    pub headers: Vec<(&'static str, String)>,
    /// The payload.
    pub body: Vec<u8>,
    /// The sealed record, where it is stored beside the stream first.
    pub beside: Option<Vec<u8>>,
}

impl Message {
    /// Identity of the event: the same however often it is sent.
    #[must_use]
    pub fn id(&self) -> &str {
        self.header("ce-id").unwrap_or_default()
    }

    /// Value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| *found == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Adds the sealed record: in a header if it fits into `room_bytes`, else beside the stream.
    pub(super) fn carry(&mut self, sealed: Vec<u8>, room_bytes: usize) {
        // Base64 takes four bytes for three.
        if sealed.len() / 3 * 4 + 4 <= room_bytes {
            self.headers.push((RECORD_HEADER, STANDARD.encode(sealed)));
        } else {
            let name = self.id().to_owned();
            self.headers.push((RECORD_AT_HEADER, name));
            self.beside = Some(sealed);
        }
    }

    /// Bytes it takes on the wire, about.
    pub(super) fn size(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 4)
            .sum();
        self.subject.len() + headers + self.body.len()
    }
}

/// The message of an event of the log `log_id`. A payload of more than `body_bytes_max` is left out.
#[must_use]
pub fn message(
    log_id: LogId,
    tenant: &Tenant,
    entry: &Entry,
    encoding: Encoding,
    body_bytes_max: usize,
) -> Message {
    let recorded = &entry.recorded;
    let event = &recorded.event;
    let seq = recorded.seq;
    let mut headers = Vec::with_capacity(20);
    let mut put = |name: &'static str, value: String| headers.push((name, escaped(value)));

    put("ce-specversion", "1.0".to_owned());
    put("ce-id", event_id(log_id, seq));
    put(SOURCE_HEADER, source(log_id));
    put(
        "ce-type",
        format!("{TYPE_PREFIX}.{}.v{}", event.name(), event.version()),
    );
    put("ce-subject", entity(log_id, event));
    put(
        "ce-time",
        happened_at(event).unwrap_or(recorded.at).to_string(),
    );
    put("ce-recordedtime", recorded.at.to_string());
    // As text of one length, because the extension compares it as text.
    put("ce-sequence", format!("{:020}", seq.0));
    if let Some(run) = event.run() {
        put("ce-correlationid", run.to_string());
    }
    if let Some(causation) = recorded.causation {
        put("ce-causationid", event_id(log_id, causation));
    }
    if let Some(trace) = recorded
        .trace
        .as_deref()
        .filter(|trace| trace.len() <= TRACE_BYTES_MAX)
    {
        put("ce-traceparent", trace.to_owned());
    }
    let (auth_type, auth_id) = auth(&recorded.actor);
    put("ce-authtype", auth_type.to_owned());
    if let Some(auth_id) = auth_id {
        put("ce-authid", auth_id.to_owned());
    }
    put("ce-datacontenttype", content_type(encoding).to_owned());

    let mut body = encoded(&event_json(entry), encoding);
    if body.len() > body_bytes_max {
        let reference = data_reference(seq);
        body = encoded(&json!({ "dataref": reference }), encoding);
        put("ce-dataref", reference);
    }
    put(HASH_HEADER, Digest(entry.hash).to_string());
    put("fasti-epoch", entry.epoch.to_string());
    put(
        "fasti-commit",
        format!("{}/{}", entry.commit_first, entry.commit_len),
    );
    Message {
        seq,
        subject: subject(tenant, event),
        headers,
        body,
        beside: None,
    }
}

/// Identity of an event everywhere: `<log id>-<sequence>`.
fn event_id(log_id: LogId, seq: Seq) -> String {
    format!("{log_id}-{seq}")
}

/// The log as a source of events.
pub(super) fn source(log_id: LogId) -> String {
    format!("/fasti/{log_id}")
}

/// Where the native API has the payload of an event.
fn data_reference(seq: Seq) -> String {
    format!("/api/v1/events?after={}&limit=1", seq.0.saturating_sub(1))
}

fn content_type(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Json => "application/json",
        Encoding::Msgpack => "application/msgpack",
    }
}

fn encoded(value: &Value, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Json => value.to_string().into_bytes(),
        Encoding::Msgpack => rmp_serde::to_vec_named(value)
            .expect("JSON values are plain data and the buffer is memory"),
    }
}

/// Who asked, in the words of the extension.
fn auth(actor: &str) -> (&'static str, Option<&str>) {
    match actor.split_once(':') {
        Some(("user", name)) => ("user", Some(name)),
        Some(("runner", name)) => ("service_account", Some(name)),
        Some(_) => ("unknown", Some(actor)),
        None if matches!(actor, "system" | "schedule") => ("system", None),
        None => ("unknown", Some(actor)),
    }
}

fn only<T>(items: &[T]) -> Option<&T> {
    items.first().filter(|_| items.len() == 1)
}

/// When something happened that the log learned of later: an attempt's start and end, by the runner's clock.
fn happened_at(event: &Event) -> Option<Timestamp> {
    match event {
        Event::AttemptStarted(e) => only(&e.starts).map(|start| start.started_at),
        Event::AttemptFinished(e) => only(&e.ends).map(|end| end.finished_at),
        Event::AttemptReportedLate(e) => Some(e.end.finished_at),
        Event::LogCreated(_)
        | Event::ServerStarted(_)
        | Event::DefinitionAdded(_)
        | Event::StepTypeSaved(_)
        | Event::FlowTypeSaved(_)
        | Event::ItemSetCreated(_)
        | Event::ItemSetExtended(_)
        | Event::FilesRegistered(_)
        | Event::FlowSetCreated(_)
        | Event::FlowSetEdited(_)
        | Event::FlowsCreated(_)
        | Event::FlowDecided(_)
        | Event::StepFinished(_)
        | Event::StepsCancelled(_)
        | Event::StepsRequeued(_)
        | Event::BatchSaved(_)
        | Event::BatchPaused(_)
        | Event::BatchResumed(_)
        | Event::BatchDeleted(_)
        | Event::BatchRunsCancelled(_)
        | Event::PoolLimited(_)
        | Event::SchedulePlanned(_)
        | Event::ScheduleFired(_)
        | Event::ScheduleQueued(_)
        | Event::ScheduleMissed(_)
        | Event::ScheduleSkipped(_)
        | Event::ScheduleSuperseded(_)
        | Event::ScheduleCancelled(_)
        | Event::ScheduleAlerted(_)
        | Event::TriggerFired(_)
        | Event::TriggerHeld(_)
        | Event::TriggerIgnored(_)
        | Event::RunSetCancelled(_)
        | Event::CalendarSaved(_)
        | Event::CalendarRemoved(_)
        | Event::DocumentSaved(_)
        | Event::DocumentRemoved(_)
        | Event::ImageRegistered(_)
        | Event::ImageRemoved(_)
        | Event::BundleRegistered(_)
        | Event::BundleRemoved(_)
        | Event::ContentsRemoved(_)
        | Event::Unknown(_)
        | Event::RunSetCreated(_)
        | Event::RunSetClosed(_)
        | Event::RunSetPaused(_)
        | Event::RunSetResumed(_)
        | Event::RunSetFinished(_)
        | Event::RunCreated(_)
        | Event::RunStarted(_)
        | Event::RunEndMoved(_)
        | Event::TaskProgressed(_)
        | Event::RunCancelRequested(_)
        | Event::RunDeadlinePassed(_)
        | Event::RunFinished(_)
        | Event::TaskQueued(_)
        | Event::TaskReused(_)
        | Event::TaskSkipped(_)
        | Event::TaskAttemptFailed(_)
        | Event::TaskFinished(_)
        | Event::AttemptLeased(_)
        | Event::RunnerJoined(_)
        | Event::RunnerLost(_)
        | Event::RunnerDrained(_)
        | Event::RunnerResumed(_) => None,
    }
}

/// What an event is about, as `<kind>/<id>`. One about several task runs is about their run.
#[expect(clippy::too_many_lines, reason = "a line an event")]
fn entity(log_id: LogId, event: &Event) -> String {
    let task_run = |run| match event.task_run() {
        Some(task_run) => format!("task_run/{task_run}"),
        None => format!("run/{run}"),
    };
    match event {
        Event::LogCreated(_) | Event::ServerStarted(_) => format!("log/{log_id}"),
        Event::DefinitionAdded(e) => format!("definition/{}", e.digest),
        Event::BatchSaved(e) => format!("batch/{}", e.batch),
        Event::BatchPaused(e) => format!("batch/{}", e.batch),
        Event::BatchResumed(e) => format!("batch/{}", e.batch),
        Event::BatchDeleted(e) => format!("batch/{}", e.batch),
        Event::BatchRunsCancelled(e) => format!("batch/{}", e.batch),
        Event::PoolLimited(e) => format!("pool/{}", e.pool),
        Event::SchedulePlanned(e) => format!("batch/{}", e.batch),
        Event::ScheduleFired(e) => format!("batch/{}", e.batch),
        Event::ScheduleQueued(e) => format!("batch/{}", e.batch),
        Event::ScheduleMissed(e) => format!("batch/{}", e.batch),
        Event::ScheduleSkipped(e) => format!("batch/{}", e.batch),
        Event::ScheduleSuperseded(e) => format!("batch/{}", e.batch),
        Event::ScheduleCancelled(e) => format!("batch/{}", e.batch),
        Event::ScheduleAlerted(e) => format!("batch/{}", e.batch),
        Event::TriggerFired(e) => format!("batch/{}", e.batch),
        Event::TriggerHeld(e) => format!("batch/{}", e.batch),
        Event::TriggerIgnored(e) => format!("batch/{}", e.batch),
        Event::RunSetCancelled(e) => format!("run_set/{}", e.run_set),
        Event::ImageRegistered(e) => format!("image/{}", e.image.name),
        Event::ImageRemoved(e) => format!("image/{}", e.name),
        Event::CalendarSaved(e) => format!("calendar/{}", e.name),
        Event::CalendarRemoved(e) => format!("calendar/{}", e.name),
        Event::DocumentSaved(e) => format!("document/{}/{}", e.kind, e.key),
        Event::DocumentRemoved(e) => format!("document/{}/{}", e.kind, e.key),
        Event::BundleRegistered(e) => format!("bundle/{}", e.digest),
        Event::BundleRemoved(e) => format!("bundle/{}", e.digest),
        Event::ContentsRemoved(_) | Event::Unknown(_) => format!("log/{log_id}"),
        Event::RunSetCreated(e) => format!("run_set/{}", e.run_set),
        Event::RunSetPaused(e) => format!("run_set/{}", e.run_set),
        Event::RunSetResumed(e) => format!("run_set/{}", e.run_set),
        Event::RunSetClosed(e) => format!("run_set/{}", e.run_set),
        Event::RunSetFinished(e) => format!("run_set/{}", e.run_set),
        Event::StepTypeSaved(e) => format!("step_type/{}", e.step_type),
        Event::FlowTypeSaved(e) => format!("flow_type/{}", e.flow_type),
        Event::ItemSetCreated(e) => format!("item_set/{}", e.item_set),
        Event::ItemSetExtended(e) => format!("item_set/{}", e.item_set),
        Event::FilesRegistered(_) | Event::StepsCancelled(_) | Event::StepsRequeued(_) => {
            format!("log/{log_id}")
        }
        Event::FlowSetCreated(e) => format!("flow_set/{}", e.flow_set),
        Event::FlowSetEdited(e) => format!("flow_set/{}", e.flow_set),
        Event::FlowsCreated(e) => e.flow_set.map_or_else(
            || format!("flow_type/{}", e.flow_type),
            |set| format!("flow_set/{set}"),
        ),
        Event::FlowDecided(e) => format!("flow/{}", e.flow),
        Event::StepFinished(e) => format!("step/{}", e.step),
        Event::RunCreated(e) => format!("run/{}", e.run),
        Event::RunStarted(e) => format!("run/{}", e.run),
        Event::RunEndMoved(e) => format!("run/{}", e.run),
        Event::TaskProgressed(e) => task_run(e.run),
        Event::RunCancelRequested(e) => format!("run/{}", e.run),
        Event::RunDeadlinePassed(e) => format!("run/{}", e.run),
        Event::RunFinished(e) => format!("run/{}", e.run),
        Event::TaskQueued(e) => task_run(e.run),
        Event::TaskReused(e) => task_run(e.run),
        Event::TaskSkipped(e) => task_run(e.run),
        Event::TaskAttemptFailed(e) => task_run(e.run),
        Event::TaskFinished(e) => task_run(e.run),
        Event::AttemptLeased(e) => task_run(e.run),
        Event::AttemptStarted(e) => task_run(e.run),
        Event::AttemptFinished(e) => task_run(e.run),
        Event::AttemptReportedLate(e) => format!("task_run/{}", e.end.task_run),
        Event::RunnerJoined(e) => format!("runner/{}", e.info.runner),
        Event::RunnerLost(e) => format!("runner/{}", e.runner),
        Event::RunnerDrained(e) => format!("runner/{}", e.runner),
        Event::RunnerResumed(e) => format!("runner/{}", e.runner),
    }
}

/// A header value: blanks, quotation marks, `%` and everything beyond printable ASCII as `%` and two digits.
fn escaped(value: String) -> String {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'%');
    if value.bytes().all(is_plain) {
        return value;
    }
    let mut out = String::with_capacity(value.len() + 16);
    for byte in value.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests;
