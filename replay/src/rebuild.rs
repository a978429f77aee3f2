//! Views and state computed anew from the whole log, and compared with what a server would serve: what it keeps
//! as snapshot and tables, brought up to the end.

use std::path::Path;
use std::time::{Duration, Instant};

use fasti_core::domain::event::Event;
use fasti_core::domain::ids::Seq;
use fasti_core::engine::fold;
use fasti_core::feed::{Feed, feed};
use fasti_core::store::{OpenOptions, Store, Tables};
use fasti_projector::Views;

use crate::error::ReplayError;

/// Memory for pages of the views' tables.
const CACHE_BYTES: u64 = 32 << 20;
/// Folder of the views that are computed for comparison.
const FRESH: &str = "views.rebuild";

/// What a rebuild came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// Last event.
    pub last: Seq,
    /// Time that the views took.
    pub views_took: Duration,
    /// Time that the state took.
    pub state_took: Duration,
    /// Where what is served differs, if it does: which part, and how.
    pub difference: Option<String>,
}

/// Computes views and state of the data folder of a stopped server from the first event on. With `is_check` they
/// are only compared with the served ones; otherwise the views take their place too.
///
/// # Errors
/// A server holds the folder, the log is damaged, or the disk refuses.
pub fn folder(
    data: &Path,
    is_check: bool,
    progress: &mut dyn FnMut(Seq),
) -> Result<Rebuilt, ReplayError> {
    let options = OpenOptions {
        create: false,
        ..OpenOptions::default()
    };
    let store = Store::open(data, options)?;
    let feed = feed_of(&store)?;
    let served_dir = Tables::current(data);
    let served_tables = Tables::open(&served_dir, CACHE_BYTES)?;
    let mut served = Views::open(Some(&served_tables), Some(&store.snapshots), &feed)?;
    served.catch_up(&feed, &mut |_| {})?;

    let fresh_dir = data.join(FRESH);
    Tables::destroy(&fresh_dir)?;
    let fresh_tables = Tables::open(&fresh_dir, CACHE_BYTES)?;
    let began = Instant::now();
    let history = fasti_projector::empty_history(&fresh_tables)?;
    let mut fresh = Views::rebuild(&feed, history, progress)?;
    let views_took = began.elapsed();
    let mut difference = served.difference(&fresh)?;

    let began = Instant::now();
    let last = feed.last();
    let whole = fold(&store.reader, None, last, &mut |_| {})?;
    let state_took = began.elapsed();
    let kept = fold(&store.reader, Some(&store.snapshots), last, &mut |_| {});
    if kept?.state != whole.state && difference.is_none() {
        difference = Some("the state from its snapshot is not the state of the log".to_owned());
    }
    if !is_check {
        fresh.keep(&fresh_tables, &store.snapshots)?;
    }
    drop((served, served_tables, fresh, fresh_tables));
    if is_check {
        Tables::destroy(&fresh_dir)?;
    } else {
        Tables::destroy(&served_dir)?;
        std::fs::rename(&fresh_dir, &served_dir)?;
    }
    Ok(Rebuilt {
        last,
        views_took,
        state_took,
        difference,
    })
}

/// The events of an opened store as followers read them.
fn feed_of(store: &Store) -> Result<Feed, ReplayError> {
    let first = store.reader.read_one(Seq(1))?;
    let first = first.ok_or(ReplayError::NoEvents { first: Seq(1) })?;
    let entry = fasti_core::codec::decode(&first)?;
    let Event::LogCreated(created) = &entry.recorded.event else {
        return Err(ReplayError::NoEvents { first: Seq(1) });
    };
    let (_, feed) = feed(
        created.log_id,
        store.opened.last.seq,
        Box::new(store.reader.clone()),
    );
    Ok(feed)
}
