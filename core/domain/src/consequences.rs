//! What a request leads to after its own events: consequences in the order they arise, and placement whenever nothing
//! else is left and there is room. Decides, but applies nothing: what is decided is recorded by [`crate::handle`] and
//! compared with what was recorded by [`crate::rehearse`], so that both mean the same by it.

use std::collections::VecDeque;

use crate::command::{Command, Follow, Request};
use crate::decide::decide;
use crate::event::{Event, Recorded};
use crate::flow;
use crate::handle::Placing;
use crate::ids::Seq;
use crate::limits::CASCADE_MAX;
use crate::placement;
use crate::react::react;
use crate::state::State;
use crate::time::Timestamp;

/// Consequences that are still to be decided.
#[derive(Debug)]
pub(crate) struct Consequences {
    follows: VecDeque<(Follow, Seq)>,
    placing: Placing,
    flows_are_idle: bool,
    decided: usize,
}

impl Consequences {
    pub(crate) fn new(placing: Placing) -> Self {
        Self {
            follows: VecDeque::new(),
            placing,
            flows_are_idle: false,
            decided: 0,
        }
    }

    /// Takes up what an event calls for that `state` has just taken in.
    pub(crate) fn note(&mut self, state: &State, recorded: &Recorded) {
        let follows = react(state, &recorded.event);
        self.follows
            .extend(follows.into_iter().map(|follow| (follow, recorded.seq)));
    }

    /// Whether nothing but placement and flows can come.
    pub(crate) fn is_placing(&self) -> bool {
        self.follows.is_empty()
    }

    /// The next events, with what caused them; `None` when nothing follows any more. The caller applies and
    /// [notes](Consequences::note) each before it asks again.
    pub(crate) fn next(&mut self, state: &State, at: Timestamp) -> Option<(Vec<Event>, Seq)> {
        while self.decided < CASCADE_MAX {
            self.decided += 1;
            let (follow, cause) = match self.follows.pop_front() {
                Some(next) => next,
                None if !self.flows_are_idle
                    && self.placing == Placing::Now
                    && flow::is_due(state) =>
                {
                    (Follow::SettleFlows, state.seq)
                }
                None if self.placing == Placing::Now && placement::is_due(state) => {
                    (Follow::Place, state.seq)
                }
                None => return None,
            };
            let request = Request::system(Command::Follow(follow));
            match decide(state, &request, at) {
                Ok(events) if events.is_empty() && self.follows.is_empty() => {
                    if matches!(request.command, Command::Follow(Follow::Place)) {
                        return None;
                    }
                    self.flows_are_idle |=
                        matches!(request.command, Command::Follow(Follow::SettleFlows));
                }
                Ok(events) if events.is_empty() => {}
                Ok(events) => return Some((events, cause)),
                Err(rejection) => {
                    debug_assert!(false, "a consequence was refused: {rejection}");
                }
            }
        }
        debug_assert!(
            false,
            "a request led to more than {CASCADE_MAX} consequences"
        );
        None
    }
}
