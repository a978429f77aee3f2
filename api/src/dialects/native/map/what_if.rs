//! What would have been.

use fasti_core::domain::definition::Priority;
use fasti_core::domain::ids::Seq;
use fasti_core::domain::time::Timestamp;
use fasti_replay::what_if::{Answer, Changes, FigureAnswer, WhatIf};

use super::super::wire;
use super::{instant, time};
use crate::errors::Problem;

/// Longest time of a task that can be assumed, in seconds: a week.
const TASK_SECONDS_MAX: u32 = 604_800;

const TASK_SECONDS: u32 = 60;

/// What is asked.
pub(crate) fn what_if(given: wire::WhatIfBody, now: Timestamp) -> Result<WhatIf, Problem> {
    let missing = || Problem::invalid("from", "name the first instant in RFC 3339");
    let from = instant("from", Some(&given.from))?.ok_or_else(missing)?;
    let until = instant("until", given.until.as_deref())?;
    let seconds = given.task_seconds.unwrap_or(TASK_SECONDS);
    if !(1..=TASK_SECONDS_MAX).contains(&seconds) {
        let detail = format!("must be 1 to {TASK_SECONDS_MAX}");
        return Err(Problem::invalid("task_seconds", detail));
    }
    if given.slots == Some(0) {
        return Err(Problem::invalid("slots", "must be at least 1"));
    }
    let priorities = given.priorities.into_iter();
    let priorities = priorities.map(|(batch, priority)| {
        let priority = match priority {
            wire::Priority::Low => Priority::Low,
            wire::Priority::Normal => Priority::Normal,
            wire::Priority::High => Priority::High,
        };
        (batch, priority)
    });
    Ok(WhatIf {
        from,
        until: until.unwrap_or(now),
        changes: Changes {
            schedules: given.schedules,
            slots: given.slots,
            pools: given.pools,
            priorities: priorities.collect(),
            versions: given.versions,
        },
        seed: given.seed,
        task_us: i64::from(seconds) * 1_000_000,
    })
}

/// As it is answered.
pub(crate) fn estimate(asked: &WhatIf, answer: Answer, last: Seq) -> wire::WhatIf {
    let figures = |figures: &[FigureAnswer]| figures.iter().map(figure).collect();
    let batches = answer.batches.into_iter();
    wire::WhatIf {
        from: time(asked.from),
        until: time(asked.until),
        seed: asked.seed,
        is_estimate: true,
        as_of_seq: last.0,
        changes: answer.changes,
        times: answer.times as u64,
        figures: figures(&answer.figures),
        batches: batches
            .map(|batch| wire::WhatIfBatch {
                batch: batch.batch,
                figures: figures(&batch.figures),
            })
            .collect(),
    }
}

fn figure(figure: &FigureAnswer) -> wire::WhatIfFigure {
    wire::WhatIfFigure {
        name: figure.name,
        unit: figure.unit,
        recorded: figure.recorded,
        model: figure.model,
        low: figure.low,
        median: figure.median,
        high: figure.high,
    }
}
