//! Views are a function of the log: whoever feeds them, in whatever portions.

use std::sync::Arc;

use fasti_core::domain::attempt::Outcome;
use fasti_core::domain::command::Command;
use fasti_core::domain::ids::{BatchId, RunnerId};
use fasti_core::domain::slots::Overlap;
use fasti_projector::{MemoryTable, Views};
use proptest::prelude::*;

use crate::asking::{difference, everything};
use crate::history::{LITTLE, busy_world};
use crate::world::{World, chain, definition, parallel, task};

/// Something that happens; what it happens to is picked from what there is.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Save(u8),
    Run(u8),
    RunSet(u8),
    Cancel(u8),
    Delete(u8),
    Join(u8),
    Lose(u8),
    Start,
    End(u8),
    Wake,
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => any::<u8>().prop_map(Step::Save),
        6 => any::<u8>().prop_map(Step::Run),
        1 => any::<u8>().prop_map(Step::RunSet),
        1 => any::<u8>().prop_map(Step::Cancel),
        1 => any::<u8>().prop_map(Step::Delete),
        2 => (0_u8..4).prop_map(Step::Join),
        1 => (0_u8..4).prop_map(Step::Lose),
        6 => Just(Step::Start),
        8 => any::<u8>().prop_map(Step::End),
        2 => Just(Step::Wake),
    ]
}

fn pick(batches: &[BatchId], number: u8) -> Option<BatchId> {
    (!batches.is_empty()).then(|| batches[usize::from(number) % batches.len()])
}

pub(crate) fn play(steps: &[Step]) -> World {
    let mut world = World::new();
    let mut batches: Vec<BatchId> = Vec::new();
    for step in steps {
        match step {
            Step::Save(number) => {
                let mut a = task("a");
                a.retries = u32::from(number % 3);
                let p = parallel("p", 1 + u32::from(number % 4));
                let name = if number % 2 == 0 { "even" } else { "odd" };
                let mut definition = definition(name, vec![a, p], &[(0, 1)]);
                if number % 3 == 0 {
                    definition.schedule.cron = Some("*/2 * * * * *".to_owned());
                    definition.schedule.policy.overlap = Overlap::QueueOne;
                }
                let batch = world.save(definition);
                if !batches.contains(&batch) {
                    batches.push(batch);
                }
            }
            Step::Run(number) => {
                pick(&batches, *number).map(|batch| world.run(batch));
            }
            Step::RunSet(number) => {
                let count = usize::from(number % 4);
                pick(&batches, *number).map(|batch| world.run_set(batch, count, number % 5 == 0));
            }
            Step::Cancel(number) => {
                let live = world.live_runs();
                if !live.is_empty() {
                    world.cancel(live[usize::from(*number) % live.len()]);
                }
            }
            Step::Delete(number) => {
                if let Some(batch) = pick(&batches, *number) {
                    world.delete(batch);
                    batches.retain(|known| *known != batch);
                }
            }
            Step::Join(number) => {
                world.join(&format!("r{number}"), 2);
            }
            Step::Lose(number) => {
                world.lose(&RunnerId::new(&format!("r{number}")).unwrap());
            }
            Step::Start => world.start_all(),
            Step::End(number) => world.end_all(|id| Outcome::Exited {
                code: i32::from((id.0 + u64::from(*number)) % 4 == 0),
            }),
            Step::Wake => {
                world.at = world.at.plus_ms(2_000);
                world.ask(Command::Wake);
            }
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn folds_of_the_same_log_are_equal(
        steps in prop::collection::vec(step(), 1..60),
        writes in prop::collection::vec(1_usize..40, 1..8),
    ) {
        let world = play(&steps);
        let mut once = Views::with_table(Arc::new(MemoryTable::default()), LITTLE);
        world.feed_into(&mut once);
        // In portions, some of them twice, with the history written at odd moments.
        let mut pieces = Views::with_table(Arc::new(MemoryTable::default()), LITTLE);
        let mut fed = 0;
        for size in writes.iter().cycle() {
            let end = (fed + size).min(world.entries.len());
            for entry in &world.entries[fed.saturating_sub(3)..end] {
                pieces.apply(entry);
            }
            pieces.write_history().unwrap();
            fed = end;
            if fed == world.entries.len() {
                break;
            }
        }
        prop_assert!(once.to_bytes() == pieces.to_bytes());
        let expected = everything(&world.views(), 60);
        prop_assert_eq!(difference(&everything(&once, 60), &expected), None);
        prop_assert_eq!(difference(&everything(&pieces, 60), &expected), None);
    }
}

#[test]
fn applying_an_event_twice_changes_nothing() {
    let world = busy_world();
    let mut views = world.views();
    let before = views.to_bytes();
    world.feed_into(&mut views);
    assert!(views.to_bytes() == before);
    assert_eq!(views.as_of(), world.entries.last().unwrap().seq());
}

#[test]
fn views_know_where_they_are() {
    let mut world = World::new();
    world.save(chain("b"));
    let views = world.views();
    let last = world.entries.last().unwrap();
    assert_eq!(
        (views.as_of(), views.last_at()),
        (last.seq(), last.recorded.at)
    );
    assert_eq!(views.cursor().hash, last.hash);
    let log = views.log();
    assert_eq!((log.as_of, log.server_starts.len()), (last.seq(), 1));
    assert!(log.log_id.is_some());
}
