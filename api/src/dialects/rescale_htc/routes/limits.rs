//! Limits of a project: those of its pool.

use std::collections::BTreeMap;
use std::sync::Arc;

use fasti_core::domain::command::Command;
use fasti_core::domain::ids::Seq;
use warp::http::StatusCode;

use super::super::folders::{self, after, pool_of, submit};
use super::super::{access, map, wire};
use super::BODY_BYTES_MAX;
use crate::call::{App, Call, empty, json};
use crate::errors::{Answer, Problem};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

/// Most vCPUs of a limit.
const VCPUS_MAX: u64 = 999_999;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET ["projects" / project / "limits"] => list),
        route!(scope, app, POST ["projects" / project / "limits"] => set),
        route!(scope, app, DELETE ["projects" / project / "limits"] => delete_all),
        route!(scope, app, GET ["projects" / project / "limits" / id] => get),
        route!(scope, app, PATCH ["projects" / project / "limits" / id] => change),
        route!(scope, app, DELETE ["projects" / project / "limits" / id] => delete),
    ])
}

async fn limits(call: &Call, project: &str, made: Seq) -> Result<(Vec<wire::Limit>, Seq), Problem> {
    let config = call.app.config.rescale.clone();
    let project = project.to_owned();
    after(call, made, move |views| {
        folders::project(views, &project)?;
        let pool = views.pool(&pool_of(&project));
        Ok(map::limits(&config, &project, &pool))
    })
    .await
}

async fn list(project: String, mut call: Call) -> Answer {
    access::for_project(&mut call, &project)?;
    let (limits, as_of) = limits(&call, &project, Seq(0)).await?;
    Ok(json(StatusCode::OK, &limits, as_of))
}

async fn of_id(call: &Call, project: &str, id: &str) -> Result<(wire::Limit, Seq), Problem> {
    let (limits, as_of) = limits(call, project, Seq(0)).await?;
    let mut limits = limits.into_iter();
    let found = limits.find(|limit| limit.id.to_string() == id);
    let found = found.ok_or_else(|| Problem::not_found("limit", &id))?;
    Ok((found, as_of))
}

async fn get(project: String, id: String, mut call: Call) -> Answer {
    access::for_project(&mut call, &project)?;
    let (limit, as_of) = of_id(&call, &project, &id).await?;
    Ok(json(StatusCode::OK, &limit, as_of))
}

async fn set(project: String, mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    let (given, _) = call.json_within::<wire::NewLimit>(BODY_BYTES_MAX).await?;
    limits(&call, &project, Seq(0)).await?;
    let role = given.modifier_role;
    let limit = limited(&call, &project, role, given.vcpus).await?;
    Ok(json(StatusCode::CREATED, &limit.0, limit.1))
}

async fn change(project: String, id: String, mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    let (given, _) = call
        .json_within::<wire::LimitChange>(BODY_BYTES_MAX)
        .await?;
    let (limit, _) = of_id(&call, &project, &id).await?;
    let limit = limited(&call, &project, limit.modifier_role, given.vcpus).await?;
    Ok(json(StatusCode::OK, &limit.0, limit.1))
}

async fn limited(
    call: &Call,
    project: &str,
    role: wire::ModifierRole,
    vcpus: u64,
) -> Result<(wire::Limit, Seq), Problem> {
    if vcpus > VCPUS_MAX {
        let detail = format!("{vcpus} does not fit: must be 0 to {VCPUS_MAX}");
        return Err(Problem::invalid("vCPUs", detail));
    }
    let changes = BTreeMap::from([(map::role_name(role).to_owned(), Some(vcpus))]);
    let made = submit_limits(call, project, changes).await?;
    let (limits, as_of) = limits(call, project, made).await?;
    let mut limits = limits.into_iter();
    let found = limits.find(|limit| limit.modifier_role == role);
    let found = found.ok_or_else(|| Problem::not_found("limit", &map::role_name(role)))?;
    Ok((found, as_of))
}

async fn submit_limits(
    call: &Call,
    project: &str,
    limits: BTreeMap<String, Option<u64>>,
) -> Result<Seq, Problem> {
    let pool = pool_of(project);
    let receipt = submit(call, Command::LimitPool { pool, limits }).await?;
    Ok(receipt.seq)
}

async fn delete(project: String, id: String, mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    let (limit, _) = of_id(&call, &project, &id).await?;
    taken_away(&call, &project, vec![limit]).await
}

async fn delete_all(project: String, mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    let (limits, _) = limits(&call, &project, Seq(0)).await?;
    taken_away(&call, &project, limits).await
}

async fn taken_away(call: &Call, project: &str, limits: Vec<wire::Limit>) -> Answer {
    let changes = limits
        .iter()
        .map(|limit| (map::role_name(limit.modifier_role).to_owned(), None));
    let made = submit_limits(call, project, changes.collect()).await?;
    let ((), as_of) = after(call, made, |_| Ok(())).await?;
    Ok(empty(StatusCode::NO_CONTENT, as_of))
}
