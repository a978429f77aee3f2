//! Plans of repetitions as they are answered.

use fasti_projector::rerun::{Plan, PlanAction, Source};

use super::super::wire;
use super::task_run::result;

/// What a repetition would do, by name.
pub(crate) fn rerun_plan(source: &Source, plan: &Plan) -> wire::RerunPlan {
    let items = plan.nodes.iter().map(|planned| {
        let (task, _) = source.graph.locate(planned.node);
        let task = source.graph.task(task);
        let reuse = match &planned.action {
            PlanAction::Execute => None,
            PlanAction::Reuse(reuse) => Some(reuse),
        };
        wire::PlannedTask {
            name: source.graph.node_name(planned.node),
            group: task.is_parallel().then(|| task.name.clone()),
            action: if reuse.is_some() { "reuse" } else { "run" },
            reason: planned.reason.to_string(),
            reused_from: reuse.map(|reuse| reuse.from.0),
            result: reuse.and_then(|reuse| reuse.result.as_ref().map(result)),
        }
    });
    wire::RerunPlan {
        original_run_id: plan.original.0,
        definition_version: plan.version,
        run_type: plan.run_type.into(),
        rundate: plan.rundate.clone(),
        items: items.collect(),
    }
}
