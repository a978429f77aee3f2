//! The supervisor as data: inputs in, actions and reports out.
#![allow(clippy::unwrap_used, reason = "tests")]

mod leaving;

use std::collections::BTreeMap;

use fasti_core::domain::ids::{RunId, RunnerId, TaskRunId};
use fasti_core::domain::launch::Program;
use fasti_core::domain::runner::Capacity;

use super::*;
use crate::limits::{REPORT_WAIT_MS, REPORTS_PER_MESSAGE_MAX, TOKENS_REMEMBERED_MAX};

const LOG: LogId = LogId([1; 16]);

fn token(number: u32) -> Token {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Token(bytes)
}

fn attempt(number: u32) -> AttemptId {
    AttemptId {
        task_run: TaskRunId(u64::from(number)),
        number: 1,
    }
}

fn launch(number: u32) -> Launch {
    Launch {
        attempt: attempt(number),
        token: token(number),
        run: RunId(1),
        index: number,
        env: BTreeMap::new(),
        program: Program::Command {
            argv: vec!["x".into()],
            cwd: None,
            stdin: None,
        },
        timeout_ms: None,
        grace_ms: 100,
        staging: None,
        options: None,
    }
}

fn ended(outcome: Outcome, signalled: bool) -> Ended {
    Ended {
        at: Timestamp(7),
        outcome,
        signalled,
        result: None,
        value: None,
        failure: None,
        usage: Usage::default(),
        gathered: None,
    }
}

/// A supervisor with a clock that the test moves.
struct World {
    supervisor: Supervisor,
    now_ms: u64,
    /// Signs of life so far; left out of the actions, as they come with any time that passes.
    pings: usize,
}

impl World {
    fn new(slots: u32) -> Self {
        let info = RunnerInfo {
            runner: RunnerId::new("r").unwrap(),
            host: String::new(),
            boot_id: String::new(),
            pid: 1,
            version: String::new(),
            capacity: Capacity {
                slots,
                cpu_mhz: 0,
                memory_mb: 0,
            },
            labels: BTreeMap::new(),
        };
        let patience = Patience {
            idle_ms: 1_000,
            unreported_ms: 5_000,
        };
        let supervisor = Supervisor::new(info, patience, Moment::default());
        Self {
            supervisor,
            now_ms: 0,
            pings: 0,
        }
    }

    /// Connected and welcomed.
    fn up(slots: u32) -> Self {
        let mut world = Self::new(slots);
        world.connect();
        world
    }

    fn connect(&mut self) -> Vec<Held> {
        let mut actions = self.tell(Input::Connected);
        let welcome = ToRunner::Welcome {
            protocol: runner_v1::VERSION,
            log_id: LOG,
        };
        assert_eq!(self.server(welcome), []);
        let Some(Action::Say(FromRunner::Hello { held, .. })) = actions.pop() else {
            panic!("no hello")
        };
        assert_eq!(actions, []);
        held
    }

    fn tell(&mut self, input: Input) -> Vec<Action> {
        let mut actions = Vec::new();
        let at = Timestamp(i64::try_from(self.now_ms).unwrap() * 1_000);
        let now = Moment {
            at,
            uptime_ms: self.now_ms,
        };
        self.supervisor.handle(now, input, &mut actions);
        let before = actions.len();
        actions.retain(|action| *action != Action::Say(FromRunner::Ping));
        self.pings += before - actions.len();
        actions
    }

    fn server(&mut self, message: ToRunner) -> Vec<Action> {
        self.tell(Input::Server(message))
    }

    fn launch(&mut self, numbers: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let launches = numbers.into_iter().map(launch).collect();
        started(&self.server(ToRunner::Start { launches }))
    }

    fn stop(&mut self, number: u32) -> Vec<Action> {
        let attempts = vec![StopAttempt {
            attempt: attempt(number),
            token: token(number),
        }];
        self.server(ToRunner::Stop { attempts })
    }

    fn runs(&mut self, number: u32) {
        let process = Process {
            pid: number,
            start_ticks: 1,
        };
        let started = Input::Started {
            token: token(number),
            at: Timestamp(3),
            process,
        };
        assert_eq!(self.tell(started), []);
    }

    fn ends(&mut self, number: u32, ended: Ended) -> Vec<Action> {
        self.tell(Input::Ended {
            token: token(number),
            ended: Box::new(ended),
        })
    }

    fn succeeds(&mut self, number: u32) -> Vec<Action> {
        self.ends(number, ended(Outcome::Exited { code: 0 }, false))
    }

    fn wait(&mut self, ms: u64) -> Vec<Action> {
        self.now_ms += ms;
        self.tell(Input::Wake)
    }

    /// Number of the first report, and all that is sent, in short: `s1` started, `f1` finished.
    fn reports(&mut self) -> (u64, Vec<String>) {
        let mut first_number = 0;
        let mut all = Vec::new();
        while let Some(FromRunner::Reports { first, reports }) = self.supervisor.next_reports() {
            if first_number == 0 {
                first_number = first;
            }
            assert_eq!(first, first_number + all.len() as u64);
            all.extend(reports.into_iter().map(|report| match report.report.news {
                AttemptNews::Started(start) => format!("s{}", start.task_run),
                AttemptNews::Progressed(mark) => format!("p{}", mark.task_run),
                AttemptNews::Finished(end) => {
                    format!("f{}:{}", end.task_run, end.outcome.summary())
                }
            }));
        }
        (first_number, all)
    }
}

fn started(actions: &[Action]) -> Vec<u32> {
    let start = |action: &Action| match action {
        Action::Start(launch) => launch.index,
        Action::Say(_) | Action::Signal { .. } | Action::Exit(_) => panic!("{action:?}"),
    };
    actions.iter().map(start).collect()
}

fn term(number: u32) -> Action {
    Action::Signal {
        token: token(number),
        signal: StopSignal::Term,
    }
}

fn kill(number: u32) -> Action {
    Action::Signal {
        token: token(number),
        signal: StopSignal::Kill,
    }
}

#[test]
fn launches_begin_in_order_as_slots_become_free() {
    let mut world = World::up(2);
    // Two slots and two ahead.
    assert_eq!(world.launch(1..=6), [1, 2, 3, 4]);
    assert_eq!(started(&world.succeeds(2)), [5]);
    assert_eq!(started(&world.succeeds(1)), [6]);
    assert_eq!(world.supervisor.active(), 4);
}

#[test]
fn a_start_and_its_end_are_reported_once_and_forgotten_when_acknowledged() {
    let mut world = World::up(1);
    world.launch([1]);
    world.runs(1);
    world.succeeds(1);
    assert_eq!(
        world.reports(),
        (1, vec!["s1".into(), "f1:exit code 0".into()])
    );
    assert_eq!(world.reports(), (0, vec![]));
    world.server(ToRunner::Ack { through: 2 });
    world.tell(Input::Disconnected);
    assert_eq!(world.connect(), []);
    assert_eq!(world.reports(), (0, vec![]));
}

#[test]
fn what_is_not_acknowledged_is_held_and_sent_again_on_a_new_connection() {
    let mut world = World::up(1);
    world.launch([1, 2, 3]);
    world.runs(1);
    world.succeeds(1);
    world.runs(2);
    assert_eq!(world.reports().0, 1);
    world.server(ToRunner::Ack { through: 1 });
    world.tell(Input::Disconnected);
    world.ends(2, ended(Outcome::Signaled { signal: 9 }, false));
    assert_eq!(
        world.reports(),
        (0, vec![]),
        "nothing is sent without a server"
    );
    let held: Vec<_> = world
        .connect()
        .into_iter()
        .map(|held| held.attempt)
        .collect();
    assert_eq!(held, [attempt(1), attempt(2), attempt(3)]);
    let expected = ["f1:exit code 0", "s2", "f2:signal 9"]
        .map(String::from)
        .to_vec();
    assert_eq!(world.reports(), (2, expected));
}

#[test]
fn nothing_is_sent_before_the_welcome() {
    let mut world = World::up(1);
    world.launch([1]);
    world.runs(1);
    world.tell(Input::Disconnected);
    world.tell(Input::Connected);
    assert_eq!(world.reports(), (0, vec![]));
}

#[test]
fn a_token_starts_once() {
    let mut world = World::up(4);
    assert_eq!(world.launch([1, 1]), [1]);
    assert_eq!(world.launch([1]), [0; 0]);
    world.runs(1);
    assert_eq!(world.launch([1]), [0; 0]);
    world.succeeds(1);
    world.reports();
    assert_eq!(world.launch([1]), [0; 0]);
    assert_eq!(
        world.reports().1,
        ["s1", "f1:exit code 0"],
        "the server missed it: told again"
    );
    world.server(ToRunner::Ack { through: 2 });
    assert_eq!(
        world.launch([1]),
        [0; 0],
        "also after it is forgotten otherwise"
    );
    assert_eq!(world.reports(), (0, vec![]));
}

#[test]
fn a_queued_attempt_is_stopped_without_a_process() {
    let mut world = World::up(1);
    world.launch([1, 2, 3]);
    assert_eq!(world.stop(3), []);
    world.wait(REPORT_WAIT_MS);
    assert_eq!(world.reports().1, ["f3:stopped"]);
    world.succeeds(1);
    assert_eq!(world.succeeds(2), [], "the stopped one does not begin");
}

#[test]
fn a_running_attempt_gets_term_then_kill_after_its_grace() {
    let mut world = World::up(1);
    world.launch([1]);
    world.runs(1);
    assert_eq!(world.stop(1), [term(1)]);
    assert_eq!(world.stop(1), [], "once");
    assert_eq!(world.wait(99), []);
    assert_eq!(world.supervisor.next_wake_ms(), Some(100));
    assert_eq!(world.wait(1), [kill(1)]);
    assert_eq!(world.wait(500), []);
    world.ends(1, ended(Outcome::Signaled { signal: 9 }, true));
    assert_eq!(world.reports().1, ["s1", "f1:stopped"]);
}

#[test]
fn an_end_before_the_signal_arrived_keeps_its_own_outcome() {
    let mut world = World::up(1);
    world.launch([1]);
    world.runs(1);
    world.stop(1);
    world.succeeds(1);
    assert_eq!(world.reports().1, ["s1", "f1:exit code 0"]);
    assert_eq!(world.wait(1_000), [], "no KILL for what is over");
}

#[test]
fn an_attempt_with_the_launcher_but_without_a_process_is_withdrawn() {
    let mut world = World::up(1);
    world.launch([1, 2]);
    assert_eq!(world.stop(2), [term(2)]);
    world.ends(2, ended(Outcome::Stopped, false));
    assert_eq!(world.reports().1, ["f2:stopped"]);
    assert_eq!(world.supervisor.active(), 1);
}

#[test]
fn a_stop_before_its_launch_wins() {
    let mut world = World::up(1);
    assert_eq!(world.stop(1), []);
    assert_eq!(world.reports().1, ["f1:stopped"]);
    assert_eq!(world.launch([1]), [0; 0]);
    world.server(ToRunner::Ack { through: 1 });
    assert_eq!(world.stop(1), []);
    assert_eq!(world.launch([1]), [0; 0]);
}

#[test]
fn the_time_limit_counts_from_the_start() {
    let mut world = World::up(1);
    let limited = Launch {
        timeout_ms: Some(1_000),
        ..launch(1)
    };
    world.server(ToRunner::Start {
        launches: vec![limited],
    });
    world.now_ms = 5_000;
    world.runs(1);
    assert_eq!(world.wait(999), []);
    assert_eq!(world.wait(1), [term(1)]);
    assert_eq!(world.wait(100), [kill(1)]);
    world.ends(1, ended(Outcome::Signaled { signal: 9 }, true));
    assert_eq!(world.reports().1, ["s1", "f1:time limit of 1000 ms passed"]);
}

#[test]
fn a_timely_end_needs_no_timer() {
    let mut world = World::up(1);
    let limited = Launch {
        timeout_ms: Some(1_000),
        ..launch(1)
    };
    world.server(ToRunner::Start {
        launches: vec![limited],
    });
    world.runs(1);
    world.succeeds(1);
    assert_eq!(world.wait(2_000), []);
}

#[test]
fn a_stop_during_a_time_out_stays_a_time_out() {
    let mut world = World::up(1);
    let limited = Launch {
        timeout_ms: Some(10),
        ..launch(1)
    };
    world.server(ToRunner::Start {
        launches: vec![limited],
    });
    world.runs(1);
    world.wait(10);
    assert_eq!(world.stop(1), []);
    world.ends(1, ended(Outcome::Signaled { signal: 15 }, true));
    assert_eq!(world.reports().1[1], "f1:time limit of 10 ms passed");
}

#[test]
fn a_value_travels_with_its_report() {
    let mut world = World::up(1);
    world.launch([1]);
    let value = Some(vec![1, 2]);
    world.ends(
        1,
        Ended {
            value: value.clone(),
            ..ended(Outcome::Exited { code: 0 }, false)
        },
    );
    let Some(FromRunner::Reports { reports, .. }) = world.supervisor.next_reports() else {
        panic!("no reports")
    };
    assert_eq!(reports[0].value, value);
}

#[test]
fn a_silent_server_bounds_what_is_begun() {
    let slots = 1_000;
    let mut world = World::up(slots);
    let many = u32::try_from(REPORTS_UNACKED_MAX).unwrap() + 2 * slots;
    world.launch(1..=many);
    let mut begun = 0;
    for number in 1..=many {
        if world.supervisor.active() == 0 {
            break;
        }
        world.succeeds(number);
        begun = number;
    }
    assert_eq!(
        world.supervisor.active(),
        0,
        "stopped by the bound, not by the end of the list"
    );
    assert!((begun as usize) < REPORTS_UNACKED_MAX + 2 * slots as usize);
    world.server(ToRunner::Ack { through: 5_000 });
    assert!(world.supervisor.active() > 0);
}

#[test]
fn messages_and_memory_are_bounded() {
    let mut outbox = Outbox::default();
    let news = |number| {
        let end = AttemptEnd {
            task_run: TaskRunId(1),
            number: 1,
            finished_at: Timestamp(0),
            outcome: Outcome::Stopped,
            result: None,
            failure: None,
            usage: Usage::default(),
            gathered: None,
        };
        let report = AttemptReport {
            token: token(number),
            news: AttemptNews::Finished(end),
        };
        Report {
            report,
            value: None,
        }
    };
    for number in 0..2_500 {
        outbox.push(news(number));
    }
    let mut sizes = Vec::new();
    while let Some(FromRunner::Reports { reports, .. }) = outbox.next_message() {
        sizes.push(reports.len());
    }
    assert_eq!(
        sizes,
        [REPORTS_PER_MESSAGE_MAX, REPORTS_PER_MESSAGE_MAX, 500]
    );
    assert_eq!(
        outbox.ack(u64::MAX).len(),
        2_500,
        "a number never given is the last one"
    );
    assert_eq!(outbox.ack(3).len(), 0);

    let mut remembered = Remembered::default();
    let many = u32::try_from(TOKENS_REMEMBERED_MAX).unwrap();
    (0..=many).for_each(|number| remembered.insert(token(number)));
    assert!(!remembered.contains(&token(0)) && remembered.contains(&token(1)));
}

#[test]
fn reports_wait_for_others_only_while_there_is_work_in_hand() {
    let mut world = World::up(1);
    world.launch([1, 2, 3, 4]);
    world.succeeds(1);
    assert_eq!(world.reports().1, [""; 0], "three are left for one slot");
    let due = world.supervisor.next_wake_ms();
    assert_eq!(due, Some(world.now_ms + REPORT_WAIT_MS));
    world.wait(REPORT_WAIT_MS);
    assert_eq!(world.reports().1, ["f1:exit code 0"]);
    world.succeeds(2);
    assert_eq!(
        world.reports().1,
        ["f2:exit code 0"],
        "the slot and one more: said at once"
    );
}
