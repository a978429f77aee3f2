//! Has an item predicted by the program that was registered for it.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::value::RawValue;
use serde_json::{Value, json};

use fasti_core::protocol::item_v1::ItemSpec;

use super::{ItemLine, Surroundings};

/// Bytes of a prediction.
const PREDICTION_BYTES_MAX: u64 = 16 << 20;

/// Bytes of the standard error of a program that are looked at.
const ERROR_BYTES_MAX: u64 = 64 << 10;

/// Puts what was gathered where the program finds it: `item` with the ending of its address, and `item.json`.
///
/// # Errors
/// It cannot be written.
pub(super) fn stage(
    spec: &ItemSpec,
    folder: &Path,
    line: &ItemLine,
    gathered: &[u8],
) -> Result<(), String> {
    if spec.predictor.is_none() {
        return Ok(());
    }
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.join(name), bytes)
            .map_err(|error| format!("cannot write `{name}`: {error}"))
    };
    write(&file_name(&line.url), gathered)?;
    write("item.json", line.raw.get().as_bytes())
}

/// `item`, with the ending that the last segment of an address has.
fn file_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    let last = path.split('/').skip(1).last().unwrap_or_default();
    let is_ending = |ending: &&str| {
        (1..=16).contains(&ending.len()) && ending.chars().all(|c| c.is_ascii_alphanumeric())
    };
    match last
        .rsplit_once('.')
        .map(|(_, ending)| ending)
        .filter(is_ending)
    {
        Some(ending) => format!("item.{}", ending.to_ascii_lowercase()),
        None => "item".to_owned(),
    }
}

/// The prediction.
///
/// # Errors
/// The program cannot be started, fails, or says too much; the last line of its standard error says why.
pub(super) fn predict(
    spec: &ItemSpec,
    surroundings: &Surroundings,
    folder: &Path,
    line: &ItemLine,
    gathered: &[u8],
) -> Result<Box<RawValue>, String> {
    let Some(command) = &spec.predictor else {
        return echo(line, gathered);
    };
    let Some((program, arguments)) = command.split_first() else {
        return Err("the predictor has no program".to_owned());
    };
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("FASTI_PROJECT_ID", &spec.project)
        .env("FASTI_RUN_ID", &surroundings.run)
        .env("FASTI_ITEM_INDEX", surroundings.index.to_string())
        .env("FASTI_ITEM_URL", &line.url)
        .env("FASTI_ITEM_FILE", file_name(&line.url))
        .env_remove("FASTI_PROGRESS")
        // What the item may ask of the server is not the predictor's.
        .env_remove("FASTI_TOKEN")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start `{program}`: {error}"))?;
    let errors = child.stderr.take();
    let reader = std::thread::spawn(move || {
        errors
            .map(|pipe| read(pipe, ERROR_BYTES_MAX))
            .unwrap_or_default()
    });
    let output = child
        .stdout
        .take()
        .map(|pipe| read(pipe, PREDICTION_BYTES_MAX + 1))
        .unwrap_or_default();
    let status = child
        .wait()
        .map_err(|error| format!("cannot wait for `{program}`: {error}"))?;
    let errors = reader.join().unwrap_or_default();
    if !status.success() {
        let text = String::from_utf8_lossy(&errors).into_owned();
        let last = text
            .lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty());
        return Err(last.map_or_else(|| format!("`{program}` ended with {status}"), str::to_owned));
    }
    if output.len() as u64 > PREDICTION_BYTES_MAX {
        return Err(format!(
            "the prediction is longer than {PREDICTION_BYTES_MAX} bytes"
        ));
    }
    parsed(&output)
}

/// Everything up to a limit; what comes after is read and thrown away, so that the program can end.
fn read(mut pipe: impl Read, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut limited = (&mut pipe).take(limit);
    limited.read_to_end(&mut bytes).ok();
    std::io::copy(&mut pipe, &mut std::io::sink()).ok();
    bytes
}

/// JSON as it is, anything else as text.
fn parsed(output: &[u8]) -> Result<Box<RawValue>, String> {
    if let Ok(json) = serde_json::from_slice::<Box<RawValue>>(output.trim_ascii()) {
        return Ok(json);
    }
    let text = String::from_utf8_lossy(output);
    raw(&json!({ "text": text.trim_end() }))
}

/// The built-in predictor: the item's own fields and its size.
fn echo(line: &ItemLine, gathered: &[u8]) -> Result<Box<RawValue>, String> {
    let mut fields: Value =
        serde_json::from_str(line.raw.get()).map_err(|error| error.to_string())?;
    if let Value::Object(fields) = &mut fields {
        fields.insert("sizeBytes".to_owned(), gathered.len().into());
    }
    raw(&fields)
}

fn raw(value: &Value) -> Result<Box<RawValue>, String> {
    serde_json::value::to_raw_value(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_file_has_the_ending_of_its_address() {
        for (url, name) in [
            ("http://x/a/b.JPG", "item.jpg"),
            ("http://x/a/b.png?size=1.5", "item.png"),
            ("http://x.org", "item"),
            ("http://x.org/", "item"),
            ("http://x/b", "item"),
            ("http://x/b.", "item"),
            ("http://x/b.tar.gz", "item.gz"),
            ("http://x/b.%2e%2e", "item"),
        ] {
            assert_eq!(file_name(url), name, "{url}");
        }
    }

    #[test]
    fn what_is_no_json_is_text() {
        assert_eq!(parsed(b" {\"a\": 1.50}\n").unwrap().get(), "{\"a\": 1.50}");
        assert_eq!(parsed(b"a cat\n").unwrap().get(), "{\"text\":\"a cat\"}");
        assert_eq!(parsed(b"").unwrap().get(), "{\"text\":\"\"}");
    }
}
