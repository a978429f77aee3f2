//! Packing and sending, done by the Python package: a tree that a script sends and one that is sent here are the same
//! bundle, with the same bytes and the same rules of what stays behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context;

use super::super::client::Client;
use super::super::exit::{Exit, Failure};
use crate::sdk;

/// Packs the folder named, sends it unless it is known, prints its id.
const PROGRAM: &str = "
import sys
sys.path.insert(0, sys.argv[1])
from fasti import _bundle, _client
from fasti.scheduler import SchedulerError
try:
    print(_bundle.upload(sys.argv[2], _client.default()))
except SchedulerError as error:
    sys.exit(str(error))
";

/// Sends a folder; answers with the id of the bundle.
pub(super) fn send(client: &Client, folder: &Path) -> anyhow::Result<String> {
    let own = Temporary::new()?;
    let packages = sdk::unpack(&own.0).context("unpacking the Python packages")?;
    let python = crate::cli::find_python(None)
        .map_err(|why| Failure::new(Exit::Usage, format!("a folder is packed by Python: {why}")))?;
    #[expect(clippy::disallowed_methods, reason = "packs a folder")]
    let mut pack = std::process::Command::new(&python.path);
    pack.args(["-I", "-B", "-c", PROGRAM])
        .args([packages.as_path(), folder])
        .env("FASTI_URL", client.url())
        .stdin(Stdio::null());
    match client.token() {
        Some(token) => pack.env("FASTI_TOKEN", token),
        None => pack.env_remove("FASTI_TOKEN"),
    };
    let output = pack.output().context("starting Python")?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let message = format!(
        "cannot send `{}`: {}",
        folder.display(),
        text(&output.stderr)
    );
    Err(Failure::new(Exit::Usage, message).into())
}

/// Requirements and wheels in one folder, as an environment is made from.
#[derive(Debug)]
pub(super) struct Collected(Temporary);

impl Collected {
    pub(super) fn new(requirements: Option<&Path>, wheels: &[PathBuf]) -> anyhow::Result<Self> {
        let own = Temporary::new()?;
        if let Some(file) = requirements {
            copy(file, &own.0.join("requirements.txt"))?;
        }
        if !wheels.is_empty() {
            fs::create_dir(own.0.join("wheels"))?;
        }
        for wheel in wheels {
            let name = wheel.file_name().unwrap_or_default();
            if wheel.extension().is_none_or(|extension| extension != "whl") {
                let message = format!("`{}` is no wheel: it must end with .whl", wheel.display());
                return Err(Failure::new(Exit::Usage, message).into());
            }
            copy(wheel, &own.0.join("wheels").join(name))?;
        }
        Ok(Self(own))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.0.0
    }
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to).map_err(|error| {
        let message = format!("cannot read `{}`: {error}", from.display());
        Failure::new(Exit::Usage, message)
    })?;
    Ok(())
}

/// A folder that goes when it is let go.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> anyhow::Result<Self> {
        let top = std::env::temp_dir();
        for number in 0u32.. {
            let path = top.join(format!("fasti-{}-{number}", std::process::id()));
            // One that is there may be somebody else's.
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).context("making a temporary folder"),
            }
        }
        anyhow::bail!("no temporary folder is free below {}", top.display())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What stays is in the folder of temporary files.
        drop(fs::remove_dir_all(&self.0));
    }
}
