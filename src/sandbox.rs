//! Serving a sandbox: the log of another server, in which nothing has an effect outside.

use anyhow::Context;
use fasti_api::WebhookKeys;
use fasti_core::domain::runner::RunnerInfo;
use fasti_core::engine::EngineHandle;

use crate::cli::conflict;
use crate::local_runner;
use crate::serve::ServeSettings;

/// The settings as they hold in a sandbox, if the data folder is one: nothing leaves it, and nothing comes in but by its
/// own interface.
pub(crate) fn within(settings: ServeSettings) -> anyhow::Result<ServeSettings> {
    let mark = fasti_replay::sandbox::mark(&settings.data);
    let mark = mark.with_context(|| format!("looking into {}", settings.data.display()))?;
    let Some(mark) = mark else {
        return Ok(settings);
    };
    let Some(at) = mark.at_seq else {
        let data = settings.data.display();
        return Err(conflict(format!(
            "{data} is a sandbox that was broken off while it was made: remove it and make it again with `fasti log clone`"
        )));
    };
    eprintln!(
        "a sandbox of the log up to seq {at}: no task runs, nothing is published or delivered"
    );
    let mut settings = settings;
    // The archive is the original's: its segments have the same names.
    settings.log.archive = None;
    Ok(ServeSettings {
        is_sandbox: true,
        nats: None,
        webhook_keys: WebhookKeys::default(),
        predictions: crate::predictions::PredictionsSection::default(),
        ..settings
    })
}

/// Takes the runners of the original out of the sandbox: they never heard of it, and nothing is to be given to them.
pub(crate) async fn without_runners(engine: &EngineHandle) -> anyhow::Result<()> {
    let known = engine.inspect(|state| {
        let runners = state.runners().map(|runner| runner.info.clone());
        runners.collect::<Vec<RunnerInfo>>()
    });
    for info in known.await.context("asking for the runners in the log")? {
        let reason = "a sandbox has no runners".to_owned();
        local_runner::lose(engine, info.runner, reason).await?;
    }
    Ok(())
}
