//! Lists: filters, order, pages, totals, and who sees what.

use fasti_core::domain::access::{Principal, Right};
use fasti_core::domain::definition::Tag;
use fasti_core::domain::ids::{BatchId, RunId};
use fasti_core::domain::run::RunStatus;
use fasti_core::domain::time::Timestamp;
use fasti_projector::limits::SCANNED_RUNS_MAX;
use fasti_projector::rows::{BatchFilter, RunFilter, TaskRunFilter};
use fasti_projector::{Access, Order, Views};

use crate::world::{World, chain, definition, parallel, task};

fn names(views: &Views, filter: &BatchFilter) -> Vec<(String, Tag)> {
    let page = views.batches(filter, &|_| true, None, 100).unwrap();
    page.items
        .into_iter()
        .map(|batch| (batch.name, batch.tag))
        .collect()
}

/// Ids with their total; the total must be the same whether it is counted or found by looking.
fn ids(views: &Views, filter: &RunFilter, order: Order) -> (Vec<RunId>, u64) {
    let found = views.runs(filter, &|_| true, order, None, 100).unwrap();
    assert!(found.total.is_exact && found.page.next.is_none());
    let part = views.runs(filter, &|_| true, order, None, 1).unwrap();
    assert_eq!(part.total, found.total);
    let ids = found.page.items.iter().map(|run| run.id).collect();
    (ids, found.total.count)
}

#[test]
fn batches_are_sorted_by_name_then_tag() {
    let mut world = World::new();
    for (name, tag) in [("b", Tag::Prod), ("a", Tag::Pre), ("b", Tag::Dev)] {
        let mut batch = chain(name);
        batch.tag = tag;
        batch.labels = vec![format!("of-{name}")];
        world.save(batch);
    }
    let gone = world.save(chain("aa"));
    world.delete(gone);
    let views = world.views();
    let all = [("a", Tag::Pre), ("b", Tag::Dev), ("b", Tag::Prod)];
    let all = all.map(|(name, tag)| (name.to_owned(), tag));
    assert_eq!(names(&views, &BatchFilter::default()), all);
    let with = |change: fn(&mut BatchFilter)| {
        let mut filter = BatchFilter::default();
        change(&mut filter);
        names(&views, &filter)
    };
    assert_eq!(with(|f| f.name = Some("b".to_owned())), all[1..]);
    assert_eq!(with(|f| f.tag = Some(Tag::Pre)), all[..1]);
    assert_eq!(with(|f| f.label = Some("of-b".to_owned())), all[1..]);
    assert_eq!(with(|f| f.owner = Some("nobody".to_owned())), []);
    assert_eq!(with(|f| f.include_deleted = true).len(), 4);
    let mut walked = Vec::new();
    let mut after: Option<BatchId> = None;
    loop {
        let page = views
            .batches(&BatchFilter::default(), &|_| true, after, 1)
            .unwrap();
        walked.extend(page.items.into_iter().map(|batch| (batch.name, batch.tag)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(walked, all);
}

#[test]
fn runs_are_filtered_and_counted() {
    let mut world = World::new();
    let one = world.save(definition("one", vec![task("a")], &[]));
    let two = world.save(definition("two", vec![task("a")], &[]));
    let early = world.run_for(one, Some("2024-01-01"));
    world.cancel(early);
    let until = world.at.plus_ms(1);
    let late = world.run_for(one, Some("2024-01-02"));
    let other = world.run(two);
    let views = world.views();
    let with = |change: &dyn Fn(&mut RunFilter)| {
        let mut filter = RunFilter::default();
        change(&mut filter);
        ids(&views, &filter, Order::Ascending)
    };
    assert_eq!(with(&|_| {}), (vec![early, late, other], 3));
    let descending = ids(&views, &RunFilter::default(), Order::Descending);
    assert_eq!(descending, (vec![other, late, early], 3));
    assert_eq!(with(&|f| f.batch_id = Some(one)), (vec![early, late], 2));
    assert_eq!(
        with(&|f| f.batch_name = Some("two".into())),
        (vec![other], 1)
    );
    assert_eq!(with(&|f| f.batch_name = Some("none".into())), (vec![], 0));
    assert_eq!(
        with(&|f| {
            f.batch_name = Some("two".into());
            f.batch_id = Some(one);
        }),
        (vec![], 0)
    );
    assert_eq!(with(&|f| f.tag = Some(Tag::Prod)), (vec![], 0));
    assert_eq!(
        with(&|f| f.statuses = vec![RunStatus::Cancelled]),
        (vec![early], 1)
    );
    let live = vec![RunStatus::Queued, RunStatus::Running];
    assert_eq!(with(&|f| f.statuses = live.clone()), (vec![late, other], 2));
    assert_eq!(
        with(&|f| f.rundate = Some("2024-01-02".into())),
        (vec![late], 1)
    );
    assert_eq!(with(&|f| f.scheduled_until = Some(until)), (vec![early], 1));
    assert_eq!(
        with(&|f| f.scheduled_from = Some(until)),
        (vec![late, other], 2)
    );
    assert_eq!(
        with(&|f| f.scheduled_from = Some(Timestamp(i64::MAX))),
        (vec![], 0)
    );
    assert_eq!(with(&|f| f.owner = Some("owner".into())).1, 3);
    assert_eq!(with(&|f| f.label = Some("x".into())), (vec![], 0));
}

#[test]
fn names_are_found_by_a_part_of_them() {
    let mut world = World::new();
    let several = world.save(definition("Größe nightly", vec![task("a")], &[]));
    let first = world.run(several);
    // More than are looked up one by one.
    let many = (0..70).map(|at| world.save(definition(&format!("x{at}"), vec![task("a")], &[])));
    let many: Vec<BatchId> = many.collect();
    let runs: Vec<RunId> = many.iter().map(|batch| world.run(*batch)).collect();
    let again = world.run(several);
    let views = world.views();
    let found = |text: &str, order: Order| {
        let filter = RunFilter {
            search: Some(text.to_owned()),
            ..RunFilter::default()
        };
        ids(&views, &filter, order)
    };
    assert_eq!(found("GRÖSSE", Order::Ascending), (vec![], 0));
    assert_eq!(found("größe", Order::Descending), (vec![again, first], 2));
    assert_eq!(found("GRÖßE N", Order::Ascending), (vec![first, again], 2));
    assert_eq!(found("x", Order::Ascending), (runs.clone(), 70));
    assert_eq!(found("X69", Order::Ascending), (vec![runs[69]], 1));
    let narrowed = RunFilter {
        search: Some("x1".into()),
        batch_name: Some("x10".into()),
        ..RunFilter::default()
    };
    assert_eq!(
        ids(&views, &narrowed, Order::Ascending),
        (vec![runs[10]], 1)
    );
    let filter = BatchFilter {
        search: Some("NIGHT".into()),
        ..BatchFilter::default()
    };
    assert_eq!(
        names(&views, &filter),
        [("Größe nightly".to_owned(), Tag::Dev)]
    );
}

#[test]
fn runs_of_a_set_are_listed() {
    let mut world = World::new();
    let batch = world.save(definition("b", vec![task("a")], &[]));
    world.run(batch);
    let set = world.run_set(batch, 3, true);
    let views = world.views();
    let filter = RunFilter {
        run_set: Some(set),
        ..RunFilter::default()
    };
    let (found, total) = ids(&views, &filter, Order::Ascending);
    assert_eq!((found.len(), total), (3, 3));
    let sets = views
        .run_sets(Some(batch), &|_| true, Order::Descending, None, 10)
        .unwrap();
    assert_eq!((sets.items.len(), sets.items[0].closed), (1, false));
    let hidden = views
        .run_sets(None, &|_| false, Order::Ascending, None, 10)
        .unwrap();
    assert!(hidden.items.is_empty());
}

#[test]
fn what_may_not_be_read_is_neither_listed_nor_counted() {
    let mut world = World::new();
    let mut private = definition("private", vec![task("a")], &[]);
    private.permissions = "rw----".to_owned();
    let private = world.save(private);
    let open = world.save(definition("open", vec![task("a")], &[]));
    world.run(private);
    let seen = world.run(open);
    let views = world.views();
    let stranger = Principal::user("stranger", Vec::new(), false);
    let visible = |access: Access<'_>| access.permits(&stranger, Right::Read);
    let batches = views
        .batches(&BatchFilter::default(), &visible, None, 10)
        .unwrap();
    assert_eq!(batches.items.len(), 1);
    let runs = views
        .runs(&RunFilter::default(), &visible, Order::Ascending, None, 10)
        .unwrap();
    assert_eq!((runs.total.count, runs.page.items[0].id), (1, seen));
    assert!(runs.page.items[0].access().permits(&stranger, Right::Read));
}

#[test]
fn task_runs_of_one_name_are_found_over_all_runs() {
    let mut world = World::new();
    let first = world.save(definition("b", vec![task("a"), parallel("p", 2)], &[]));
    let runs = [world.run_for(first, Some("2024-01-01")), world.run(first)];
    world.delete(first);
    let second = world.save(definition("b", vec![task("a")], &[]));
    let last = world.run(second);
    let other = world.save(definition("c", vec![task("a")], &[]));
    world.run(other);
    let views = world.views();
    let find = |name: &str, filter: &TaskRunFilter, order, limit| {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = views
                .task_runs_by_name("b", name, filter, &|_| true, order, after, limit)
                .unwrap();
            found.extend(page.items.iter().map(|task_run| task_run.run_id));
            after = page.next;
            if after.is_none() {
                return found;
            }
        }
    };
    let all = TaskRunFilter::default();
    for limit in [1, 2, 10] {
        let ascending = find("a", &all, Order::Ascending, limit);
        assert_eq!(ascending, [runs[0], runs[1], last]);
        let descending = find("a", &all, Order::Descending, limit);
        assert_eq!(descending, [last, runs[1], runs[0]]);
    }
    assert_eq!(find("p[1]", &all, Order::Ascending, 1), runs);
    assert!(
        find("p", &all, Order::Ascending, 1).is_empty(),
        "no task run has this name"
    );
    assert!(find("x", &all, Order::Ascending, 1).is_empty());
    let dated = TaskRunFilter {
        rundate: Some("2024-01-01".to_owned()),
        ..TaskRunFilter::default()
    };
    assert_eq!(find("a", &dated, Order::Ascending, 10), [runs[0]]);
}

#[test]
fn task_runs_come_in_pages() {
    let mut world = World::new();
    let batch = world.save(definition("b", vec![parallel("p", 5)], &[]));
    let run = world.run(batch);
    let views = world.views();
    let mut after = None;
    let mut found = Vec::new();
    loop {
        let page = views.task_runs(run, after, 2).unwrap().unwrap();
        assert!(page.items.len() <= 2);
        found.extend(page.items.iter().map(|task_run| task_run.index));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, [0, 1, 2, 3, 4]);
}

#[test]
fn a_search_without_an_index_ends_early_and_goes_on() {
    let mut world = World::new();
    let batch = world.save(definition("b", vec![task("a")], &[]));
    let many = SCANNED_RUNS_MAX / 1000 + 1;
    for _ in 0..many {
        world.run_set(batch, 1000, false);
    }
    let last = world.run_for(batch, Some("2024-01-02"));
    let views = world.views();
    let filter = RunFilter {
        rundate: Some("2024-01-02".to_owned()),
        ..RunFilter::default()
    };
    let first = views
        .runs(&filter, &|_| true, Order::Ascending, None, 10)
        .unwrap();
    assert!(first.page.items.is_empty() && !first.total.is_exact);
    let after = first.page.next.unwrap();
    let second = views
        .runs(&filter, &|_| true, Order::Ascending, Some(after), 10)
        .unwrap();
    assert_eq!((second.page.items[0].id, second.page.next), (last, None));
    let all = views
        .runs(&RunFilter::default(), &|_| true, Order::Ascending, None, 1)
        .unwrap();
    assert_eq!(all.total.count, many as u64 * 1000 + 1);
    assert!(all.total.is_exact);
}
