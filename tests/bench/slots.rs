//! Ten thousand schedules on one server: what they cost while nothing is due, and how late they start.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::measure::{median, seconds};
use crate::server::Server;
use crate::{Context, Figure};

/// Schedules at full size, all on one server. The same number of runs starts every minute.
const SCHEDULES: u32 = 10_000;

/// How long all of them may take to be saved, in seconds.
const SAVING_S: u64 = 240;

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
    let mut figures = vec![
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
    ];
    let burst = at_once(&server, count, &json!({}))?;
    figures.push(figure(
        "slot to run, last of 10,000 at once",
        burst * 1e3,
        "ms",
    ));
    server.send("PUT", "/calendars/days", &calendar()?)?;
    let used = json!({"calendars": [{"name": "days", "mode": "only_open_days"}]});
    let burst = at_once(&server, count, &used)?;
    let name = "the same by one calendar of 2,500 dates";
    figures.push(figure(name, burst * 1e3, "ms"));
    Ok(figures)
}

/// A calendar of 2,500 closed days that have passed.
fn calendar() -> anyhow::Result<Value> {
    let first = chrono::NaiveDate::from_ymd_opt(2015, 1, 1).context("a date")?;
    let dates = first.iter_days().take(2_500);
    let closed: BTreeMap<String, &str> = dates.map(|date| (date.to_string(), "closed")).collect();
    Ok(json!({ "closed": closed }))
}

/// Lets all be due in the same second, and gives the seconds from their slot to when the last had its run. How long
/// a run waits for its turn is the affair of its processor.
fn at_once(server: &Server, count: u32, further: &Value) -> anyhow::Result<f64> {
    // Far enough away that all can be saved before.
    let slot = chrono::DateTime::<chrono::Utc>::from(now()) + Duration::from_secs(SAVING_S);
    let cron = slot.format("%-S %-M %-H %-d %-m *").to_string();
    for number in 0..count {
        let mut schedule = json!({ "cron": cron });
        for (field, value) in further.as_object().into_iter().flatten() {
            schedule[field] = value.clone();
        }
        server.save(
            &json!({"name": format!("every {number}"), "schedule": schedule,
            "tasks": [{"name": "t", "command": ["/bin/true"]}]}),
        )?;
    }
    let left = slot - chrono::DateTime::<chrono::Utc>::from(now());
    let left = left.to_std().context("saving took too long")?;
    let since = slot.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let until = slot + Duration::from_secs(1);
    let until = until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    std::thread::sleep(left);
    let patience = Instant::now();
    loop {
        std::thread::sleep(Duration::from_secs(2));
        let late = between(server, &since, &until, "created_at")?;
        if late.len() == count as usize {
            return Ok(late.into_iter().fold(0.0, f64::max));
        }
        let made = late.len();
        anyhow::ensure!(
            patience.elapsed() < Duration::from_secs(120),
            "{made} of {count} runs were made"
        );
    }
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
    between(server, since, until, "started_at")
}

/// Seconds from slot to another instant of every run whose slot lies in the window.
fn between(server: &Server, since: &str, until: &str, field: &str) -> anyhow::Result<Vec<f64>> {
    let (since, until) = (since.replace("+00:00", "Z"), until.replace("+00:00", "Z"));
    let mut late = Vec::new();
    let mut cursor = String::new();
    loop {
        let path =
            format!("/runs?limit=1000&scheduled_from={since}&scheduled_until={until}{cursor}");
        let page = server.get(&path)?;
        for run in page["items"].as_array().context("a page has items")? {
            let start = &run[field];
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
