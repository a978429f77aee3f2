//! The engine on a log whose disk fills up and empties again.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Sender, channel};

use fasti_domain::attempt::{AttemptEnd, AttemptNews, AttemptReport, Outcome, Usage};
use fasti_domain::command::{CreateRun, RunSource, Settings};
use fasti_domain::definition::Definition;
use fasti_domain::ids::{LogId, Seq};
use fasti_domain::launch::Launch;
use fasti_domain::run::RunType;
use fasti_domain::runner::{Capacity, RunnerInfo};
use fasti_domain::time::Timestamp;

use super::*;
use crate::feed::feed;
use crate::mem::{ManualClock, MemLog};
use crate::protocol::runner_v1::StopAttempt;
use crate::record::NewRecord;

/// A log in memory that has room as long as it is told so.
struct Tight {
    log: MemLog,
    is_full: Arc<AtomicBool>,
}

impl LogWrite for Tight {
    fn append(
        &mut self,
        records: Vec<NewRecord>,
        values: &[(Digest, Vec<u8>)],
    ) -> Result<Appended, StoreError> {
        self.log.append(records, values)
    }

    fn check_room(&mut self) -> Result<(), StoreError> {
        if self.is_full.load(Ordering::Acquire) {
            return Err(StoreError::DiskFull {
                path: "/data".into(),
                free_bytes: 0,
                needed_bytes: 1,
            });
        }
        Ok(())
    }
}

struct HandedOut(Sender<Launch>);

impl Effects for HandedOut {
    fn start(&mut self, _: &RunnerId, launches: Vec<Launch>) {
        for launch in launches {
            self.0.send(launch).unwrap();
        }
    }

    fn stop(&mut self, _: &RunnerId, _: Vec<StopAttempt>) {}
}

fn info(name: &str, slots: u32) -> RunnerInfo {
    RunnerInfo {
        runner: RunnerId::new(name).unwrap(),
        host: "here".to_owned(),
        boot_id: "boot".to_owned(),
        pid: 1,
        version: "0".to_owned(),
        capacity: Capacity {
            slots,
            cpu_mhz: 1,
            memory_mb: 1,
        },
        labels: BTreeMap::new(),
    }
}

/// Two tasks beside each other.
fn two() -> Definition {
    let task =
        |name: &str| serde_json::json!({"name": name, "work": {"command": {"argv": ["true"]}}});
    let definition = serde_json::json!({
        "name": "b", "tag": "dev", "run_as": "u", "owner": "u", "group": "g",
        "permissions": "rwrwr-", "tasks": [task("x"), task("y")],
    });
    serde_json::from_value(definition).unwrap()
}

fn success(launch: &Launch) -> Command {
    Command::Report {
        runner: RunnerId::new("r1").unwrap(),
        reports: vec![AttemptReport {
            token: launch.token,
            news: AttemptNews::Finished(AttemptEnd {
                task_run: launch.attempt.task_run,
                number: launch.attempt.number,
                finished_at: Timestamp(2),
                outcome: Outcome::Exited { code: 0 },
                result: None,
                failure: None,
                usage: Usage::default(),
                gathered: None,
            }),
        }],
    }
}

#[test]
fn on_a_full_disk_runners_join_and_report_and_nothing_begins_until_there_is_room() {
    let log = MemLog::default();
    let is_full = Arc::new(AtomicBool::new(false));
    let (writer, feed) = feed(LogId([1; 16]), Seq(0), Box::new(log.clone()));
    let (handed_out, launches) = channel();
    let parts = EngineParts {
        state: State::default(),
        clock: Box::new(ManualClock::at(Timestamp(1))),
        log: Box::new(Tight {
            log,
            is_full: is_full.clone(),
        }),
        writer,
        feed,
        effects: Box::new(HandedOut(handed_out)),
        snapshots: None,
    };
    let (engine, thread) = spawn(parts).unwrap();
    let ask = |command| engine.submit_blocking(Request::system(command));
    let create = || {
        Command::CreateRun(CreateRun {
            source: RunSource::Given(codec::hashed(two())),
            rundate: None,
            run_type: RunType::Manual,
            repeats: None,
        })
    };
    ask(Command::CreateLog {
        log_id: LogId([1; 16]),
        seed: [2; 16],
    })
    .unwrap();
    ask(Command::StartServer {
        version: "0".to_owned(),
        host: "here".to_owned(),
        tz_database: "2024a".to_owned(),
        settings: Settings::default(),
    })
    .unwrap();
    let info_1 = info("r1", 1);
    ask(Command::JoinRunner { info: info_1 }).unwrap();
    ask(create()).unwrap();
    let first = launches.recv().unwrap();

    is_full.store(true, Ordering::Release);
    assert_eq!(ask(create()).unwrap_err(), SubmitError::DiskFull);
    let info_2 = info("r2", 1);
    ask(Command::JoinRunner { info: info_2 }).unwrap();
    ask(success(&first)).unwrap();
    let (answer, live) = channel();
    // Asked after both were decided: whatever would begin has begun.
    let question = move |state: &State| {
        let live = state.runs().flat_map(fasti_domain::run::Run::live_attempts);
        answer.send(live.count()).unwrap();
    };
    engine.post(Message::Inspect(Box::new(question))).unwrap();
    assert_eq!(live.recv(), Ok(0), "nothing new is leased");
    assert!(launches.try_recv().is_err());

    is_full.store(false, Ordering::Release);
    let second = launches.recv().unwrap();
    assert_ne!(second.attempt.task_run, first.attempt.task_run);
    engine.stop();
    assert!(matches!(thread.join(), StopReason::Asked));
}
