//! The answer: each figure as recorded, as the model has it without changes, and as estimated, with its band.

use fasti_core::domain::definition::Priority;
use serde::Serialize;

use super::WhatIf;
use super::figures::{FIGURES, Sorted, Tally, of_batch};
use super::history::History;

/// An estimate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// What is otherwise, in words.
    pub changes: Vec<String>,
    /// How often it was played.
    pub times: usize,
    /// Over all batches.
    pub figures: Vec<FigureAnswer>,
    /// By batch, those with runs, in the order of their names.
    pub batches: Vec<BatchAnswer>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FigureAnswer {
    /// Of what.
    pub name: &'static str,
    /// In which unit.
    pub unit: &'static str,
    /// As it was.
    pub recorded: f64,
    /// By the model, without changes and with the recorded times.
    pub model: f64,
    /// With the changes: one of ten times it is lower.
    pub low: f64,
    /// With the changes: half of the times it is lower.
    pub median: f64,
    /// With the changes: one of ten times it is higher.
    pub high: f64,
}

/// One batch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BatchAnswer {
    /// Its name and tag.
    pub batch: String,
    /// Figures.
    pub figures: Vec<FigureAnswer>,
}

pub(super) fn answer(
    history: &History,
    asked: &WhatIf,
    recorded: &Tally,
    model: &Tally,
    played: &[Tally],
) -> Answer {
    let (recorded, model) = (Sorted::new(recorded), Sorted::new(model));
    let played: Vec<Sorted> = played.iter().map(Sorted::new).collect();
    let figures = FIGURES.iter().map(|(name, unit, read)| {
        let values = played.iter().map(read).collect();
        figure((name, unit), read(&recorded), read(&model), values)
    });
    let mut batches = Vec::new();
    for (index, batch) in history.batches.values().enumerate() {
        let (was, modelled) = (of_batch(&recorded, index), of_batch(&model, index));
        let estimates: Vec<_> = played.iter().map(|it| of_batch(it, index)).collect();
        let rows = was.iter().zip(modelled).enumerate();
        let figures: Vec<FigureAnswer> = rows
            .map(|(row, ((name, unit, was), (_, _, modelled)))| {
                let values = estimates.iter().map(|all| all[row].2).collect();
                figure((name, unit), *was, modelled, values)
            })
            .collect();
        let has_runs = |it: &FigureAnswer| it.recorded > 0.0 || it.high > 0.0;
        if figures.first().is_some_and(has_runs) {
            batches.push(BatchAnswer {
                batch: format!("{}:{}", batch.name, batch.tag.as_str()),
                figures,
            });
        }
    }
    batches.sort_by(|one, other| one.batch.cmp(&other.batch));
    Answer {
        changes: changes(asked),
        times: played.len(),
        figures: figures.collect(),
        batches,
    }
}

fn figure(
    (name, unit): (&'static str, &'static str),
    recorded: f64,
    model: f64,
    mut values: Vec<f64>,
) -> FigureAnswer {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let at = |of_10: usize| values.get((last * of_10 + 5) / 10).copied().unwrap_or(0.0);
    FigureAnswer {
        name,
        unit,
        recorded,
        model,
        low: at(1),
        median: at(5),
        high: at(9),
    }
}

fn changes(asked: &WhatIf) -> Vec<String> {
    let changes = &asked.changes;
    let mut told = Vec::new();
    if let Some(slots) = changes.slots {
        told.push(format!("{slots} task runs at a time"));
    }
    for (batch, cron) in &changes.schedules {
        told.push(format!("`{batch}` starts by `{cron}`"));
    }
    for (pool, units) in &changes.pools {
        told.push(match units {
            Some(units) => format!("the pool `{pool}` has {units} units"),
            None => format!("the pool `{pool}` has no limit"),
        });
    }
    for (batch, priority) in &changes.priorities {
        told.push(format!("`{batch}` has priority {}", word(*priority)));
    }
    for (batch, version) in &changes.versions {
        told.push(format!("`{batch}` is version {version}"));
    }
    told
}

fn word(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
    }
}
