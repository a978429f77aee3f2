//! How many attempts a second one runner manages, against the floor of the same machine in the same minute.
//!
//! `spawn_rate [count] [slots]`: runs `count` no-op commands (default 20,000) and a quarter as many no-op Python
//! functions through a runner process with `slots` slots (default: cores), keeping up to 64 launches ahead
//! and acknowledging at once. The floor is a bare loop of spawn and wait with as many threads. It plays
//! the server without a log, so these are figures of the runner alone.
#![allow(clippy::print_stdout, reason = "figures are what this program is for")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fasti_core::domain::attempt::{AttemptNews, Outcome};
use fasti_core::domain::ids::{AttemptId, LogId, RunId, RunnerId, TaskRunId, Token};
use fasti_core::domain::launch::{Launch, Program, PythonCall};
use fasti_core::domain::time::Timestamp;
use fasti_core::protocol::frame;
use fasti_core::protocol::runner_v1::{self, FromRunner, ShutdownMode, ToRunner};
use fasti_runner::{Config, capacity_of_machine, run};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixListener;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

type Failure = Box<dyn Error + Send + Sync>;

/// Launches sent and not yet ended.
const AHEAD: u64 = 64;

/// Times that the floor and the runner take turns.
const TURNS: u64 = 10;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, socket, data, slots] = &arguments[..]
        && mode == "runner"
    {
        let mut config = Config::new(socket.into(), data.into(), RunnerId::new("bench")?);
        config.capacity.slots = slots.parse()?;
        config.sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/src");
        return Ok(run(config)?);
    }
    let mut numbers = arguments.iter().map(|argument| argument.parse::<u64>());
    let count = numbers.next().transpose()?.unwrap_or(20_000);
    let slots = numbers
        .next()
        .transpose()?
        .unwrap_or(u64::from(capacity_of_machine().slots));
    let folder = std::env::temp_dir().join(format!("fasti-spawn-rate-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("noop.py"), "def noop():\n    pass\n")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let measured = runtime.block_on(measure(&folder, count, slots));
    std::fs::remove_dir_all(&folder)?;
    measured
}

async fn measure(folder: &Path, count: u64, slots: u64) -> Result<(), Failure> {
    let mut bench = Bench::new(folder, slots).await?;
    let (mut floors, mut commands) = (Rate::default(), Rate::default());
    // In turns, since on a shared machine a minute is not like the next one.
    for _ in 0..TURNS {
        let before = cpu_ticks("self");
        floors.add(
            count / TURNS,
            floor(count / TURNS, slots)?,
            cpu_ticks("self") - before,
        );
        let runner = bench.runner.id().to_string();
        let before = cpu_ticks(&runner);
        let took = bench.time(count / TURNS, &true_command).await?;
        commands.add(count / TURNS, took, cpu_ticks(&runner) - before);
    }
    println!("bare spawn and wait, {slots} threads: {floors}");
    println!("commands through the runner: {commands}");
    println!(
        "that is {:.2} of the floor",
        commands.per_second() / floors.per_second()
    );
    let python = || python_call(folder);
    // Warm up: interpreters start once.
    bench.time(AHEAD, &python).await?;
    let took = bench.time(count / 4, &python).await?;
    let rate = (count / 4) as f64 / took.as_secs_f64();
    println!("Python functions through the runner: {rate:.0}/s");
    bench.end().await
}

fn floor(count: u64, threads: u64) -> Result<Duration, Failure> {
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let spawn = || -> std::io::Result<()> {
            for _ in 0..count / threads {
                let mut command = Command::new("/bin/true");
                command
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null());
                command.env_clear().status()?;
            }
            Ok(())
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(spawn)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            })
    })?;
    Ok(begin.elapsed())
}

/// Sums over the turns.
#[derive(Default)]
struct Rate {
    count: u64,
    took: Duration,
    ticks: u64,
}

impl Rate {
    fn add(&mut self, count: u64, took: Duration, ticks: u64) {
        self.count += count;
        self.took += took;
        self.ticks += ticks;
    }

    fn per_second(&self) -> f64 {
        self.count as f64 / self.took.as_secs_f64()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A tick is 10 ms on every Linux of today.
        let cpu_us = self.ticks as f64 * 10_000.0 / self.count as f64;
        write!(
            f,
            "{:.0}/s, {cpu_us:.0} us of processor each",
            self.per_second()
        )
    }
}

/// Processor time of a process and its reaped children, in clock ticks.
fn cpu_ticks(process: &str) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields
        .split_ascii_whitespace()
        .skip(11)
        .take(4)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum()
}

/// A runner process and the connection to it.
struct Bench {
    runner: Child,
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    last_attempt: u64,
    last_report: u64,
}

impl Bench {
    async fn new(folder: &Path, slots: u64) -> Result<Self, Failure> {
        let socket = folder.join("socket");
        let listener = UnixListener::bind(&socket)?;
        let runner = Command::new(std::env::current_exe()?)
            .arg("runner")
            .args([
                &socket,
                &folder.join("data"),
                &PathBuf::from(slots.to_string()),
            ])
            .spawn()?;
        let (reader, writer) = listener.accept().await?.0.into_split();
        let reader = BufReader::new(reader);
        let mut bench = Self {
            runner,
            reader,
            writer,
            last_attempt: 0,
            last_report: 0,
        };
        bench.read().await?;
        let log_id = LogId([1; 16]);
        bench
            .say(&ToRunner::Welcome {
                protocol: runner_v1::VERSION,
                log_id,
            })
            .await?;
        Ok(bench)
    }

    /// How long `count` attempts take.
    async fn time(
        &mut self,
        count: u64,
        program: &dyn Fn() -> Program,
    ) -> Result<Duration, Failure> {
        let begin = Instant::now();
        let (mut sent, mut ended) = (0, 0);
        while ended < count {
            // In groups, as a commit of the server makes them.
            let room = AHEAD
                .min(count - ended)
                .saturating_sub(sent - ended)
                .min(count - sent);
            if room > 0 && (room >= AHEAD / 4 || room == count - sent) {
                sent += room;
                let launches = (0..room).map(|_| self.launch(program())).collect();
                self.say(&ToRunner::Start { launches }).await?;
            }
            if let FromRunner::Reports { reports, .. } = self.read().await? {
                self.last_report += reports.len() as u64;
                self.say(&ToRunner::Ack {
                    through: self.last_report,
                })
                .await?;
                for report in reports {
                    if let AttemptNews::Finished(end) = report.report.news {
                        ended += 1;
                        if end.outcome != (Outcome::Exited { code: 0 }) {
                            return Err(format!("an attempt failed: {end:?}").into());
                        }
                    }
                }
            }
        }
        Ok(begin.elapsed())
    }

    fn launch(&mut self, program: Program) -> Launch {
        self.last_attempt += 1;
        let number = self.last_attempt;
        Launch {
            attempt: AttemptId {
                task_run: TaskRunId(number),
                number: 1,
            },
            token: Token(u128::from(number).to_be_bytes()),
            run: RunId(1),
            index: u32::try_from(number).unwrap_or(u32::MAX),
            env: BTreeMap::new(),
            program,
            timeout_ms: None,
            grace_ms: 1_000,
            staging: None,
            options: None,
        }
    }

    async fn read(&mut self) -> Result<FromRunner, Failure> {
        Ok(frame::read(&mut self.reader)
            .await?
            .ok_or("the runner left")?)
    }

    async fn say(&mut self, message: &ToRunner) -> Result<(), Failure> {
        Ok(self.writer.write_all(&frame::encode(message)?).await?)
    }

    async fn end(mut self) -> Result<(), Failure> {
        self.say(&ToRunner::Shutdown {
            mode: ShutdownMode::Kill,
        })
        .await?;
        self.runner.wait()?;
        Ok(())
    }
}

fn true_command() -> Program {
    Program::Command {
        argv: vec!["/bin/true".into()],
        cwd: None,
        stdin: None,
    }
}

fn python_call(folder: &Path) -> Program {
    Program::Python(Box::new(PythonCall {
        entrypoint: "noop.noop".into(),
        python: None,
        path: Some(folder.display().to_string()),
        bundle: None,
        works_in_bundle: false,
        image_env: BTreeMap::new(),
        sub_job_name: "noop".into(),
        scheduled_time: Timestamp(0),
        runtime: Timestamp(0),
        rundate: "1970-01-01".into(),
        part_num: 0,
        num_parts: 1,
        configuration: "{}".into(),
        configuration_blob: None,
        arguments_blob: None,
        upstreams: Arc::default(),
        packed_upstreams: None,
    }))
}
