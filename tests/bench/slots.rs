//! Ten thousand schedules on one server: what they cost while nothing is due, and how late they start.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;

use crate::measure::{median, seconds};
use crate::server::Server;
use crate::{Context, Figure};

/// Schedules at full size, all on one server. The same number of runs starts every minute.
const SCHEDULES: u32 = 10_000;

/// How long the server is watched while nothing is due.
const IDLE: Duration = Duration::from_secs(5);

pub(crate) fn slots(context: &Context) -> anyhow::Result<Vec<Figure>> {
    let count = context.count(SCHEDULES);
    let (server, _) = Server::start(context, &context.scratch.join("slots"))?;
    let definition = |number: u32, cron: &str| {
        json!({"name": format!("every {number}"), "schedule": {"cron": cron},
               "tasks": [{"name": "t", "command": ["/bin/true"]}]})
    };
    for number in 0..count {
        server.save(&definition(number, "0 0 29 2 *"))?;
    }
    let before = cpu(server.pid())?;
    std::thread::sleep(IDLE);
    let idle = (cpu(server.pid())? - before).as_secs_f64() / IDLE.as_secs_f64();
    // A sixtieth of them every second, as fast as they can be saved.
    for number in 0..count {
        let second = number % 60;
        server.save(&definition(number, &format!("{second} * * * * *")))?;
    }
    let begin = Instant::now();
    let since = chrono::DateTime::<chrono::Utc>::from(now()).to_rfc3339();
    while begin.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(500));
    }
    let until = chrono::DateTime::<chrono::Utc>::from(now() - Duration::from_secs(5)).to_rfc3339();
    let late = lateness(&server, &since, &until)?;
    let ninety_nine = late.len() * 99 / 100;
    let figure = |name, value, unit| Figure {
        name,
        value,
        unit,
        floor: None,
    };
    let mut sorted = late.clone();
    sorted.sort_by(f64::total_cmp);
    Ok(vec![
        figure(
            "processor used by 10,000 schedules, nothing due",
            idle * 100.0,
            "% of a core",
        ),
        figure("slot to start, median", median(late) * 1e3, "ms"),
        figure(
            "slot to start, 99 of 100",
            sorted.get(ninety_nine).copied().unwrap_or(f64::NAN) * 1e3,
            "ms",
        ),
    ])
}

#[expect(
    clippy::disallowed_methods,
    reason = "compared with instants of the log"
)]
fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

/// Seconds from slot to start of every run whose slot lies in the window.
fn lateness(server: &Server, since: &str, until: &str) -> anyhow::Result<Vec<f64>> {
    let (since, until) = (since.replace("+00:00", "Z"), until.replace("+00:00", "Z"));
    let mut late = Vec::new();
    let mut cursor = String::new();
    loop {
        let path =
            format!("/runs?limit=1000&scheduled_from={since}&scheduled_until={until}{cursor}");
        let page = server.get(&path)?;
        for run in page["items"].as_array().context("a page has items")? {
            let start = &run["started_at"];
            anyhow::ensure!(
                !start.is_null(),
                "a run has not started seconds after its slot"
            );
            late.push(seconds(start)? - seconds(&run["scheduled_time"])?);
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(late),
        }
    }
}

/// Processor time of a process so far.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"))?;
    let (_, rest) = stat
        .rsplit_once(')')
        .context("the name of a process is in brackets")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| -> anyhow::Result<u64> { Ok(fields[at].parse()?) };
    // User and system time in hundredths of a second.
    Ok(Duration::from_millis(10 * (ticks(11)? + ticks(12)?)))
}
