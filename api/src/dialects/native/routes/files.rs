//! Files that items name.

use std::path::PathBuf;
use std::sync::Arc;

use fasti_core::domain::command::{Command, Subject};
use fasti_core::domain::flow::{FlowCommand, NewFile};
use warp::http::StatusCode;

use super::super::submit::{Told, submit};
use super::super::{map, wire};
use super::{batches, flow_pages};
use crate::call::{App, Call, json};
use crate::errors::{Answer, Problem, ProblemDocument};
use crate::files;
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [] => list_files),
        route!(scope, app, POST [] => post_file),
        route!(scope, app, GET [id] => get_file),
    ])
}

/// Bytes of the tags and the type of a file together: they are kept in memory.
const TEXTS_BYTES_MAX: usize = 4 << 10;

/// List files
///
/// Those that were registered and those that steps left, by id.
#[utoipa::path(get, path = "/api/v1/files", tag = "flows",
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::File>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_files(call: Call) -> Answer {
    flow_pages::by_id(call, "files", |flows, after, page| {
        let rest = flows.files_after(after).map(|(id, it)| (id, (id, it)));
        page.fill(rest, |(id, it)| map::file(id, it));
        Ok(())
    })
    .await
}

/// Read a file's record
#[utoipa::path(get, path = "/api/v1/files/{id}", tag = "flows",
    params(("id" = u64, Path, description = "Its id"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::File), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_file(id: String, call: Call) -> Answer {
    let id = map::number_id("file", &id)?;
    let min_seq = batches::only_min_seq(call.query()?)?;
    let asked = call.ask(min_seq, move |views, _| {
        let found = views.flows().file(id);
        let found = found.ok_or_else(|| Problem::not_found("file", &id))?;
        Ok(map::file(id, found))
    });
    let (body, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &body, as_of))
}

/// Make a file known
///
/// One of the server's machine, used where it is; or a text, kept in the data folder.
#[utoipa::path(post, path = "/api/v1/files", tag = "flows",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition harmless")),
    request_body = wire::NewFile,
    responses((status = 201, body = wire::File), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn post_file(mut call: Call) -> Answer {
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (given, bytes) = call.json_within::<wire::NewFile>(limit).await?;
    let last_part = |path: &String| path.rsplit('/').next().unwrap_or_default().to_owned();
    let name = given.name.or_else(|| given.path.as_ref().map(last_part));
    let name = name.unwrap_or_default();
    if !files::is_name(&name) {
        return Err(Problem::invalid("name", files::NAME_RULE));
    }
    let tags = given.tags.unwrap_or_default();
    let texts = tags.iter().chain(&given.media_type).map(String::len);
    if texts.sum::<usize>() > TEXTS_BYTES_MAX {
        let detail = format!("tags and media type have at most {TEXTS_BYTES_MAX} bytes together");
        return Err(Problem::invalid("tags", detail));
    }
    let (path, size) = match (given.path, given.content) {
        (Some(path), None) => {
            let looked = off_thread(move || files::look_at(&PathBuf::from(path))).await?;
            looked.map_err(|why| Problem::invalid("path", why))?
        }
        (None, Some(content)) => {
            let (folder, name) = (call.app.config.data.join("files"), name.clone());
            let kept = off_thread(move || files::keep(&folder, &name, &content)).await?;
            kept.map_err(|error| Problem::internal(&error))?
        }
        (Some(_), Some(_)) | (None, None) => {
            let text = "exactly one of `path` and `content` must be given";
            return Err(Problem::invalid("path", text));
        }
    };
    let media_type = given.media_type;
    let new = NewFile {
        name,
        media_type: media_type.unwrap_or_else(|| files::DEFAULT_TYPE.to_owned()),
        path: path.display().to_string(),
        size,
        tags,
        meta: "{}".into(),
    };
    let command = FlowCommand::RegisterFiles { files: vec![new] };
    submit(
        &call,
        Command::Flow(command),
        &bytes,
        |views, _, receipt| {
            let Subject::Flow(id) = receipt.subject else {
                return Err(Problem::internal(&"a file was not registered"));
            };
            let found = views.flows().file(id);
            let found = found.ok_or_else(|| Problem::not_found("file", &id))?;
            let told = Told::json(StatusCode::CREATED, &map::file(id, found))?;
            Ok(told.at(format!("/api/v1/files/{id}")))
        },
    )
    .await
}

async fn off_thread<T: Send + 'static>(
    action: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(action).await;
    done.map_err(|error| Problem::internal(&error))
}
