//! What is simulated: schedules of a server with the durations of its runs, or definitions in files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fasti_core::domain::calendar::NamedCalendar;
use fasti_core::domain::calendars::rule_with;
use fasti_core::domain::schedule::Schedule;
use fasti_core::domain::simulate::Simulated;
use serde_json::{Map, Value};

use crate::cli::client::{Client, encode};
use crate::cli::exit::{Exit, Failure};
use crate::cli::read;

/// Runs whose durations are looked at, the newest ones.
const RUNS_LOOKED_AT: usize = 50;

type Calendars = BTreeMap<String, NamedCalendar>;

/// All batches of a server that have times and are not paused. A run takes the median of the last successful ones.
pub(super) fn of_server(client: &Client, fallback_us: i64) -> anyhow::Result<Vec<Simulated>> {
    let mut calendars = Calendars::new();
    for calendar in client.list("/calendars", usize::MAX)? {
        let days = serde_json::from_value(calendar.clone())?;
        calendars.insert(read::text(&calendar, "name"), days);
    }
    let mut found = Vec::new();
    for batch in client.list("/batches", usize::MAX)? {
        if batch["paused"] == true {
            continue;
        }
        let Some(mut simulated) = simulated(&batch, &calendars)? else {
            continue;
        };
        let id = encode(&read::text(&batch, "id"));
        let path = format!("/runs?batch_id={id}&status=success&order=desc");
        let runs = client.list(&path, RUNS_LOOKED_AT)?;
        simulated.duration_us = median(&runs).unwrap_or(fallback_us);
        found.push(simulated);
    }
    Ok(found)
}

/// The definitions in files and folders.
pub(super) fn of_files(paths: &[PathBuf], fallback_us: i64) -> anyhow::Result<Vec<Simulated>> {
    let mut found = Vec::new();
    for path in paths {
        for file in files(path)? {
            let read = read_json(&file)?;
            // One definition, or a list of them.
            let definitions = read
                .as_array()
                .map_or(std::slice::from_ref(&read), Vec::as_slice);
            for definition in definitions {
                if let Some(mut simulated) = simulated(definition, &Calendars::new())? {
                    simulated.duration_us = fallback_us;
                    found.push(simulated);
                }
            }
        }
    }
    Ok(found)
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

fn simulated(definition: &Value, calendars: &Calendars) -> anyhow::Result<Option<Simulated>> {
    let name = match definition["tag"].as_str() {
        Some(tag) => format!("{}:{tag}", read::text(definition, "name")),
        None => read::text(definition, "name"),
    };
    let wrong = |said: String| Failure::new(Exit::Usage, format!("{name}: {said}"));
    let schedule = schedule(&definition["schedule"]).map_err(|error| wrong(error.to_string()))?;
    let rule = rule_with(&schedule, |used| calendars.get(used));
    let rule = rule.map_err(|error| wrong(format!("schedule.{}: {error}", error.field)))?;
    Ok(rule.map(|rule| Simulated {
        name,
        rule,
        policy: schedule.policy,
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
    let mut policy = Map::new();
    for (name, value) in sent.as_object().into_iter().flatten() {
        // Messages come when they come: nothing can be said of them.
        if value.is_null() || name.starts_with("run_after_") || name == "triggers" {
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
        assert!(
            schedule(&json!({"run_after_job_name": "a"}))
                .unwrap()
                .is_manual()
        );
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
