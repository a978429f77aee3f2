//! `fasti doctor`: what could keep Fasti from working well on this machine, and what to do about it.
//!
//! It looks and never changes anything, but for a file of 4 KiB that it writes in the data folder to time the
//! disk, and removes.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::client::Client;
use super::exit::{Exit, Failure};
use super::show::{Show, Style};
use super::{Global, python};
use crate::config::{self, ConfigFile};

mod clock;
mod disk;
mod host;
mod log;
mod nats;

/// Arguments of `fasti doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Data folder [default: that of `fasti serve`].
    #[arg(long, env = "FASTI_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Interpreter to look at.
    #[arg(long, env = "FASTI_PYTHON", value_name = "PROGRAM")]
    python: Option<String>,
    /// NATS server to look at.
    #[arg(long, env = "FASTI_NATS", value_name = "URL")]
    nats: Option<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Ok,
    /// It works, but not as well or not as safely as it could.
    Warn,
    /// It will not work.
    Fail,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What was found about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    about: &'static str,
    level: Level,
    /// What was found; and what to do, unless it is fine.
    text: String,
}

impl Finding {
    fn ok(about: &'static str, text: impl Into<String>) -> Self {
        Self {
            about,
            level: Level::Ok,
            text: text.into(),
        }
    }

    fn warn(about: &'static str, text: impl Into<String>) -> Self {
        Self {
            about,
            level: Level::Warn,
            text: text.into(),
        }
    }

    fn fail(about: &'static str, text: impl Into<String>) -> Self {
        Self {
            about,
            level: Level::Fail,
            text: text.into(),
        }
    }
}

pub(crate) fn run(args: &DoctorArgs, global: &Global, config: &ConfigFile) -> anyhow::Result<()> {
    let show = Show::new(global);
    let data = args
        .data
        .clone()
        .or_else(|| config.server.data.clone())
        .unwrap_or_else(config::default_data);
    let client = Client::new(global, config);
    let mut findings = vec![interpreter(args, config)];
    findings.extend(disk::look(&data));
    findings.push(host::cgroups());
    findings.push(host::open_files());
    findings.push(clock::look());
    findings.push(clock::zones());
    if let Some(url) = args.nats.as_ref().or(config.nats.url.as_ref()) {
        findings.push(nats::look(url));
    }
    findings.push(server(&client));
    findings.extend(client.get("/health").ok().as_ref().and_then(log::look));
    tell(&show, &findings)
}

fn interpreter(args: &DoctorArgs, config: &ConfigFile) -> Finding {
    let named = args.python.as_deref().or(config.server.python.as_deref());
    match python::find(named) {
        Ok(found) => Finding::ok(
            "python",
            format!("{} is version {}", found.path, found.version),
        ),
        Err(why) => Finding::fail("python", why),
    }
}

fn server(client: &Client) -> Finding {
    let url = client.url();
    let answers = client
        .get("/version")
        .and_then(|version| Ok((version, client.get("/health")?)));
    match answers {
        Ok((version, health)) => {
            let text = format!(
                "{url} answers: version {}, {} events",
                version["server"], health["log_seq"]
            );
            let text = text.replace('"', "");
            if health["accepting"] == false {
                return Finding::warn(
                    "server",
                    format!("{text}, but it takes no commands: {}", health["status"]),
                );
            }
            if version["server"] == env!("CARGO_PKG_VERSION") {
                return Finding::ok("server", text);
            }
            Finding::warn(
                "server",
                format!(
                    "{text}; this program is version {}",
                    env!("CARGO_PKG_VERSION")
                ),
            )
        }
        Err(error) if Failure::is(&error, Exit::Unreachable) => Finding::warn(
            "server",
            format!("nobody answers at {url}: start one with `fasti serve`"),
        ),
        Err(error) => Finding::fail("server", format!("{url} refuses: {error}")),
    }
}

fn tell(show: &Show, findings: &[Finding]) -> anyhow::Result<()> {
    let worst_is_fail = findings.iter().any(|finding| finding.level == Level::Fail);
    if show.is_json() {
        let item = |finding: &Finding| json!({"about": finding.about, "level": finding.level.as_str(), "text": finding.text});
        let items: Vec<Value> = findings.iter().map(item).collect();
        show.json(&json!({"ok": !worst_is_fail, "findings": items}))?;
    } else {
        for finding in findings {
            let word = finding.level.as_str();
            let styled = show.styled(&format!("{word:<4}"), Style::of_status(word));
            show.line(&format!(
                "{styled}  {:<10}  {}",
                finding.about, finding.text
            ))?;
        }
    }
    if worst_is_fail {
        return Err(Failure::said(Exit::Internal).into());
    }
    Ok(())
}
