//! What is simulated: schedules of a server with the durations of its runs, or definitions in files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fasti_core::domain::calendar::{NamedCalendar, Rule};
use fasti_core::domain::calendars::rule_with;
use fasti_core::domain::definition::EndCondition;
use fasti_core::domain::schedule::{RunAfter, Schedule};
use fasti_core::domain::simulate::{Simulated, Start};
use fasti_core::domain::time::Timestamp;
use serde_json::{Map, Value};

use crate::cli::client::{Client, encode};
use crate::cli::exit::{Exit, Failure};
use crate::cli::read;

/// Runs whose durations are looked at, the newest ones.
const RUNS_LOOKED_AT: usize = 50;

type Calendars = BTreeMap<String, NamedCalendar>;

/// What is played, and what is not although it starts by itself.
pub(super) struct Found {
    pub(super) batches: Vec<Simulated>,
    /// In words, with the reason.
    pub(super) left_out: Vec<String>,
}

/// A batch as it is read, before it is known which others it runs after.
struct Read {
    /// Empty in a file.
    id: String,
    name: String,
    tag: String,
    /// For the report.
    title: String,
    schedule: Schedule,
    start: Option<Rule>,
    paused_until: Option<Timestamp>,
    duration_us: i64,
}

/// All batches of a server that start by themselves. A run takes the median of the last successful ones.
pub(super) fn of_server(client: &Client, fallback_us: i64) -> anyhow::Result<Found> {
    let mut calendars = Calendars::new();
    for calendar in client.list("/calendars", usize::MAX)? {
        let days = serde_json::from_value(calendar.clone())?;
        calendars.insert(read::text(&calendar, "name"), days);
    }
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    for batch in client.list("/batches", usize::MAX)? {
        let Some(mut of_batch) = read_batch(&batch, &calendars)? else {
            continue;
        };
        of_batch.paused_until = read::instant(&batch, "paused_until");
        if batch["paused"] == true && of_batch.paused_until.is_none() {
            left_out.push(format!("`{}`, which is paused", of_batch.title));
            continue;
        }
        let path = format!(
            "/runs?batch_id={}&status=success&order=desc",
            encode(&of_batch.id)
        );
        let runs = client.list(&path, RUNS_LOOKED_AT)?;
        of_batch.duration_us = median(&runs).unwrap_or(fallback_us);
        found.push(of_batch);
    }
    Ok(linked(found, left_out))
}

/// The definitions in files and folders.
pub(super) fn of_files(paths: &[PathBuf], fallback_us: i64) -> anyhow::Result<Found> {
    let mut found = Vec::new();
    for path in paths {
        for file in files(path)? {
            let read = read_json(&file)?;
            // One definition, or a list of them.
            let definitions = read
                .as_array()
                .map_or(std::slice::from_ref(&read), Vec::as_slice);
            for definition in definitions {
                if let Some(mut of_batch) = read_batch(definition, &Calendars::new())? {
                    of_batch.duration_us = fallback_us;
                    found.push(of_batch);
                }
            }
        }
    }
    Ok(linked(found, Vec::new()))
}

/// Finds those that others run after; all runs succeed here, so nothing runs after a failure.
fn linked(mut found: Vec<Read>, mut left_out: Vec<String>) -> Found {
    loop {
        let position = |after: &RunAfter, tag: &str| {
            found.iter().position(|it| match after.job_uuid {
                Some(id) => it.id == id.to_string(),
                None => after.job_name.as_deref() == Some(&it.name) && it.tag == tag,
            })
        };
        let reason = |it: &Read| {
            let after = it.schedule.run_after.as_ref()?;
            match after.condition {
                EndCondition::OnFailure => Some("which runs after failures"),
                EndCondition::OnSuccess | EndCondition::Always => position(after, &it.tag)
                    .is_none()
                    .then_some("which runs after a batch that is not played"),
            }
        };
        // One that is left out takes along those that run after it.
        let Some((at, reason)) =
            (found.iter().enumerate()).find_map(|(at, it)| Some((at, reason(it)?)))
        else {
            let starts: Vec<Option<usize>> = found
                .iter()
                .map(|it| position(it.schedule.run_after.as_ref()?, &it.tag))
                .collect();
            let batches = found.into_iter().zip(starts).filter_map(|(it, before)| {
                let start = it.start.map(Start::Times);
                Some(Simulated {
                    name: it.title,
                    start: start.or(before.map(Start::After))?,
                    paused_until: it.paused_until,
                    policy: it.schedule.policy,
                    duration_us: it.duration_us,
                })
            });
            return Found {
                batches: batches.collect(),
                left_out,
            };
        };
        left_out.push(format!("`{}`, {reason}", found.remove(at).title));
    }
}

fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let file = entry?.path();
        if file.extension().is_some_and(|it| it == "json") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn read_json(file: &Path) -> anyhow::Result<Value> {
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::new(
            Exit::Usage,
            format!("cannot read {}: {error}", file.display()),
        )
    };
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    Ok(serde_json::from_str(&text).map_err(|error| wrong(&error))?)
}

/// `None` when nothing starts it but people and messages.
fn read_batch(definition: &Value, calendars: &Calendars) -> anyhow::Result<Option<Read>> {
    let name = read::text(definition, "name");
    let wrong = |said: String| Failure::new(Exit::Usage, format!("{name}: {said}"));
    let schedule = schedule(&definition["schedule"]).map_err(|error| wrong(error.to_string()))?;
    let rule = rule_with(&schedule, |used| calendars.get(used));
    let rule = rule.map_err(|error| wrong(format!("schedule.{}: {error}", error.field)))?;
    if rule.is_none() && schedule.run_after.is_none() {
        return Ok(None);
    }
    Ok(Some(Read {
        id: read::text(definition, "id"),
        tag: definition["tag"].as_str().unwrap_or("dev").to_owned(),
        title: match definition["tag"].as_str() {
            Some(tag) => format!("{name}:{tag}"),
            None => name.clone(),
        },
        name,
        schedule,
        start: rule,
        paused_until: None,
        duration_us: 0,
    }))
}

/// A schedule as it is sent, as the rules have it: policies in a field of their own, `first_last` in small letters.
fn schedule(sent: &Value) -> Result<Schedule, serde_json::Error> {
    const POLICY: [&str; 6] = [
        "misfire",
        "misfire_within_seconds",
        "misfire_max",
        "overlap",
        "start_deadline_seconds",
        "jitter_seconds",
    ];
    let mut fields = Map::new();
    let (mut policy, mut after) = (Map::new(), Map::new());
    for (name, value) in sent.as_object().into_iter().flatten() {
        // Messages come when they come: nothing can be said of them.
        if value.is_null() || name == "triggers" {
            continue;
        }
        if let Some(part) = name.strip_prefix("run_after_") {
            let part = part
                .strip_prefix("job_condition")
                .map_or(part, |_| "condition");
            // `on success` there is `on_success` here.
            let value = match value.as_str() {
                Some(text) if part == "condition" => Value::from(text.replace(' ', "_")),
                Some(_) | None => value.clone(),
            };
            after.insert(part.to_owned(), value);
            continue;
        }
        if POLICY.contains(&name.as_str()) {
            policy.insert(name.clone(), value.clone());
        } else if name == "first_last" {
            let parts = value.as_object().into_iter().flatten();
            let parts = parts.map(|(key, value)| (key.to_lowercase(), value.clone()));
            fields.insert(name.clone(), Value::Object(parts.collect()));
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    fields.insert("policy".to_owned(), Value::Object(policy));
    // A condition alone names nothing to run after.
    if after.contains_key("job_name") || after.contains_key("job_uuid") {
        fields.insert("run_after".to_owned(), Value::Object(after));
    }
    serde_json::from_value(Value::Object(fields))
}

/// The median of how long runs took.
fn median(runs: &[Value]) -> Option<i64> {
    let took = runs.iter().filter_map(|run| {
        let started = read::instant(run, "started_at")?;
        let finished = read::instant(run, "finished_at")?;
        Some(finished.0 - started.0)
    });
    let mut took: Vec<i64> = took.collect();
    took.sort_unstable();
    took.get(took.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn schedules_are_read_as_they_are_sent() {
        let sent = json!({
            "first_last": {"Weekday": "Fri", "Which": "Last"},
            "at_hours": [8], "overlap": "queue_one", "timezone": "Europe/Paris",
            "cron": null,
        });
        let read = schedule(&sent).unwrap();
        assert_eq!(read.policy.overlap.as_str(), "queue_one");
        assert_eq!(read.first_last.unwrap().weekday, "Fri");
        assert_eq!(read.at_hours, [8]);
        let after =
            schedule(&json!({"run_after_job_name": "a", "run_after_job_condition": "always"}));
        let after = after.unwrap().run_after.unwrap();
        assert_eq!(after.job_name.as_deref(), Some("a"));
        assert_eq!(after.condition, EndCondition::Always);
        assert!(schedule(&json!({"at_hours": "8"})).is_err());
    }

    #[test]
    fn the_median_is_of_those_that_ended() {
        let run = |seconds: u32| {
            json!({"started_at": "2024-01-01T00:00:00.000Z",
                "finished_at": format!("2024-01-01T00:00:{seconds:02}.000Z")})
        };
        let runs = [run(9), run(1), json!({"started_at": null}), run(3)];
        assert_eq!(median(&runs), Some(3_000_000));
        assert_eq!(median(&[]), None);
    }
}
