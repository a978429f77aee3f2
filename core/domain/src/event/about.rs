//! What an event is about: its run, batch, run set, runner, task run; or nobody's work.

use super::Event;
use crate::ids::{BatchId, RunId, RunSetId, RunnerId, TaskRunId};

impl Event {
    /// Whether an event is nobody's work but the server's own affair, so that everybody may read it: what it runs
    /// on, and what all batches share.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        match self {
            Self::LogCreated(_)
            | Self::ServerStarted(_)
            | Self::CalendarSaved(_)
            | Self::CalendarRemoved(_)
            | Self::ImageRegistered(_)
            | Self::ImageRemoved(_)
            | Self::PoolLimited(_)
            | Self::BundleRegistered(_)
            | Self::BundleRemoved(_)
            | Self::ContentsRemoved(_)
            | Self::RunnerJoined(_)
            | Self::RunnerLost(_)
            | Self::RunnerDrained(_)
            | Self::RunnerResumed(_) => true,
            // It could hold anything.
            Self::Unknown(_)
            | Self::DocumentSaved(_)
            | Self::DocumentRemoved(_)
            | Self::DefinitionAdded(_)
            | Self::StepTypeSaved(_)
            | Self::FlowTypeSaved(_)
            | Self::ItemSetCreated(_)
            | Self::ItemSetExtended(_)
            | Self::FilesRegistered(_)
            | Self::FlowSetCreated(_)
            | Self::FlowSetEdited(_)
            | Self::FlowsCreated(_)
            | Self::FlowDecided(_)
            | Self::StepFinished(_)
            | Self::StepsCancelled(_)
            | Self::StepsRequeued(_)
            | Self::BatchSaved(_)
            | Self::BatchPaused(_)
            | Self::BatchResumed(_)
            | Self::BatchDeleted(_)
            | Self::BatchRunsCancelled(_)
            | Self::SchedulePlanned(_)
            | Self::ScheduleFired(_)
            | Self::ScheduleQueued(_)
            | Self::ScheduleMissed(_)
            | Self::ScheduleSkipped(_)
            | Self::ScheduleSuperseded(_)
            | Self::ScheduleCancelled(_)
            | Self::ScheduleAlerted(_)
            | Self::TriggerFired(_)
            | Self::TriggerHeld(_)
            | Self::TriggerIgnored(_)
            | Self::RunSetCreated(_)
            | Self::RunSetPaused(_)
            | Self::RunSetResumed(_)
            | Self::RunSetClosed(_)
            | Self::RunSetCancelled(_)
            | Self::RunSetFinished(_)
            | Self::RunCreated(_)
            | Self::RunEndMoved(_)
            | Self::TaskProgressed(_)
            | Self::RunStarted(_)
            | Self::RunCancelRequested(_)
            | Self::RunDeadlinePassed(_)
            | Self::RunFinished(_)
            | Self::TaskQueued(_)
            | Self::TaskReused(_)
            | Self::TaskSkipped(_)
            | Self::TaskAttemptFailed(_)
            | Self::TaskFinished(_)
            | Self::AttemptLeased(_)
            | Self::AttemptStarted(_)
            | Self::AttemptFinished(_)
            | Self::AttemptReportedLate(_) => false,
        }
    }

    /// The run set an event is about.
    #[must_use]
    pub fn run_set(&self) -> Option<RunSetId> {
        match self {
            Self::RunSetCreated(e) => Some(e.run_set),
            Self::RunSetPaused(e) => Some(e.run_set),
            Self::RunSetResumed(e) => Some(e.run_set),
            Self::RunSetClosed(e) => Some(e.run_set),
            Self::RunSetCancelled(e) => Some(e.run_set),
            Self::RunSetFinished(e) => Some(e.run_set),
            Self::LogCreated(_)
            | Self::ServerStarted(_)
            | Self::CalendarSaved(_)
            | Self::CalendarRemoved(_)
            | Self::DocumentSaved(_)
            | Self::DocumentRemoved(_)
            | Self::ImageRegistered(_)
            | Self::ImageRemoved(_)
            | Self::BatchRunsCancelled(_)
            | Self::PoolLimited(_)
            | Self::BundleRegistered(_)
            | Self::BundleRemoved(_)
            | Self::ContentsRemoved(_)
            | Self::RunnerJoined(_)
            | Self::RunnerLost(_)
            | Self::RunnerDrained(_)
            | Self::RunnerResumed(_)
            | Self::Unknown(_)
            | Self::DefinitionAdded(_)
            | Self::StepTypeSaved(_)
            | Self::FlowTypeSaved(_)
            | Self::ItemSetCreated(_)
            | Self::ItemSetExtended(_)
            | Self::FilesRegistered(_)
            | Self::FlowSetCreated(_)
            | Self::FlowSetEdited(_)
            | Self::FlowsCreated(_)
            | Self::FlowDecided(_)
            | Self::StepFinished(_)
            | Self::StepsCancelled(_)
            | Self::StepsRequeued(_)
            | Self::BatchSaved(_)
            | Self::BatchPaused(_)
            | Self::BatchResumed(_)
            | Self::BatchDeleted(_)
            | Self::SchedulePlanned(_)
            | Self::ScheduleFired(_)
            | Self::ScheduleQueued(_)
            | Self::ScheduleMissed(_)
            | Self::ScheduleSkipped(_)
            | Self::ScheduleSuperseded(_)
            | Self::ScheduleCancelled(_)
            | Self::ScheduleAlerted(_)
            | Self::TriggerFired(_)
            | Self::TriggerHeld(_)
            | Self::TriggerIgnored(_)
            | Self::RunCreated(_)
            | Self::RunEndMoved(_)
            | Self::TaskProgressed(_)
            | Self::RunStarted(_)
            | Self::RunCancelRequested(_)
            | Self::RunDeadlinePassed(_)
            | Self::RunFinished(_)
            | Self::TaskQueued(_)
            | Self::TaskReused(_)
            | Self::TaskSkipped(_)
            | Self::TaskAttemptFailed(_)
            | Self::TaskFinished(_)
            | Self::AttemptLeased(_)
            | Self::AttemptStarted(_)
            | Self::AttemptFinished(_)
            | Self::AttemptReportedLate(_) => None,
        }
    }

    /// The run an event belongs to.
    #[must_use]
    pub fn run(&self) -> Option<RunId> {
        match self {
            Self::RunCreated(e) => Some(e.run),
            Self::RunStarted(e) => Some(e.run),
            Self::RunEndMoved(e) => Some(e.run),
            Self::TaskProgressed(e) => Some(e.run),
            Self::RunCancelRequested(e) => Some(e.run),
            Self::RunDeadlinePassed(e) => Some(e.run),
            Self::RunFinished(e) => Some(e.run),
            Self::TaskQueued(e) => Some(e.run),
            Self::TaskReused(e) => Some(e.run),
            Self::TaskSkipped(e) => Some(e.run),
            Self::TaskAttemptFailed(e) => Some(e.run),
            Self::TaskFinished(e) => Some(e.run),
            Self::AttemptLeased(e) => Some(e.run),
            Self::AttemptStarted(e) => Some(e.run),
            Self::AttemptFinished(e) => Some(e.run),
            Self::ScheduleFired(e) => Some(e.run),
            Self::TriggerFired(e) => Some(e.run),
            Self::LogCreated(_)
            | Self::ServerStarted(_)
            | Self::DefinitionAdded(_)
            | Self::StepTypeSaved(_)
            | Self::FlowTypeSaved(_)
            | Self::ItemSetCreated(_)
            | Self::ItemSetExtended(_)
            | Self::FilesRegistered(_)
            | Self::FlowSetCreated(_)
            | Self::FlowSetEdited(_)
            | Self::FlowsCreated(_)
            | Self::FlowDecided(_)
            | Self::StepFinished(_)
            | Self::StepsCancelled(_)
            | Self::StepsRequeued(_)
            | Self::BatchSaved(_)
            | Self::BatchPaused(_)
            | Self::BatchResumed(_)
            | Self::BatchDeleted(_)
            | Self::CalendarSaved(_)
            | Self::CalendarRemoved(_)
            | Self::DocumentSaved(_)
            | Self::DocumentRemoved(_)
            | Self::ImageRegistered(_)
            | Self::ImageRemoved(_)
            | Self::BatchRunsCancelled(_)
            | Self::PoolLimited(_)
            | Self::BundleRegistered(_)
            | Self::BundleRemoved(_)
            | Self::ContentsRemoved(_)
            | Self::Unknown(_)
            | Self::SchedulePlanned(_)
            | Self::ScheduleQueued(_)
            | Self::ScheduleMissed(_)
            | Self::ScheduleSkipped(_)
            | Self::ScheduleSuperseded(_)
            | Self::ScheduleCancelled(_)
            | Self::ScheduleAlerted(_)
            | Self::TriggerHeld(_)
            | Self::TriggerIgnored(_)
            | Self::RunSetCreated(_)
            | Self::RunSetPaused(_)
            | Self::RunSetResumed(_)
            | Self::RunSetClosed(_)
            | Self::RunSetCancelled(_)
            | Self::RunSetFinished(_)
            | Self::AttemptReportedLate(_)
            | Self::RunnerJoined(_)
            | Self::RunnerLost(_)
            | Self::RunnerDrained(_)
            | Self::RunnerResumed(_) => None,
        }
    }

    /// The batch an event belongs to.
    #[must_use]
    pub fn batch(&self) -> Option<BatchId> {
        match self {
            Self::BatchSaved(e) => Some(e.batch),
            Self::BatchPaused(e) => Some(e.batch),
            Self::BatchResumed(e) => Some(e.batch),
            Self::BatchDeleted(e) => Some(e.batch),
            Self::BatchRunsCancelled(e) => Some(e.batch),
            Self::SchedulePlanned(e) => Some(e.batch),
            Self::ScheduleFired(e) => Some(e.batch),
            Self::ScheduleQueued(e) => Some(e.batch),
            Self::ScheduleMissed(e) => Some(e.batch),
            Self::ScheduleSkipped(e) => Some(e.batch),
            Self::ScheduleSuperseded(e) => Some(e.batch),
            Self::ScheduleCancelled(e) => Some(e.batch),
            Self::ScheduleAlerted(e) => Some(e.batch),
            Self::TriggerFired(e) => Some(e.batch),
            Self::TriggerHeld(e) => Some(e.batch),
            Self::TriggerIgnored(e) => Some(e.batch),
            Self::RunSetCreated(e) => Some(e.batch),
            Self::RunSetFinished(e) => Some(e.batch),
            Self::RunSetCancelled(e) => Some(e.batch),
            Self::RunCreated(e) => Some(e.batch),
            Self::RunStarted(e) => Some(e.batch),
            Self::RunEndMoved(e) => Some(e.batch),
            Self::TaskProgressed(e) => Some(e.batch),
            Self::RunCancelRequested(e) => Some(e.batch),
            Self::RunDeadlinePassed(e) => Some(e.batch),
            Self::RunFinished(e) => Some(e.batch),
            Self::TaskQueued(e) => Some(e.batch),
            Self::TaskReused(e) => Some(e.batch),
            Self::TaskSkipped(e) => Some(e.batch),
            Self::TaskAttemptFailed(e) => Some(e.batch),
            Self::TaskFinished(e) => Some(e.batch),
            Self::AttemptLeased(e) => Some(e.batch),
            Self::AttemptStarted(e) => Some(e.batch),
            Self::AttemptFinished(e) => Some(e.batch),
            Self::LogCreated(_)
            | Self::ServerStarted(_)
            | Self::DefinitionAdded(_)
            | Self::StepTypeSaved(_)
            | Self::FlowTypeSaved(_)
            | Self::ItemSetCreated(_)
            | Self::ItemSetExtended(_)
            | Self::FilesRegistered(_)
            | Self::FlowSetCreated(_)
            | Self::FlowSetEdited(_)
            | Self::FlowsCreated(_)
            | Self::FlowDecided(_)
            | Self::StepFinished(_)
            | Self::StepsCancelled(_)
            | Self::StepsRequeued(_)
            | Self::CalendarSaved(_)
            | Self::CalendarRemoved(_)
            | Self::DocumentSaved(_)
            | Self::DocumentRemoved(_)
            | Self::ImageRegistered(_)
            | Self::ImageRemoved(_)
            | Self::PoolLimited(_)
            | Self::BundleRegistered(_)
            | Self::BundleRemoved(_)
            | Self::ContentsRemoved(_)
            | Self::Unknown(_)
            | Self::RunSetPaused(_)
            | Self::RunSetResumed(_)
            | Self::RunSetClosed(_)
            | Self::AttemptReportedLate(_)
            | Self::RunnerJoined(_)
            | Self::RunnerLost(_)
            | Self::RunnerDrained(_)
            | Self::RunnerResumed(_) => None,
        }
    }

    /// The runner an event is about or addressed to.
    #[must_use]
    pub fn runner(&self) -> Option<&RunnerId> {
        match self {
            Self::AttemptLeased(e) => Some(&e.runner),
            Self::AttemptStarted(e) => Some(&e.runner),
            Self::AttemptFinished(e) => Some(&e.runner),
            Self::TaskProgressed(e) => Some(&e.runner),
            Self::AttemptReportedLate(e) => Some(&e.runner),
            Self::RunnerJoined(e) => Some(&e.info.runner),
            Self::RunnerLost(e) => Some(&e.runner),
            Self::RunnerDrained(e) => Some(&e.runner),
            Self::RunnerResumed(e) => Some(&e.runner),
            Self::LogCreated(_)
            | Self::ServerStarted(_)
            | Self::DefinitionAdded(_)
            | Self::StepTypeSaved(_)
            | Self::FlowTypeSaved(_)
            | Self::ItemSetCreated(_)
            | Self::ItemSetExtended(_)
            | Self::FilesRegistered(_)
            | Self::FlowSetCreated(_)
            | Self::FlowSetEdited(_)
            | Self::FlowsCreated(_)
            | Self::FlowDecided(_)
            | Self::StepFinished(_)
            | Self::StepsCancelled(_)
            | Self::StepsRequeued(_)
            | Self::BatchSaved(_)
            | Self::BatchPaused(_)
            | Self::BatchResumed(_)
            | Self::BatchDeleted(_)
            | Self::CalendarSaved(_)
            | Self::CalendarRemoved(_)
            | Self::DocumentSaved(_)
            | Self::DocumentRemoved(_)
            | Self::ImageRegistered(_)
            | Self::ImageRemoved(_)
            | Self::BatchRunsCancelled(_)
            | Self::PoolLimited(_)
            | Self::BundleRegistered(_)
            | Self::BundleRemoved(_)
            | Self::ContentsRemoved(_)
            | Self::Unknown(_)
            | Self::SchedulePlanned(_)
            | Self::ScheduleFired(_)
            | Self::ScheduleQueued(_)
            | Self::ScheduleMissed(_)
            | Self::ScheduleSkipped(_)
            | Self::ScheduleSuperseded(_)
            | Self::ScheduleCancelled(_)
            | Self::ScheduleAlerted(_)
            | Self::TriggerFired(_)
            | Self::TriggerHeld(_)
            | Self::TriggerIgnored(_)
            | Self::RunSetCreated(_)
            | Self::RunSetPaused(_)
            | Self::RunSetResumed(_)
            | Self::RunSetClosed(_)
            | Self::RunSetCancelled(_)
            | Self::RunSetFinished(_)
            | Self::RunCreated(_)
            | Self::RunEndMoved(_)
            | Self::RunStarted(_)
            | Self::RunCancelRequested(_)
            | Self::RunDeadlinePassed(_)
            | Self::RunFinished(_)
            | Self::TaskQueued(_)
            | Self::TaskReused(_)
            | Self::TaskSkipped(_)
            | Self::TaskAttemptFailed(_)
            | Self::TaskFinished(_) => None,
        }
    }

    /// The task run an event is about, when it is about exactly one.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one line an event")]
    pub fn task_run(&self) -> Option<TaskRunId> {
        fn only<T>(items: &[T], id: impl Fn(&T) -> TaskRunId) -> Option<TaskRunId> {
            (items.len() == 1).then(|| id(&items[0]))
        }
        match self {
            Self::TaskQueued(e) => e.task_runs.single(),
            Self::TaskReused(e) => e.task_runs.single(),
            Self::TaskSkipped(e) => e.task_runs.single(),
            Self::TaskFinished(e) => e.task_runs.single(),
            Self::TaskAttemptFailed(e) => Some(e.task_run),
            Self::AttemptLeased(e) => only(&e.leases, |lease| lease.task_run),
            Self::AttemptStarted(e) => only(&e.starts, |start| start.task_run),
            Self::AttemptFinished(e) => only(&e.ends, |end| end.task_run),
            Self::TaskProgressed(e) => only(&e.marks, |mark| mark.task_run),
            Self::AttemptReportedLate(e) => Some(e.end.task_run),
            Self::LogCreated(_)
            | Self::ServerStarted(_)
            | Self::DefinitionAdded(_)
            | Self::StepTypeSaved(_)
            | Self::FlowTypeSaved(_)
            | Self::ItemSetCreated(_)
            | Self::ItemSetExtended(_)
            | Self::FilesRegistered(_)
            | Self::FlowSetCreated(_)
            | Self::FlowSetEdited(_)
            | Self::FlowsCreated(_)
            | Self::FlowDecided(_)
            | Self::StepFinished(_)
            | Self::StepsCancelled(_)
            | Self::StepsRequeued(_)
            | Self::BatchSaved(_)
            | Self::BatchPaused(_)
            | Self::BatchResumed(_)
            | Self::BatchDeleted(_)
            | Self::CalendarSaved(_)
            | Self::CalendarRemoved(_)
            | Self::DocumentSaved(_)
            | Self::DocumentRemoved(_)
            | Self::ImageRegistered(_)
            | Self::ImageRemoved(_)
            | Self::BatchRunsCancelled(_)
            | Self::PoolLimited(_)
            | Self::BundleRegistered(_)
            | Self::BundleRemoved(_)
            | Self::ContentsRemoved(_)
            | Self::Unknown(_)
            | Self::SchedulePlanned(_)
            | Self::ScheduleFired(_)
            | Self::ScheduleQueued(_)
            | Self::ScheduleMissed(_)
            | Self::ScheduleSkipped(_)
            | Self::ScheduleSuperseded(_)
            | Self::ScheduleCancelled(_)
            | Self::ScheduleAlerted(_)
            | Self::TriggerFired(_)
            | Self::TriggerHeld(_)
            | Self::TriggerIgnored(_)
            | Self::RunSetCreated(_)
            | Self::RunSetPaused(_)
            | Self::RunSetResumed(_)
            | Self::RunSetClosed(_)
            | Self::RunSetCancelled(_)
            | Self::RunSetFinished(_)
            | Self::RunCreated(_)
            | Self::RunEndMoved(_)
            | Self::RunStarted(_)
            | Self::RunCancelRequested(_)
            | Self::RunDeadlinePassed(_)
            | Self::RunFinished(_)
            | Self::RunnerJoined(_)
            | Self::RunnerLost(_)
            | Self::RunnerDrained(_)
            | Self::RunnerResumed(_) => None,
        }
    }
}
