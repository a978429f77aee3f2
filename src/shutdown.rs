//! What becomes of the runner when the server stops.

use std::collections::BTreeMap;
use std::time::Duration;

use fasti_core::domain::command::Settings;
use fasti_core::domain::ids::RunnerId;
use fasti_core::engine::EngineHandle;
use fasti_core::link::Links;
use fasti_core::protocol::runner_v1::ShutdownMode;

use crate::local_runner::{self, Started};

/// How long the runner may take to end, beyond the grace of its tasks.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the engine may take to say which runners have something to do.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a runner that lost its connection may take to be back: it tries several times a second.
const BACK_TIMEOUT: Duration = Duration::from_secs(2);

/// How often it is looked whether the engine still takes ends.
const LOOK: Duration = Duration::from_millis(200);

/// Whether each runner is without work.
type Idle = BTreeMap<RunnerId, bool>;

/// Tells the runner what to do; waits for its end where it is to end.
pub(crate) async fn end_runner(
    mode: ShutdownMode,
    engine: &EngineHandle,
    links: &Links,
    mut child: Option<Started>,
) {
    let idle = idle(engine).await;
    if let Some(child) = child.as_mut()
        && child.has_joined
        && matches!(child.process.try_wait(), Ok(None))
    {
        let back = links.wait_for(&child.runner);
        if tokio::time::timeout(BACK_TIMEOUT, back).await.is_err() {
            tracing::warn!(runner = %child.runner, "the runner has no connection and cannot be told");
        }
    }
    let connected = links.connected();
    links.shutdown(|runner| mode_for(mode, idle.as_ref(), runner));
    for runner in &connected {
        let mode = mode_for(mode, idle.as_ref(), runner);
        await_end(mode, engine, links, runner).await;
    }
    let Some(mut child) = child else {
        return;
    };
    if !child.has_joined {
        // It was not told, and holds nothing.
        drop(child.process.kill());
        drop(child.process.wait());
    } else if mode == ShutdownMode::Kill
        && !connected.contains(&child.runner)
        && matches!(child.process.try_wait(), Ok(None))
    {
        // By this it ends its tasks and itself, as if it had been told.
        let pid = rustix::process::Pid::from_child(&child.process);
        let told = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        if let Err(error) = told {
            tracing::warn!(%error, "the runner could not be told to end");
        }
    }
    // Reaped if it has ended; if it stays, the system takes it over.
    drop(child.process.try_wait());
}

/// What the engine knows; `None` when it cannot say.
async fn idle(engine: &EngineHandle) -> Option<Idle> {
    let asked = engine.inspect(|state| {
        let all = state
            .runners()
            .map(|runner| (runner.info.runner.clone(), runner.held.is_empty()));
        all.collect::<Idle>()
    });
    match tokio::time::timeout(ASK_TIMEOUT, asked).await {
        Ok(Ok(idle)) => Some(idle),
        Ok(Err(error)) => {
            tracing::warn!(%error, "nobody can say what the runners do; they count as busy");
            None
        }
        Err(_) => {
            tracing::warn!("the engine does not say what the runners do; they count as busy");
            None
        }
    }
}

/// A runner with nothing to do has no reason to stay; one that may have something to do stays.
fn mode_for(mode: ShutdownMode, idle: Option<&Idle>, runner: &RunnerId) -> ShutdownMode {
    let is_idle = idle.is_some_and(|idle| idle.get(runner).copied().unwrap_or(true));
    if mode == ShutdownMode::Leave && is_idle {
        ShutdownMode::Kill
    } else {
        mode
    }
}

async fn await_end(mode: ShutdownMode, engine: &EngineHandle, links: &Links, runner: &RunnerId) {
    let timeout = match mode {
        ShutdownMode::Leave => return,
        ShutdownMode::Kill => END_TIMEOUT + Duration::from_millis(Settings::default().grace_ms),
        ShutdownMode::Wait => Duration::MAX,
    };
    let is_gone = tokio::select! {
        () = links.wait_gone(runner) => true,
        () = tokio::time::sleep(timeout) => false,
        () = stuck(engine) => false,
    };
    if !is_gone {
        tracing::warn!(%runner, "the runner did not end in time, or its ends cannot be recorded");
        return;
    }
    let gone = local_runner::lose(engine, runner.clone(), "the server stopped".to_owned());
    match tokio::time::timeout(END_TIMEOUT, gone).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%runner, %error, "its end could not be recorded"),
        // The next server finds out for itself.
        Err(_) => tracing::warn!(%runner, "its end could not be recorded in time"),
    }
}

/// Returns when the engine takes nothing any more, not even ends: waiting for a runner to report them would be
/// waiting for ever.
async fn stuck(engine: &EngineHandle) {
    while !engine.is_stuck() {
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn only_a_runner_that_is_known_to_have_nothing_to_do_is_ended() {
        let runner = RunnerId::new("local-1").unwrap();
        let leave = |idle: Option<Idle>| mode_for(ShutdownMode::Leave, idle.as_ref(), &runner);
        let known = |is_idle| Some(BTreeMap::from([(runner.clone(), is_idle)]));
        assert_eq!(leave(known(true)), ShutdownMode::Kill);
        assert_eq!(leave(known(false)), ShutdownMode::Leave);
        assert_eq!(
            leave(Some(BTreeMap::new())),
            ShutdownMode::Kill,
            "it never joined"
        );
        assert_eq!(leave(None), ShutdownMode::Leave, "nobody could say");
        for mode in [ShutdownMode::Kill, ShutdownMode::Wait] {
            assert_eq!(mode_for(mode, known(true).as_ref(), &runner), mode);
        }
    }
}
