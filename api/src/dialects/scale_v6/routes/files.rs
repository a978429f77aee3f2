//! Files: register, list, read.

use std::path::Path;
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
use crate::errors::Problem;
use crate::files;
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
    if !files::is_name(&name) {
        let rule = files::NAME_RULE;
        return Err(Fault::bad(format!("The parameter \"file_name\" {rule}")));
    }
    let media_type = given
        .text("media_type")?
        .unwrap_or_else(|| files::DEFAULT_TYPE.to_owned());
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
            blocking(move || {
                let kept = files::keep(&folder, &name, &content);
                kept.map_err(|error| Fault::from(Problem::internal(&error)))
            })
            .await?
        }
        (None, Some(path)) => {
            blocking(move || {
                let looked = files::look_at(Path::new(&path));
                looked.map_err(|why| Fault::bad(format!("The parameter \"host_path\" {why}")))
            })
            .await?
        }
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
    done.map_err(|error| Fault::from(Problem::internal(&error)))?
}
