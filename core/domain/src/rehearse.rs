//! Recorded history decided once more: does this build decide the same?
//!
//! What people, programs and runners said is taken as it was recorded. What the scheduler made of it is decided again
//! by the code that is here, from the same state at the same instant, and compared event by event: the slots and
//! timers that were due, the consequences of every event, and which queued task runs were given to which runners.
//! After a difference the recorded history goes on; what the other decision would have led to is not followed.

use std::sync::Arc;

use crate::access::Principal;
use crate::consequences::Consequences;
use crate::event::{Event, Recorded};
use crate::evolve::evolve;
use crate::handle::Placing;
use crate::ids::Seq;
use crate::run;
use crate::state::State;
use crate::time::Timestamp;

/// Where this build decides otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Position of the recorded event, or of the one that is not there.
    pub seq: Seq,
    /// The event that it follows from; `None` where the time alone called for it.
    pub cause: Option<Seq>,
    /// What was recorded there as decided by the scheduler; `None`: nothing.
    pub recorded: Option<Event>,
    /// What this build decides; `None`: nothing.
    pub decided: Option<Event>,
}

/// How a commit compares.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rehearsed {
    /// Events that this build decides as they were recorded.
    pub same: u64,
    /// Events that were said from outside and taken as they are.
    pub given: u64,
    /// Events after a difference, which were not compared.
    pub unseen: u64,
    /// Something could have begun, and the server held it back: its disk was short of space, or it was about to end.
    pub held_back: bool,
    /// The first difference of the commit.
    pub difference: Option<Difference>,
}

/// Applies the events of one commit to `state`, which is that before it, and compares what follows by itself.
#[must_use]
pub fn rehearse(state: &mut State, commit: &[Recorded]) -> Rehearsed {
    let mut rehearsal = Rehearsal {
        state,
        commit,
        next: 0,
        found: Rehearsed::default(),
        system: Principal::system().actor,
    };
    while rehearsal.found.difference.is_none() && rehearsal.next < commit.len() {
        rehearsal.request();
    }
    while rehearsal.apply().is_some() {
        rehearsal.found.unseen += 1;
    }
    rehearsal.found
}

struct Rehearsal<'a> {
    state: &'a mut State,
    commit: &'a [Recorded],
    next: usize,
    found: Rehearsed,
    system: Arc<str>,
}

impl<'a> Rehearsal<'a> {
    /// One request: its own events, then what follows from them.
    fn request(&mut self) {
        let Some(first) = self.commit.get(self.next) else {
            return;
        };
        let at = first.at;
        let mut consequences = Consequences::new(Placing::Now);
        let is_ours = first.actor == self.system;
        if is_ours && self.is_given() && self.wake(first, &mut consequences) {
            self.follow(at, &mut consequences);
            return;
        }
        // Requests without consequences that stand side by side look like one, and may be taken for one. A calendar is
        // a request of its own: a batch that is saved right after it was no user of it yet.
        while self.is_given() && self.is_of_same(first) {
            self.found.given += 1;
            let recorded = self.apply();
            if let Some(recorded) = recorded {
                consequences.note(self.state, recorded);
            }
            let next = self.commit.get(self.next);
            // Nobody else cancels in the scheduler's name.
            let is_due =
                |event: &Event| is_of_time(event) || matches!(event, Event::RunCancelRequested(_));
            if is_ours && next.is_some_and(|next| is_due(&next.event)) {
                break;
            }
            if recorded.is_some_and(|it| matches!(it.event, Event::CalendarSaved(_))) {
                break;
            }
        }
        self.follow(at, &mut consequences);
    }

    /// What was due, if it was the time that called for this request: decided again and compared. `false`: it was
    /// something else.
    fn wake(&mut self, first: &Recorded, consequences: &mut Consequences) -> bool {
        let due = run::stop::wake(self.state, first.at);
        let is_alike = due
            .first()
            .is_some_and(|event| event.name() == first.event.name());
        if !is_alike && !is_of_time(&first.event) {
            return false;
        }
        if due.is_empty() {
            self.differs(None, Some(first), None);
        }
        for event in due {
            if !self.is_same(&event, None, consequences) {
                break;
            }
        }
        true
    }

    /// What follows by itself, and where there is room placement.
    fn follow(&mut self, at: Timestamp, consequences: &mut Consequences) {
        while self.found.difference.is_none() {
            let is_placing = consequences.is_placing();
            let Some((events, cause)) = consequences.next(self.state, at) else {
                break;
            };
            if is_placing && (self.is_given() || self.next == self.commit.len()) {
                self.found.held_back = true;
                return;
            }
            for event in events {
                if !self.is_same(&event, Some(cause), consequences) {
                    return;
                }
            }
        }
        if self.found.difference.is_none() && !self.is_given() {
            let recorded = self.commit.get(self.next);
            if let Some(recorded) = recorded {
                self.differs(recorded.causation, Some(recorded), None);
            }
        }
    }

    /// Compares the next recorded event with what this build decides, and applies it if it is that.
    fn is_same(
        &mut self,
        decided: &Event,
        cause: Option<Seq>,
        consequences: &mut Consequences,
    ) -> bool {
        let recorded = self.commit.get(self.next);
        let follows = |recorded: &Recorded| match cause {
            Some(cause) => recorded.causation == Some(cause),
            None => true,
        };
        match recorded {
            Some(recorded) if recorded.event == *decided && follows(recorded) => {
                self.found.same += 1;
                self.apply();
                consequences.note(self.state, recorded);
                true
            }
            recorded => {
                let is_consequence = cause.is_none() || !self.is_given();
                let recorded = recorded.filter(|_| is_consequence);
                self.differs(cause, recorded, Some(decided.clone()));
                false
            }
        }
    }

    fn differs(&mut self, cause: Option<Seq>, recorded: Option<&Recorded>, decided: Option<Event>) {
        self.found.difference = Some(Difference {
            seq: recorded.map_or(self.state.seq.next(), |recorded| recorded.seq),
            cause,
            recorded: recorded.map(|recorded| recorded.event.clone()),
            decided,
        });
    }

    /// Applies the next recorded event.
    fn apply(&mut self) -> Option<&'a Recorded> {
        let recorded = self.commit.get(self.next)?;
        evolve(self.state, recorded);
        self.next += 1;
        Some(recorded)
    }

    /// Whether the next event was said from outside, or called for by the time: it follows from nothing in its commit.
    fn is_given(&self) -> bool {
        let Some(recorded) = self.commit.get(self.next) else {
            return false;
        };
        let Some(cause) = recorded.causation else {
            return true;
        };
        // What is taken back was recorded long before. The scheduler itself refers to the past when it begins what it
        // held back.
        let begins = self.commit.first().map_or(Seq(0), |first| first.seq);
        if cause < begins {
            return recorded.actor != self.system;
        }
        // A slot or signal and its run are decided together.
        let before = self.next.checked_sub(1).and_then(|at| self.commit.get(at));
        before.is_some_and(|before| {
            let fires = matches!(
                before.event,
                Event::ScheduleFired(_) | Event::TriggerFired(_)
            );
            fires
                && before.causation.is_none()
                && cause == before.seq
                && before.event.run() == recorded.event.run()
        })
    }

    fn is_of_same(&self, first: &Recorded) -> bool {
        self.commit.get(self.next).is_some_and(|recorded| {
            recorded.at == first.at
                && recorded.actor == first.actor
                && recorded.trace == first.trace
        })
    }
}

/// Whether the scheduler never records this of its own accord but when its time has come.
fn is_of_time(event: &Event) -> bool {
    matches!(
        event,
        Event::ScheduleFired(_)
            | Event::ScheduleQueued(_)
            | Event::ScheduleMissed(_)
            | Event::ScheduleSkipped(_)
            | Event::ScheduleSuperseded(_)
            | Event::ScheduleAlerted(_)
            | Event::RunDeadlinePassed(_)
            | Event::TaskQueued(_)
    )
}
