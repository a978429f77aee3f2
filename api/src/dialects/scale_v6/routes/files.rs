//! Files: register, list, read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fasti_core::domain::flow::{FlowCommand, FlowFile, NewFile};
use fasti_core::domain::limits::FLOW_ITEM_BYTES_MAX;
use warp::http::StatusCode;
use warp::reply::Response;

use super::super::answer::{Fault, ask, base, body, created, made, submit};
use super::super::map::file;
use super::super::page::Pager;
use super::super::query::{Key, Params, sort};
use super::super::wire::body::Body;
use super::{handler, id};
use crate::call::{App, Call};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [] => list),
        route!(scope, app, POST [] => post),
        route!(scope, app, GET [file] => get),
    ])
}

handler!(list, list_files);
handler!(post, register_file);
handler!(get, get_file, file);

const ORDERS: [&str; 5] = ["id", "file_name", "media_type", "created", "last_modified"];

async fn list_files(call: Call) -> Result<Response, Fault> {
    let params = Params::parse(&call.query);
    let range = params.range(call.app.parts.clock.now())?;
    let (names, types) = (params.all("file_name"), params.all("media_type"));
    let (jobs, batches) = (params.ids("job_id")?, params.ids("batch_id")?);
    let mut order = params.order(&ORDERS)?;
    if order.is_empty() {
        order.push(("last_modified", false));
    }
    let pager = Pager::new(&call, &params);
    ask(&call, move |views| {
        let flows = views.flows();
        let fits = |(_, file): &(u64, &FlowFile)| {
            let job = file.product.as_ref().map(|(job, _)| *job);
            let batch = || job.and_then(|job| flows.step(job)?.set);
            range.has(file.created)
                && (names.is_empty() || names.contains(&file.name))
                && (types.is_empty() || types.contains(&file.media_type))
                && (jobs.is_empty() || job.is_some_and(|job| jobs.contains(&job)))
                && (batches.is_empty() || batch().is_some_and(|it| batches.contains(&it)))
        };
        let ids = flows.files().filter(fits).map(|(id, _)| id).collect();
        let key = |id: u64, name: &str| match (name, flows.file(id)) {
            ("file_name", Some(file)) => Key::text(Some(&file.name)),
            ("media_type", Some(file)) => Key::text(Some(&file.media_type)),
            ("created" | "last_modified", Some(file)) => Key::Time(Some(file.created)),
            _ => Key::Number(Some(id)),
        };
        let page = pager.cut(sort(ids, &order, &key))?;
        let page = page.map(|id| {
            flows
                .file(id)
                .map(|it| file::write(flows, id, it))
                .unwrap_or_default()
        });
        Ok(pager.answer(&page))
    })
    .await
}

async fn get_file(file: String, call: Call) -> Result<Response, Fault> {
    let id = id(&file)?;
    let value = ask(&call, move |views| {
        let flows = views.flows();
        flows
            .file(id)
            .map(|it| file::write(flows, id, it))
            .ok_or_else(Fault::not_found)
    });
    Ok(body(StatusCode::OK, &value.await?))
}

async fn register_file(mut call: Call) -> Result<Response, Fault> {
    let given = Body::read(&mut call).await?;
    let name = given
        .text("file_name")?
        .ok_or_else(|| Fault::missing("file_name"))?;
    let is_plain = !name.is_empty()
        && name.len() <= 250
        && !name.contains(['/', '\0'])
        && name != "."
        && name != "..";
    if !is_plain {
        return Err(Fault::bad(
            "The parameter \"file_name\" must be a name of 1 to 250 bytes without a slash",
        ));
    }
    let media_type = given
        .text("media_type")?
        .unwrap_or_else(|| "application/octet-stream".to_owned());
    let meta = given.object("meta_data")?.cloned().unwrap_or_default();
    let meta = serde_json::Value::Object(meta).to_string();
    if meta.len() > FLOW_ITEM_BYTES_MAX {
        let detail = format!("The parameter \"meta_data\" has at most {FLOW_ITEM_BYTES_MAX} bytes");
        return Err(Fault::bad(detail));
    }
    let place = match (given.text("content")?, given.text("host_path")?) {
        (Some(content), None) => {
            let folder = call.app.config.data.join("files");
            let name = name.clone();
            blocking(move || keep(&folder, &name, &content)).await?
        }
        (None, Some(path)) => blocking(move || look_at(Path::new(&path))).await?,
        (Some(_), Some(_)) | (None, None) => {
            return Err(Fault::bad(
                "Exactly one of \"content\" and \"host_path\" must be given",
            ));
        }
    };
    let new = NewFile {
        name,
        media_type,
        path: place.0.display().to_string(),
        size: place.1,
        tags: given.texts("data_type_tags")?.unwrap_or_default(),
        meta: meta.into(),
    };
    let id = made(&submit(&call, FlowCommand::RegisterFiles { files: vec![new] }).await?)?;
    let value = ask(&call, move |views| {
        let flows = views.flows();
        flows
            .file(id)
            .map(|it| file::write(flows, id, it))
            .ok_or_else(Fault::not_found)
    });
    Ok(created(
        &value.await?,
        &format!("{}/files/{id}/", base(&call)),
    ))
}

async fn blocking<T: Send + 'static>(
    action: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(action).await;
    done.map_err(|error| Fault::from(crate::errors::Problem::internal(&error)))?
}

/// A file of the host that is used where it is.
fn look_at(path: &Path) -> Result<(PathBuf, u64), Fault> {
    let refuse = |why: &str| {
        Fault::bad(format!(
            "The parameter \"host_path\" {why}: {}",
            path.display()
        ))
    };
    if !path.is_absolute() {
        return Err(refuse("must be an absolute path"));
    }
    let metadata =
        std::fs::metadata(path).map_err(|error| refuse(&format!("cannot be read ({error})")))?;
    if !metadata.is_file() {
        return Err(refuse("must be a file"));
    }
    std::fs::File::open(path).map_err(|error| refuse(&format!("cannot be read ({error})")))?;
    Ok((path.to_owned(), metadata.len()))
}

/// Content that is kept: in a folder of its digest, under its own name, durable before anybody hears of it.
fn keep(folder: &Path, name: &str, content: &str) -> Result<(PathBuf, u64), Fault> {
    let write = || -> std::io::Result<PathBuf> {
        let digest = fasti_core::codec::sha256(content.as_bytes()).to_string();
        let folder = folder.join(&digest[..2]).join(&digest);
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(name);
        let new = folder.join(format!(".{name}.new"));
        std::fs::write(&new, content)?;
        std::fs::File::open(&new)?.sync_all()?;
        std::fs::rename(&new, &path)?;
        std::fs::File::open(&folder)?.sync_all()?;
        path.canonicalize()
    };
    let path = write().map_err(|error| Fault::from(crate::errors::Problem::internal(&error)))?;
    Ok((path, content.len() as u64))
}
