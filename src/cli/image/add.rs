//! `fasti image add`: sends what is here, waits for the environment if one is needed, registers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::super::client::{Client, encode};
use super::super::exit::{Exit, Failure};
use super::super::read;
use super::super::show::Show;
use super::pack;

/// Pause between two looks at an environment that is being made.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Arguments of `fasti image add`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// Name that tasks use.
    name: String,
    /// Folder with the code, used where it is: the runners must be able to read it.
    #[arg(long, value_name = "FOLDER", conflicts_with = "bundle")]
    path: Option<PathBuf>,
    /// Folder with the code, packed and sent: what `.dtignore` lists stays here.
    #[arg(long, value_name = "FOLDER")]
    bundle: Option<PathBuf>,
    /// File of requirements to install into an environment of its own.
    #[arg(long, value_name = "FILE")]
    requirements: Option<PathBuf>,
    /// Wheel to install into an environment of its own; may be given several times.
    #[arg(long, value_name = "FILE")]
    wheel: Vec<PathBuf>,
    /// Interpreter, on the runners' machine [default: the server's]; with --container, in its image [default: python3].
    #[arg(long, value_name = "PROGRAM")]
    python: Option<String>,
    /// Container image that its tasks run in; needs podman or docker beside the server.
    #[arg(long, value_name = "IMAGE", conflicts_with_all = ["requirements", "wheel"])]
    container: Option<String>,
    /// What runs the container [default: what the server's configuration says, or the first that works].
    #[arg(long, value_parser = ["podman", "docker"], requires = "container")]
    engine: Option<String>,
    /// Tag it may be used under; may be given several times [default: all].
    #[arg(long, value_name = "TAG", value_parser = ["dev", "pre", "prod"])]
    tag: Vec<String>,
    /// Variable of its tasks; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("must be NAME=VALUE".to_owned()),
    }
}

pub(super) fn add(client: &Client, show: &Show, args: &AddArgs) -> anyhow::Result<()> {
    let mut body = json!({});
    if let Some(container) = &args.container {
        body["container"] = json!({"image": container, "engine": args.engine});
    }
    if let Some(path) = &args.path {
        body["path"] = json!(folder(path)?);
    }
    if let Some(path) = &args.bundle {
        body["bundle"] = json!(pack::send(client, Path::new(&folder(path)?))?);
    }
    if !args.tag.is_empty() {
        body["tags"] = json!(args.tag);
    }
    if !args.env.is_empty() {
        let env: serde_json::Map<String, Value> = args
            .env
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        body["env"] = Value::Object(env);
    }
    body["python"] = if args.requirements.is_some() || !args.wheel.is_empty() {
        json!(environment(client, show, args)?)
    } else {
        json!(args.python)
    };
    let image = client.put(&super::path(&args.name), &body)?;
    if show.is_json() {
        return show.json(&image);
    }
    show.note(&format!("registered the image {}", args.name));
    Ok(())
}

/// A folder as the server is told of it.
fn folder(path: &Path) -> anyhow::Result<String> {
    let fail = |why: String| {
        let message = format!("`{}` is no folder to take code from: {why}", path.display());
        Failure::new(Exit::Usage, message)
    };
    let whole = path
        .canonicalize()
        .map_err(|error| fail(error.to_string()))?;
    if !whole.is_dir() {
        return Err(fail("it is a file".to_owned()).into());
    }
    let text = whole.to_str();
    let text = text.ok_or_else(|| fail("its name is not UTF-8".to_owned()))?;
    Ok(text.to_owned())
}

/// Has an environment made and answers with its interpreter.
fn environment(client: &Client, show: &Show, args: &AddArgs) -> anyhow::Result<String> {
    let collected = pack::Collected::new(args.requirements.as_deref(), &args.wheel)?;
    let bundle = pack::send(client, collected.folder())?;
    let wanted = json!({"bundle": bundle, "python": args.python});
    let mut found = client.post("/environments", &wanted)?;
    let mut said = Progress::default();
    loop {
        said.show(show, &found);
        match found["status"].as_str() {
            Some("ready") => return Ok(read::text(&found, "python")),
            Some("failed") => {
                let output = found["output"].as_str().unwrap_or_default();
                let step = read::text(&found, "step");
                let message = format!("{step}; the output ends with:\n{}", output.trim_end());
                return Err(Failure::new(Exit::Usage, message).into());
            }
            Some(_) | None => std::thread::sleep(LOOK_AGAIN),
        }
        let id = read::text(&found, "id");
        found = client.get(&format!("/environments/{}", encode(&id)))?;
    }
}

/// What was said of an environment so far.
#[derive(Debug, Default)]
struct Progress {
    step: String,
    bytes: usize,
}

impl Progress {
    fn show(&mut self, show: &Show, environment: &Value) {
        if environment["status"] == "failed" {
            return; // its error says it all
        }
        let step = read::text(environment, "step");
        if step != self.step {
            show.note(&step);
            self.step = step;
        }
        let total = environment["output_bytes"].as_u64().unwrap_or(0);
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        let output = environment["output"].as_str().unwrap_or_default();
        let new = total.saturating_sub(self.bytes).min(output.len());
        // Lines that are whole; the rest comes with the next look.
        let fresh = output.get(output.len() - new..).unwrap_or(output);
        let whole = fresh.rfind('\n').map_or(0, |at| at + 1);
        for line in fresh[..whole].lines() {
            show.note(&format!("  {}", read::plain(line)));
        }
        self.bytes = total - (fresh.len() - whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_have_a_name() {
        assert_eq!(variable("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert_eq!(variable("A="), Ok(("A".to_owned(), String::new())));
        assert!(variable("=b").is_err());
        assert!(variable("A").is_err());
    }
}
