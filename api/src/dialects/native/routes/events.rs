//! Events: the log as a list, and as a stream that goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fasti_core::domain::access::Principal;
use fasti_core::domain::event::{Event, EventKind};
use fasti_core::domain::ids::{BatchId, RunId, Seq, TaskRunId};
use fasti_core::feed::Entry;
use fasti_projector::{Access, Views};
use warp::http::{HeaderValue, StatusCode, header};

use super::super::{map, wire};
use super::listing;
use crate::ask::Asker;
use crate::call::{App, Call, json};
use crate::errors::{Answer, Code, Problem, ProblemDocument};
use crate::query::{Query, cursor};
use crate::routes::{Routes, any_of, route};
use crate::stream::{Gone, Kind, Sender, streamed};
use crate::table::Scope;

/// Events read from the log at a time.
const READ_MAX: usize = 512;

/// The same for a stream, which holds them while its client takes them.
const STREAM_READ_MAX: usize = 64;

/// Bytes of JSON that are handed to a stream at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Events looked at for one page; a page of a rare kind may end early, with a cursor to go on from.
const SCANNED_MAX: u64 = 200_000;

/// Pause after which a silent stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [] => list_events),
        route!(scope, app, GET ["density"] => super::get_density),
        route!(scope, app, GET [seq] => get_event),
        route!(scope, app, POST [seq / "undo"] => super::undo_event),
    ])
}

/// Which events are wanted, and by whom.
#[derive(Clone)]
struct Filter {
    run: Option<RunId>,
    task_run: Option<TaskRunId>,
    batch: Option<BatchId>,
    types: Vec<String>,
    principal: Principal,
}

impl Filter {
    fn wants(&self, event: &Event) -> bool {
        self.run.is_none_or(|run| event.run() == Some(run))
            && self.batch.is_none_or(|batch| event.batch() == Some(batch))
            && self
                .task_run
                .is_none_or(|task_run| event.task_run() == Some(task_run))
            && (self.types.is_empty() || self.types.iter().any(|name| name == event.name()))
    }

    /// Those of some events that the caller may see. Reads the disk for old runs.
    fn visible(&self, views: &Views, entries: Vec<Arc<Entry>>) -> Result<Vec<Arc<Entry>>, Problem> {
        let mut sight = Sight {
            views,
            asker: Asker {
                principal: self.principal.clone(),
            },
            runs: BTreeMap::new(),
        };
        let mut seen = Vec::with_capacity(entries.len());
        for entry in entries {
            if sight.may_see(&entry.recorded.event)? {
                seen.push(entry);
            }
        }
        Ok(seen)
    }
}

/// What one caller may see, while the views are held.
struct Sight<'a> {
    views: &'a Views,
    asker: Asker,
    /// Runs looked up before; `None`: there is no such run. Events come in runs of the same run.
    runs: BTreeMap<RunId, Option<bool>>,
}

impl Sight<'_> {
    /// Whether the caller may see an event: those of a run as the run, those of a batch as the batch, those of
    /// nobody's work always. What belongs to something that is not known is shown to nobody but an administrator.
    fn may_see(&mut self, event: &Event) -> Result<bool, Problem> {
        if self.asker.principal.is_admin || event.is_shared() {
            return Ok(true);
        }
        if let Event::DefinitionAdded(added) = event {
            let access = Access::from(added.definition.as_ref());
            return Ok(self.asker.may_read(access));
        }
        let views = self.views;
        let run = match (event.run(), event.task_run()) {
            (Some(run), _) => Some(run),
            (None, Some(task_run)) => views.run_of(task_run)?,
            (None, None) => None,
        };
        if let Some(run) = run
            && let Some(may_read) = self.may_read_run(run)?
        {
            return Ok(may_read);
        }
        let batch = match (event.batch(), event.run_set()) {
            (Some(batch), _) => Some(batch),
            (None, Some(set)) => views.run_set(set)?.map(|set| set.batch_id),
            (None, None) => None,
        };
        let batch = batch.map(|id| views.batch(id)).transpose()?.flatten();
        Ok(batch.is_some_and(|batch| self.asker.may_read(batch.access())))
    }

    fn may_read_run(&mut self, id: RunId) -> Result<Option<bool>, Problem> {
        if let Some(known) = self.runs.get(&id) {
            return Ok(*known);
        }
        let run = self.views.run(id)?;
        let may_read = run.map(|run| self.asker.may_read(run.access()));
        self.runs.insert(id, may_read);
        Ok(may_read)
    }
}

/// List or follow events
///
/// With `Accept: text/event-stream` the answer goes on with what happens; `Last-Event-ID` resumes. A page ends at
/// `limit` events or at 4 MiB, whichever comes first. Events whose data has more than 64 KiB have it left out and
/// name the address that gives it whole in `data_at`. A reader of the stream that takes nothing for a minute is let
/// go.
#[utoipa::path(get, path = "/api/v1/events", tag = "events",
    params(("after" = Option<u64>, Query, description = "Only events behind this position"),
        ("run_id" = Option<u64>, Query, description = "Of this run"),
        ("task_run_id" = Option<u64>, Query, description = "About exactly this task run"),
        ("batch_id" = Option<String>, Query, description = "Of this batch"),
        ("types" = Option<String>, Query, description = "One or more types, separated by commas"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("Last-Event-ID" = Option<u64>, Header, description = "Position of the last event seen")),
    responses((status = 200, description = "A page, or a stream of events with their position as id",
            content((wire::Page<wire::Event> = "application/json"), (String = "text/event-stream"))),
        (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_events(call: Call) -> Answer {
    let mut query = call.query()?;
    let filter = filter(&mut query, &call.principal)?;
    let after: Option<Seq> = query.value("after", "a sequence number")?;
    let (limit, min_seq) = (query.limit()?, query.min_seq_of_now()?);
    let resumed = super::runs::number_cursor(&mut query, "events")?.map(Seq);
    query.finish()?;
    let after = resumed.or(after).unwrap_or_default();
    let wants_stream = call
        .header("accept")
        .is_some_and(|text| text.contains("text/event-stream"));
    let (first, _) = call.ask(min_seq, first_of(&filter)).await?;
    if wants_stream {
        // Where the client left off counts more than where it once began.
        let after = last_event_id(&call)?.unwrap_or(after).max(first);
        return Ok(stream(&call, filter, after));
    }
    list(&call, &filter, after.max(first), limit).await
}

fn filter(query: &mut Query, principal: &Principal) -> Result<Filter, Problem> {
    let types = query.text("types").unwrap_or_default();
    let types: Vec<String> = types
        .split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    let is_known = |name: &&String| EventKind::of(name).is_some();
    if let Some(unknown) = types.iter().find(|name| !is_known(name)) {
        let known: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
        return Err(Problem::invalid(
            "types",
            format!(
                "there are no events `{unknown}`; there are {}",
                known.join(", ")
            ),
        ));
    }
    Ok(Filter {
        run: query.value("run_id", "the id of a run")?,
        task_run: query.value("task_run_id", "the id of a task run")?,
        batch: query.value("batch_id", "a UUID")?,
        types,
        principal: principal.clone(),
    })
}

fn last_event_id(call: &Call) -> Result<Option<Seq>, Problem> {
    let Some(text) = call.header("last-event-id").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        let detail = format!("`{text}` is no position in the log; send back the id of an event");
        Problem::new(Code::Malformed, detail).at("Last-Event-ID")
    })
}

/// Position behind which events of a run can be: nothing of it is before it was made.
fn first_of(filter: &Filter) -> impl FnOnce(&Views, &Asker) -> Result<Seq, Problem> + Send + use<> {
    let (run, task_run, batch) = (filter.run, filter.task_run, filter.batch);
    move |views, asker| {
        if let Some(batch) = batch {
            super::batches::visible(views, asker, batch)?;
        }
        let of_task_run = task_run.map(|id| views.run_of(id)).transpose()?.flatten();
        let Some(run) = run.or(of_task_run) else {
            return Ok(Seq::default());
        };
        let run = super::runs::visible(views, asker, run.0)?;
        Ok(Seq(run.created_seq.0.saturating_sub(1)))
    }
}

/// Events behind `after` that are wanted and may be seen, and how far was looked.
struct Read {
    entries: Vec<Arc<Entry>>,
    through: Seq,
}

/// Reads one piece of the log. Waits for the views first: they know who may see what.
async fn read(app: &Arc<App>, filter: &Filter, after: Seq, max: usize) -> Result<Read, Problem> {
    let feed = app.parts.feed.clone();
    let reading = tokio::task::spawn_blocking(move || feed.read(after, max)).await;
    let entries = reading
        .map_err(|error| Problem::internal(&error))?
        .map_err(|error| Problem::internal(&error))?;
    let through = entries.last().map_or(after, |entry| entry.seq());
    let mut wanted: Vec<_> = entries
        .into_iter()
        .filter(|entry| filter.wants(&entry.recorded.event))
        .collect();
    if !wanted.is_empty() && !filter.principal.is_admin {
        let stopped = |error| Problem::internal(&error);
        app.parts.views.wait_for(through).await.map_err(stopped)?;
        let (views, filter) = (app.parts.views.clone(), filter.clone());
        let looking = move || filter.visible(&views.read(), wanted);
        let looked = tokio::task::spawn_blocking(looking).await;
        wanted = looked.map_err(|error| Problem::internal(&error))??;
    }
    Ok(Read {
        entries: wanted,
        through,
    })
}

async fn list(call: &Call, filter: &Filter, after: Seq, limit: usize) -> Answer {
    let last = call.app.parts.feed.last();
    let mut items: Vec<wire::Event> = Vec::new();
    let mut bytes = 0;
    let mut at = after;
    'page: while at < last && at.0 - after.0 < SCANNED_MAX {
        let read = read(&call.app, filter, at, READ_MAX).await?;
        if read.through == at {
            break;
        }
        at = read.through.min(last);
        for entry in read.entries.iter().filter(|entry| entry.seq() <= last) {
            let item = map::listed_event(entry, &filter.principal);
            bytes += listing::json_bytes(&item);
            items.push(item);
            if items.len() == limit || bytes >= listing::PAGE_BYTES_MAX {
                at = entry.seq();
                break 'page;
            }
        }
    }
    let next = (at < last).then(|| cursor("events", &[&at.to_string()]));
    Ok(listing::page(call, items, next, last))
}

fn stream(call: &Call, filter: Filter, after: Seq) -> warp::reply::Response {
    let app = call.app.clone();
    let write = |sender| follow(sender, app, filter, after);
    let mut response = streamed(call, Kind::Endless, write);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Sends what there is, then waits for more. The pace is the client's: nothing is kept for it, and one that
/// does not read for a minute is let go and resumes by position.
async fn follow(sender: Sender, app: Arc<App>, filter: Filter, after: Seq) -> Result<(), Gone> {
    let mut at = after;
    sender.send(Bytes::from_static(b"retry: 1000\n\n")).await?;
    loop {
        let read = match read(&app, &filter, at, STREAM_READ_MAX).await {
            Ok(read) => read,
            Err(problem) => {
                sender
                    .fail(format!("reading events: {:?}", problem.code()))
                    .await;
                return Ok(());
            }
        };
        at = read.through;
        let mut piece = Vec::new();
        for entry in read.entries {
            write(&mut piece, &entry, &filter.principal);
            drop(entry);
            if piece.len() >= PIECE_BYTES {
                sender.send(std::mem::take(&mut piece).into()).await?;
            }
        }
        if !piece.is_empty() {
            sender.send(piece.into()).await?;
        }
        loop {
            let waited = tokio::select! {
                () = sender.gone() => return Err(Gone),
                waited = tokio::time::timeout(KEEP_ALIVE, app.parts.feed.wait_beyond(at)) => waited,
            };
            match waited {
                Ok(Ok(_)) => break,
                // The engine has ended; the client comes back when there is one again.
                Ok(Err(_)) => return Ok(()),
                Err(_) => sender.send(Bytes::from_static(b": still here\n\n")).await?,
            }
        }
    }
}

/// An event as a stream has it: JSON of one line, so that it is one `data`. It carries no `event` line, since
/// browsers hand named ones only to listeners of that very name; the type is in the data.
fn write(out: &mut Vec<u8>, entry: &Entry, principal: &Principal) {
    let event = map::listed_event(entry, principal);
    out.extend_from_slice(format!("id: {}\ndata: ", event.seq).as_bytes());
    out.extend(serde_json::to_vec(&event).unwrap_or_default());
    out.extend_from_slice(b"\n\n");
}

/// Read an event
///
/// With all of its data, however long.
#[utoipa::path(get, path = "/api/v1/events/{seq}", tag = "events",
    params(("seq" = u64, Path, description = "Its position"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event")),
    responses((status = 200, body = wire::Event), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_event(seq: String, call: Call) -> Answer {
    let number = map::number_id("event", &seq)?;
    let mut query = call.query()?;
    let min_seq = query.min_seq_of_now()?;
    query.finish()?;
    let ((), as_of) = call.ask(min_seq, |_, _| Ok(())).await?;
    let found = visible(&call, Seq(number)).await?;
    let event = map::event(&found, &call.principal);
    Ok(json(StatusCode::OK, &event, as_of))
}

/// An event that the caller may see.
///
/// # Errors
/// There is none, as far as the caller is concerned.
pub(super) async fn visible(call: &Call, seq: Seq) -> Result<Arc<Entry>, Problem> {
    let filter = Filter {
        run: None,
        task_run: None,
        batch: None,
        types: Vec::new(),
        principal: call.principal.clone(),
    };
    let missing = || Problem::not_found("event", &seq);
    let before = Seq(seq.0.checked_sub(1).ok_or_else(missing)?);
    let read = read(&call.app, &filter, before, 1).await?;
    let found = read.entries.into_iter().find(|entry| entry.seq() == seq);
    found.ok_or_else(missing)
}
