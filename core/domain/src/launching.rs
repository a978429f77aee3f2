//! What a runner gets for a lease: made from the state once the lease is durable.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::attempt::Lease;
use crate::definition::{Definition, Task, Work};
use crate::flow::stage;
use crate::graph::Graph;
use crate::ids::{RunId, RunnerId};
use crate::image::Image;
use crate::launch::{Contained, Launch, Program, PythonCall, Upstream, UpstreamValue};
use crate::limits::UPSTREAM_VALUES_KEPT_MAX;
use crate::ranges::index_in;
use crate::run::Run;
use crate::state::State;
use crate::task_uuid::TaskUuid;

/// What the parts of parallel tasks get of their direct dependencies, kept from one launch to the next: it is the
/// same for all parts of a task, and does not change any more once the first of them could be leased. Without
/// this, so many parts after as many would each count all the values again.
#[derive(Debug, Default)]
pub struct UpstreamLists {
    lists: BTreeMap<(RunId, u32), Arc<[Upstream]>>,
    /// Keys in the order they came, to forget the oldest first.
    order: VecDeque<(RunId, u32)>,
    values: usize,
}

impl UpstreamLists {
    fn of(&mut self, run: &Run, graph: &Graph, task: u32) -> Arc<[Upstream]> {
        if !graph.task(task).is_parallel() {
            return upstreams(run, graph, task);
        }
        let key = (run.id, task);
        if let Some(known) = self.lists.get(&key) {
            return known.clone();
        }
        let list = upstreams(run, graph, task);
        self.values += values_in(&list);
        self.lists.insert(key, list.clone());
        self.order.push_back(key);
        while self.values > UPSTREAM_VALUES_KEPT_MAX || self.order.len() > UPSTREAM_VALUES_KEPT_MAX
        {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            self.drop_list(oldest);
        }
        list
    }

    /// The run is over: nothing of it is launched any more.
    pub fn forget(&mut self, run: RunId) {
        let keys: Vec<(RunId, u32)> = self
            .lists
            .range((run, 0)..=(run, u32::MAX))
            .map(|(key, _)| *key)
            .collect();
        if keys.is_empty() {
            return;
        }
        self.order.retain(|(of, _)| *of != run);
        for key in keys {
            self.drop_list(key);
        }
    }

    fn drop_list(&mut self, key: (RunId, u32)) {
        if let Some(list) = self.lists.remove(&key) {
            self.values -= values_in(&list);
        }
    }
}

fn values_in(list: &[Upstream]) -> usize {
    list.iter().map(|upstream| upstream.parts.len()).sum()
}

/// Everything needed to start a leased attempt; `None` when it is not live any more.
#[must_use]
pub fn launch(
    state: &State,
    run: RunId,
    lease: &Lease,
    lists: &mut UpstreamLists,
) -> Option<Launch> {
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
    env.extend(task_uuid(state, run, task_index));
    let program = match &task.work {
        Work::Command {
            argv,
            env: own,
            cwd,
            stdin,
        } => {
            env.extend(own.clone());
            let (argv, cwd, stdin) = (argv.clone(), cwd.clone(), stdin.clone());
            Program::Command { argv, cwd, stdin }
        }
        Work::Python {
            entrypoint,
            arguments_blob,
        } => Program::Python(Box::new(PythonCall {
            entrypoint: entrypoint.clone(),
            python: interpreter(image, definition),
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
            upstreams: lists.of(run, graph, task_index),
            packed_upstreams: None,
        })),
    };
    let program = match image.and_then(|image| image.container.clone()) {
        Some(container) => Program::Contained(Box::new(Contained { container, program })),
        None => program,
    };
    let staged = run.step.and_then(|step| stage(&state.flows, step));
    let staging = staged.map(|(own, staging)| {
        env.extend(own);
        Arc::new(staging)
    });
    Some(Launch {
        attempt: lease.attempt(),
        token: lease.token,
        run: run.id,
        index,
        env,
        program,
        timeout_ms: task.timeout_ms,
        grace_ms: state.settings.grace_ms,
        staging,
        options: task.options.clone(),
    })
}

/// Launches for everything a runner holds: what it is told again after a lost connection.
#[must_use]
pub fn launches_of(state: &State, runner: &RunnerId) -> Vec<Launch> {
    let Some(held) = state.runner(runner).map(|runner| &runner.held) else {
        return Vec::new();
    };
    let mut lists = UpstreamLists::default();
    let launches = held.iter().filter_map(|(run, index)| {
        let live = state.run(*run)?.live.get(index)?;
        let lease = Lease {
            task_run: run.task_run(*index),
            number: live.number,
            token: live.token,
        };
        launch(state, *run, &lease, &mut lists)
    });
    launches.collect()
}

/// One name for the task of this run, unique everywhere.
fn task_uuid(state: &State, run: &Run, task: u32) -> Option<(String, String)> {
    let uuid = TaskUuid::new(state.log_id.as_ref()?, run.id, task);
    Some(("FASTI_TASK_UUID".to_owned(), uuid.to_string()))
}

fn run_env(
    run: &Run,
    lease: &Lease,
    definition: &Definition,
    task: &Task,
    part: u32,
) -> BTreeMap<String, String> {
    let signal = run.signal.iter().flat_map(|signal| {
        [
            ("FASTI_TRIGGER", signal.trigger.clone()),
            ("FASTI_SIGNAL_ID", signal.id.clone()),
            ("FASTI_SIGNAL", signal.payload.clone()),
        ]
    });
    let pairs = [
        ("FASTI_RUN_ID", run.id.to_string()),
        ("FASTI_TASK_RUN_ID", lease.task_run.to_string()),
        ("FASTI_ATTEMPT_NUMBER", lease.number.to_string()),
        ("FASTI_BATCH_ID", run.batch.to_string()),
        ("FASTI_BATCH_NAME", run.batch_name.clone()),
        ("FASTI_TASK_NAME", task.part_name(part)),
        ("FASTI_PART_NUM", part.to_string()),
        ("FASTI_NUM_PARTS", task.part_count().to_string()),
        ("FASTI_RUNDATE", run.rundate.clone().unwrap_or_default()),
        ("FASTI_RUN_AS", definition.run_as.clone()),
    ];
    pairs
        .into_iter()
        .chain(signal)
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The interpreter that a definition names is one of the host, where it was submitted: a container has its own.
fn interpreter(image: Option<&Image>, definition: &Definition) -> Option<String> {
    let of_image = image.and_then(|image| image.python.clone());
    match image.and_then(|image| image.container.as_ref()) {
        Some(_) => of_image,
        None => of_image.or_else(|| definition.python.clone()),
    }
}

fn upstreams(run: &Run, graph: &Graph, task: u32) -> Arc<[Upstream]> {
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
