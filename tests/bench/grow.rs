//! Logs of any length without running anything: the rules decide as they do in a server, and a runner that is none does
//! at once what it is told.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use fasti_core::codec;
use fasti_core::domain::attempt::{
    AttemptEnd, AttemptNews, AttemptReport, AttemptStart, Lease, Outcome, Process, ResultRef, Usage,
};
use fasti_core::domain::command::{Command, CreateRun, Receipt, Request, RunSource};
use fasti_core::domain::event::Event;
use fasti_core::domain::ids::{BatchId, RunnerId, Seq};
use fasti_core::domain::run::RunType;
use fasti_core::domain::runner::{Capacity, RunnerInfo};
use fasti_core::domain::state::State;
use fasti_core::domain::time::Timestamp;
use fasti_core::engine::{Commit, fold};
use fasti_core::mem::ManualClock;
use fasti_core::store::{OpenOptions, SealOptions, Store, digest_of, seal_now};

/// Events of a commit, about.
const COMMIT_EVENTS: usize = 1_000;

/// The engine's decisions without its thread, and a runner that does all at once what it is told.
pub(crate) struct World {
    store: Store,
    state: State,
    now: Timestamp,
    runner: RunnerId,
    commit: Commit,
}

impl World {
    fn offer(&mut self, command: Command) -> anyhow::Result<Receipt> {
        self.now = self.now.plus_ms(1);
        let request = Request::system(command);
        Ok(self.commit.offer(&mut self.state, &request, self.now)?)
    }

    /// Takes up the log of a folder that no server has.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let store = Store::open(folder, OpenOptions::default())?;
        let last = store.opened.last.seq;
        let mut world = Self {
            state: fold(&store.reader, None, last, &mut |_| {})?.state,
            now: store.log.last_at(),
            runner: RunnerId("bench-1".into()),
            commit: Commit::default(),
            store,
        };
        world.join()?;
        Ok(world)
    }

    /// The last event, in the log or on its way there.
    pub(crate) fn seq(&self) -> Seq {
        self.state.seq
    }

    /// Seals what there is, as a server would have, and gives the log back.
    pub(crate) fn end(mut self) -> anyhow::Result<Store> {
        self.lose()?;
        self.append()?;
        let options = SealOptions {
            references: codec::contents_of,
            ..SealOptions::default()
        };
        let clock = Box::new(ManualClock::at(self.now));
        seal_now(&self.store.reader, options, clock)?;
        Ok(self.store)
    }

    fn append(&mut self) -> anyhow::Result<()> {
        let commit = std::mem::take(&mut self.commit);
        let records = commit.events().iter().map(codec::encode).collect();
        self.store.log.append(records, &[])?;
        Ok(())
    }

    fn join(&mut self) -> anyhow::Result<()> {
        let info = RunnerInfo {
            runner: self.runner.clone(),
            host: "bench".to_owned(),
            boot_id: String::new(),
            pid: 1,
            version: String::new(),
            capacity: Capacity {
                slots: 2,
                cpu_mhz: 8_000,
                memory_mb: 4_000,
            },
            labels: BTreeMap::new(),
        };
        self.offer(Command::JoinRunner { info }).map(drop)
    }

    fn lose(&mut self) -> anyhow::Result<()> {
        let (runner, reason) = (self.runner.clone(), "measured".to_owned());
        self.offer(Command::LoseRunner { runner, reason }).map(drop)
    }

    /// One run from its creation to its end, with this exit code.
    pub(crate) fn run(&mut self, batch: BatchId, code: i32) -> anyhow::Result<()> {
        if self.commit.len() >= COMMIT_EVENTS {
            self.append()?;
        }
        let before = self.commit.len();
        self.offer(Command::CreateRun(CreateRun {
            source: RunSource::Saved(batch),
            rundate: None,
            run_type: RunType::Manual,
            repeats: None,
        }))?;
        let lease = self.commit.events()[before..]
            .iter()
            .find_map(|recorded| {
                let Event::AttemptLeased(leased) = &recorded.event else {
                    return None;
                };
                leased.leases.first().cloned()
            })
            .context("a run with a free slot is leased")?;
        self.report(&lease, AttemptNews::Started(self.started(&lease)))?;
        self.report(&lease, AttemptNews::Finished(self.finished(&lease, code)))
    }

    fn report(&mut self, lease: &Lease, news: AttemptNews) -> anyhow::Result<()> {
        let token = lease.token;
        let reports = vec![AttemptReport { token, news }];
        let runner = self.runner.clone();
        self.offer(Command::Report { runner, reports }).map(drop)
    }

    fn started(&self, lease: &Lease) -> AttemptStart {
        AttemptStart {
            task_run: lease.task_run,
            number: lease.number,
            started_at: self.now,
            process: Process {
                pid: 1_000 + u32::from(lease.token.0[0]),
                start_ticks: self.state.seq.0,
            },
        }
    }

    fn finished(&self, lease: &Lease, code: i32) -> AttemptEnd {
        let drawn = u64::from(lease.token.0[1]) * 257;
        AttemptEnd {
            task_run: lease.task_run,
            number: lease.number,
            finished_at: self.now,
            outcome: Outcome::Exited { code },
            result: (code == 0).then(|| ResultRef {
                sha256: digest_of(&lease.token.0),
                size: drawn,
                format: "pickle".to_owned(),
            }),
            failure: None,
            usage: Usage {
                cpu_us: drawn,
                max_rss_kib: 20_000 + drawn % 4_096,
                stdout_bytes: drawn % 100,
                stderr_bytes: 0,
            },
            gathered: None,
        }
    }
}
