//! One commit in the making. No IO: requests are offered, what they led to is taken, then it is durable or
//! everything stops.

use fasti_domain::attempt::Lease;
use fasti_domain::command::{Receipt, Request};
use fasti_domain::event::{Event, Recorded};
use fasti_domain::ids::{RunId, RunnerId};
use fasti_domain::launch::Launch;
use fasti_domain::launching::{UpstreamLists, launch};
use fasti_domain::rejection::Rejection;
use fasti_domain::state::State;
use fasti_domain::time::Timestamp;
use fasti_domain::{Handled, Placing, handle_placing};

use crate::protocol::runner_v1::StopAttempt;

/// Answer to an offered request. To be given only once the commit is durable: a refusal, too, may rest on
/// events of this commit.
pub type Offered = Result<Receipt, Rejection>;

/// What a durable commit calls for.
#[derive(Debug, Default)]
pub struct Calls {
    /// Attempts to start, with the runner that holds the lease.
    pub starts: Vec<(RunnerId, Launch)>,
    /// Attempts to end.
    pub stops: Vec<(RunnerId, StopAttempt)>,
}

/// Events of the requests offered so far.
#[derive(Debug, Default)]
pub struct Commit {
    events: Vec<Recorded>,
}

impl Commit {
    /// Decides one more request on the state, which is then ahead of the log.
    ///
    /// # Errors
    /// Why it was refused; the state is unchanged then.
    pub fn offer(&mut self, state: &mut State, request: &Request, now: Timestamp) -> Offered {
        self.offer_placing(state, request, now, Placing::Now)
    }

    /// As [`Commit::offer`], while nothing new may begin, or may again.
    ///
    /// # Errors
    /// As [`Commit::offer`].
    pub fn offer_placing(
        &mut self,
        state: &mut State,
        request: &Request,
        now: Timestamp,
        placing: Placing,
    ) -> Offered {
        let Handled { events, receipt } = handle_placing(state, request, now, placing)?;
        self.events.extend(events);
        Ok(receipt)
    }

    /// Number of events so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing has to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The events, to be appended.
    #[must_use]
    pub fn events(&self) -> &[Recorded] {
        &self.events
    }

    /// The events, once they are durable.
    #[must_use]
    pub fn into_events(self) -> Vec<Recorded> {
        self.events
    }

    /// What the world has to do now that the commit is durable: attempts to start and attempts to end.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one line an event")]
    pub fn effects(&self, state: &State, lists: &mut UpstreamLists) -> Calls {
        let Calls {
            mut starts,
            mut stops,
        } = Calls::default();
        for recorded in &self.events {
            match &recorded.event {
                Event::AttemptLeased(leased) => {
                    let launches = leased
                        .leases
                        .iter()
                        .filter_map(|lease| launch(state, leased.run, lease, lists));
                    starts.extend(launches.map(|launch| (leased.runner.clone(), launch)));
                }
                Event::RunCancelRequested(event) => stops.extend(stops_of(state, event.run)),
                Event::RunDeadlinePassed(event) => stops.extend(stops_of(state, event.run)),
                Event::RunFinished(event) => lists.forget(event.run),
                Event::LogCreated(_)
                | Event::ServerStarted(_)
                | Event::DefinitionAdded(_)
                | Event::BatchSaved(_)
                | Event::BatchPaused(_)
                | Event::BatchResumed(_)
                | Event::BatchDeleted(_)
                | Event::BatchRunsCancelled(_)
                | Event::PoolLimited(_)
                | Event::SchedulePlanned(_)
                | Event::ScheduleFired(_)
                | Event::ScheduleQueued(_)
                | Event::ScheduleMissed(_)
                | Event::ScheduleSkipped(_)
                | Event::ScheduleSuperseded(_)
                | Event::ScheduleCancelled(_)
                | Event::ScheduleAlerted(_)
                | Event::TriggerFired(_)
                | Event::TriggerHeld(_)
                | Event::TriggerIgnored(_)
                | Event::RunSetCancelled(_)
                | Event::StepTypeSaved(_)
                | Event::FlowTypeSaved(_)
                | Event::ItemSetCreated(_)
                | Event::ItemSetExtended(_)
                | Event::FilesRegistered(_)
                | Event::FlowSetCreated(_)
                | Event::FlowSetEdited(_)
                | Event::FlowsCreated(_)
                | Event::FlowDecided(_)
                | Event::StepFinished(_)
                | Event::StepsCancelled(_)
                | Event::StepsRequeued(_)
                | Event::CalendarSaved(_)
                | Event::CalendarRemoved(_)
                | Event::DocumentSaved(_)
                | Event::DocumentRemoved(_)
                | Event::ImageRegistered(_)
                | Event::ImageRemoved(_)
                | Event::BundleRegistered(_)
                | Event::BundleRemoved(_)
                | Event::ContentsRemoved(_)
                | Event::Unknown(_)
                | Event::RunSetCreated(_)
                | Event::RunSetClosed(_)
                | Event::RunSetPaused(_)
                | Event::RunSetResumed(_)
                | Event::RunSetFinished(_)
                | Event::RunCreated(_)
                | Event::RunStarted(_)
                | Event::TaskQueued(_)
                | Event::TaskReused(_)
                | Event::TaskSkipped(_)
                | Event::TaskAttemptFailed(_)
                | Event::TaskFinished(_)
                | Event::AttemptStarted(_)
                | Event::RunEndMoved(_)
                | Event::TaskProgressed(_)
                | Event::AttemptFinished(_)
                | Event::AttemptReportedLate(_)
                | Event::RunnerJoined(_)
                | Event::RunnerLost(_)
                | Event::RunnerDrained(_)
                | Event::RunnerResumed(_) => {}
            }
        }
        Calls { starts, stops }
    }
}

/// The live attempts of a run that is to stop.
#[must_use]
pub(super) fn stops_of(state: &State, run: RunId) -> Vec<(RunnerId, StopAttempt)> {
    let Some(run) = state.run(run) else {
        return Vec::new();
    };
    let stop = |(index, live): (u32, &fasti_domain::run::LiveAttempt)| {
        let lease = Lease {
            task_run: run.id.task_run(index),
            number: live.number,
            token: live.token,
        };
        let attempt = StopAttempt {
            attempt: lease.attempt(),
            token: live.token,
        };
        (live.runner.clone(), attempt)
    };
    run.live_attempts().map(stop).collect()
}
