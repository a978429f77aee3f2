//! Definitions, both ways. What is answered for a definition reads back as the same definition.

use std::collections::{BTreeMap, HashMap};

use fasti_core::domain::access::Principal;
use fasti_core::domain::definition::{Definition, Edge};

use super::super::wire;
use super::{ids, schedule, task};
use crate::errors::Problem;

/// Permissions of a batch that names none.
const PERMISSIONS_DEFAULT: &str = "rwrwr-";

/// What the author wrote, for the domain, with the defaults filled in. `path` comes before the names of
/// fields: empty, or `definition.`.
///
/// # Errors
/// 422 with the field.
pub(crate) fn from_wire(
    path: &str,
    given: wire::Definition,
    principal: &Principal,
) -> Result<Definition, Problem> {
    let field = |name: &str| format!("{path}{name}");
    let own = || principal.user.clone();
    let edges = edges(&field("edges"), given.edges.as_deref(), &given.tasks)?;
    let tasks = given
        .tasks
        .into_iter()
        .enumerate()
        .map(|(index, it)| task::from_wire(&field(&format!("tasks[{index}]")), it));
    let bundle = given
        .bundle
        .as_deref()
        .map(|text| ids::digest(&field("bundle"), text));
    Ok(Definition {
        name: given.name,
        tag: given.tag.map(Into::into).unwrap_or_default(),
        schedule: schedule::from_wire(&field("schedule"), given.schedule.unwrap_or_default())?,
        image: given.image,
        bundle: bundle.transpose()?,
        python: given.python,
        labels: given.labels.unwrap_or_default(),
        fail_after_seconds: given.fail_after_seconds,
        fail_after_run_children: given
            .fail_after_run_children
            .map(Into::into)
            .unwrap_or_default(),
        run_as: given.run_as.unwrap_or_else(own),
        owner: given.owner.unwrap_or_else(own),
        group: given
            .group
            .or_else(|| principal.groups.first().cloned())
            .unwrap_or_else(own),
        permissions: given
            .permissions
            .unwrap_or_else(|| PERMISSIONS_DEFAULT.to_owned()),
        priority: given.priority.map(Into::into).unwrap_or_default(),
        alert_email: given.alert_email,
        alert_sms: given.alert_sms,
        alert_only_failures: given.alert_only_failures.unwrap_or(false),
        tasks: tasks.collect::<Result<_, _>>()?,
        edges,
        annotations: BTreeMap::new(),
    })
}

fn edges(
    path: &str,
    given: Option<&[wire::Edge]>,
    tasks: &[wire::Task],
) -> Result<Vec<Edge>, Problem> {
    let positions: HashMap<&str, u32> = tasks
        .iter()
        .map(|task| task.name.as_str())
        .zip(0..)
        .collect();
    let position = |index: usize, name: &str| {
        positions.get(name).copied().ok_or_else(|| {
            Problem::invalid(
                format!("{path}[{index}]"),
                format!("this edge names the task `{name}`, which is not among the tasks"),
            )
        })
    };
    let given = given.unwrap_or_default().iter().enumerate();
    given
        .map(|(index, edge)| {
            Ok(Edge {
                from: position(index, &edge.from)?,
                to: position(index, &edge.to)?,
            })
        })
        .collect()
}

/// As it is answered.
pub(crate) fn to_wire(definition: &Definition) -> wire::Definition {
    let name = |position: u32| {
        let task = definition.tasks.get(position as usize);
        task.map(|task| task.name.clone()).unwrap_or_default()
    };
    let edges = definition.edges.iter().map(|edge| wire::Edge {
        from: name(edge.from),
        to: name(edge.to),
    });
    wire::Definition {
        name: definition.name.clone(),
        tag: Some(definition.tag.into()),
        schedule: Some(schedule::to_wire(&definition.schedule)),
        image: definition.image.clone(),
        bundle: definition.bundle.map(|digest| digest.to_string()),
        python: definition.python.clone(),
        labels: Some(definition.labels.clone()),
        fail_after_seconds: definition.fail_after_seconds,
        fail_after_run_children: Some(definition.fail_after_run_children.into()),
        run_as: Some(definition.run_as.clone()),
        owner: Some(definition.owner.clone()),
        group: Some(definition.group.clone()),
        permissions: Some(definition.permissions.clone()),
        priority: Some(definition.priority.into()),
        alert_email: definition.alert_email.clone(),
        alert_sms: definition.alert_sms.clone(),
        alert_only_failures: Some(definition.alert_only_failures),
        tasks: definition.tasks.iter().map(task::to_wire).collect(),
        edges: Some(edges.collect()),
    }
}

#[cfg(test)]
mod tests;
