//! The end of the jobs of a task, or of those of a group.

use std::sync::Arc;

use fasti_core::domain::command::Command;
use fasti_core::domain::ids::Seq;
use serde_json::json;
use warp::http::StatusCode;

use super::super::access;
use super::super::folders::{after, submit};
use super::super::map::group_label;
use super::super::params::Params;
use super::BODY_BYTES_MAX;
use super::tasks::{known, living};
use crate::call::{App, Call, json as answer};
use crate::errors::Answer;
use crate::routes::{Routes, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    route!(scope, app, POST ["projects" / project / "tasks" / task / "jobs" / "cancel"] => cancel)
}

/// Answered when it is certain, not when all processes are gone.
async fn cancel(project: String, task: String, mut call: Call) -> Answer {
    access::for_task(&mut call, &project, &task)?;
    let group = Params::of(&call).one("group").map(group_label);
    // Nothing is in it that is needed.
    drop(call.bytes_within(BODY_BYTES_MAX).await?);
    let folder = known(&call, &project, &task).await?;
    let mut made = Seq(0);
    if let Some(batch) = living(&call, &folder, made).await? {
        let command = Command::CancelBatchRuns {
            batch,
            label: group,
            reason: Some("Cancelled by a user".to_owned()),
        };
        made = submit(&call, command).await?.seq;
    }
    let ((), as_of) = after(&call, made, |_| Ok(())).await?;
    Ok(answer(StatusCode::OK, &json!({}), as_of))
}
