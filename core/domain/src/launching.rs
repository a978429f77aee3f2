//! What a runner gets for a lease: made from the state once the lease is durable.

use std::collections::BTreeMap;

use crate::attempt::Lease;
use crate::definition::{Definition, Task, Work};
use crate::graph::Graph;
use crate::ids::{RunId, RunnerId};
use crate::launch::{Launch, Program, PythonCall, Upstream, UpstreamValue};
use crate::ranges::index_in;
use crate::run::Run;
use crate::state::State;

/// Everything needed to start a leased attempt; `None` when it is not live any more.
#[must_use]
pub fn launch(state: &State, run: RunId, lease: &Lease) -> Option<Launch> {
    let run = state.run(run)?;
    let graph = state.graph(run.definition)?;
    let index = index_in(run.id, lease.task_run)?;
    run.live
        .get(&index)
        .filter(|live| live.token == lease.token)?;
    let (task_index, part) = graph.locate(index);
    let task = graph.task(task_index);
    let definition = graph.definition();
    let image = definition.image_of(task).and_then(|name| state.image(name));
    let mut env = image.map(|image| image.env.clone()).unwrap_or_default();
    env.extend(run_env(run, lease, definition, task, part));
    let program = match &task.work {
        Work::Command {
            argv,
            env: own,
            cwd,
            stdin,
        } => {
            env.extend(own.clone());
            Program::Command {
                argv: argv.clone(),
                cwd: cwd.clone(),
                stdin: stdin.clone(),
            }
        }
        Work::Python {
            entrypoint,
            arguments_blob,
        } => Program::Python(Box::new(PythonCall {
            entrypoint: entrypoint.clone(),
            python: image
                .and_then(|image| image.python.clone())
                .or_else(|| definition.python.clone()),
            path: image.and_then(|image| image.path.clone()),
            bundle: definition
                .bundle
                .or_else(|| image.and_then(|image| image.bundle)),
            works_in_bundle: definition.bundle.is_some(),
            image_env: image.map(|image| image.env.clone()).unwrap_or_default(),
            sub_job_name: task.part_name(part),
            scheduled_time: run.scheduled_time,
            runtime: run.started_at.unwrap_or(state.at),
            rundate: run.rundate.clone().unwrap_or_default(),
            part_num: part,
            num_parts: u32::try_from(task.part_count()).unwrap_or(u32::MAX),
            configuration: task.part_configuration(part).unwrap_or("{}").to_owned(),
            configuration_blob: task.configuration_blob.clone(),
            arguments_blob: arguments_blob.clone(),
            upstreams: upstreams(run, graph, task_index),
        })),
    };
    Some(Launch {
        attempt: lease.attempt(),
        token: lease.token,
        run: run.id,
        index,
        env,
        program,
        timeout_ms: task.timeout_ms,
        grace_ms: state.settings.grace_ms,
    })
}

/// Launches for everything a runner holds: what it is told again after a lost connection.
#[must_use]
pub fn launches_of(state: &State, runner: &RunnerId) -> Vec<Launch> {
    let Some(held) = state.runner(runner).map(|runner| &runner.held) else {
        return Vec::new();
    };
    let launches = held.iter().filter_map(|(run, index)| {
        let live = state.run(*run)?.live.get(index)?;
        let lease = Lease {
            task_run: run.task_run(*index),
            number: live.number,
            token: live.token,
        };
        launch(state, *run, &lease)
    });
    launches.collect()
}

fn run_env(
    run: &Run,
    lease: &Lease,
    definition: &Definition,
    task: &Task,
    part: u32,
) -> BTreeMap<String, String> {
    let pairs = [
        ("FASTI_RUN_ID", run.id.to_string()),
        ("FASTI_TASK_RUN_ID", lease.task_run.to_string()),
        ("FASTI_ATTEMPT_NUMBER", lease.number.to_string()),
        ("FASTI_BATCH_NAME", run.batch_name.clone()),
        ("FASTI_TASK_NAME", task.part_name(part)),
        ("FASTI_PART_NUM", part.to_string()),
        ("FASTI_NUM_PARTS", task.part_count().to_string()),
        ("FASTI_RUNDATE", run.rundate.clone().unwrap_or_default()),
        ("FASTI_RUN_AS", definition.run_as.clone()),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn upstreams(run: &Run, graph: &Graph, task: u32) -> Vec<Upstream> {
    let direct = graph.parents(task).iter().map(|&parent| {
        let upstream = graph.task(parent);
        let parts = (0..)
            .zip(graph.nodes(parent))
            .map(|(part, node)| UpstreamValue {
                name: upstream.part_name(part),
                result: run.results.get(&node).cloned(),
                inline: None,
            });
        Upstream {
            task: upstream.name.clone(),
            result_name: upstream.result_name().to_owned(),
            parallel: upstream.is_parallel(),
            parts: parts.collect(),
        }
    });
    direct.collect()
}
