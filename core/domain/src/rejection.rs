//! Every reason to refuse a command. A refusal changes nothing.

use thiserror::Error;

use crate::ids::{BatchId, RunId, RunSetId, Seq, TaskRunId};

/// Whose turn it is to mend what, in terms every interface can translate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request is wrong in itself.
    Invalid,
    /// It speaks of something that is not there.
    NotFound,
    /// It does not fit the present state.
    Conflict,
    /// The principal may not do it.
    Forbidden,
    /// A bound is reached; later it may fit.
    Limit,
}

/// Why a command was refused. Messages say what was attempted, with which value, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Rejection {
    /// A value is wrong.
    #[error("{message}")]
    Invalid {
        /// Path of the field, such as `tasks[0].retries`.
        field: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// Two tasks or parts of one name.
    #[error("the name `{name}` is used twice; names of tasks and parts are unique in a batch")]
    DuplicateName {
        /// Path of the second use.
        field: String,
        /// The name.
        name: String,
    },
    /// The graph has a cycle.
    #[error("the tasks {} depend on each other in a circle; remove one of the edges between them", list(.tasks))]
    Cycle {
        /// Names of the tasks on it, in order.
        tasks: Vec<String>,
    },
    /// The image is not registered.
    #[error(
        "the image `{image}` is not registered; register it with `fasti image add`, or PUT /api/v1/images/{image}"
    )]
    UnknownImage {
        /// Path of the field.
        field: String,
        /// The image.
        image: String,
    },
    /// The image is not for this tag.
    #[error("the image `{image}` is not registered for the tag `{tag}`")]
    ImageTag {
        /// Path of the field.
        field: String,
        /// The image.
        image: String,
        /// The tag.
        tag: &'static str,
    },
    /// The bundle is not there.
    #[error("the bundle {digest} is not there; upload it with POST /api/v1/bundles")]
    UnknownBundle {
        /// Its digest.
        digest: String,
    },
    /// No such batch.
    #[error("there is no batch {id}; `fasti batch list` shows those there are")]
    UnknownBatch {
        /// As asked for.
        id: BatchId,
    },
    /// No such live run.
    #[error("there is no run {id}; `fasti run list` shows those there are")]
    UnknownRun {
        /// As asked for.
        id: RunId,
    },
    /// No such image.
    #[error("there is no image `{name}`; `GET /api/v1/images` lists those there are")]
    NoSuchImage {
        /// As asked for.
        name: String,
    },
    /// No such run set.
    #[error("there is no run set {id}")]
    UnknownRunSet {
        /// As asked for.
        id: RunSetId,
    },
    /// The run set takes no more runs.
    #[error("the run set {id} is closed; make another one")]
    RunSetClosed {
        /// The set.
        id: RunSetId,
    },
    /// The run is over.
    #[error("the run {id} is already finished")]
    RunFinished {
        /// The run.
        id: RunId,
    },
    /// The batch has live runs.
    #[error("the batch {id} has {live} live runs; cancel them first, or delete it with force")]
    BatchBusy {
        /// The batch.
        id: BatchId,
        /// How many.
        live: u64,
    },
    /// Other batches run after it.
    #[error(
        "the batch {follower} runs after the batch {id}; give it another schedule first, or delete with force: it is then started by hand only"
    )]
    BatchFollowed {
        /// The batch.
        id: BatchId,
        /// One that runs after it.
        follower: BatchId,
    },
    /// No such trigger.
    #[error("the batch {batch} has no trigger `{name}`")]
    UnknownTrigger {
        /// The batch.
        batch: BatchId,
        /// As asked for.
        name: String,
    },
    /// A document is not what the caller knew.
    #[error(
        "the {kind} `{key}` is in version {version} (0: it is not there), which is not the one expected; read it again and repeat the change"
    )]
    DocumentChanged {
        /// What sort of document.
        kind: String,
        /// Which of its kind.
        key: String,
        /// Its version; 0 when it is not there.
        version: u32,
    },
    /// No calendar of this name.
    #[error("there is no calendar `{name}`")]
    NoSuchCalendar {
        /// The name.
        name: String,
    },
    /// Somebody else's calendar.
    #[error(
        "the calendar `{name}` belongs to {owner}; ask {owner}, or save one under another name"
    )]
    NotCalendarOwner {
        /// The name.
        name: String,
        /// Whose it is.
        owner: String,
    },
    /// Batches use the calendar.
    #[error("the batch {batch} uses the calendar `{name}`; give it another schedule first")]
    CalendarBusy {
        /// The name.
        name: String,
        /// One that uses it.
        batch: BatchId,
    },
    /// The image is used by live runs.
    #[error("the image `{name}` is used by the live run {run}; wait for it, or cancel it first")]
    ImageBusy {
        /// The image.
        name: String,
        /// One of them.
        run: RunId,
    },
    /// The stored version changed since it was read.
    #[error(
        "the batch {id} is at version {found}, not {expected}; read it again and repeat the change"
    )]
    VersionMismatch {
        /// The batch.
        id: BatchId,
        /// Version the caller knew.
        expected: u32,
        /// Version there is.
        found: u32,
    },
    /// The principal may not change it.
    #[error(transparent)]
    Forbidden(Box<Denied>),
    /// The image belongs to somebody else.
    #[error(
        "the image `{name}` was registered by `{owner}`; only `{owner}` or an administrator may change it"
    )]
    NotImageOwner {
        /// The image.
        name: String,
        /// Who registered it.
        owner: String,
    },
    /// Only administrators may do it.
    #[error("only an administrator may {action}")]
    NotAdministrator {
        /// What was asked.
        action: &'static str,
    },
    /// What an event did cannot be taken back.
    #[error("event {event} is not undone: {why}")]
    NotUndone {
        /// The event.
        event: Seq,
        /// Why, and what to do instead.
        why: String,
    },
    /// What an event changed is not as the event left it.
    #[error("event {event} is not undone: {}", changed(*.later))]
    ChangedSince {
        /// The event.
        event: Seq,
        /// The event that changed it again, where it is known.
        later: Option<Seq>,
    },
    /// The idempotency key was used for something else.
    #[error(
        "the idempotency key `{key}` was used for another request; use a new key for a new request"
    )]
    KeyReused {
        /// The key.
        key: String,
    },
    /// A report does not fit a lease; kept as evidence where it has a meaning.
    #[error("the task run {task_run} has no live attempt with this token")]
    UnknownToken {
        /// The task run it speaks of.
        task_run: TaskRunId,
    },
    /// The runner is not known, or not any more.
    #[error("the runner `{runner}` is not known; it must say hello first")]
    UnknownRunner {
        /// Its name.
        runner: String,
    },
    /// There is no runner of this name, nor was one drained.
    #[error("there is no runner `{runner}`; `fasti runner list` names those there are")]
    NoSuchRunner {
        /// Its name.
        runner: String,
    },
    /// A bound is reached.
    #[error("{message}")]
    Limit {
        /// Which, and what to do.
        message: String,
    },
}

/// A right that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{user}` may not {action} the batch `{batch}`: its permissions are `{permissions}`, owner `{owner}`, group `{group}`"
)]
pub struct Denied {
    /// Who asked.
    pub user: String,
    /// What for: `change`, `run`, `cancel`.
    pub action: &'static str,
    /// Name of the batch.
    pub batch: String,
    /// Permission string.
    pub permissions: String,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
}

fn changed(later: Option<Seq>) -> String {
    later.map_or_else(
        || "what it changed has been changed again since; look at it and change it as you want it".to_owned(),
        |later| format!("event {later} has changed again what it changed; undo event {later} first, or change it as you want it"),
    )
}

fn list(names: &[String]) -> String {
    const SHOWN: usize = 10;
    let mut text: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    if names.len() > SHOWN {
        text.push(format!("… ({} in all)", names.len()));
    }
    text.join(" → ")
}

impl Rejection {
    /// A wrong value.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            message: message.into(),
        }
    }

    /// Stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "validation_failed",
            Self::DuplicateName { .. } => "duplicate_name",
            Self::Cycle { .. } => "cyclic_dependency",
            Self::UnknownImage { .. } => "unknown_image",
            Self::ImageTag { .. } => "image_tag",
            Self::UnknownBundle { .. } => "unknown_bundle",
            Self::UnknownBatch { .. }
            | Self::UnknownRun { .. }
            | Self::NoSuchImage { .. }
            | Self::NoSuchCalendar { .. }
            | Self::NoSuchRunner { .. }
            | Self::UnknownTrigger { .. }
            | Self::UnknownRunSet { .. } => "not_found",
            Self::RunSetClosed { .. } => "run_set_closed",
            Self::RunFinished { .. } => "run_finished",
            Self::NotUndone { .. } => "not_undone",
            Self::ChangedSince { .. } => "changed_since",
            Self::BatchBusy { .. } => "batch_busy",
            Self::BatchFollowed { .. } => "batch_followed",
            Self::CalendarBusy { .. } => "calendar_busy",
            Self::ImageBusy { .. } => "image_busy",
            Self::VersionMismatch { .. } | Self::DocumentChanged { .. } => "version_mismatch",
            Self::Forbidden(_)
            | Self::NotImageOwner { .. }
            | Self::NotCalendarOwner { .. }
            | Self::NotAdministrator { .. } => "forbidden",
            Self::KeyReused { .. } => "idempotency_key_reused",
            Self::UnknownToken { .. } => "unknown_token",
            Self::UnknownRunner { .. } => "unknown_runner",
            Self::Limit { .. } => "limit",
        }
    }

    /// What sort of refusal this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Invalid { .. }
            | Self::DuplicateName { .. }
            | Self::Cycle { .. }
            | Self::UnknownImage { .. }
            | Self::ImageTag { .. }
            | Self::UnknownBundle { .. }
            | Self::KeyReused { .. } => Kind::Invalid,
            Self::UnknownBatch { .. }
            | Self::UnknownRun { .. }
            | Self::NoSuchImage { .. }
            | Self::NoSuchCalendar { .. }
            | Self::NoSuchRunner { .. }
            | Self::UnknownTrigger { .. }
            | Self::UnknownRunSet { .. } => Kind::NotFound,
            Self::RunSetClosed { .. }
            | Self::RunFinished { .. }
            | Self::NotUndone { .. }
            | Self::ChangedSince { .. }
            | Self::BatchBusy { .. }
            | Self::BatchFollowed { .. }
            | Self::CalendarBusy { .. }
            | Self::ImageBusy { .. }
            | Self::VersionMismatch { .. }
            | Self::DocumentChanged { .. }
            | Self::UnknownToken { .. }
            | Self::UnknownRunner { .. } => Kind::Conflict,
            Self::Forbidden(_)
            | Self::NotImageOwner { .. }
            | Self::NotCalendarOwner { .. }
            | Self::NotAdministrator { .. } => Kind::Forbidden,
            Self::Limit { .. } => Kind::Limit,
        }
    }

    /// Path of the offending field, when one is to blame.
    #[must_use]
    pub fn field(&self) -> Option<String> {
        match self {
            Self::Invalid { field, .. }
            | Self::DuplicateName { field, .. }
            | Self::UnknownImage { field, .. }
            | Self::ImageTag { field, .. } => Some(field.clone()),
            Self::Cycle { .. } => Some("edges".to_owned()),
            Self::UnknownBundle { .. } => Some("bundle".to_owned()),
            Self::UnknownBatch { .. }
            | Self::UnknownRun { .. }
            | Self::NoSuchImage { .. }
            | Self::UnknownRunSet { .. }
            | Self::RunSetClosed { .. }
            | Self::RunFinished { .. }
            | Self::NotUndone { .. }
            | Self::ChangedSince { .. }
            | Self::BatchBusy { .. }
            | Self::BatchFollowed { .. }
            | Self::CalendarBusy { .. }
            | Self::NoSuchCalendar { .. }
            | Self::NoSuchRunner { .. }
            | Self::UnknownTrigger { .. }
            | Self::NotCalendarOwner { .. }
            | Self::ImageBusy { .. }
            | Self::VersionMismatch { .. }
            | Self::DocumentChanged { .. }
            | Self::Forbidden(_)
            | Self::NotImageOwner { .. }
            | Self::NotAdministrator { .. }
            | Self::KeyReused { .. }
            | Self::UnknownToken { .. }
            | Self::UnknownRunner { .. }
            | Self::Limit { .. } => None,
        }
    }
}
