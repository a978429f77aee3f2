//! Batches: save, list, read, pause, resume, delete, earlier versions.

use std::sync::Arc;

use fasti_core::codec::hashed;
use fasti_core::domain::batch::check_to_save;
use fasti_core::domain::command::{Command, Force, Receipt, Subject};
use fasti_core::domain::ids::BatchId;
use fasti_projector::Views;
use fasti_projector::rows::{BatchFilter, BatchView};
use warp::http::{HeaderValue, StatusCode, header};

use super::super::submit::{Told, submit};
use super::super::{map, wire};
use super::listing;
use crate::ask::Asker;
use crate::call::{App, Call, json};
use crate::errors::{Answer, Code, Problem, ProblemDocument};
use crate::query::{Query, cursor};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [] => list_batches),
        route!(scope, app, POST [] => save_batch),
        route!(scope, app, POST ["validate"] => validate_batch),
        route!(scope, app, GET [id] => get_batch),
        route!(scope, app, DELETE [id] => delete_batch),
        route!(scope, app, POST [id / "pause"] => pause_batch),
        route!(scope, app, POST [id / "resume"] => resume_batch),
        route!(scope, app, GET [id / "versions"] => super::list_versions),
        route!(scope, app, GET [id / "versions" / version] => super::get_version),
        route!(scope, app, GET [id / "diff"] => super::compare_versions),
        route!(scope, app, PUT [id / "schedule"] => super::put_schedule),
        route!(scope, app, GET [id / "slots"] => super::list_slots),
        route!(scope, app, GET [id / "why-not"] => super::explain_absence),
        route!(scope, app, POST [id / "runs"] => super::start_batch),
    ])
}

/// A batch that the asker may see.
pub(super) fn visible(views: &Views, asker: &Asker, id: BatchId) -> Result<BatchView, Problem> {
    let found = views
        .batch(id)?
        .filter(|batch| asker.may_read(batch.access()));
    found.ok_or_else(|| Problem::not_found("batch", &id))
}

/// List batches
///
/// By name, then tag. Batches that only dev runs made are left out. A page ends at `limit` batches or at 4 MiB,
/// whichever comes first.
#[utoipa::path(get, path = "/api/v1/batches", tag = "batches",
    params(
        ("name" = Option<String>, Query, description = "Exactly this name"),
        ("search" = Option<String>, Query, description = "This text in the name, in capitals or not"),
        ("tag" = Option<wire::Tag>, Query, description = "This tag"),
        ("label" = Option<String>, Query, description = "Carries this label"),
        ("owner" = Option<String>, Query, description = "Belongs to this user"),
        ("include_deleted" = Option<bool>, Query, description = "Deleted ones too"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)"),
    ),
    responses((status = 200, body = wire::Page<wire::Batch>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_batches(call: Call) -> Answer {
    let mut query = call.query()?;
    let filter = BatchFilter {
        name: query.text("name"),
        search: query.text("search"),
        tag: query.word("tag", wire::Tag::WORDS)?,
        label: query.text("label"),
        owner: query.text("owner"),
        include_deleted: query.flag("include_deleted")?,
        include_dev_runs: false,
    };
    let (limit, min_seq) = (query.limit()?, query.min_seq()?);
    let after = match query.cursor("batches")? {
        None => None,
        Some([id]) => Some(
            id.parse()
                .map_err(|_| Problem::invalid("cursor", "is no cursor of this list"))?,
        ),
    };
    query.finish()?;
    let asked = call.ask(min_seq, move |views, asker| {
        let page = views.batches(&filter, &|access| asker.may_read(access), after, limit)?;
        let map = |view: &BatchView| Ok(Some(map::batch(views, view)));
        let (items, next) = listing::fitting(&page.items, page.next, |view| view.id, map)?;
        let next = next.map(|id| cursor("batches", &[&id.to_string()]));
        Ok((items, next))
    });
    let ((items, next), as_of) = asked.await?;
    Ok(listing::page(&call, items, next, as_of))
}

/// Save a batch
///
/// Makes a batch, or a new version of the one of this name and tag. `If-Match: "<version>"` or
/// `expected_version` refuse when somebody else has saved it in between.
#[utoipa::path(post, path = "/api/v1/batches", tag = "batches",
    params(
        ("expected_version" = Option<u32>, Query, description = "Version the caller knows"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition harmless"),
        ("If-Match" = Option<String>, Header, description = "Version the caller knows, quoted"),
    ),
    request_body = wire::Definition,
    responses((status = 201, description = "Made", body = wire::Batch),
        (status = 200, description = "Replaced", body = wire::Batch),
        (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn save_batch(mut call: Call) -> Answer {
    let mut query = call.query()?;
    let known = query.value("expected_version", "a version number")?;
    query.finish()?;
    let matched = if_match(&call)?;
    let limit = call.app.config.definition_bytes_max;
    let (given, bytes) = call.json_within::<wire::Definition>(limit).await?;
    let definition = map::definition_from_wire("", given, &call.principal)?;
    let command = Command::SaveBatch {
        definition: hashed(definition),
        expected_version: matched.or(known),
    };
    let answer = submit(&call, command, &bytes, |views, _, receipt| {
        let Subject::Batch { batch, version } = receipt.subject else {
            return Err(Problem::internal(&"saving a batch made something else"));
        };
        let status = if version == 1 {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        let view = saved(views, batch, version)?;
        let told = Told::json(status, &map::batch(views, &view))?;
        Ok(told
            .at(format!("/api/v1/batches/{batch}"))
            .version(view.version))
    });
    answer
        .await
        .map_err(|problem| match (problem.code(), matched) {
            (Code::VersionMismatch, Some(_)) => problem.recoded(Code::PreconditionFailed),
            _ => problem,
        })
}

/// A batch as this save left it: somebody else may have saved it again since, and who saved it may have given
/// themselves no right to read it.
pub(super) fn saved(views: &Views, batch: BatchId, version: u32) -> Result<BatchView, Problem> {
    let missing = || Problem::not_found("batch", &batch);
    let mut view = views.batch(batch)?.ok_or_else(missing)?;
    if view.version != version {
        let own = views.batch_version(batch, version)?.ok_or_else(missing)?;
        view.definition = views.definition(own.digest)?.ok_or_else(missing)?;
        view.name.clone_from(&view.definition.name);
        view.tag = view.definition.tag;
        (view.version, view.digest, view.updated_at) = (version, own.digest, own.at);
    }
    Ok(view)
}

/// The version in `If-Match`.
pub(super) fn if_match(call: &Call) -> Result<Option<u32>, Problem> {
    let Some(text) = call.header("if-match") else {
        return Ok(None);
    };
    let version = text.trim().trim_matches('"').parse();
    version.map(Some).map_err(|_| {
        Problem::new(
            Code::Malformed,
            format!("`If-Match: {text}` is no version; send the ETag of the batch, such as \"3\""),
        )
        .at("If-Match")
    })
}

/// Check a definition
///
/// As saving does, without saving.
#[utoipa::path(post, path = "/api/v1/batches/validate", tag = "batches",
    request_body = wire::Definition,
    responses((status = 200, description = "It could be saved", body = wire::Nothing),
        (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn validate_batch(mut call: Call) -> Answer {
    call.query()?.finish()?;
    let limit = call.app.config.definition_bytes_max;
    let (given, _) = call.json_within::<wire::Definition>(limit).await?;
    let hashed = hashed(map::definition_from_wire("", given, &call.principal)?);
    let checked = call
        .app
        .parts
        .engine
        .inspect(move |state| check_to_save(state, &hashed));
    checked.await??;
    Ok(json(StatusCode::OK, &wire::Nothing {}, call.last_seq()))
}

/// Read a batch
#[utoipa::path(get, path = "/api/v1/batches/{id}", tag = "batches",
    params(("id" = String, Path, description = "UUID"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Batch), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_batch(id: String, call: Call) -> Answer {
    let id = map::batch_id(&id)?;
    let min_seq = only_min_seq(call.query()?)?;
    let asked = call.ask(min_seq, move |views, asker| {
        let view = visible(views, asker, id)?;
        Ok(map::batch(views, &view))
    });
    let (body, as_of) = asked.await?;
    let mut response = json(StatusCode::OK, &body, as_of);
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", body.version)) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Ok(response)
}

/// The one parameter of most reads.
pub(super) fn only_min_seq(
    mut query: Query,
) -> Result<Option<fasti_core::domain::ids::Seq>, Problem> {
    let min_seq = query.min_seq()?;
    query.finish()?;
    Ok(min_seq)
}

/// Delete a batch
///
/// Its runs stay readable, by id and by its name.
#[utoipa::path(delete, path = "/api/v1/batches/{id}", tag = "batches",
    params(("id" = String, Path, description = "UUID"),
        ("force" = Option<bool>, Query, description = "Cancel its live runs")),
    responses((status = 204, description = "Deleted"), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn delete_batch(id: String, call: Call) -> Answer {
    let batch = known(&call, &id).await?;
    let mut query = call.query()?;
    let force = if query.flag("force")? {
        Force::Yes
    } else {
        Force::No
    };
    query.finish()?;
    let command = Command::DeleteBatch { batch, force };
    submit(&call, command, &bytes::Bytes::new(), |_, _, _| {
        Ok(Told::nothing())
    })
    .await
}

/// The id of a batch that the caller may see, so that a hidden one answers 404 and not 403.
pub(super) async fn known(call: &Call, id: &str) -> Result<BatchId, Problem> {
    let id = map::batch_id(id)?;
    call.ask(None, move |views, asker| {
        visible(views, asker, id).map(drop)
    })
    .await?;
    Ok(id)
}

fn tell(views: &Views, asker: &Asker, batch: BatchId) -> Result<Told, Problem> {
    let view = visible(views, asker, batch)?;
    Ok(Told::json(StatusCode::OK, &map::batch(views, &view))?.version(view.version))
}

/// Pause a batch
///
/// Its schedule is off until it is resumed, or until an instant; runs can still be started by hand. Slots that pass
/// meanwhile are skipped.
#[utoipa::path(post, path = "/api/v1/batches/{id}/pause", tag = "batches",
    params(("id" = String, Path, description = "UUID")),
    request_body = Option<wire::Pause>,
    responses((status = 200, body = wire::Batch), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn pause_batch(id: String, mut call: Call) -> Answer {
    call.query()?.finish()?;
    let batch = known(&call, &id).await?;
    let (given, bytes) = call.json_or_default::<wire::Pause>().await?;
    super::runs_stop::check_reason(given.reason.as_deref())?;
    let command = Command::PauseBatch {
        batch,
        reason: given.reason,
        until: map::instant("until", given.until.as_deref())?,
    };
    submit(&call, command, &bytes, move |views, asker, _: &Receipt| {
        tell(views, asker, batch)
    })
    .await
}

/// Resume a batch
#[utoipa::path(post, path = "/api/v1/batches/{id}/resume", tag = "batches",
    params(("id" = String, Path, description = "UUID")),
    responses((status = 200, body = wire::Batch), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn resume_batch(id: String, mut call: Call) -> Answer {
    call.query()?.finish()?;
    let batch = known(&call, &id).await?;
    let (_, bytes) = call.json_or_default::<Empty>().await?;
    let command = Command::ResumeBatch { batch };
    submit(&call, command, &bytes, move |views, asker, _: &Receipt| {
        tell(views, asker, batch)
    })
    .await
}

/// A body that says nothing.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Empty {}
