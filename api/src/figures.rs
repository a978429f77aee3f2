//! Figures for Prometheus. Labels are closed lists of words, never names or ids.

use std::fmt::{Display, Write as _};

use fasti_projector::rows::{LogView, RunCounts, RunnerView};
use warp::http::{HeaderValue, StatusCode, header};

use crate::call::Call;
use crate::dialects::native::routes::health;
use crate::dialects::native::wire::{Health, StoreHealth};
use crate::errors::Answer;
use crate::page;

/// The text format, figure by figure.
#[derive(Default)]
struct Figures {
    text: String,
}

impl Figures {
    fn add(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a text in memory cannot fail.
        let _ = writeln!(
            self.text,
            "# HELP fasti_{name} {help}\n# TYPE fasti_{name} {kind}"
        );
    }

    fn line(&mut self, name: &str, value: impl Display) {
        let _ = writeln!(self.text, "fasti_{name} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.add(name, kind, help);
        self.line(name, value);
    }
}

/// What there is to measure, in numbers.
pub(crate) async fn get_figures(call: Call) -> Answer {
    let health = health(&call.app);
    let asked = call.ask(None, |views, _| {
        let drained = views.drained_here().count();
        Ok((views.log(), views.runners(), drained))
    });
    let ((log, runners, drained), _) = asked.await?;
    let mut figures = Figures::default();
    engine(&mut figures, &health);
    store(&mut figures, &health.store);
    work(&mut figures, &log);
    runners_of(&mut figures, &runners);
    let help = "Runners there are that are drained.";
    figures.one("runners_drained", "gauge", help, drained);
    let mut response = page::text(StatusCode::OK, figures.text);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

fn engine(figures: &mut Figures, health: &Health) {
    let behind = health.log_seq.saturating_sub(health.views_seq);
    figures.one(
        "log_sequence",
        "counter",
        "Last event in the log.",
        health.log_seq,
    );
    let help = "Events the views are behind the log.";
    figures.one("projector_lag_events", "gauge", help, behind);
    let help = "Last event of a copy of the views that is being built anew; 0 when none is.";
    let rebuild = health.views_rebuild_seq.unwrap_or(0);
    figures.one("projector_rebuild_sequence", "gauge", help, rebuild);
    let help = "Commands waiting to be written.";
    figures.one("engine_queue_length", "gauge", help, health.queue_length);
    let help = "Milliseconds that recorded time is ahead of the clock.";
    figures.one(
        "clock_ahead_milliseconds",
        "gauge",
        help,
        health.clock_ahead_ms,
    );
    let help = "Times since the start that the clock jumped ahead.";
    figures.one("clock_jumps_total", "counter", help, health.clock_jumps);
    let accepting = u8::from(health.accepting);
    figures.one(
        "engine_accepting",
        "gauge",
        "Whether commands are accepted.",
        accepting,
    );
}

fn store(figures: &mut Figures, store: &StoreHealth) {
    let mut gauge = |name: &str, help: &str, value: u64| figures.one(name, "gauge", help, value);
    let help = "Last event that the head file is known to remember on the disk.";
    gauge("store_head_sequence", help, store.head_seq);
    let help = "Microseconds that the last sync of the log took.";
    gauge("store_last_sync_microseconds", help, store.last_sync_us);
    let help = "Bytes set aside for the ends of running tasks.";
    gauge("store_reserve_bytes", help, store.reserve_bytes);
    let help = "Event up to which the check of the whole log has come.";
    gauge("store_checked_sequence", help, store.checked_seq);
    let help = "Event at which this check ends.";
    gauge("store_check_end_sequence", help, store.check_end_seq);
    let help = "Whether the log is damaged or closed for writing.";
    gauge("store_trouble", help, u64::from(store.trouble.is_some()));
    let help = "Syncs of the log since the start.";
    figures.one("store_syncs_total", "counter", help, store.syncs);
}

fn work(figures: &mut Figures, log: &LogView) {
    figures.one("batches", "gauge", "Living batches.", log.batches);
    figures.add("runs", "gauge", "Runs ever made, by their present status.");
    for status in RunCounts::STATUSES {
        let name = format!("runs{{status=\"{}\"}}", status.as_str());
        figures.line(&name, log.runs.of(status));
    }
    figures.add(
        "task_runs",
        "gauge",
        "Task runs of live runs that are not over.",
    );
    figures.line("task_runs{status=\"waiting\"}", log.task_runs_waiting);
    figures.line("task_runs{status=\"queued\"}", log.task_runs_queued);
    figures.line("task_runs{status=\"running\"}", log.task_runs_running);
    let help = "Reports about attempts that had already ended.";
    figures.one("late_reports_total", "counter", help, log.late_reports);
    let help = "Times that slots of schedules had no outcome when it was due.";
    figures.one("slot_alerts_total", "counter", help, log.slot_alerts);
    let help = "Events of later versions that were passed over and kept.";
    figures.one("unknown_events_total", "counter", help, log.unknown_events);
}

fn runners_of(figures: &mut Figures, runners: &[RunnerView]) {
    let living = runners.iter().filter(|runner| runner.lost_at.is_none());
    let slots: u64 = living
        .clone()
        .map(|runner| u64::from(runner.info.capacity.slots))
        .sum();
    figures.one("runners", "gauge", "Runners there are.", living.count());
    figures.one(
        "runner_slots",
        "gauge",
        "Attempts they can run at a time.",
        slots,
    );
}
