//! The follower: catching up, waking waiters, snapshots.

use std::time::Duration;

use fasti_core::domain::ids::Seq;
use fasti_core::store::{OpenOptions, Snapshots, Store, Tables};
use fasti_projector::{Follower, FollowerOptions, SharedViews, Views, WaitError};
use tempfile::TempDir;

use crate::asking::{difference, everything};
use crate::history::busy_world;
use crate::world::{World, chain};

const SOON: Duration = Duration::from_secs(20);

/// A place for tables and snapshots.
struct Disk {
    dir: TempDir,
    tables: Tables,
    snapshots: Snapshots,
}

impl Disk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("data"), OpenOptions::default()).unwrap();
        Self {
            tables: Tables::open(&dir.path().join("views"), 1 << 20).unwrap(),
            snapshots: store.snapshots.clone(),
            dir,
        }
    }

    fn options(&self) -> FollowerOptions {
        FollowerOptions {
            tables: Some(self.tables.clone()),
            snapshots: Some(self.snapshots.clone()),
            snapshot_at: Seq(0),
        }
    }

    fn open(&self, world: &mut World) -> Views {
        let feed = world.feed();
        Views::open(Some(&self.tables), Some(&self.snapshots), &feed).unwrap()
    }
}

fn follow(world: &mut World, views: Views, options: FollowerOptions) -> (SharedViews, Follower) {
    let shared = SharedViews::new(views);
    let follower = Follower::start(shared.clone(), world.feed(), options).unwrap();
    (shared, follower)
}

fn last(world: &World) -> Seq {
    world.entries.last().unwrap().seq()
}

#[test]
fn a_follower_catches_up_and_goes_on() {
    let mut world = busy_world();
    let (shared, follower) = follow(&mut world, Views::new(), FollowerOptions::default());
    shared.wait_for_blocking(last(&world), SOON).unwrap();
    assert!(shared.read().to_bytes() == world.views().to_bytes());
    let batch = world.save(chain("later"));
    shared.wait_for_blocking(last(&world), SOON).unwrap();
    assert!(shared.read().batch(batch).unwrap().is_some());
    assert_eq!(shared.position().seq, last(&world));
    let lag = shared.lag(&world.feed());
    assert_eq!((lag.events, lag.applied), (0, last(&world)));
    follower.stop();
    assert!(shared.position().is_stopped);
}

#[test]
fn whoever_waits_is_told_when_there_is_no_more() {
    let mut world = World::new();
    let (shared, follower) = follow(&mut world, Views::new(), FollowerOptions::default());
    let ahead = Seq(last(&world).0 + 1);
    let soon = Duration::from_millis(1);
    assert_eq!(
        shared.wait_for_blocking(ahead, soon),
        Err(WaitError::TimedOut)
    );
    let waiting = shared.clone();
    let waiter = std::thread::spawn(move || waiting.wait_for_blocking(ahead, SOON));
    world.end_feed();
    assert_eq!(waiter.join().unwrap(), Err(WaitError::Stopped));
    follower.stop();
    assert_eq!(
        shared.wait_for_blocking(last(&world), SOON),
        Ok(()),
        "what was seen stays seen"
    );
}

#[tokio::test]
async fn tasks_wait_for_what_they_wrote() {
    let mut world = World::new();
    let (shared, follower) = follow(&mut world, Views::new(), FollowerOptions::default());
    let ahead = Seq(last(&world).0 + 1);
    let waiting = shared.clone();
    let waiter = tokio::spawn(async move { waiting.wait_for(ahead).await });
    world.save(chain("b"));
    assert_eq!(waiter.await.unwrap(), Ok(()));
    assert!(shared.read().name_ever_existed("b"));
    world.end_feed();
    let never = Seq(last(&world).0 + 1);
    assert_eq!(shared.wait_for(never).await, Err(WaitError::Stopped));
    follower.stop();
}

#[test]
fn a_snapshot_and_the_rest_make_the_whole() {
    let disk = Disk::new();
    let mut world = busy_world();
    let views = disk.open(&mut world);
    assert_eq!(views.as_of(), Seq(0), "there is no snapshot yet");
    let (shared, follower) = follow(&mut world, views, disk.options());
    shared.wait_for_blocking(last(&world), SOON).unwrap();
    follower.stop();
    let stamped = last(&world);

    world.save(chain("later"));
    world.succeed();
    let views = disk.open(&mut world);
    assert_eq!(
        views.as_of(),
        stamped,
        "the last snapshot is at the orderly end"
    );
    let (shared, follower) = follow(&mut world, views, disk.options());
    shared.wait_for_blocking(last(&world), SOON).unwrap();
    follower.stop();
    assert!(shared.read().to_bytes() == world.views().to_bytes());
    let found = everything(&shared.read(), 100);
    assert_eq!(difference(&found, &everything(&world.views(), 100)), None);
}

#[test]
fn a_snapshot_of_another_log_is_passed_over() {
    let disk = Disk::new();
    let mut world = busy_world();
    let views = disk.open(&mut world);
    let (shared, follower) = follow(&mut world, views, disk.options());
    shared.wait_for_blocking(last(&world), SOON).unwrap();
    follower.stop();
    drop(shared);
    let mut other = World::new();
    other.save(chain("other"));
    for _ in 0..200 {
        other.save(chain("other"));
    }
    assert_eq!(disk.open(&mut other).as_of(), Seq(0));
    assert_eq!(
        disk.open(&mut world).as_of(),
        Seq(0),
        "the table was emptied for the other log"
    );
    assert!(disk.dir.path().exists());
}
