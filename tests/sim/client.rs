//! Clients that want something, and ask again with the same key until they are answered.

use std::sync::Arc;

use fasti_core::domain::access::Principal;
use fasti_core::domain::command::{
    Command, CreateRun, Force, More, Receipt, Repeats, Request, ReusedNode, RunSource, Subject,
};
use fasti_core::domain::definition::Tag;
use fasti_core::domain::event::KeyUse;
use fasti_core::domain::ids::{BatchId, RunId, RunSetId, TaskRunId};
use fasti_core::domain::rejection::Rejection;
use fasti_core::domain::run::{Reuse, RunType};
use fasti_core::domain::state::State;

use super::batches;
use super::dice::Dice;

/// Names of batches that clients use.
const NAMES: u64 = 4;

/// Something that a client wants.
pub(super) struct Intent {
    pub(super) request: Request,
    pub(super) answer: Option<Result<Receipt, Rejection>>,
    pub(super) is_in_flight: bool,
}

impl Intent {
    /// Takes an answer; a second one must agree with the first.
    pub(super) fn take(&mut self, answer: Result<Receipt, Rejection>) {
        self.is_in_flight = false;
        let first = match &self.answer {
            None => {
                self.answer = Some(answer);
                return;
            }
            Some(Ok(first)) if first.subject != Subject::None => first,
            // Nothing happened then; what is there now may be another matter.
            Some(_) => return,
        };
        let again = answer.expect("what was granted is not refused when asked again");
        assert!(again.repeated, "{:?} was done twice", self.request.command);
        assert_eq!(
            again.subject, first.subject,
            "the same key, the same answer"
        );
        assert!(again.seq >= first.seq || first.repeated);
    }
}

/// A new intent, from what the client sees of the state.
pub(super) fn intend(dice: &mut Dice, number: usize, state: Option<&State>) -> Intent {
    let command = command(dice, state);
    let key = KeyUse {
        key: format!("k{number}"),
        fingerprint: format!("{number:x}"),
    };
    Intent {
        request: Request {
            command,
            principal: Principal::user("owner", vec![], false),
            key: Some(Arc::new(key)),
            trace: None,
        },
        answer: None,
        is_in_flight: false,
    }
}

fn command(dice: &mut Dice, state: Option<&State>) -> Command {
    let name = dice.below(NAMES);
    let batch = state.and_then(|state| state.batch_named(&format!("b{name}"), Tag::Dev));
    let batch = batch.map(|batch| batch.id);
    let given = |dice: &mut Dice| RunSource::Given(batches::random(dice, name));
    let runs: Vec<RunId> = state.map_or(vec![], |it| it.runs().map(|run| run.id).collect());
    match (dice.small(16), batch) {
        (0..2, _) => Command::SaveBatch {
            definition: batches::random(dice, name),
            expected_version: None,
        },
        (2..6, Some(batch)) => create_run(RunSource::Saved(batch), None),
        (6, Some(batch)) => create_set(dice, batch),
        (7, Some(_)) => add_to_set(dice, &runs, state),
        (8..10, _) if !runs.is_empty() => Command::CancelRun {
            run: runs[dice.index(runs.len())],
            reason: Some("changed my mind".to_owned()),
        },
        (10, Some(batch)) if dice.once_in(3) => Command::DeleteBatch {
            batch,
            force: Force::Yes,
        },
        (11, _) => {
            let source = given(dice);
            let reused = (0..3).filter(|_| dice.once_in(2)).collect();
            create_run(source, Some(repeat(reused)))
        }
        _ => create_run(given(dice), None),
    }
}

fn create_run(source: RunSource, repeats: Option<Repeats>) -> Command {
    Command::CreateRun(CreateRun {
        source,
        rundate: None,
        run_type: RunType::Manual,
        repeats,
    })
}

fn create_set(dice: &mut Dice, batch: BatchId) -> Command {
    Command::CreateRunSet {
        batch,
        title: "set".to_owned(),
        labels: vec![],
        runs: vec![None; dice.index(4)],
        more: if dice.once_in(2) { More::No } else { More::Yes },
    }
}

/// To the set of some live run.
fn add_to_set(dice: &mut Dice, runs: &[RunId], state: Option<&State>) -> Command {
    let of_run = |id: &RunId| state?.run(*id)?.run_set;
    let sets: Vec<RunSetId> = runs.iter().filter_map(of_run).collect();
    Command::AddRunSetRuns {
        run_set: dice.pick(&sets).unwrap_or(RunSetId(1)),
        runs: vec![None; dice.index(3)],
        more: More::No,
    }
}

fn repeat(nodes: Vec<u32>) -> Repeats {
    let reused = nodes.into_iter().map(|node| ReusedNode {
        node,
        reuse: Reuse {
            task_run: TaskRunId(0),
            from: TaskRunId(1),
            result: None,
            started_at: None,
            finished_at: None,
        },
    });
    Repeats {
        original: RunId(1),
        version: None,
        reused: reused.collect(),
        signal: None,
    }
}
