//! The process of one item: fetches what the item names, has it predicted, and delivers the prediction.
//!
//! A short process of its own (`fasti item`), started by the runner like that of any command: it goes on while the
//! server is started again, is ended with its group, and says how far it is over the progress protocol. What it is to
//! do stands on its standard input ([`item_v1`](fasti_core::protocol::item_v1)); which item of its data set it is, in `FASTI_PART_NUM`.

mod clock;
mod dataset;
mod deliver;
mod gather;
mod http;
mod predict;
mod progress;
mod targets;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use fasti_core::protocol::item_v1::{ItemSpec, STAGES, SecretPath};
use serde_json::value::RawValue;

pub use self::deliver::{Attempted, Message, attempt, attempt_to};
use self::progress::Report;

/// Bytes of what stands on standard input.
const SPEC_BYTES_MAX: u64 = 4 << 20;

/// Why an item failed, and in which stage.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) stage: &'static str,
    pub(crate) message: String,
}

impl Failed {
    pub(crate) fn new(stage: &'static str, message: impl Into<String>) -> Self {
        Self {
            stage,
            message: message.into(),
        }
    }
}

/// What the runner tells every process.
pub(crate) struct Surroundings {
    pub(crate) data: PathBuf,
    pub(crate) run: String,
    pub(crate) batch: String,
    pub(crate) index: u32,
}

/// Do the item that standard input and the environment name. Fails with a line of progress and exit code 1.
#[must_use]
pub fn run() -> ExitCode {
    let report = Report::open();
    match work(&report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            report.failure(failed.stage, &failed.message);
            ExitCode::FAILURE
        }
    }
}

fn work(report: &Report) -> Result<(), Failed> {
    let gather = |message: String| Failed::new(STAGES[0], message);
    let surroundings = surroundings().map_err(gather)?;
    let spec = read_spec().map_err(gather)?;
    let line =
        dataset::line(&surroundings.data, &spec.dataset, surroundings.index).map_err(gather)?;
    let gathered = gather::gather(&spec, &line).map_err(gather)?;
    report.passed(STAGES[0]);
    let folder = Path::new(".");
    predict::stage(&spec, folder, &line, &gathered)
        .map_err(|message| Failed::new(STAGES[1], message))?;
    report.passed(STAGES[1]);
    let predictions = predict::predict(&spec, &surroundings, folder, &line, &gathered)
        .map_err(|message| Failed::new(STAGES[2], message))?;
    report.passed(STAGES[2]);
    drop(gathered);
    let body = deliver::body(&spec, &surroundings, &line, &predictions)
        .map_err(|message| Failed::new(STAGES[3], message))?;
    deliver::deliver_all(&spec, &surroundings, &body, report)
        .map_err(|message| Failed::new(STAGES[3], message))
}

fn surroundings() -> Result<Surroundings, String> {
    let text = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let index = text("FASTI_PART_NUM")?;
    Ok(Surroundings {
        data: PathBuf::from(text("FASTI_RUNNER_HOME")?),
        run: text("FASTI_RUN_ID")?,
        batch: text("FASTI_BATCH_ID")?,
        index: index
            .parse()
            .map_err(|_| format!("FASTI_PART_NUM is `{index}`, no number"))?,
    })
}

fn read_spec() -> Result<ItemSpec, String> {
    let mut text = String::new();
    std::io::stdin()
        .take(SPEC_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| format!("cannot read what is to be done: {error}"))?;
    serde_json::from_str(&text)
        .map_err(|error| format!("what is to be done cannot be understood: {error}"))
}

/// The key that deliveries are signed with, if the destination has one. Read for every attempt, so that a new key
/// counts at once.
pub(crate) fn secret(data: &Path, path: Option<&SecretPath>) -> Result<Option<Vec<u8>>, String> {
    let Some(path) = path else {
        return Ok(None);
    };
    let path = data.join(path.relative());
    match std::fs::read(&path) {
        Ok(key) => Ok(Some(key)),
        Err(error) => Err(format!("cannot read the secret of the webhook: {error}")),
    }
}

/// A line of the data set as it is passed on.
pub(crate) struct ItemLine {
    pub(crate) url: String,
    pub(crate) raw: Box<RawValue>,
}
