//! `fasti schedule set`: gives a batch another schedule and leaves the rest of it as it is.

use std::path::Path;

use clap::Args;
use serde_json::Value;

use crate::cli::batch::json_file;
use crate::cli::client::Client;
use crate::cli::exit::{Exit, Failure};
use crate::cli::read;
use crate::cli::show::Show;

/// Arguments of `fasti schedule set`.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Name, name:tag or id of the batch.
    batch: String,
    /// The whole schedule as JSON, such as '{"cron": "0 8 * * *"}'; @FILE reads it from a file, - from standard
    /// input. {} starts by hand only.
    #[arg(value_name = "JSON")]
    schedule: String,
}

pub(super) fn set(client: &Client, show: &Show, args: &SetArgs) -> anyhow::Result<()> {
    let schedule = given(&args.schedule)?;
    let batch = client.batch(&args.batch)?;
    // What is replaced is what was looked at: somebody who saves meanwhile is not overruled.
    let path = format!(
        "/batches/{}/schedule?expected_version={}",
        read::text(&batch, "id"),
        read::text(&batch, "version")
    );
    let answer = client.put(&path, &schedule)?;
    if show.is_json() {
        return show.json(&answer);
    }
    show.line(&format!(
        "{} version {}: {}",
        read::text(&answer, "name"),
        read::text(&answer, "version"),
        read::text(&answer, "schedule_description")
    ))
}

fn given(text: &str) -> anyhow::Result<Value> {
    if let Some(file) = text.strip_prefix('@') {
        return json_file(Path::new(file));
    }
    if text == "-" {
        return json_file(Path::new("-"));
    }
    serde_json::from_str(text).map_err(|error| {
        let said = format!("`{text}` is no JSON: {error}; give a schedule such as {{\"cron\": \"0 8 * * *\"}}, @FILE or -");
        Failure::new(Exit::Usage, said).into()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schedule_is_text_or_a_file() {
        assert_eq!(given("{}").unwrap(), json!({}));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), r#"{"cron": "0 8 * * *"}"#).unwrap();
        let found = given(&format!("@{}", file.path().display())).unwrap();
        assert_eq!(found, json!({"cron": "0 8 * * *"}));
        for wrong in ["0 8 * * *", "", "@/nowhere/at/all"] {
            assert!(given(wrong).is_err(), "{wrong}");
        }
    }
}
