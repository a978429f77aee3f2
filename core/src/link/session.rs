//! One connection of one runner.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fasti_domain::access::Principal;
use fasti_domain::attempt::{AttemptEnd, AttemptNews, AttemptReport, Outcome, Usage};
use fasti_domain::command::{Command, Request};
use fasti_domain::ids::{Digest, RunnerId, Token};
use fasti_domain::launch::Launch;
use fasti_domain::launching::launches_of;
use fasti_domain::runner::RunnerInfo;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::LinkParts;
use super::hand_over::{Frames, HandOver};
use crate::codec::sha256;
use crate::engine::{EngineHandle, SubmitError};
use crate::protocol::frame;
use crate::protocol::runner_v1::{
    FromRunner, Held, INLINE_BYTES_MAX, Report, StopAttempt, ToRunner, VERSION,
};

/// How long a new connection may take to say who it is.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// Wait before a report is offered again to an engine that has no room.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Messages written in one go, and bytes after which is written although there are more.
const WRITE_MESSAGES_MAX: usize = 64;
const WRITE_BYTES_MAX: usize = 8 << 20;

pub(super) async fn run(
    stream: UnixStream,
    parts: LinkParts,
    hand_over: Arc<HandOver>,
) -> io::Result<()> {
    let (mut reading, writing) = stream.into_split();
    let hello = tokio::time::timeout(HELLO_TIMEOUT, frame::read(&mut reading)).await;
    let Some(FromRunner::Hello {
        protocol,
        log_id,
        info,
        held,
    }) = hello.map_err(|_| io::Error::other("no hello within 10 seconds"))??
    else {
        return Err(io::Error::other("the first message is no hello"));
    };
    let (sender, messages) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    let runner = info.runner.clone();
    let engine = parts.engine.clone();
    tasks.spawn(write(writing, messages, runner.clone(), engine, hand_over));
    if let Some(reason) = refusal(protocol, log_id, &parts) {
        drop(sender.send(ToRunner::Refused {
            reason: reason.clone(),
        }));
        drop(sender);
        tasks.join_next().await;
        return Err(io::Error::other(reason));
    }
    drop(sender.send(ToRunner::Welcome {
        protocol: VERSION,
        log_id: parts.log_id,
    }));
    let heard = Arc::new(Mutex::new(Instant::now()));
    let session = parts.links.register(&runner, sender.clone(), heard.clone());
    let hello = (info, held);
    let served = serve(&mut reading, &parts, hello, &heard, &sender).await;
    parts.links.unregister(&runner, session);
    drop(sender);
    tasks.join_next().await;
    served
}

fn refusal(
    protocol: u32,
    log_id: Option<fasti_domain::ids::LogId>,
    parts: &LinkParts,
) -> Option<String> {
    if protocol != VERSION {
        return Some(format!(
            "this server speaks runner protocol {VERSION}, not {protocol}; use the same version of Fasti"
        ));
    }
    match log_id {
        Some(other) if other != parts.log_id => Some(format!(
            "this runner works for the log {other}, this server writes {}",
            parts.log_id
        )),
        Some(_) | None => None,
    }
}

async fn serve(
    reading: &mut OwnedReadHalf,
    parts: &LinkParts,
    (info, held): (RunnerInfo, Vec<Held>),
    heard: &Mutex<Instant>,
    sender: &mpsc::UnboundedSender<ToRunner>,
) -> io::Result<()> {
    let runner = info.runner.clone();
    let join = Command::JoinRunner { info };
    submit(&parts.engine, &runner, join, Vec::new())
        .await
        .map_err(io::Error::other)?;
    reconcile(parts, &runner, held, sender).await?;
    parts.links.announce();
    while let Some(message) = frame::read::<FromRunner, _>(reading).await? {
        *heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        match message {
            FromRunner::Reports { first, reports } => {
                let through = first + reports.len() as u64 - 1;
                if take_reports(parts, &runner, reports, sender).await? {
                    drop(sender.send(ToRunner::Ack { through }));
                }
            }
            FromRunner::Ping => drop(sender.send(ToRunner::Pong)),
            FromRunner::Bye => return Ok(()),
            FromRunner::Hello { .. } => return Err(io::Error::other("a second hello")),
        }
    }
    Ok(())
}

/// Tells a runner that came (back) what it should hold and does not, and what it holds and should not.
async fn reconcile(
    parts: &LinkParts,
    runner: &RunnerId,
    held: Vec<Held>,
    sender: &mpsc::UnboundedSender<ToRunner>,
) -> io::Result<()> {
    let held_tokens: BTreeSet<Token> = held.iter().map(|held| held.token).collect();
    let name = runner.clone();
    let question = move |state: &fasti_domain::state::State| {
        let launches = launches_of(state, &name);
        let stopping: BTreeSet<Token> = launches
            .iter()
            .filter(|launch| {
                state
                    .run(launch.run)
                    .is_some_and(fasti_domain::run::Run::is_stopping)
            })
            .map(|launch| launch.token)
            .collect();
        (launches, stopping)
    };
    let (launches, stopping) = parts
        .engine
        .inspect(question)
        .await
        .map_err(io::Error::other)?;
    let live: BTreeSet<Token> = launches.iter().map(|launch| launch.token).collect();
    let mut stops: Vec<StopAttempt> = held
        .into_iter()
        .filter(|held| !live.contains(&held.token))
        .map(|held| StopAttempt {
            attempt: held.attempt,
            token: held.token,
        })
        .collect();
    stops.extend(
        launches
            .iter()
            .filter(|launch| stopping.contains(&launch.token))
            .map(stop_of),
    );
    let missing: Vec<Launch> = launches
        .into_iter()
        .filter(|launch| !held_tokens.contains(&launch.token))
        .collect();
    if !missing.is_empty() {
        drop(sender.send(ToRunner::Start { launches: missing }));
    }
    if !stops.is_empty() {
        drop(sender.send(ToRunner::Stop { attempts: stops }));
    }
    Ok(())
}

fn stop_of(launch: &Launch) -> StopAttempt {
    StopAttempt {
        attempt: launch.attempt,
        token: launch.token,
    }
}

/// Makes reports durable; `false` when the runner was told that it is not known any more.
async fn take_reports(
    parts: &LinkParts,
    runner: &RunnerId,
    reports: Vec<Report>,
    sender: &mpsc::UnboundedSender<ToRunner>,
) -> io::Result<bool> {
    let mut values = Vec::new();
    let mut news = Vec::with_capacity(reports.len());
    for report in reports {
        values.extend(small_value(&report.report, report.value)?);
        news.push(report.report);
    }
    let command = Command::Report {
        runner: runner.clone(),
        reports: news,
    };
    match submit(&parts.engine, runner, command, values).await {
        Ok(()) => Ok(true),
        Err(SubmitError::Rejected(rejection)) => {
            drop(sender.send(ToRunner::Refused {
                reason: rejection.to_string(),
            }));
            Ok(false)
        }
        Err(error @ (SubmitError::Busy | SubmitError::DiskFull | SubmitError::Stopped)) => {
            Err(io::Error::other(error))
        }
    }
}

/// The value that came with a report, checked against the reference that the log will hold.
fn small_value(
    report: &AttemptReport,
    value: Option<Vec<u8>>,
) -> io::Result<Option<(Digest, Vec<u8>)>> {
    let AttemptNews::Finished(end) = &report.news else {
        return Ok(None);
    };
    let (Some(result), Some(value)) = (&end.result, value) else {
        return Ok(None);
    };
    if value.len() as u64 > INLINE_BYTES_MAX || sha256(&value) != result.sha256 {
        return Err(io::Error::other(format!(
            "the value reported for {} is not the one its digest names",
            end.attempt()
        )));
    }
    Ok(Some((result.sha256, value)))
}

/// Has a command decided, waiting while the engine has no room: a runner keeps what is not acknowledged.
async fn submit(
    engine: &EngineHandle,
    runner: &RunnerId,
    command: Command,
    values: Vec<(Digest, Vec<u8>)>,
) -> Result<(), SubmitError> {
    let request = Request {
        command,
        principal: Principal {
            actor: format!("runner:{runner}").into(),
            user: runner.to_string(),
            groups: Vec::new(),
            is_admin: true,
        },
        key: None,
        trace: None,
    };
    loop {
        match engine.submit_with(request.clone(), values.clone()).await {
            Ok(_) => return Ok(()),
            Err(SubmitError::Busy | SubmitError::DiskFull) => {
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            Err(error @ (SubmitError::Rejected(_) | SubmitError::Stopped)) => return Err(error),
        }
    }
}

/// Writes what is sent, several messages at a time, until nobody can send any more.
async fn write(
    mut writing: OwnedWriteHalf,
    mut messages: mpsc::UnboundedReceiver<ToRunner>,
    runner: RunnerId,
    engine: EngineHandle,
    hand_over: Arc<HandOver>,
) -> io::Result<()> {
    let mut waiting = Vec::new();
    while messages.recv_many(&mut waiting, WRITE_MESSAGES_MAX).await > 0 {
        let mut bytes = Vec::new();
        for message in waiting.drain(..) {
            let ToRunner::Start { launches } = message else {
                bytes.extend(frame::encode(&message)?);
                continue;
            };
            let hand_over = hand_over.clone();
            let frames = tokio::task::spawn_blocking(move || hand_over.frames(launches));
            let Frames { frames, refused } = frames.await.map_err(io::Error::other)?;
            for frame in frames {
                bytes.extend(frame);
                if bytes.len() >= WRITE_BYTES_MAX {
                    writing.write_all(&bytes).await?;
                    bytes.clear();
                }
            }
            if !refused.is_empty() {
                // On its own: it may have to wait for the engine, and this must not.
                tokio::spawn(report_refused(engine.clone(), runner.clone(), refused));
            }
        }
        writing.write_all(&bytes).await?;
    }
    writing.shutdown().await
}

/// Records that attempts could not be handed to their runner: nobody else will ever speak of them.
async fn report_refused(engine: EngineHandle, runner: RunnerId, refused: Vec<(Launch, String)>) {
    let Ok(now) = engine.inspect(|state| state.at).await else {
        // The engine stops. The leases are in the log: the next server tries again.
        return;
    };
    let report = |(launch, message): (Launch, String)| AttemptReport {
        token: launch.token,
        news: AttemptNews::Finished(AttemptEnd {
            task_run: launch.attempt.task_run,
            number: launch.attempt.number,
            finished_at: now,
            outcome: Outcome::SpawnFailed { errno: 0, message },
            result: None,
            failure: None,
            usage: Usage::default(),
            gathered: None,
        }),
    };
    let command = Command::Report {
        runner: runner.clone(),
        reports: refused.into_iter().map(report).collect(),
    };
    if let Err(error) = submit(&engine, &runner, command, Vec::new()).await {
        tracing::warn!(%runner, %error, "attempts that could not be handed over are not recorded");
    }
}
