//! Which runner gets which queued task run. Slots in use are derived from leases, never counted apart, so
//! they cannot leak.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::attempt::{AttemptEnd, AttemptNews, AttemptReport, AttemptStart, Lease, Outcome};
use crate::batch::bounded;
use crate::event::{
    AttemptFinished, AttemptLeased, AttemptReportedLate, AttemptStarted, Event, RunnerJoined,
    RunnerLost, TaskProgressed,
};
use crate::ids::{AttemptId, BatchId, RunId, RunnerId, TaskRunId, Token};
use crate::limits::{
    EVENT_LIST_BYTES_MAX, LEASE_AHEAD_US, LEASES_AHEAD_MAX, LEASES_PER_STEP_MAX, RUNNERS_MAX,
};
use crate::pieces::{LEASE_BYTES, pieces};
use crate::pool::{Budget, Room};
use crate::ranges::index_in;
use crate::rejection::Rejection;
use crate::run::Run;
use crate::runner::RunnerInfo;
use crate::seeded;
use crate::stages::StageMark;
use crate::state::State;
use crate::time::Timestamp;

/// A runner that joined and was not lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerState {
    /// What it said of itself.
    pub info: RunnerInfo,
    /// Runs and positions of the attempts it holds.
    pub held: BTreeSet<(RunId, u32)>,
    /// Recent duration of its attempts in microseconds, smoothed; `None` before the first.
    recent_us: Option<i64>,
    /// It has begun to end by itself and takes nothing more.
    pub(crate) is_leaving: bool,
}

/// Longest duration that is learned from: clocks of runners may be wrong, and three of these are added up.
const LEARNED_US_MAX: i64 = i64::MAX / 4;

impl RunnerState {
    fn new(info: RunnerInfo) -> Self {
        Self {
            info,
            held: BTreeSet::new(),
            recent_us: None,
            is_leaving: false,
        }
    }

    /// Takes the duration of an ended attempt into account.
    pub(crate) fn learn(&mut self, duration_us: Option<i64>) {
        let Some(new) = duration_us.map(|us| us.clamp(0, LEARNED_US_MAX)) else {
            return;
        };
        self.recent_us = Some(match self.recent_us {
            // A long attempt counts at once, short ones must be several: leasing ahead of long ones is
            // what would make others wait.
            Some(old) if new < old => (old * 3 + new) / 4,
            Some(_) | None => new,
        });
    }

    /// Whether it is given anything at all.
    pub(crate) fn takes_more(&self, state: &State) -> bool {
        !self.is_leaving && !state.drained.contains_key(&self.info.runner)
    }

    /// Leases it may hold: its slots, and a little ahead when its attempts are short, so that a free slot
    /// never waits for a commit.
    #[must_use]
    pub fn lease_limit(&self) -> u32 {
        let slots = self.info.capacity.slots;
        let ahead = match self.recent_us {
            None => 0,
            Some(us) => {
                let each = LEASE_AHEAD_US / us.max(1);
                u32::try_from(each)
                    .unwrap_or(u32::MAX)
                    .saturating_mul(slots)
                    .min(LEASES_AHEAD_MAX)
            }
        };
        slots.saturating_add(ahead)
    }

    /// Further attempts it may be given now.
    fn room(&self, state: &State) -> u32 {
        if !self.takes_more(state) {
            return 0;
        }
        self.lease_limit()
            .saturating_sub(u32::try_from(self.held.len()).unwrap_or(u32::MAX))
    }
}

/// Whether something could be placed now.
pub(crate) fn is_due(state: &State) -> bool {
    state.ready.len() > 0 && state.runners.values().any(|runner| runner.room(state) > 0)
}

/// Gives queued task runs, in order, to the runners with the most room.
pub(crate) fn place(state: &State) -> Vec<Event> {
    let mut room: BTreeMap<&RunnerId, u32> = state
        .runners
        .iter()
        .map(|(id, runner)| (id, runner.room(state)))
        .filter(|(_, room)| *room > 0)
        .collect();
    let mut left = LEASES_PER_STEP_MAX;
    let mut events: Vec<Event> = Vec::new();
    let mut budget = Budget::new(&state.pools);
    let mut full: BTreeSet<&str> = BTreeSet::new();
    let mut queue = state.ready.served();
    'lanes: while let Some((range, lane)) = queue.next() {
        if lane.pool.is_some_and(|used| full.contains(&*used.pool)) {
            continue;
        }
        let run = state.runs.get(&range.run);
        for (run, index) in run
            .into_iter()
            .flat_map(|run| (range.first..range.end).map(move |index| (run, index)))
        {
            let emptiest = room
                .iter()
                .max_by_key(|(_, room)| **room)
                .map(|(id, _)| *id);
            let Some(runner) = emptiest.filter(|_| left > 0) else {
                return events;
            };
            match lane.pool.map(|used| (used, budget.take(used))) {
                None | Some((_, Room::Taken)) => {}
                Some((_, Room::TooWide)) => continue 'lanes,
                Some((used, Room::Later)) => {
                    full.insert(&used.pool);
                    continue 'lanes;
                }
            }
            left -= 1;
            if let Some(room_left) = room.get_mut(runner) {
                *room_left -= 1;
                if *room_left == 0 {
                    room.remove(runner);
                }
            }
            add_lease(&mut events, run, runner, lease(state, run, index));
        }
        queue.go_on(lane);
    }
    events
}

fn lease(state: &State, run: &Run, index: u32) -> Lease {
    let attempt = AttemptId {
        task_run: run.id.task_run(index),
        number: u32::from(run.nodes[index as usize].attempts) + 1,
    };
    Lease {
        task_run: attempt.task_run,
        number: attempt.number,
        token: seeded::token(&state.seed, attempt),
    }
}

/// Leases of one run to one runner share an event, as many as fit.
fn add_lease(events: &mut Vec<Event>, run: &Run, runner: &RunnerId, lease: Lease) {
    const LEASES_MAX: usize = EVENT_LIST_BYTES_MAX / LEASE_BYTES;
    let last = events.iter_mut().rev().find_map(|event| {
        if let Event::AttemptLeased(leased) = event
            && leased.run == run.id
            && leased.runner == *runner
        {
            Some(&mut leased.leases)
        } else {
            None
        }
    });
    match last {
        Some(leases) if leases.len() < LEASES_MAX => leases.push(lease),
        Some(_) | None => events.push(
            AttemptLeased {
                run: run.id,
                batch: run.batch,
                runner: runner.clone(),
                leases: vec![lease],
            }
            .into(),
        ),
    }
}

pub(crate) fn join(state: &State, info: &RunnerInfo) -> Result<Vec<Event>, Rejection> {
    match state.runners.get(&info.runner) {
        Some(known) if known.info == *info => Ok(Vec::new()),
        None if state.runners.len() >= RUNNERS_MAX => Err(Rejection::Limit {
            message: format!("{RUNNERS_MAX} runners have joined already"),
        }),
        Some(_) | None => Ok(vec![RunnerJoined { info: info.clone() }.into()]),
    }
}

pub(crate) fn lose(state: &State, runner: &RunnerId, reason: &str) -> Vec<Event> {
    if !state.runners.contains_key(runner) {
        return Vec::new();
    }
    vec![
        RunnerLost {
            runner: runner.clone(),
            reason: bounded(reason),
        }
        .into(),
    ]
}

/// The attempts a lost runner held end as lost.
pub(crate) fn lose_attempts(
    state: &State,
    runner: &RunnerId,
    reason: &str,
    at: Timestamp,
) -> Vec<Event> {
    let mut ends: BTreeMap<(RunId, BatchId), Vec<AttemptEnd>> = BTreeMap::new();
    let lost = state.runs.values().flat_map(|run| {
        run.live
            .iter()
            .filter(|(_, attempt)| attempt.runner == *runner)
            .map(move |(index, attempt)| (run, *index, attempt.number))
    });
    for (run, index, number) in lost {
        ends.entry((run.id, run.batch))
            .or_default()
            .push(AttemptEnd {
                task_run: run.id.task_run(index),
                number,
                finished_at: at,
                outcome: Outcome::Lost {
                    message: reason.to_owned(),
                },
                result: None,
                failure: None,
                usage: crate::attempt::Usage::default(),
                gathered: None,
            });
    }
    finished(runner, ends)
}

fn finished(runner: &RunnerId, ends: BTreeMap<(RunId, BatchId), Vec<AttemptEnd>>) -> Vec<Event> {
    let of_run = |((run, batch), ends)| {
        pieces(ends).into_iter().map(move |ends| {
            AttemptFinished {
                run,
                batch,
                runner: runner.clone(),
                ends,
            }
            .into()
        })
    };
    ends.into_iter().flat_map(of_run).collect()
}

/// A mark as it is recorded: of a stage that the task has, in a run that is not to stop.
fn counted(state: &State, run: &Run, index: u32, mark: &StageMark) -> Option<StageMark> {
    if run.is_stopping() {
        return None;
    }
    let graph = state.graph(run.definition)?;
    let task = graph.task(graph.locate(index).0);
    task.stages().contains(&mark.stage).then(|| StageMark {
        detail: mark.detail.as_deref().map(bounded),
        ..mark.clone()
    })
}

fn started(runner: &RunnerId, starts: BTreeMap<(RunId, BatchId), Vec<AttemptStart>>) -> Vec<Event> {
    let of_run = |((run, batch), starts)| {
        pieces(starts).into_iter().map(move |starts| {
            AttemptStarted {
                run,
                batch,
                runner: runner.clone(),
                starts,
            }
            .into()
        })
    };
    starts.into_iter().flat_map(of_run).collect()
}

fn progressed(runner: &RunnerId, marks: BTreeMap<(RunId, BatchId), Vec<StageMark>>) -> Vec<Event> {
    let of_run = |((run, batch), marks)| {
        pieces(marks).into_iter().map(move |marks| {
            TaskProgressed {
                run,
                batch,
                runner: runner.clone(),
                marks,
            }
            .into()
        })
    };
    marks.into_iter().flat_map(of_run).collect()
}

/// News of attempts, grouped by run. A report without a live lease changes nothing; an end is kept as
/// evidence.
pub(crate) fn report(
    state: &State,
    runner: &RunnerId,
    reports: &[AttemptReport],
) -> Result<Vec<Event>, Rejection> {
    if !state.runners.contains_key(runner) {
        return Err(Rejection::UnknownRunner {
            runner: runner.to_string(),
        });
    }
    let mut starts: BTreeMap<(RunId, BatchId), Vec<AttemptStart>> = BTreeMap::new();
    let mut marks: BTreeMap<(RunId, BatchId), Vec<StageMark>> = BTreeMap::new();
    let mut ends: BTreeMap<(RunId, BatchId), Vec<AttemptEnd>> = BTreeMap::new();
    let mut late: Vec<Event> = Vec::new();
    let mut began: BTreeSet<(TaskRunId, u32)> = BTreeSet::new();
    let mut ended: BTreeSet<(TaskRunId, u32)> = BTreeSet::new();
    for report in reports {
        match &report.news {
            AttemptNews::Started(start) => {
                let run = leased_to(state, start.task_run, start.number, report.token);
                let known =
                    |run: &Run, index| run.live.get(&index).is_some_and(|a| a.process.is_some());
                if let Some((run, index)) = run
                    && !known(run, index)
                    && began.insert((start.task_run, start.number))
                {
                    starts
                        .entry((run.id, run.batch))
                        .or_default()
                        .push(start.clone());
                }
            }
            AttemptNews::Progressed(mark) => {
                let run = leased_to(state, mark.task_run, mark.number, report.token);
                if let Some((run, index)) = run
                    && let Some(mark) = counted(state, run, index, mark)
                {
                    marks.entry((run.id, run.batch)).or_default().push(mark);
                }
            }
            AttemptNews::Finished(end) => {
                let run = leased_to(state, end.task_run, end.number, report.token);
                match run {
                    Some((run, _)) if ended.insert((end.task_run, end.number)) => {
                        ends.entry((run.id, run.batch))
                            .or_default()
                            .push(end.bounded());
                    }
                    Some(_) => {}
                    None => late.push(
                        AttemptReportedLate {
                            runner: runner.clone(),
                            end: end.bounded(),
                        }
                        .into(),
                    ),
                }
            }
        }
    }
    let mut events = started(runner, starts);
    events.extend(progressed(runner, marks));
    events.extend(finished(runner, ends));
    events.extend(late);
    Ok(events)
}

/// The run and position of a task run whose live attempt has this number and token.
fn leased_to(state: &State, task_run: TaskRunId, number: u32, token: Token) -> Option<(&Run, u32)> {
    let (_, run) = state.runs.range(..RunId(task_run.0)).next_back()?;
    let index = index_in(run.id, task_run)?;
    let attempt = run.live.get(&index)?;
    (attempt.number == number && attempt.token == token).then_some((run, index))
}

pub(crate) fn evolve_joined(state: &mut State, event: &RunnerJoined) {
    state
        .runners
        .entry(event.info.runner.clone())
        .and_modify(|runner| runner.info = event.info.clone())
        .or_insert_with(|| RunnerState::new(event.info.clone()));
}

pub(crate) fn evolve_lost(state: &mut State, event: &RunnerLost) {
    state.runners.remove(&event.runner);
}
