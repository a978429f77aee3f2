//! The example that the demo runs, carried inside the binary: the files below `examples/time_zones`.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use include_dir::{Dir, DirEntry, include_dir};
use serde_json::json;

use super::super::client::Client;
use super::super::exit::{Exit, Failure};
use super::super::show::Show;
use super::Place;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/examples/time_zones");

/// Name of its batch.
pub(super) const BATCH: &str = "clock-changes";

/// Task whose output is the report.
pub(super) const REPORT: &str = "report";

/// Image under which the server knows its code.
const IMAGE: &str = "time-zones";

/// Writes the example's files below `folder`, over those of an earlier demo; answers with their folder.
pub(super) fn unpack(folder: &Path) -> io::Result<PathBuf> {
    let to = folder.join("example");
    write(&FILES, &to)?;
    Ok(to)
}

fn write(dir: &Dir, to: &Path) -> io::Result<()> {
    for entry in dir.entries() {
        let path = to.join(entry.path());
        match entry {
            // What an interpreter leaves behind is none of the example's files.
            DirEntry::Dir(dir) if dir.path().ends_with("__pycache__") => {}
            DirEntry::Dir(dir) => write(dir, to)?,
            DirEntry::File(file) => {
                std::fs::create_dir_all(path.parent().unwrap_or(to))?;
                std::fs::write(path, file.contents())?;
            }
        }
    }
    Ok(())
}

/// Registers the image and lets the example's own script submit the batch; answers with the id of the run.
pub(super) fn submit(client: &Client, show: &Show, place: &Place) -> anyhow::Result<u64> {
    let image = json!({"path": place.code, "python": place.python});
    client.put(&format!("/images/{IMAGE}"), &image)?;
    let script = place.code.join("batch.py");
    show.note(&format!(
        "image {IMAGE} is {}; submitting with its batch.py",
        place.code.display()
    ));
    #[expect(
        clippy::disallowed_methods,
        reason = "runs the script as its user would"
    )]
    let mut process = Command::new(place.python);
    let output = process
        .arg(&script)
        .args(["--image", IMAGE])
        .env("PYTHONPATH", place.sdk)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("FASTI_URL", client.url())
        .env_remove("FASTI_TOKEN")
        .env_remove("FASTI_USER")
        // The user's own configuration is about another server.
        .env("XDG_CONFIG_HOME", place.folder)
        .stdin(Stdio::null())
        .output()?;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        show.note(&format!("  {line}"));
    }
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let message = format!(
            "{} ended with {}:\n{}",
            script.display(),
            output.status,
            said.trim_end()
        );
        return Err(Failure::new(Exit::Internal, message).into());
    }
    let runs = client.list(&format!("/runs?batch_name={BATCH}&order=desc"), 1)?;
    runs.first()
        .and_then(|run| run["id"].as_u64())
        .ok_or_else(|| {
            Failure::new(
                Exit::Internal,
                format!("{} started no run of {BATCH}", script.display()),
            )
            .into()
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_example_is_unpacked_whole_and_again() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let code = unpack(folder.path()).unwrap();
            for file in [
                "batch.py",
                "README.md",
                "clock_changes/tasks.py",
                "clock_changes/tzdata.zi",
            ] {
                assert!(code.join(file).metadata().unwrap().len() > 0, "{file}");
            }
        }
    }
}
