//! Old runs are on disk, and nobody notices.

use std::sync::Arc;

use fasti_core::domain::attempt::Outcome;
use fasti_core::domain::ids::TaskRunId;
use fasti_core::store::Tables;
use fasti_projector::rows::RunFilter;
use fasti_projector::{HistoryTable, Kept, MemoryTable, Order, Views};

use crate::asking::{difference, everything};
use crate::world::{World, chain, definition, parallel, task};

/// Keeps next to nothing in memory.
pub(crate) const LITTLE: Kept = Kept {
    runs: 2,
    task_runs: 10,
    run_sets: 1,
};

/// Several batches, many runs of all kinds, some still going on.
pub(crate) fn busy_world() -> World {
    let mut world = World::new();
    world.join("r1", 3);
    let one = world.save(chain("one"));
    let two = world.save(definition(
        "two",
        vec![task("a"), parallel("p", 4)],
        &[(0, 1)],
    ));
    let old = world.run(two);
    for _ in 0..4 {
        world.run(one);
        world.run(two);
        world.work_off(|id| Outcome::Exited {
            code: i32::from(id.0 % 7 == 0),
        });
    }
    assert!(!world.live_runs().contains(&old));
    let first = world.run_set(one, 2, false);
    let second = world.run_set(two, 2, false);
    assert!(first < second);
    world.succeed();
    let mut changed = chain("one");
    changed.labels = vec!["new".to_owned()];
    world.save(changed);
    world.run(one);
    world.delete(two);
    world.start_all();
    world
}

fn last_id(world: &World) -> u64 {
    world.live_runs().last().map_or(200, |run| run.0 + 20)
}

fn little(world: &World, table: Arc<dyn HistoryTable>) -> Views {
    let mut views = Views::with_table(table, LITTLE);
    world.feed_into(&mut views);
    views
}

#[test]
fn answers_are_the_same_from_memory_from_the_way_and_from_the_table() {
    let world = busy_world();
    let expected = everything(&world.views(), last_id(&world));
    assert!(expected.len() > 500);
    let mut views = little(&world, Arc::new(MemoryTable::default()));
    let underway = everything(&views, last_id(&world));
    assert_eq!(
        difference(&underway, &expected),
        None,
        "old runs wait to be written"
    );
    views.write_history().unwrap();
    let written = everything(&views, last_id(&world));
    assert_eq!(
        difference(&written, &expected),
        None,
        "old runs are in the table"
    );
}

#[test]
fn a_table_on_disk_serves_the_same() {
    let world = busy_world();
    let dir = tempfile::tempdir().unwrap();
    let tables = Tables::open(dir.path(), 1 << 20).unwrap();
    let table = Arc::new(tables.table("history").unwrap());
    let mut views = little(&world, table.clone());
    views.write_history().unwrap();
    let found = everything(&views, last_id(&world));
    let expected = everything(&world.views(), last_id(&world));
    assert_eq!(difference(&found, &expected), None);
    assert_eq!(table.cursor().unwrap(), Some(views.cursor()));
}

#[test]
fn a_large_run_leaves_the_memory_when_the_next_one_ends() {
    let mut world = World::new();
    let batch = world.save(definition("b", vec![parallel("p", 60_000)], &[]));
    let runs = [world.run(batch), world.run(batch)];
    let mut views = world.views();
    let queued = views.run(runs[0]).unwrap().unwrap();
    assert_eq!(queued.task_runs(), 60_000);
    let before = views.to_bytes().len();
    let seen = world.entries.len();
    world.cancel(runs[0]);
    world.cancel(runs[1]);
    world.entries[seen..]
        .iter()
        .for_each(|entry| views.apply(entry));
    views.write_history().unwrap();
    assert!(
        views.to_bytes().len() < before * 2 / 3,
        "half of it is gone"
    );
    let last = views.task_run(runs[0].task_run(59_999)).unwrap().unwrap();
    assert_eq!(
        (last.name.as_str(), last.status_reason.as_deref()),
        ("p[59999]", Some("cancelled"))
    );
}

#[test]
fn lists_go_on_from_shelf_to_shelf() {
    let mut world = World::new();
    let one = world.save(chain("one"));
    let two = world.save(definition("two", vec![task("a")], &[]));
    // The first ends last, so it comes to shelves that are full of later ones.
    let early = world.run(two);
    for number in 0..1_500 {
        let run = world.run(if number % 3 == 0 { two } else { one });
        world.cancel(run);
    }
    world.cancel(early);
    world.run(two);
    assert!(world.live_runs().last().unwrap().0 > 4_096);
    let in_memory = world.views();
    let table = Arc::new(MemoryTable::default());
    let mut views = Views::with_table(table, LITTLE);
    for entries in world.entries.chunks(700) {
        entries.iter().for_each(|entry| views.apply(entry));
        views.write_history().unwrap();
    }
    for filter in [
        RunFilter::default(),
        RunFilter {
            batch_id: Some(two),
            ..RunFilter::default()
        },
    ] {
        for order in [Order::Ascending, Order::Descending] {
            let all = |views: &Views| {
                let mut ids = Vec::new();
                let mut after = None;
                loop {
                    let found = views.runs(&filter, &|_| true, order, after, 150).unwrap();
                    ids.extend(found.page.items.iter().map(|run| run.id));
                    after = found.page.next;
                    if after.is_none() {
                        return ids;
                    }
                }
            };
            let found = all(&views);
            assert!(found.len() > 500 && found.is_sorted() != (order == Order::Descending));
            assert_eq!(found, all(&in_memory));
        }
    }
    for id in (0..5_000).step_by(7) {
        let run_of = |views: &Views| format!("{:?}", views.run_of(TaskRunId(id)).unwrap());
        assert_eq!(run_of(&views), run_of(&in_memory), "{id}");
    }
}
