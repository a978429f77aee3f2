//! Containers of runners that are gone. Their processes are children of the engine, so that no mark leads to them: the
//! engine is asked for the label of the data folder.
//!
//! Which engines a data folder ever used is noted in `runner/containers`: a data folder that never had a container
//! starts no engine, and a changed configuration hides nothing.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::arguments::{LABEL_RUNNER, list_filter};
use super::engine::{Engine, last_line};
use crate::home;
use crate::places::Places;

fn noted_in(places: &Places) -> PathBuf {
    places.runners().join("containers")
}

/// Note that an engine is used.
pub(super) fn remember(places: &Places, engine: &Engine) -> io::Result<()> {
    let path = noted_in(places);
    let mut engines = noted(&path)?;
    if engines.contains(engine) {
        return Ok(());
    }
    engines.push(engine.clone());
    let aside = path.with_extension("new");
    let mut file = fs::File::create(&aside)?;
    file.write_all(&serde_json::to_vec(&engines)?)?;
    file.sync_all()?;
    fs::rename(aside, path)?;
    fs::File::open(places.runners())?.sync_all()
}

fn noted(path: &Path) -> io::Result<Vec<Engine>> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// End the containers of runners that are gone.
///
/// # Errors
/// Why it is not certain that none is left.
pub(super) fn sweep(places: &Places, own: &str, limit_ms: u64) -> Result<(), String> {
    let path = noted_in(places);
    let engines = noted(&path).map_err(|error| {
        format!(
            "cannot read which engines ran containers ({}): {error}",
            path.display()
        )
    })?;
    for engine in engines {
        if !engine.program().is_file() {
            let program = engine.program().display();
            tracing::warn!(%program, "an engine that ran containers is gone, and cannot be asked for them");
            continue;
        }
        sweep_engine(places, own, &engine, limit_ms).map_err(|why| {
            format!("cannot find out whether containers of an earlier runner still run: {why}")
        })?;
    }
    Ok(())
}

fn sweep_engine(places: &Places, own: &str, engine: &Engine, limit_ms: u64) -> Result<(), String> {
    let Some(data) = places.data().to_str() else {
        return Ok(()); // no container was started from such a folder
    };
    let filter = list_filter(data);
    let listed = engine.ask(&["ps", "--all", "--quiet", "--no-trunc", &filter], limit_ms)?;
    if !listed.success {
        return Err(last_line(&listed.stderr).to_owned());
    }
    let mut dead = Vec::new();
    for id in listed.stdout.split_ascii_whitespace() {
        let format = format!("{{{{index .Config.Labels \"{LABEL_RUNNER}\"}}}}");
        let args = ["inspect", "--type", "container", "--format", &format, id];
        let answer = engine.ask(&args, limit_ms)?;
        // Any other failure says nothing of what became of it.
        if !answer.success && !answer.stderr.to_lowercase().contains("no such") {
            return Err(last_line(&answer.stderr).to_owned());
        }
        let runner = answer.stdout.trim();
        let is_name = fasti_core::domain::ids::RunnerId::new(runner).is_ok();
        let lives = runner == own || is_name && home::is_alive(&places.runners().join(runner));
        if answer.success && !lives {
            dead.push(id);
        }
    }
    if dead.is_empty() {
        return Ok(());
    }
    engine.remove(&dead, limit_ms)?;
    tracing::warn!(
        ended = dead.len(),
        "ended containers of a runner that is gone"
    );
    Ok(())
}
