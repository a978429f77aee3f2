//! A job is made: everything is checked first, then one command makes all of it.

use fasti_core::codec::definition_digest;
use fasti_core::domain::command::{Command, CreateRun, Hashed, RunSource, RunWindow};
use fasti_core::domain::definition::Tag;
use fasti_core::domain::run::RunType;
use fasti_core::protocol::item_v1::{DatasetRef, Destination, ItemSpec, SecretPath};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::documents::{DATASETS, Stored, WEBHOOKS, now, seen, submit};
use super::super::errors::bad;
use super::super::map::{Facts, JobNote, JobParts, definition, instant, job_of, ms};
use super::super::wire::{NewJob, ResultDelivery};
use super::artifacts::command_of;
use super::datasets::{Content, Dataset};
use super::jobs::found_by_id;
use super::webhooks::Webhook;
use super::{body, deployments, known_project, ok};
use crate::call::Call;
use crate::errors::{Answer, Problem};

/// How long a job may take that says nothing about it.
const STOP_AFTER_MS: i64 = 3 * 24 * 3_600 * 1_000;

/// Destinations of one job.
const DESTINATIONS_MAX: usize = 20;

/// Characters of the name of a job that its batch is named by.
const NAME_CHARS_MAX: usize = 100;

/// Bytes fetched for one item at most.
const ITEM_BYTES_MAX: u64 = 256 << 20;

pub(super) async fn post(project: String, mut call: Call) -> Answer {
    known_project(&call, &project).await?;
    let new: NewJob = body(&mut call).await?;
    if new.name.trim().is_empty() || new.name.chars().count() > 200 {
        return Err(bad("name", "give a name of 1 to 200 characters"));
    }
    let spec = new.spec;
    let (start_ms, window, stop_ms) = times(&call, spec.start_at_time, spec.stop_at_time)?;
    let (content, items) = dataset(&call, &project, &spec.dataset_id).await?;
    let destinations = destinations(&call, &project, &spec.result_delivery).await?;
    let predictor = predictor(&call, &project, &spec.deployment).await?;
    let note = JobNote {
        project_id: project.clone(),
        name: new.name,
        dataset_id: spec.dataset_id,
        deployment: spec.deployment,
        result_delivery: spec.result_delivery,
        start_at_time: start_ms,
        stop_at_time: stop_ms,
        file: content.file,
        index: content.index,
    };
    let item = ItemSpec {
        project,
        job_name: note.name.clone(),
        job_prefix: "batchjob_".to_owned(),
        dataset: DatasetRef {
            id: note.dataset_id.clone(),
            file: content.file,
            index: content.index,
        },
        predictor,
        destinations,
        targets: call.app.config.predictions.targets.clone(),
        item_bytes_max: ITEM_BYTES_MAX,
    };
    start(&call, note, &item, items, window).await
}

async fn start(
    call: &Call,
    note: JobNote,
    item: &ItemSpec,
    items: u32,
    window: RunWindow,
) -> Answer {
    let name = batch_name(&note.name);
    let parts = JobParts {
        batch_name: name.clone(),
        note: &note,
        spec: item,
        items,
    };
    let definition = definition(parts, &call.principal)?;
    let hashed = Hashed {
        digest: definition_digest(&definition),
        definition: definition.into(),
    };
    let command = Command::CreateRunWithin {
        create: CreateRun {
            source: RunSource::Given(hashed),
            rundate: None,
            run_type: RunType::Manual,
            repeats: None,
        },
        window,
    };
    let receipt = submit(call, &call.principal, command).await?;
    // From here on it is there: nothing may be answered that makes the client ask for another one.
    let named = call.app.parts.engine.inspect(move |state| {
        state
            .batch_named(&name, Tag::default())
            .map(|batch| batch.id)
    });
    let batch = named.await.ok().flatten();
    seen(call, receipt.seq).await;
    let id = batch.map(|batch| batch.to_string()).unwrap_or_default();
    let found = found_by_id(call, &note.project_id, &format!("batchjob_{id}")).await;
    let facts = Facts {
        id,
        created_at: receipt.at,
        run: found.ok().and_then(|found| found.run),
        note,
    };
    ok(call, &job_of(facts))
}

/// A name that no other batch has, and by which people know it again.
fn batch_name(name: &str) -> String {
    let readable: String = name
        .chars()
        .map(|c| if c.is_control() || c == '/' { '_' } else { c })
        .take(NAME_CHARS_MAX)
        .collect();
    let unique = Uuid::new_v4().simple().to_string();
    format!("{} {}", readable.trim(), &unique[..12])
}

fn times(
    call: &Call,
    start: Option<i64>,
    stop: Option<i64>,
) -> Result<(i64, RunWindow, i64), Problem> {
    let now_ms = ms(now(call));
    let start_ms = start.unwrap_or(now_ms);
    let stop_ms = stop.unwrap_or(start_ms.max(now_ms).saturating_add(STOP_AFTER_MS));
    let read =
        |field, at| instant(at).ok_or_else(|| bad(field, "is no time in milliseconds since 1970"));
    let starts_at = read("spec.startAtTime", start_ms)?;
    let ends_at = read("spec.stopAtTime", stop_ms)?;
    if start_ms >= stop_ms || stop_ms <= now_ms {
        return Err(bad(
            "spec.stopAtTime",
            "a job must stop after it starts, and later than now",
        ));
    }
    let window = RunWindow {
        starts_at: (start_ms > now_ms).then_some(starts_at),
        ends_at: Some(ends_at),
    };
    Ok((start_ms, window, stop_ms))
}

async fn dataset(call: &Call, project: &str, id: &str) -> Result<(Content, u32), Problem> {
    let stored: Stored<Dataset> = DATASETS.get(call, project, id).await?;
    let dataset = stored.value;
    match dataset.content {
        Some(content) => Ok((content, dataset.item_count)),
        None => Err(bad(
            "spec.datasetId",
            format_args!("the dataset {id} is `{}`, not `Uploaded`", dataset.overview),
        )),
    }
}

async fn destinations(
    call: &Call,
    project: &str,
    delivery: &ResultDelivery,
) -> Result<Vec<Destination>, Problem> {
    let given = &delivery.destinations;
    if given.is_empty() || given.len() > DESTINATIONS_MAX {
        return Err(bad(
            "spec.resultDelivery.destinations",
            format_args!("name 1 to {DESTINATIONS_MAX} webhooks"),
        ));
    }
    let mut all: Vec<Destination> = Vec::with_capacity(given.len());
    for to in given {
        if to.kind != "Webhook" {
            return Err(bad(
                "spec.resultDelivery.destinations.kind",
                format_args!("`{}` is not known here; deliver to a `Webhook`", to.kind),
            ));
        }
        if all.iter().any(|known| known.id == to.webhook_id) {
            return Err(bad(
                "spec.resultDelivery.destinations",
                "names a webhook twice",
            ));
        }
        let stored: Stored<Webhook> = WEBHOOKS.get(call, project, &to.webhook_id).await?;
        all.push(Destination {
            secret: stored
                .value
                .has_secret
                .then(|| SecretPath::new(&stored.id))
                .flatten(),
            id: stored.id,
            endpoint: stored.value.endpoint,
            max_retries: stored.value.max_retries,
            max_backoff_ms: stored.value.max_backoff_ms,
        });
    }
    Ok(all)
}

/// What predicts: the artifact of a deployment that there is, or that lives as long as its job.
async fn predictor(
    call: &Call,
    project: &str,
    deployment: &Map<String, Value>,
) -> Result<Option<Vec<String>>, Problem> {
    let text = |map: &Map<String, Value>, name: &str| {
        map.get(name).and_then(Value::as_str).map(str::to_owned)
    };
    match text(deployment, "kind").as_deref() {
        Some("ExistingDeployment") => {
            let id = text(deployment, "deploymentId")
                .ok_or_else(|| bad("spec.deployment.deploymentId", "name a deployment"))?;
            let known = deployments::known(call, project, &id).await?;
            command_of(call, known.artifact())
        }
        Some("NewEphemeralDeployment") => {
            let template = deployment.get("template").and_then(Value::as_object);
            let artifact = template.and_then(|template| text(template, "artifactId"));
            let artifact = artifact
                .ok_or_else(|| bad("spec.deployment.template.artifactId", "name an artifact"))?;
            command_of(call, &artifact)
        }
        Some(_) | None => Err(bad(
            "spec.deployment.kind",
            "is `ExistingDeployment` or `NewEphemeralDeployment`",
        )),
    }
}
