//! Projects.

use std::sync::Arc;

use fasti_projector::Views;
use warp::http::StatusCode;

use super::super::access;
use super::super::folders::{self, Kept, PROJECT, ProjectDoc, after, kept, new_id, save};
use super::super::params::{PAGE_SIZE_MAX, Params, page};
use super::super::{map, wire};
use super::BODY_BYTES_MAX;
use crate::call::{App, Call, json};
use crate::errors::{Answer, Problem};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

/// Characters of a name.
pub(super) const NAME_CHARS_MAX: usize = 256;

/// Characters of a description.
pub(super) const DESCRIPTION_CHARS_MAX: usize = 4_096;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET ["projects"] => list),
        route!(scope, app, POST ["projects"] => create),
        route!(scope, app, GET ["projects" / project] => get),
        route!(scope, app, PATCH ["projects" / project] => change),
    ])
}

async fn list(mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    let params = Params::of(&call);
    let size = params.page_size(PAGE_SIZE_MAX)?;
    let last = params.one("pageIndex").map(str::to_owned);
    let config = call.app.config.rescale.clone();
    let asked = call.ask(None, move |views, _| {
        let mut found = views.documents(PROJECT, "", last.as_deref());
        let items: Result<Vec<wire::Project>, Problem> = found
            .by_ref()
            .take(size)
            .map(|(id, view)| Ok(map::project(&config, &kept(id, view)?)))
            .collect();
        let has_more = found.next().is_some();
        Ok((items?, has_more))
    });
    let ((items, has_more), as_of) = asked.await?;
    let next = items.last().filter(|_| has_more);
    let next = next.map(|last| last.project_id.clone());
    Ok(page(&call, &items, next.as_deref(), as_of))
}

async fn create(mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    let (given, _) = call.json_within::<wire::NewProject>(BODY_BYTES_MAX).await?;
    check_name("projectName", &given.project_name)?;
    check_description("projectDescription", given.project_description.as_deref())?;
    let region = match given.regions.filter(|regions| !regions.is_empty()) {
        Some(regions) => only_region(&regions)?,
        None => call.app.config.rescale.region.clone(),
    };
    let doc = ProjectDoc {
        name: given.project_name,
        description: given.project_description,
        region,
        repositories: Vec::new(),
        dimensions: None,
        retention: None,
    };
    let id = new_id(call.app.parts.clock.now());
    let made = save(&call, PROJECT, id.clone(), &doc, Some(0)).await?;
    shown(&call, id, made.seq).await
}

async fn get(project: String, mut call: Call) -> Answer {
    access::for_project(&mut call, &project)?;
    shown(&call, project, fasti_core::domain::ids::Seq(0)).await
}

async fn change(project: String, mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    let (given, _) = call
        .json_within::<wire::ProjectChange>(BODY_BYTES_MAX)
        .await?;
    let region = only_region(&given.regions)?;
    let made = changed(&call, &project, |doc| doc.region = region).await?;
    shown(&call, project, made).await
}

/// Changes what is kept of a project.
pub(super) async fn changed(
    call: &Call,
    id: &str,
    change: impl FnOnce(&mut ProjectDoc),
) -> Result<fasti_core::domain::ids::Seq, Problem> {
    let mut kept = known(call, id).await?;
    change(&mut kept.doc);
    let made = save(call, PROJECT, id.to_owned(), &kept.doc, Some(kept.version)).await?;
    Ok(made.seq)
}

/// A project as it is now.
pub(super) async fn known(call: &Call, id: &str) -> Result<Kept<ProjectDoc>, Problem> {
    let id = id.to_owned();
    let question = move |views: &Views, _: &crate::ask::Asker| folders::project(views, &id);
    Ok(call.ask(None, question).await?.0)
}

async fn shown(call: &Call, id: String, made: fasti_core::domain::ids::Seq) -> Answer {
    let config = call.app.config.rescale.clone();
    let asked = after(call, made, move |views| {
        Ok(map::project(&config, &folders::project(views, &id)?))
    });
    let (project, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &project, as_of))
}

/// The one region of a project: clients pick it, and want to see from its name whose it is.
fn only_region(regions: &[String]) -> Result<String, Problem> {
    match regions {
        [region] if region.contains("AWS") || region.contains("GCP") => Ok(region.clone()),
        [region] => {
            let detail = format!("`{region}` does not fit: a region has AWS or GCP in its name");
            Err(Problem::invalid("regions", detail))
        }
        _ => Err(Problem::invalid(
            "regions",
            "a project has exactly one region",
        )),
    }
}

pub(super) fn check_name(field: &str, name: &str) -> Result<(), Problem> {
    if !name.trim().is_empty()
        && name.chars().count() <= NAME_CHARS_MAX
        && !name.chars().any(char::is_control)
    {
        return Ok(());
    }
    let detail =
        format!("a name has 1 to {NAME_CHARS_MAX} characters, none of them a control character");
    Err(Problem::invalid(field, detail))
}

pub(super) fn check_description(field: &str, text: Option<&str>) -> Result<(), Problem> {
    match text {
        Some(text) if text.chars().count() > DESCRIPTION_CHARS_MAX => {
            let detail = format!("at most {DESCRIPTION_CHARS_MAX} characters");
            Err(Problem::invalid(field, detail))
        }
        Some(_) | None => Ok(()),
    }
}
