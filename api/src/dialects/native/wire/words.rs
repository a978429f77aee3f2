//! Closed lists of words, each the mirror of one in the domain.

use fasti_core::domain;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! words {
    ($( $(#[$doc:meta])* $name:ident = $domain:path { $( $variant:ident = $text:literal, )* } )*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        pub(crate) enum $name {
            $( #[serde(rename = $text)] $variant, )*
        }

        impl $name {
            /// The words with their values, for parameters of an address.
            #[allow(dead_code, reason = "not every list of words is a parameter")]
            pub(crate) const WORDS: &'static [(&'static str, $domain)] =
                &[ $( ($text, <$domain>::$variant), )* ];
        }

        impl From<$domain> for $name {
            fn from(value: $domain) -> Self {
                match value { $( <$domain>::$variant => Self::$variant, )* }
            }
        }

        impl From<$name> for $domain {
            fn from(value: $name) -> Self {
                match value { $( $name::$variant => Self::$variant, )* }
            }
        }
    )* };
}

words! {
    /// Environment of a batch.
    Tag = domain::definition::Tag { Dev = "dev", Pre = "pre", Prod = "prod", }
    /// Who goes first among queued tasks.
    Priority = domain::definition::Priority { Low = "low", Normal = "normal", High = "high", }
    /// On which end of a run something else starts.
    EndCondition = domain::definition::EndCondition {
        OnSuccess = "on success",
        OnFailure = "on failure",
        Always = "always",
    }
    /// What made a run.
    RunType = domain::run::RunType {
        Scheduled = "scheduled",
        Manual = "manual",
        RunAfter = "run_after",
        Triggered = "triggered",
        Rerun = "rerun",
        PartialRerun = "partial_rerun",
        DevRun = "dev_run",
    }
    /// Where a run stands.
    RunStatus = domain::run::RunStatus {
        Queued = "queued",
        Running = "running",
        Success = "success",
        Failure = "failure",
        Cancelled = "cancelled",
    }
    /// What becomes of slots that passed while nobody could start them.
    Misfire = domain::slots::Misfire {
        Latest = "latest",
        All = "all",
        Within = "within",
        Skip = "skip",
    }
    /// What becomes of a slot while an earlier run of the batch goes on.
    Overlap = domain::slots::Overlap {
        Allow = "allow",
        Skip = "skip",
        QueueOne = "queue_one",
        QueueAll = "queue_all",
        CancelOld = "cancel_old",
    }
    /// What a calendar does to the days of a schedule.
    CalendarMode = domain::calendar::CalendarMode {
        OnlyOpenDays = "only_open_days",
        OnlyClosedDays = "only_closed_days",
        NextOpenDay = "next_open_day",
        PreviousOpenDay = "previous_open_day",
    }
    /// Where a task run stands.
    TaskStatus = domain::run::TaskStatus {
        Waiting = "waiting",
        Queued = "queued",
        Running = "running",
        Success = "success",
        Failure = "failure",
        Skipped = "skipped",
        Cancelled = "cancelled",
    }
}

/// Where messages for a trigger come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TriggerSource {
    /// A subject of core NATS.
    Nats,
    /// A stream of JetStream.
    Stream,
    /// A signed request.
    Webhook,
}

/// What became of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SignalOutcome {
    /// It started a run.
    Fired,
    /// It waits for silence.
    Held,
    /// It starts nothing.
    Ignored,
}

/// One task run, or one a part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// One task run.
    #[default]
    Task,
    /// One task run a part.
    Parallel,
}
