//! A page of the list of runs costs the same however many runs there are. Work is counted, not time: rows that are read
//! from the history, their bytes, and runs that are looked at.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fasti_core::domain::ids::{BatchId, RunId};
use fasti_core::domain::run::RunStatus;
use fasti_core::store::{Cursor, StoreError};
use fasti_projector::limits::SCANNED_RUNS_MAX;
use fasti_projector::rows::RunFilter;
use fasti_projector::{Access, HistoryTable, MemoryTable, Order, Views};

use crate::history::LITTLE;
use crate::world::{World, definition, task};

/// Runs on a page.
const PAGE: usize = 50;

/// A table that counts what is read of it.
#[derive(Default)]
struct Counted {
    table: MemoryTable,
    rows: AtomicU64,
    bytes: AtomicU64,
}

impl Counted {
    fn saw(&self, key: &[u8], row: &[u8]) {
        self.rows.fetch_add(1, Ordering::Relaxed);
        let bytes = key.len() + row.len();
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl HistoryTable for Counted {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.table.get(key)?;
        self.saw(key, found.as_deref().unwrap_or_default());
        Ok(found)
    }

    fn page(
        &self,
        from: &[u8],
        to: &[u8],
        order: Order,
        max: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let found = self.table.page(from, to, order, max)?;
        found.iter().for_each(|(key, row)| self.saw(key, row));
        Ok(found)
    }

    fn apply(&self, rows: Vec<(Vec<u8>, Vec<u8>)>, cursor: Cursor) -> Result<(), StoreError> {
        self.table.apply(rows, cursor)
    }
}

/// What a page took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Work {
    rows: u64,
    bytes: u64,
    runs: u64,
}

impl Work {
    /// Whether it is about the same: the first and the last shelf of a page may be fuller, and ids longer.
    fn is_about(self, other: Self) -> bool {
        let near = |a: u64, b: u64| a.abs_diff(b) <= a.min(b) / 4 + 4;
        near(self.rows, other.rows) && near(self.bytes, other.bytes) && near(self.runs, other.runs)
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, bytes, runs } = self;
        write!(f, "{rows} rows with {bytes} bytes, {runs} runs")
    }
}

/// Views over more and more runs.
struct Lists {
    world: World,
    views: Views,
    table: Arc<Counted>,
    seen: usize,
    batches: Vec<BatchId>,
    runs: Vec<RunId>,
}

impl Lists {
    fn new() -> Self {
        let mut world = World::new();
        let batch = |name: &str| definition(name, vec![task("t")], &[]);
        let batches = ["often", "seldom"].map(|name| world.save(batch(name)));
        let table = Arc::new(Counted::default());
        let views = Views::with_table(table.clone(), LITTLE);
        Self {
            world,
            views,
            table,
            seen: 0,
            batches: batches.to_vec(),
            runs: Vec::new(),
        }
    }

    /// Lets runs come and go until there are so many. There is no runner: they are cancelled.
    fn grow(&mut self, runs: usize) {
        while self.runs.len() < runs {
            let at = usize::from(self.runs.len().is_multiple_of(10));
            let run = self.world.run(self.batches[at]);
            self.world.cancel(run);
            self.runs.push(run);
            if self.world.entries.len() - self.seen > 500 || self.runs.len() == runs {
                for entry in &self.world.entries[self.seen..] {
                    self.views.apply(entry);
                }
                self.seen = self.world.entries.len();
                self.views.write_history().unwrap();
            }
        }
    }

    /// A page, and what it took.
    fn page(&self, filter: &RunFilter, order: Order, after: Option<RunId>) -> (usize, Work) {
        self.table.rows.store(0, Ordering::Relaxed);
        self.table.bytes.store(0, Ordering::Relaxed);
        let looked = Cell::new(0);
        let visible = |_: Access<'_>| {
            looked.set(looked.get() + 1);
            true
        };
        let found = self.views.runs(filter, &visible, order, after, PAGE);
        let work = Work {
            rows: self.table.rows.load(Ordering::Relaxed),
            bytes: self.table.bytes.load(Ordering::Relaxed),
            runs: looked.get(),
        };
        (found.unwrap().page.items.len(), work)
    }

    /// Pages as people ask for them: the newest, one in the middle, the oldest; of all, by batch, name and status.
    fn pages(&self) -> Vec<(String, Work)> {
        let middle = self.runs[self.runs.len() / 2];
        let filters = [
            ("all", RunFilter::default()),
            (
                "of a batch",
                RunFilter {
                    batch_id: Some(self.batches[1]),
                    ..RunFilter::default()
                },
            ),
            (
                "by name",
                RunFilter {
                    search: Some("SELD".to_owned()),
                    ..RunFilter::default()
                },
            ),
            (
                "cancelled",
                RunFilter {
                    statuses: vec![RunStatus::Cancelled],
                    ..RunFilter::default()
                },
            ),
        ];
        let mut pages = Vec::new();
        for (name, filter) in &filters {
            for (place, order, after) in [
                ("newest", Order::Descending, None),
                ("in the middle", Order::Descending, Some(middle)),
                ("oldest", Order::Ascending, None),
            ] {
                let (items, work) = self.page(filter, order, after);
                assert_eq!(items, PAGE, "{name}, {place}");
                pages.push((format!("{name}, {place}"), work));
            }
        }
        pages
    }
}

#[test]
fn a_page_of_runs_costs_the_same_however_many_there_are() {
    let mut lists = Lists::new();
    lists.grow(1_500);
    let few = lists.pages();
    lists.grow(12_000);
    let many = lists.pages();
    for ((name, few), (_, many)) in few.iter().zip(&many) {
        assert!(
            many.is_about(*few),
            "{name}: {few} of 1,500; {many} of 12,000"
        );
        // A page is not made of much more than what is on it.
        assert!(many.runs <= 4 * PAGE as u64, "{name}: {many}");
        assert!(many.rows <= 4 * PAGE as u64, "{name}: {many}");
    }
    // What no index answers ends early, however many runs there are.
    let none = RunFilter {
        rundate: Some("1999-01-01".to_owned()),
        ..RunFilter::default()
    };
    let (items, work) = lists.page(&none, Order::Descending, None);
    assert_eq!(items, 0);
    let scanned = SCANNED_RUNS_MAX as u64;
    assert!(work.rows <= 3 * scanned, "{work}");
}
