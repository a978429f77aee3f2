//! Telling how a run goes while it goes: a bar where somebody watches, lines elsewhere, and in both cases every
//! failure and what comes of it.

use std::collections::HashMap;

use serde_json::Value;

use super::super::client::Client;
use super::super::follow::{self, Bar, Watch};
use super::super::read;
use super::super::show::{Show, Style};
use super::interrupt::Interrupt;

/// More failures than these are not told one by one.
const FAILURES_MAX: usize = 1000;

/// See the module.
pub(super) struct Story<'a> {
    client: &'a Client,
    show: &'a Show,
    interrupt: &'a Interrupt,
    run: u64,
    names: HashMap<u64, String>,
    bar: Option<Bar>,
    /// Last event told.
    seen: u64,
    said: String,
}

impl<'a> Story<'a> {
    pub(super) fn new(
        client: &'a Client,
        show: &'a Show,
        run: u64,
        interrupt: &'a Interrupt,
    ) -> anyhow::Result<Self> {
        let tasks = client.list(&format!("/runs/{run}/tasks"), usize::MAX)?;
        let named = tasks
            .iter()
            .filter_map(|task| Some((task["id"].as_u64()?, read::text(task, "name"))));
        Ok(Self {
            client,
            show,
            interrupt,
            run,
            names: named.collect(),
            bar: Some(Bar::new(show)),
            seen: 0,
            said: String::new(),
        })
    }

    /// Takes the bar away.
    pub(super) fn end(&mut self) {
        self.bar = None;
    }

    fn failures(&mut self) -> anyhow::Result<()> {
        let path = format!(
            "/events?run_id={}&types=task.attempt_failed&after={}",
            self.run, self.seen
        );
        for event in self.client.list(&path, FAILURES_MAX)? {
            self.seen = event["seq"].as_u64().unwrap_or(self.seen);
            let line = self.failure(&event);
            let note = || self.show.note(&line);
            match &self.bar {
                Some(bar) => bar.aside(note),
                None => note(),
            }
        }
        Ok(())
    }

    fn failure(&self, event: &Value) -> String {
        let data = &event["data"];
        let id = data["task_run"]
            .as_u64()
            .or(event["task_run_id"].as_u64())
            .unwrap_or_default();
        let name = self.names.get(&id).map_or("?", String::as_str);
        let after = if data["retry_at"].is_null() {
            "no tries are left".to_owned()
        } else {
            format!("it is tried again in {}", wait(event))
        };
        let failed = self.show.styled("failed", Style::Bad);
        let (number, reason) = (read::text(data, "number"), read::text(data, "reason"));
        format!("  {name}: attempt {number} {failed} ({reason}); {after}")
    }
}

/// Time from a failure to the next try.
fn wait(event: &Value) -> String {
    match (
        read::instant(event, "time"),
        read::instant(&event["data"], "retry_at"),
    ) {
        (Some(failed), Some(retry)) => read::duration(retry.0 - failed.0),
        (None, _) | (_, None) => "a moment".to_owned(),
    }
}

impl Watch for Story<'_> {
    fn seen(&mut self, run: &Value) -> anyhow::Result<()> {
        self.failures()?;
        let counts = follow::counts(run);
        if let Some(bar) = &self.bar {
            bar.set(run);
        }
        if !self.show.draws_progress() && counts != self.said {
            self.show.note(&format!("  {counts}"));
            self.said = counts;
        }
        Ok(())
    }

    fn stop(&self) -> bool {
        self.interrupt.is_asked()
    }
}
