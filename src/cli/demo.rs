//! `fasti demo`: Fasti at work, for whoever wants to see it before reading anything. A real server on a data
//! folder of its own, a real batch submitted through the Python package, its report, where the time went.
//!
//! Nothing here is a shortcut: the server is this very program, started as `fasti serve`, and everything else
//! goes through its API.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use fasti_core::store;
use serde_json::{Value, json};

use super::client::Client;
use super::exit::{Exit, Failure, conflict, store_failure};
use super::run_page::{self, Page};
use super::show::{Show, Style};
use super::{Global, follow, python, read};
use crate::{config, sdk};

mod example;
mod interrupt;
mod server;
mod story;

use interrupt::Interrupt;
use server::Server;

/// Arguments of `fasti demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// End when the run is over, with its exit code, instead of staying up.
    #[arg(long)]
    exit: bool,
    /// Folder to keep everything in [default: fasti-demo in the user's data folder].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Port to listen on [default: a free one].
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "N")]
    port: u16,
    /// Python interpreter [default: the first that is 3.9 or later].
    #[arg(long, env = "FASTI_PYTHON", value_name = "PROGRAM")]
    python: Option<String>,
}

pub(crate) fn demo(args: &DemoArgs, global: &Global) -> anyhow::Result<()> {
    let show = Show::new(global);
    let python =
        python::find(args.python.as_deref()).map_err(|why| Failure::new(Exit::Usage, why))?;
    let folder = make_folder(args.data.clone())?;
    let data = folder.join("data");
    if let Some(holder) = store::holder(&data).map_err(store_failure)? {
        let address = holder
            .address
            .unwrap_or_else(|| format!("process {}", holder.pid));
        return Err(conflict(format!(
            "{} is in use by a demo that is up at {address}: stop that one, or take another folder with --data",
            folder.display()
        )));
    }
    let interrupt = Interrupt::watch()?;
    show.note(&format!("Python {} at {}", python.version, python.path));
    show.note(&format!("data folder {}", folder.display()));
    let sdk = sdk::unpack(&folder).context("unpacking the Python package")?;
    let code = example::unpack(&folder).context("unpacking the example")?;
    let mut server = Server::start(&folder, args.port, &python.path, &interrupt)?;
    show.note(&format!("server at {}", server.url()));
    let client = Client::at(server.url(), None);
    let place = Place {
        folder: &folder,
        code: &code,
        sdk: &sdk,
        python: &python.path,
    };
    let outcome = act(&client, &show, &place, &interrupt);
    if let Ok(run) = &outcome
        && !args.exit
        && !interrupt.is_asked()
    {
        addresses(server.url(), &show, &place, run)?;
        show.note("Ctrl-C ends the server; the data folder stays.");
        server.wait(&interrupt)?;
    }
    show.note("stopping the server");
    server.stop()?;
    let run = outcome?;
    verify(&show, &data)?;
    follow::verdict(&run)
}

/// What the example needs.
struct Place<'a> {
    folder: &'a Path,
    code: &'a Path,
    sdk: &'a Path,
    python: &'a str,
}

fn make_folder(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let folder = given.unwrap_or_else(|| config::default_data().with_file_name("fasti-demo"));
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder);
    made.with_context(|| {
        format!(
            "cannot make the folder {} (choose another with --data)",
            folder.display()
        )
    })?;
    folder
        .canonicalize()
        .with_context(|| format!("looking up {}", folder.display()))
}

/// Submits the batch, follows its run and tells what came of it; answers with the run.
fn act(
    client: &Client,
    show: &Show,
    place: &Place,
    interrupt: &Interrupt,
) -> anyhow::Result<Value> {
    let id = example::submit(client, show, place)?;
    let mut story = story::Story::new(client, show, id, interrupt)?;
    let run = follow::until_over(client, id, None, &mut story)?;
    story.end();
    if interrupt.is_asked() {
        return Err(Failure::new(Exit::RunCancelled, "interrupted before the run was over").into());
    }
    let page = Page::load(client, id)?;
    tell(client, show, place, &page)?;
    Ok(run)
}

/// The report and what is to be known about the run.
fn tell(client: &Client, show: &Show, place: &Place, page: &Page) -> anyhow::Result<()> {
    let report = report(client, page)?;
    let id = page.run["id"].as_u64().unwrap_or_default();
    let events = client.list(&format!("/events?run_id={id}"), usize::MAX)?;
    if show.is_json() {
        let mut document = run_page::document(page);
        document["url"] = json!(client.url());
        document["data"] = json!(place.folder.join("data"));
        document["events"] = json!(events.len());
        document["report"] = json!(report);
        return show.json(&document);
    }
    show.line("")?;
    show.line(&report)?;
    show.table(&run_page::tasks(page))?;
    show.line("")?;
    run_page::time(show, page)?;
    show.line("")?;
    log(client, show, &events)
}

/// What the last task printed.
fn report(client: &Client, page: &Page) -> anyhow::Result<String> {
    let Some(task) = page
        .tasks
        .iter()
        .find(|task| task["name"] == example::REPORT)
    else {
        return Ok(String::new());
    };
    let path = format!("/task-runs/{}/logs?stream=stdout", read::text(task, "id"));
    let mut text = String::new();
    std::io::Read::read_to_string(
        &mut super::client::reader(client.open(&path, None)?),
        &mut text,
    )?;
    Ok(text)
}

fn log(client: &Client, show: &Show, events: &[Value]) -> anyhow::Result<()> {
    let seq = client.get("/health")?["log_seq"].clone();
    show.line(&show.styled(
        &format!("what the log says ({seq} events in all)"),
        Style::Bold,
    ))?;
    let mut kinds: Vec<(String, usize)> = Vec::new();
    for event in events {
        let kind = read::text(event, "type");
        match kinds.iter_mut().find(|(name, _)| *name == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    let kinds: Vec<String> = kinds
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    show.line(&format!(
        "{} events of this run: {}",
        events.len(),
        kinds.join(", ")
    ))?;
    show.line("")
}

fn addresses(url: &str, show: &Show, place: &Place, run: &Value) -> anyhow::Result<()> {
    if show.is_json() {
        return Ok(());
    }
    let program = std::env::args()
        .next()
        .unwrap_or_else(|| "fasti".to_owned());
    let id = read::text(run, "id");
    let lines = [
        ("page", format!("{url}/")),
        ("API", format!("{url}/api/v1/openapi.json")),
        ("data", place.folder.join("data").display().to_string()),
        ("code", place.code.display().to_string()),
        ("look", format!("export FASTI_URL={url}")),
        ("", format!("{program} run show {id}")),
        ("", format!("{program} logs {id}/download --attempt 1")),
        ("", format!("{program} event list --run {id}")),
        ("", format!("{program} run start {} --wait", example::BATCH)),
    ];
    for (name, text) in lines {
        show.line(&format!("{name:<5} {text}"))?;
    }
    show.line("")
}

/// Checks the history once the server has let go of it.
fn verify(show: &Show, data: &Path) -> anyhow::Result<()> {
    let report = store::verify(data, &mut |_| {}).map_err(store_failure)?;
    match &report.first_bad {
        None => {
            let (records, commits) = (report.records, report.commits);
            show.note(&format!(
                "the history is whole: {records} events in {commits} commits; `fasti serve --data {}` goes on with it",
                data.display()
            ));
            Ok(())
        }
        Some(bad) => {
            let message = format!(
                "the history in {} is not whole: {}",
                bad.file.display(),
                bad.why
            );
            Err(Failure::new(Exit::VerifyFailed, message).into())
        }
    }
}
