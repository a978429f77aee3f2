//! Waiting for the end of a run, with progress where somebody watches.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use super::client::Client;
use super::exit::{Exit, Failure};
use super::read;
use super::show::Show;

/// Pause between two looks at a run: short at first, so that a short run is not waited for longer than it
/// takes.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// How long a server may be away while its run is waited for; a restart takes less.
const AWAY_MAX: Duration = Duration::from_secs(60);

/// What is looked at between two answers.
pub(crate) trait Watch {
    /// Told every answer about the run.
    fn seen(&mut self, run: &Value) -> anyhow::Result<()>;
    /// Whether to give up waiting.
    fn stop(&self) -> bool;
}

/// Waits until run `id` is over; answers with the run. `timeout` is for the waiting, not for the run.
pub(crate) fn until_over(
    client: &Client,
    id: u64,
    timeout: Option<Duration>,
    watch: &mut dyn Watch,
) -> anyhow::Result<Value> {
    let begin = Instant::now();
    let mut pause = PAUSE.0;
    let mut latest: Option<(Instant, Value)> = None;
    loop {
        match client.get(&format!("/runs/{id}")) {
            Ok(run) => {
                watch.seen(&run)?;
                if is_over(&run) {
                    return Ok(run);
                }
                latest = Some((Instant::now(), run));
            }
            Err(error) if !Failure::is(&error, Exit::Unreachable) => return Err(error),
            Err(error) => {
                // A server that never answered is not waited for; one that went away may come back.
                let Some((seen, _)) = &latest else {
                    return Err(error);
                };
                if seen.elapsed() > AWAY_MAX {
                    let message = format!("run {id} cannot be followed any more: {error}");
                    return Err(Failure::new(Exit::RunLost, message).into());
                }
            }
        }
        if let Some(timeout) = timeout.filter(|timeout| begin.elapsed() >= *timeout) {
            let message = format!(
                "run {id} is not over after {} s; it goes on",
                timeout.as_secs_f64()
            );
            return Err(Failure::new(Exit::RunTimedOut, message).into());
        }
        if watch.stop() {
            return Ok(latest.map_or(Value::Null, |(_, run)| run));
        }
        let left = timeout.map_or(pause, |timeout| timeout.saturating_sub(begin.elapsed()));
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(PAUSE.1);
    }
}

fn is_over(run: &Value) -> bool {
    matches!(
        run["status"].as_str(),
        Some("success" | "failure" | "cancelled")
    )
}

/// A failure with the exit code that tells how the run ended; nothing for a success.
pub(crate) fn verdict(run: &Value) -> anyhow::Result<()> {
    let id = read::text(run, "id");
    let (exit, word) = match run["status"].as_str() {
        Some("success") => return Ok(()),
        Some("cancelled") => (Exit::RunCancelled, "was cancelled"),
        Some(_) | None => (Exit::RunFailed, "failed"),
    };
    let reason = match run["status_reason"].as_str() {
        Some("cancelled") | None => String::new(),
        Some(reason) => format!(": {}", read::plain(reason)),
    };
    Err(Failure::new(
        exit,
        format!("run {id} {word}{reason}; see `fasti run show {id}`"),
    )
    .into())
}

/// How far a run is, in words: `12 of 18 done, 2 running, 1 failed`.
pub(crate) fn counts(run: &Value) -> String {
    let count = |status: &str| run["task_counts"][status].as_u64().unwrap_or(0);
    let others = [
        ("running", "running"),
        ("queued", "queued"),
        ("failure", "failed"),
        ("skipped", "skipped"),
        ("cancelled", "cancelled"),
    ];
    let done = format!(
        "{} of {} done",
        done(run),
        run["task_runs"].as_u64().unwrap_or(0)
    );
    let others = others.iter().filter(|(status, _)| count(status) > 0);
    let others = others.map(|(status, word)| format!("{} {word}", count(status)));
    std::iter::once(done)
        .chain(others)
        .collect::<Vec<_>>()
        .join(", ")
}

fn done(run: &Value) -> u64 {
    let open = ["waiting", "queued", "running"];
    let open: u64 = open
        .iter()
        .filter_map(|status| run["task_counts"][status].as_u64())
        .sum();
    run["task_runs"].as_u64().unwrap_or(0).saturating_sub(open)
}

/// A bar on stderr, if somebody watches.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new(show: &Show) -> Self {
        let bar = ProgressBar::new(0);
        if show.draws_progress() {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        } else {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template("{elapsed:>4} [{bar:30}] {msg}")
            .expect("the template is valid: it is constant");
        bar.set_style(style.progress_chars("=> "));
        Self(bar)
    }

    pub(crate) fn set(&self, run: &Value) {
        self.0.set_length(run["task_runs"].as_u64().unwrap_or(0));
        self.0.set_position(done(run));
        self.0.set_message(counts(run));
    }

    /// Prints something that would otherwise run into the bar.
    pub(crate) fn aside(&self, print: impl FnOnce()) {
        self.0.suspend(print);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Watch for Bar {
    fn seen(&mut self, run: &Value) -> anyhow::Result<()> {
        self.set(run);
        Ok(())
    }

    fn stop(&self) -> bool {
        false
    }
}

/// `30`, `1.5s`, `10m` or `2h`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, seconds) = match text.as_bytes().last() {
        Some(b's') => (&text[..text.len() - 1], 1.0),
        Some(b'm') => (&text[..text.len() - 1], 60.0),
        Some(b'h') => (&text[..text.len() - 1], 3600.0),
        Some(_) | None => (text, 1.0),
    };
    let parsed: Option<f64> = number.parse().ok();
    let duration = parsed.and_then(|number| Duration::try_from_secs_f64(number * seconds).ok());
    duration.ok_or_else(|| format!("`{text}` is no duration; write 30, 30s, 10m or 2h"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("30").unwrap(), Duration::from_secs(30));
        assert_eq!(parse_duration("1.5s").unwrap(), Duration::from_millis(1500));
        assert_eq!(parse_duration("2h").unwrap(), Duration::from_secs(7200));
        for text in ["", "s", "-1", "1d", "inf", "1e400"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_are_in_words() {
        let run = json!({"task_runs": 9, "task_counts": {"success": 4, "failure": 1, "running": 2, "waiting": 2}});
        assert_eq!(counts(&run), "5 of 9 done, 2 running, 1 failed");
    }

    #[test]
    fn the_verdict_has_the_exit_code() {
        assert!(verdict(&json!({"id": 7, "status": "success"})).is_ok());
        let failed =
            verdict(&json!({"id": 7, "status": "failure", "status_reason": "why"})).unwrap_err();
        assert!(Failure::is(&failed, Exit::RunFailed));
        assert!(
            failed.to_string().starts_with("run 7 failed: why;"),
            "{failed}"
        );
        let cancelled = verdict(&json!({"id": 7, "status": "cancelled"})).unwrap_err();
        assert!(Failure::is(&cancelled, Exit::RunCancelled));
    }
}
