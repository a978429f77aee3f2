//! The log of a job: newest first, a page of steps at a time.

use fasti_core::domain::ids::RunId;
use fasti_projector::Views;

use super::super::dataset_file::Urls;
use super::super::errors::bad;
use super::super::map::{Level, entry};
use super::super::query::Query;
use super::super::wire::{JobLogEntry, JobLogs};
use super::jobs::find;
use super::{known_project, ok};
use crate::call::Call;
use crate::errors::{Answer, Problem};

/// Entries of one answer: the client stops at a page of fewer.
const ENTRIES_MAX: usize = 1_000;

/// Steps read at a time.
const STEPS: u32 = 2_000;

/// What is asked for.
struct Filter {
    before_ms: Option<i64>,
    after_ms: Option<i64>,
    level: Level,
    max: usize,
}

impl Filter {
    fn read(query: &str) -> Result<Self, Problem> {
        let query = Query::parse(query);
        let level = match query.text("minLevel") {
            None => Level::Info,
            Some(name) => Level::named(name).ok_or_else(|| {
                bad(
                    "minLevel",
                    format_args!("`{name}` is none of Debug, Info, Warning, Error"),
                )
            })?,
        };
        let max = query.number("maxEntries")?.unwrap_or(ENTRIES_MAX);
        Ok(Self {
            before_ms: query.number("beforeTime")?,
            after_ms: query.number("afterTime")?,
            level,
            max: max.min(ENTRIES_MAX),
        })
    }
}

pub(super) async fn logs(project: String, id: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    let filter = Filter::read(&call.query)?;
    let blobs = call.app.parts.content.blobs.clone();
    let of = project.clone();
    let own = id.clone();
    let asked = call.ask(None, move |views, asker| {
        let found = find(views, asker, &of, &own)?;
        let urls = Urls::open(&blobs, found.note.file, found.note.index);
        match &found.run {
            Some(run) => entries(views, run.id, &filter, &urls),
            None => Ok(Vec::new()),
        }
    });
    let (entries, _) = asked.await?;
    let own = id.strip_prefix("batchjob_").unwrap_or(&id);
    let logs = JobLogs {
        id: format!("batchjoblog_{own}"),
        object: "batch_job_log",
        project_id: project,
        entries,
    };
    ok(&call, &logs)
}

/// From the newest step that is wanted backwards, until there are enough.
fn entries(
    views: &Views,
    run: RunId,
    filter: &Filter,
    urls: &Urls,
) -> Result<Vec<JobLogEntry>, Problem> {
    let end = views.first_step_after(run, filter.before_ms.unwrap_or(i64::MAX))?;
    let start = match filter.after_ms {
        Some(after) => views.first_step_after(run, after.saturating_sub(1))?,
        None => 0,
    };
    let mut entries = Vec::new();
    let mut upto = end;
    while upto > start && entries.len() < filter.max {
        let first = upto.saturating_sub(STEPS).max(start);
        let steps = views.steps(run, first, upto - first)?.unwrap_or_default();
        for (position, step) in (first..upto).zip(&steps).rev() {
            if entries.len() == filter.max {
                break;
            }
            if Level::of(step.kind).is_none_or(|level| level < filter.level) {
                continue;
            }
            if let Some(ended) = views.ended_task_run(run, step.index)? {
                entries.push(entry(run, position, step, &ended, urls.url(step.index)));
            }
        }
        upto = first;
    }
    Ok(entries)
}
