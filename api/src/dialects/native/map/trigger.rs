//! Triggers, both ways, and what became of a signal.

use fasti_core::domain::command::{Receipt, Subject};
use fasti_core::domain::trigger::{Condition, Scalar, Trigger, TriggerSource};

use super::super::wire;
use super::time;
use crate::errors::Problem;

/// What the author wrote, for the domain; `path` is that of the trigger.
///
/// # Errors
/// 422 with the field.
pub(super) fn from_wire(path: &str, given: wire::Trigger) -> Result<Trigger, Problem> {
    let source = source(path, &given)?;
    let filter = given.filter.into_iter().map(|condition| Condition {
        path: condition.path,
        one_of: condition.one_of.into_iter().map(scalar).collect(),
    });
    Ok(Trigger {
        name: given.name,
        source,
        filter: filter.collect(),
        debounce_seconds: given.debounce_seconds,
    })
}

fn source(path: &str, given: &wire::Trigger) -> Result<TriggerSource, Problem> {
    let needed = |name: &str, value: &Option<String>| {
        let missing = || Problem::invalid(format!("{path}.{name}"), "this source needs it");
        value.clone().ok_or_else(missing)
    };
    let none = |name: &str, value: &Option<String>| match value {
        None => Ok(()),
        Some(_) => Err(Problem::invalid(
            format!("{path}.{name}"),
            "this source has none; leave it out",
        )),
    };
    Ok(match given.source {
        wire::TriggerSource::Nats => {
            none("stream", &given.stream)?;
            none("key", &given.key)?;
            TriggerSource::Nats {
                subject: needed("subject", &given.subject)?,
            }
        }
        wire::TriggerSource::Stream => {
            none("key", &given.key)?;
            TriggerSource::Stream {
                stream: needed("stream", &given.stream)?,
                subject: given.subject.clone(),
            }
        }
        wire::TriggerSource::Webhook => {
            none("subject", &given.subject)?;
            none("stream", &given.stream)?;
            TriggerSource::Webhook {
                key: needed("key", &given.key)?,
            }
        }
    })
}

fn scalar(value: wire::TriggerValue) -> Scalar {
    match value {
        wire::TriggerValue::Bool(value) => Scalar::Bool(value),
        wire::TriggerValue::Number(value) => Scalar::Number(value),
        wire::TriggerValue::Text(value) => Scalar::Text(value),
    }
}

/// As it is answered.
pub(super) fn to_wire(trigger: &Trigger) -> wire::Trigger {
    let (source, subject, stream, key) = match &trigger.source {
        TriggerSource::Nats { subject } => {
            (wire::TriggerSource::Nats, Some(subject.clone()), None, None)
        }
        TriggerSource::Stream { stream, subject } => (
            wire::TriggerSource::Stream,
            subject.clone(),
            Some(stream.clone()),
            None,
        ),
        TriggerSource::Webhook { key } => {
            (wire::TriggerSource::Webhook, None, None, Some(key.clone()))
        }
    };
    let value = |scalar: &Scalar| match scalar {
        Scalar::Bool(value) => wire::TriggerValue::Bool(*value),
        Scalar::Number(value) => wire::TriggerValue::Number(*value),
        Scalar::Text(value) => wire::TriggerValue::Text(value.clone()),
    };
    let filter = trigger
        .filter
        .iter()
        .map(|condition| wire::TriggerCondition {
            path: condition.path.clone(),
            one_of: condition.one_of.iter().map(value).collect(),
        });
    wire::Trigger {
        name: trigger.name.clone(),
        source,
        subject,
        stream,
        key,
        filter: filter.collect(),
        debounce_seconds: trigger.debounce_seconds,
    }
}

/// What became of a signal; `None` when the receipt is none of a signal.
pub(crate) fn signal_answer(receipt: &Receipt) -> Option<wire::SignalAnswer> {
    let answer = |outcome| wire::SignalAnswer {
        outcome,
        run_id: None,
        due: None,
        reason: None,
        repeated: receipt.repeated,
    };
    match &receipt.subject {
        Subject::Run(run) => Some(wire::SignalAnswer {
            run_id: Some(run.0),
            ..answer(wire::SignalOutcome::Fired)
        }),
        Subject::Held(due) => Some(wire::SignalAnswer {
            due: Some(time(*due)),
            ..answer(wire::SignalOutcome::Held)
        }),
        Subject::Ignored(reason) => Some(wire::SignalAnswer {
            reason: Some(reason.clone()),
            ..answer(wire::SignalOutcome::Ignored)
        }),
        Subject::None
        | Subject::Batch { .. }
        | Subject::RunSet(_)
        | Subject::Image(_)
        | Subject::Bundle(_)
        | Subject::Flow(_) => None,
    }
}
