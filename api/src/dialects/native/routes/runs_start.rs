//! What starts runs: a saved batch, a definition as it comes, a finished run again.

use std::collections::{BTreeMap, BTreeSet};

use fasti_core::codec::hashed;
use fasti_core::domain::attempt::ResultRef;
use fasti_core::domain::command::{
    Command, CreateRun, Hashed, Receipt, Repeats, ReusedNode, RunSource, Subject,
};
use fasti_core::domain::definition::Definition;
use fasti_core::domain::ids::RunId;
use fasti_core::domain::run::RunType;
use fasti_projector::Views;
use fasti_projector::rerun::{self, Mode, Plan, PlanAction, PlanError, Source};
use warp::http::StatusCode;

use super::super::submit::{Told, submit};
use super::super::{map, wire};
use super::{batches, runs};
use crate::ask::Asker;
use crate::call::{Call, json};
use crate::errors::{Answer, Code, Problem, ProblemDocument};

/// Start a batch
///
/// A run of its present version.
#[utoipa::path(post, path = "/api/v1/batches/{id}/runs", tag = "runs",
    params(("id" = String, Path, description = "UUID of the batch"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition harmless")),
    request_body = Option<wire::StartRun>,
    responses((status = 201, body = wire::Run), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn start_batch(id: String, mut call: Call) -> Answer {
    call.query()?.finish()?;
    let batch = batches::known(&call, &id).await?;
    let (given, bytes) = call.json_or_default::<wire::StartRun>().await?;
    let command = Command::CreateRun(CreateRun {
        source: RunSource::Saved(batch),
        rundate: map::rundate("rundate", given.rundate)?,
        run_type: RunType::Manual,
        repeats: None,
    });
    submit(&call, command, &bytes, tell).await
}

/// Start a definition
///
/// Without saving it; its runs are found under its name all the same.
#[utoipa::path(post, path = "/api/v1/runs", tag = "runs",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition harmless")),
    request_body = wire::NewRun,
    responses((status = 201, body = wire::Run), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn start_definition(mut call: Call) -> Answer {
    call.query()?.finish()?;
    let limit = call.app.config.definition_bytes_max;
    let (given, bytes) = call.json_within::<wire::NewRun>(limit).await?;
    let run_type = match given.run_type.map(RunType::from) {
        None => RunType::Manual,
        Some(run_type @ (RunType::Manual | RunType::DevRun)) => run_type,
        Some(
            RunType::Scheduled
            | RunType::RunAfter
            | RunType::Triggered
            | RunType::Rerun
            | RunType::PartialRerun,
        ) => {
            let detail = "a definition is started as `manual` or `dev_run`";
            return Err(Problem::invalid("run_type", detail));
        }
    };
    let definition = map::definition_from_wire("definition.", given.definition, &call.principal)?;
    let command = Command::CreateRun(CreateRun {
        source: RunSource::Given(hashed(definition)),
        rundate: map::rundate("rundate", given.rundate)?,
        run_type,
        repeats: None,
    });
    let answer = submit(&call, command, &bytes, tell).await;
    answer.map_err(|problem| problem.within("definition"))
}

fn tell(views: &Views, asker: &Asker, receipt: &Receipt) -> Result<Told, Problem> {
    let Subject::Run(run) = receipt.subject else {
        return Err(Problem::internal(&"starting a run made something else"));
    };
    let view = runs::visible(views, asker, run.0)?;
    Ok(Told::json(StatusCode::CREATED, &map::run(&view))?.at(format!("/api/v1/runs/{run}")))
}

/// Run a finished run again
///
/// A new run of the definition that the original used, or of another version of its batch; what is not executed again
/// serves as it is. With `env`, what is executed sees other variables: a fork of the run.
#[utoipa::path(post, path = "/api/v1/runs/{id}/rerun", tag = "runs",
    params(("id" = u64, Path, description = "Id of the finished run"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition harmless")),
    request_body = Option<wire::Rerun>,
    responses((status = 201, body = wire::Run), (status = 200, description = "The plan, with `dry_run`", body = wire::RerunPlan),
        (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn rerun_run(id: String, mut call: Call) -> Answer {
    let id = map::number_id("run", &id)?;
    call.query()?.finish()?;
    let (given, bytes) = call.json_or_default::<wire::Rerun>().await?;
    let rundate = map::rundate("rundate", given.rundate.clone())?;
    let is_dry = given.dry_run;
    let version = version(&given)?;
    let env = given.env.clone();
    let mode = mode(given)?;
    let content = call.app.parts.content.clone();
    let asked = call.ask(None, move |views, asker| {
        let run = runs::visible(views, asker, id)?;
        source(views, run.id, &version)
    });
    let (source, as_of) = asked.await?;
    // Asks the disk for every value: not while the views are held.
    let planned = tokio::task::spawn_blocking(move || {
        let is_stored = |result: &ResultRef| {
            let length = content.len(result.sha256);
            length.is_ok_and(|length| length.is_some())
        };
        let mut plan = rerun::plan(&source, &mode, &is_stored)?;
        plan.rundate = rundate.or(plan.rundate);
        let source = if env.is_empty() {
            source
        } else {
            // No version that was saved is like this.
            plan.version = None;
            with_variables(source, &plan, &env)
        };
        Ok::<_, Problem>((source, plan))
    });
    let planned = planned.await.map_err(|error| Problem::internal(&error))?;
    let (source, plan) = planned?;
    if is_dry {
        return Ok(json(
            StatusCode::OK,
            &map::rerun_plan(&source, &plan),
            as_of,
        ));
    }
    let create = repetition(source, &plan);
    submit(&call, Command::CreateRun(create), &bytes, tell).await
}

fn mode(given: wire::Rerun) -> Result<Mode, Problem> {
    let tasks = given.tasks.unwrap_or_default();
    let mode = given.mode.unwrap_or_default();
    if mode != wire::RerunMode::From && !tasks.is_empty() {
        return Err(Problem::invalid(
            "tasks",
            "task names go with the mode `from`, and only with it",
        ));
    }
    Ok(match mode {
        wire::RerunMode::Failed => Mode::Failed,
        wire::RerunMode::All => Mode::All,
        wire::RerunMode::From => Mode::From(tasks),
    })
}

/// Which definition is asked for.
enum Version {
    Original,
    Latest,
    Saved(u32),
}

fn version(given: &wire::Rerun) -> Result<Version, Problem> {
    match (given.version, given.definition_version) {
        (None, Some(number)) => Ok(Version::Saved(number)),
        (Some(_), Some(_)) => Err(Problem::invalid(
            "definition_version",
            "a version by number goes with no other `version`; leave one of them out",
        )),
        (Some(wire::RerunVersion::Latest), None) => Ok(Version::Latest),
        (Some(wire::RerunVersion::Original) | None, None) => Ok(Version::Original),
    }
}

/// The source with variables for every task that the plan executes.
fn with_variables(source: Source, plan: &Plan, env: &BTreeMap<String, String>) -> Source {
    let executed = plan
        .nodes
        .iter()
        .filter(|planned| matches!(planned.action, PlanAction::Execute))
        .map(|planned| source.graph.locate(planned.node).0);
    let executed: BTreeSet<u32> = executed.collect();
    let mut definition = Definition::clone(&source.definition.definition);
    for (task, index) in definition.tasks.iter_mut().zip(0..) {
        if executed.contains(&index) {
            let options = task.options.get_or_insert_default();
            options.env_templates.extend(env.clone());
        }
    }
    Source {
        definition: hashed(definition),
        ..source
    }
}

/// The finished run, as the definition asked for sees it.
fn source(views: &Views, run: RunId, version: &Version) -> Result<Source, Problem> {
    let source = views.rerun_source(run)?;
    let source = source.ok_or_else(|| Problem::not_found("run", &run))?;
    if let Version::Saved(number) = version {
        let missing = || {
            let detail = format!("the batch of run {run} has no version {number}");
            Problem::new(Code::NotFound, detail).at("definition_version")
        };
        let view = views.batch_version(source.batch, *number)?;
        let view = view.ok_or_else(missing)?;
        let graph = views.graph_of(view.digest)?.ok_or_else(missing)?;
        let definition = Hashed {
            digest: view.digest,
            definition: graph.definition().clone(),
        };
        return Ok(source.renewed(Some(*number), definition, graph));
    }
    if matches!(version, Version::Original) {
        return Ok(source);
    }
    let gone = || Problem::not_found("batch", &source.batch);
    let batch = views.batch(source.batch)?.ok_or_else(gone)?;
    let graph = views.graph_of(batch.digest)?.ok_or_else(gone)?;
    let definition = Hashed {
        digest: batch.digest,
        definition: batch.definition,
    };
    Ok(source.renewed(Some(batch.version), definition, graph))
}

fn repetition(source: Source, plan: &Plan) -> CreateRun {
    let reused = plan.reused().map(|(node, reuse)| ReusedNode {
        node,
        reuse: reuse.clone(),
    });
    CreateRun {
        repeats: Some(Repeats {
            original: plan.original,
            version: plan.version,
            reused: reused.collect(),
            signal: source.signal.clone(),
        }),
        rundate: plan.rundate.clone(),
        run_type: plan.run_type,
        source: RunSource::Given(source.definition),
    }
}

impl From<PlanError> for Problem {
    fn from(error: PlanError) -> Self {
        let code = match error {
            PlanError::NotFinished { .. } => Code::RunNotFinished,
            PlanError::NothingToDo { .. } => Code::NothingToRerun,
            PlanError::NoTasks | PlanError::UnknownTask { .. } => Code::ValidationFailed,
        };
        let problem = Self::new(code, error.to_string());
        match error.field() {
            None => problem,
            Some(field) => problem.at(field),
        }
    }
}
