//! `[predictions]`: the programs that predict items, the projects that have them, and what they may reach.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use fasti_api::{Deliver, Delivered, Delivery, Predictions, Predictor};
use fasti_core::protocol::item_v1::Targets;
use fasti_runner::item::{Message, attempt};
use serde::Deserialize;

use crate::cli::{Exit, Failure};

/// As written.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PredictionsSection {
    /// Hosts that may be reached wherever they are, also over plain http.
    pub(crate) allowed_hosts: Vec<String>,
    /// Projects besides `default`.
    pub(crate) projects: Vec<String>,
    /// Programs that predict, by name.
    pub(crate) programs: BTreeMap<String, ProgramSection>,
}

/// `[predictions.programs.NAME]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProgramSection {
    /// Program and arguments.
    pub(crate) command: Vec<String>,
    /// For people; the name when not given.
    #[serde(default)]
    pub(crate) title: Option<String>,
}

impl PredictionsSection {
    /// Refuses what could not be used.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let wrong = |message: String| Err(Failure::new(Exit::Usage, message).into());
        let is_name = |name: &str| {
            let is_word =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
            (1..=64).contains(&name.len()) && name.chars().all(is_word)
        };
        let mut names = self.programs.keys().chain(&self.projects);
        if let Some(name) = names.find(|name| !is_name(name)) {
            return wrong(format!(
                "`{name}` in [predictions] is no name; write a to z, digits, `_` and `-`, at most 64"
            ));
        }
        if self.programs.contains_key("echo") {
            return wrong(
                "`echo` in [predictions.programs] is built in; take another name".to_owned(),
            );
        }
        for (name, program) in &self.programs {
            if program.command.first().is_none_or(String::is_empty) {
                return wrong(format!("[predictions.programs.{name}] has no command"));
            }
        }
        Ok(())
    }

    /// As used. A server that listens on this machine alone may reach everything: nobody else asks it.
    pub(crate) fn used(&self, address: SocketAddr) -> Predictions {
        let targets = Targets {
            local: address.ip().is_loopback(),
            allowed: self.allowed_hosts.clone(),
        };
        let programs = self.programs.iter().map(|(name, program)| {
            let title = program.title.clone().unwrap_or_else(|| name.clone());
            let command = program.command.clone();
            (name.clone(), Predictor { command, title })
        });
        Predictions {
            programs: programs.collect(),
            projects: self.projects.clone(),
            targets: targets.clone(),
            caller: Some(Arc::new(Caller(targets))),
        }
    }
}

/// Delivers as the process of an item does.
struct Caller(Targets);

impl Deliver for Caller {
    fn deliver(&self, delivery: &Delivery) -> Delivered {
        let message = Message {
            id: &delivery.id,
            body: &delivery.body,
        };
        let attempted = attempt(
            &self.0,
            &delivery.endpoint,
            delivery.key.as_deref(),
            message,
        );
        Delivered {
            status: attempted.status,
            latency_ms: attempted.latency_ms,
            body: attempted.body,
            reason: attempted.reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(text: &str) -> PredictionsSection {
        toml::from_str(text).unwrap_or_default()
    }

    #[test]
    fn names_and_commands_are_checked() {
        let good =
            section("projects = [\"a\"]\n[programs.digits]\ncommand = [\"python3\", \"x.py\"]");
        assert!(good.check().is_ok());
        for bad in [
            "projects = [\"A b\"]",
            "[programs.\"../x\"]\ncommand = [\"x\"]",
            "[programs.x]\ncommand = []",
            "[programs.echo]\ncommand = [\"x\"]",
        ] {
            assert!(section(bad).check().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_a_server_of_one_machine_reaches_that_machine() {
        let section = PredictionsSection::default();
        assert!(section.used(([127, 0, 0, 1], 1).into()).targets.local);
        assert!(!section.used(([10, 0, 0, 1], 1).into()).targets.local);
    }
}
