//! The runner beside the server: started with it, started again when it dies, found again after a restart.
//!
//! It is a process of its own: a small process spawns quickly, and its tasks go on while the server is away.
//! Losing it is decided here, by looking at its process: only once it is gone, and the new one has ended what
//! it left, are its attempts given to others.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};
use std::time::Duration;

use fasti_core::domain::command::{Command, Request};
use fasti_core::domain::ids::RunnerId;
use fasti_core::domain::runner::RunnerInfo;
use fasti_core::domain::time::Timestamp;
use fasti_core::engine::{EngineHandle, SubmitError};
use fasti_core::link::Links;
use tokio_util::sync::CancellationToken;

use fasti_core::ports::Clock;

use crate::clock::SystemClock;

/// How often the process is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How long a new runner may take to join.
const JOIN_TIMEOUT: Duration = Duration::from_secs(20);

/// Pause before another try at a runner that does not start; doubled up to the second value.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// What starting a runner needs.
#[derive(Debug, Clone)]
pub(crate) struct RunnerSettings {
    pub(crate) socket: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) sdk: PathBuf,
    pub(crate) slots: Option<u32>,
    pub(crate) python: Option<String>,
    pub(crate) containers: fasti_runner::containers::Settings,
    pub(crate) boot_id: String,
}

/// A runner that this process started.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) runner: RunnerId,
    pub(crate) process: Child,
    /// Whether it ever joined: before that it holds nothing.
    pub(crate) has_joined: bool,
}

/// Keeps one runner running until `stop`; answers with the child, if it was started here.
///
/// At `stop` it ends at once, wherever it is. That is right at every point: what is started is kept in `child`, and
/// runners are called lost only after another one has joined, so none is too early.
pub(crate) async fn supervise(
    settings: RunnerSettings,
    engine: EngineHandle,
    links: Links,
    stop: CancellationToken,
) -> Option<Started> {
    let mut child: Option<Started> = None;
    tokio::select! {
        () = stop.cancelled() => {}
        () = keep(&settings, &engine, &links, &mut child) => {}
    }
    child
}

/// One life of a runner after the other, for ever.
async fn keep(
    settings: &RunnerSettings,
    engine: &EngineHandle,
    links: &Links,
    child: &mut Option<Started>,
) {
    let mut pause = PAUSE.0;
    loop {
        match keep_one(settings, engine, links, child).await {
            Ok(()) => pause = PAUSE.0,
            Err(error) => {
                tracing::error!(%error, "the local runner does not start; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE.1);
            }
        }
    }
}

/// One life of a runner: found or started, joined, watched until it is gone.
async fn keep_one(
    settings: &RunnerSettings,
    engine: &EngineHandle,
    links: &Links,
    child: &mut Option<Started>,
) -> anyhow::Result<()> {
    let known = local_runners(engine).await?;
    let (alive, dead): (Vec<_>, Vec<_>) =
        known.into_iter().partition(|info| is_alive(info, settings));
    let known = alive.into_iter().next().map(|info| Living {
        runner: info.runner,
        pid: info.pid,
    });
    let found = known.or_else(|| on_its_way(settings));
    let runner = if let Some(living) = &found {
        tracing::info!(runner = %living.runner, "the runner of an earlier server goes on");
        living.runner.clone()
    } else {
        let runner = new_id()?;
        hand_over_drain(engine, &runner).await?;
        *child = Some(Started {
            runner: runner.clone(),
            process: start(settings, &runner)?,
            has_joined: false,
        });
        runner
    };
    let is_gone = |child: &mut Option<Started>| match &found {
        Some(living) => !living.runs(),
        None => ended(child),
    };
    joined(&runner, links, || is_gone(child)).await?;
    if let Some(started) = child.as_mut().filter(|it| it.runner == runner) {
        started.has_joined = true;
    }
    for info in dead {
        let reason = "its process is gone".to_owned();
        lose(engine, info.runner, reason).await?;
    }
    end_old_drains(engine, &runner).await?;
    watch(&runner, || is_gone(child)).await;
    Ok(())
}

/// Runners that servers on this data folder started. The folder is locked, so none is on another machine: one
/// that says so was left behind when the folder was moved.
async fn local_runners(engine: &EngineHandle) -> Result<Vec<RunnerInfo>, SubmitError> {
    let question = |state: &fasti_core::domain::state::State| {
        let all = state.runners().map(|runner| runner.info.clone());
        all.filter(|info| info.runner.0.starts_with("local-"))
            .collect()
    };
    engine.inspect(question).await
}

/// A name that no earlier runner of this log had.
fn new_id() -> anyhow::Result<RunnerId> {
    let Timestamp(us) = SystemClock.now();
    Ok(RunnerId::new(&format!("local-{us:x}"))?)
}

fn start(settings: &RunnerSettings, runner: &RunnerId) -> io::Result<Child> {
    use std::os::unix::process::CommandExt;
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(settings.data.join("runner.log"))?;
    #[expect(
        clippy::disallowed_methods,
        reason = "starts the runner, which starts everything else"
    )]
    let mut process = Process::new(std::env::current_exe()?);
    process
        .arg("runner")
        .arg("--socket")
        .arg(&settings.socket)
        .arg("--data")
        .arg(&settings.data)
        .arg("--sdk")
        .arg(&settings.sdk)
        .arg("--id")
        .arg(runner.to_string())
        .args(settings.slots.map(|slots| format!("--slots={slots}")))
        .args(
            settings
                .python
                .as_ref()
                .map(|python| format!("--python={python}")),
        )
        .arg(format!(
            "--containers={}",
            serde_json::to_string(&settings.containers)?
        ))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        // A Ctrl-C in the terminal is for the server; it decides what becomes of the runner.
        .process_group(0);
    process.spawn()
}

async fn joined(
    runner: &RunnerId,
    links: &Links,
    mut is_gone: impl FnMut() -> bool,
) -> anyhow::Result<()> {
    let timeout = tokio::time::sleep(JOIN_TIMEOUT);
    tokio::pin!(timeout);
    loop {
        tokio::select! {
            () = links.wait_for(runner) => return Ok(()),
            () = &mut timeout => anyhow::bail!("it did not join within {JOIN_TIMEOUT:?}"),
            () = tokio::time::sleep(LOOK) => {
                if is_gone() {
                    anyhow::bail!("it ended before it joined; its log is runner.log in the data folder");
                }
            }
        }
    }
}

/// Whether the child has ended; it is reaped then.
fn ended(child: &mut Option<Started>) -> bool {
    let has_ended = child
        .as_mut()
        .is_none_or(|child| !matches!(child.process.try_wait(), Ok(None)));
    if has_ended {
        *child = None;
    }
    has_ended
}

/// Returns when the runner's process is gone.
async fn watch(runner: &RunnerId, mut is_gone: impl FnMut() -> bool) {
    loop {
        tokio::time::sleep(LOOK).await;
        if is_gone() {
            tracing::warn!(%runner, "the local runner is gone");
            return;
        }
    }
}

/// Whether the process of a known runner still is that runner.
fn is_alive(info: &RunnerInfo, settings: &RunnerSettings) -> bool {
    let living = Living {
        runner: info.runner.clone(),
        pid: info.pid,
    };
    info.boot_id == settings.boot_id && living.runs()
}

/// A runner that is not a child of this process.
struct Living {
    runner: RunnerId,
    pid: u32,
}

impl Living {
    /// Whether the process of that number still is that runner.
    fn runs(&self) -> bool {
        let command_line = std::fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        let mut arguments = command_line.split(|byte| *byte == 0);
        arguments.any(|argument| argument == self.runner.0.as_bytes())
    }
}

/// A runner that an earlier server started and that the log does not know, since that server was killed before
/// it joined. It is on its way to the socket: starting another one would make two, of which one is watched.
fn on_its_way(settings: &RunnerSettings) -> Option<Living> {
    let data = settings.data.canonicalize().ok()?;
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    processes.into_iter().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let command_line = std::fs::read(process.path().join("cmdline")).ok()?;
        let command_line = String::from_utf8(command_line).ok()?;
        let arguments: Vec<&str> = command_line.split('\0').collect();
        let after = |name: &str| {
            let at = arguments.iter().position(|argument| *argument == name)?;
            arguments.get(at + 1).copied()
        };
        if arguments.get(1) != Some(&"runner") {
            return None;
        }
        let folder = std::fs::read_link(process.path().join("cwd"))
            .ok()?
            .join(after("--data")?);
        let is_ours = folder.canonicalize().is_ok_and(|folder| folder == data);
        let runner = RunnerId::new(after("--id").filter(|_| is_ours)?).ok()?;
        Some(Living { runner, pid })
    })
}

/// A runner in the place of a drained one is drained before it joins: whoever drained it did so for the machine, and a
/// new process of another name changes nothing about that.
async fn hand_over_drain(engine: &EngineHandle, runner: &RunnerId) -> Result<(), SubmitError> {
    let drained = drained(engine).await?;
    let Some((old, reason)) = drained.into_iter().next_back() else {
        return Ok(());
    };
    tracing::info!(%runner, drained = %old, "the runner takes the place of a drained one, and is drained");
    let command = Command::DrainRunner {
        runner: runner.clone(),
        reason,
        instead_of: Some(old),
    };
    say(engine, command).await
}

/// Drains that were handed over are over, once those who had them are gone.
async fn end_old_drains(engine: &EngineHandle, runner: &RunnerId) -> Result<(), SubmitError> {
    for (old, _) in drained(engine).await? {
        if old != *runner {
            say(engine, Command::ResumeRunner { runner: old }).await?;
        }
    }
    Ok(())
}

/// Drained runners that servers on this data folder started, with why.
async fn drained(engine: &EngineHandle) -> Result<Vec<(RunnerId, Option<String>)>, SubmitError> {
    let question = |state: &fasti_core::domain::state::State| {
        let all = state.drained();
        all.filter(|(runner, _)| runner.0.starts_with("local-"))
            .map(|(runner, reason)| (runner.clone(), reason.map(str::to_owned)))
            .collect()
    };
    engine.inspect(question).await
}

/// Says that a runner is gone.
pub(crate) async fn lose(
    engine: &EngineHandle,
    runner: RunnerId,
    reason: String,
) -> Result<(), SubmitError> {
    say(engine, Command::LoseRunner { runner, reason }).await
}

/// Gives a command of the scheduler itself; waits while the engine has no room.
async fn say(engine: &EngineHandle, command: Command) -> Result<(), SubmitError> {
    let request = Request::system(command);
    loop {
        match engine.submit(request.clone()).await {
            Ok(_) => return Ok(()),
            Err(SubmitError::Busy | SubmitError::DiskFull) => tokio::time::sleep(LOOK).await,
            Err(error @ (SubmitError::Rejected(_) | SubmitError::Stopped)) => return Err(error),
        }
    }
}
