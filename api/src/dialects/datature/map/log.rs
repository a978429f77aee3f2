//! Entries of the log of a job, from the steps of its run.

use fasti_core::domain::ids::RunId;
use fasti_projector::rows::{EndedTaskRun, StepKind, StepView};

use super::super::wire::JobLogEntry;

/// How much an entry matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Level {
    Debug,
    Info,
    Warning,
    Error,
}

impl Level {
    const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warning, Self::Error];

    pub(in super::super) fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "Debug",
            Self::Info => "Info",
            Self::Warning => "Warning",
            Self::Error => "Error",
        }
    }

    pub(in super::super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }

    /// That of a step; `None` for one that is no entry: what was predicted is told with its end.
    pub(in super::super) fn of(kind: StepKind) -> Option<Self> {
        match kind {
            StepKind::Passed(0 | 1 | 3) => Some(Self::Debug),
            StepKind::Passed(_) => None,
            StepKind::Succeeded => Some(Self::Info),
            StepKind::Failed => Some(Self::Error),
        }
    }
}

/// The entry of a step, which is at a position in its run.
pub(in super::super) fn entry(
    run: RunId,
    position: u32,
    step: &StepView,
    ended: &EndedTaskRun,
    item: String,
) -> JobLogEntry {
    let (kind, status) = match step.kind {
        StepKind::Passed(0) => ("ItemGathered", "Gathered"),
        StepKind::Passed(1) => ("ItemPreprocessed", "Preprocessed"),
        StepKind::Passed(_) => ("ItemDelivered", "Delivered"),
        StepKind::Succeeded => ("ItemPredicted", "Delivered"),
        StepKind::Failed => ("ItemPredicted", failed_in(ended.passed)),
    };
    let until = match step.kind {
        StepKind::Passed(_) => Some(step.at_ms.saturating_mul(1_000)),
        StepKind::Succeeded | StepKind::Failed => ended.finished_at.map(|at| at.0),
    };
    let took_us = ended
        .started_at
        .zip(until)
        .map_or(0, |(from, until)| until.saturating_sub(from.0).max(0));
    let reason = match step.kind {
        StepKind::Failed => ended.reason.as_deref().unwrap_or_default().to_owned(),
        StepKind::Passed(_) | StepKind::Succeeded => String::new(),
    };
    JobLogEntry {
        kind,
        create_time: step.at_ms,
        id: format!("{:016x}{position:08x}", run.0),
        level: Level::of(step.kind).unwrap_or(Level::Debug).as_str(),
        item,
        status,
        time_ms: std::time::Duration::from_micros(took_us.unsigned_abs()).as_secs_f64() * 1_000.0,
        reason,
    }
}

fn failed_in(passed: u8) -> &'static str {
    match passed {
        0 => "FailedGather",
        1 => "FailedProcess",
        2 => "FailedPredict",
        _ => "FailedDeliver",
    }
}
