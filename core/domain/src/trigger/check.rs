//! What a trigger must be like, checked when its batch is saved.

use std::collections::BTreeSet;

use super::{
    CONDITIONS_MAX, DEBOUNCE_SECONDS_MAX, TRIGGER_NAME_MAX, TRIGGERS_MAX, Trigger, TriggerSource,
    VALUES_MAX,
};
use crate::rejection::Rejection;
use crate::schedule::Schedule;
use crate::state::State;

/// Longest subject and stream name; NATS itself has no bound that one could count on.
const SUBJECT_BYTES_MAX: usize = 255;

type Problem = (&'static str, String);

/// Checks the triggers of a schedule against themselves, and against what this server listens to.
///
/// # Errors
/// The first field that is wrong.
pub(crate) fn check(state: &State, schedule: &Schedule) -> Result<(), Rejection> {
    let triggers = &schedule.triggers;
    if triggers.len() > TRIGGERS_MAX {
        let message = format!("a batch has at most {TRIGGERS_MAX} triggers");
        return Err(Rejection::invalid("schedule.triggers", message));
    }
    let mut names = BTreeSet::new();
    for (index, trigger) in triggers.iter().enumerate() {
        let problem = name_problem(&trigger.name, &mut names)
            .or_else(|| source_problem(&trigger.source))
            .or_else(|| reach_problem(state, &trigger.source))
            .or_else(|| filter_problem(trigger));
        if let Some((field, message)) = problem {
            let field = format!("schedule.triggers[{index}].{field}");
            return Err(Rejection::invalid(field, message));
        }
    }
    Ok(())
}

fn name_problem<'a>(name: &'a str, names: &mut BTreeSet<&'a str>) -> Option<Problem> {
    let is_name = (1..=TRIGGER_NAME_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || it == b'_' || it == b'-');
    let problem = if !is_name {
        format!("must be 1 to {TRIGGER_NAME_MAX} letters, digits, `_` and `-`")
    } else if !names.insert(name) {
        format!("the name `{name}` is used twice")
    } else {
        return None;
    };
    Some(("name", problem))
}

fn source_problem(source: &TriggerSource) -> Option<Problem> {
    match source {
        TriggerSource::Nats { subject } => subject_problem(subject),
        TriggerSource::Stream { stream, subject } => {
            stream_problem(stream).or_else(|| subject.as_deref().and_then(subject_problem))
        }
        TriggerSource::Webhook { key } if key.is_empty() => Some((
            "key",
            "name the key that requests are signed with".to_owned(),
        )),
        TriggerSource::Webhook { .. } => None,
    }
}

fn subject_problem(subject: &str) -> Option<Problem> {
    let tokens: Vec<&str> = subject.split('.').collect();
    let first = tokens[0];
    let is_token = |token: &str| {
        !token.is_empty()
            && !token
                .chars()
                .any(|it| it.is_whitespace() || it.is_control())
    };
    let is_placed = |(index, token): (usize, &&str)| match *token {
        ">" => index + 1 == tokens.len(),
        "*" => true,
        token => is_token(token) && !token.contains(['*', '>']),
    };
    let problem = if subject.len() > SUBJECT_BYTES_MAX {
        format!("at most {SUBJECT_BYTES_MAX} bytes")
    } else if !tokens.iter().enumerate().all(is_placed) {
        "must be tokens with dots between, such as `orders.*.paid`; `*` is a whole token, `>` the last one"
            .to_owned()
    } else if matches!(first, "*" | ">" | "fasti") || first.starts_with(['$', '_']) {
        "must begin with a word that is not `fasti` nor the server's own: Fasti's messages would start runs that make messages; to follow a batch, run after it"
            .to_owned()
    } else {
        return None;
    };
    Some(("subject", problem))
}

fn stream_problem(stream: &str) -> Option<Problem> {
    let is_name = (1..=SUBJECT_BYTES_MAX).contains(&stream.len())
        && !stream.chars().any(|it| {
            it.is_whitespace() || it.is_control() || matches!(it, '.' | '*' | '>' | '/' | '\\')
        });
    let problem = if !is_name {
        "is no name of a stream: no blanks, dots, slashes and wildcards"
    } else if stream.starts_with("FASTI_EVENTS_") {
        "is Fasti's own stream, whose messages would start runs that make messages; to follow a batch, run after it"
    } else {
        return None;
    };
    Some(("stream", format!("`{stream}` {problem}")))
}

/// Whether messages of this source can reach this server at all.
fn reach_problem(state: &State, source: &TriggerSource) -> Option<Problem> {
    let intake = state.settings.intake.as_ref();
    let has_nats = intake.is_some_and(|it| it.nats);
    let no_nats = "no NATS server is configured; start this one with --nats".to_owned();
    match source {
        TriggerSource::Nats { .. } if !has_nats => Some(("subject", no_nats)),
        TriggerSource::Stream { .. } if !has_nats => Some(("stream", no_nats)),
        TriggerSource::Webhook { key } => {
            let keys = intake.map(|it| it.webhook_keys.as_slice());
            let keys = keys.unwrap_or_default();
            if keys.contains(key) {
                return None;
            }
            let known = match keys {
                [] => "has none; name a file of keys with --webhook-keys".to_owned(),
                keys => format!("has {}", keys.join(", ")),
            };
            Some((
                "key",
                format!("there is no key `{key}`; this server {known}"),
            ))
        }
        TriggerSource::Nats { .. } | TriggerSource::Stream { .. } => None,
    }
}

fn filter_problem(trigger: &Trigger) -> Option<Problem> {
    if trigger.filter.len() > CONDITIONS_MAX {
        return Some(("filter", format!("at most {CONDITIONS_MAX} conditions")));
    }
    for condition in &trigger.filter {
        let path = &condition.path;
        let is_escaped = |rest: &str| rest.starts_with(['0', '1']);
        let is_pointer =
            (path.is_empty() || path.starts_with('/')) && path.split('~').skip(1).all(is_escaped);
        if !is_pointer {
            let message = format!(
                "`{path}` is no JSON pointer: write `/order/country`, and `~0` for `~`, `~1` for `/` in a name"
            );
            return Some(("filter", message));
        }
        if condition.one_of.len() > VALUES_MAX {
            return Some(("filter", format!("at most {VALUES_MAX} values a condition")));
        }
    }
    let seconds = trigger.debounce_seconds?;
    if (1..=DEBOUNCE_SECONDS_MAX).contains(&seconds) {
        return None;
    }
    let message = format!("must be 1 to {DEBOUNCE_SECONDS_MAX} seconds");
    Some(("debounce_seconds", message))
}
