//! `fasti image`: where the code and the interpreter of tasks are.

mod add;
mod pack;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::Global;
use super::client::{Client, encode};
use super::read;
use super::show::{Show, Style, Table};
use crate::config::ConfigFile;

/// Commands about images.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Register an image, or register it again: a folder, a packed tree, wheels, requirements.
    Add(Box<add::AddArgs>),
    /// List images.
    List(ListArgs),
    /// Show an image.
    Show(Named),
    /// Remove an image; runs that are live keep it from going.
    Remove(Named),
}

/// Which images to list.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// At most so many.
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
}

/// An image.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Name of the image.
    name: String,
}

pub(crate) fn run(
    command: ImageCommand,
    global: &Global,
    config: &ConfigFile,
) -> anyhow::Result<()> {
    let client = Client::new(global, config);
    let show = Show::new(global);
    match command {
        ImageCommand::Add(args) => add::add(&client, &show, &args),
        ImageCommand::List(args) => list(&client, &show, &args),
        ImageCommand::Show(named) => page(&show, &client.get(&path(&named.name))?),
        ImageCommand::Remove(named) => {
            client.delete(&path(&named.name))?;
            show.note(&format!("removed the image {}", named.name));
            Ok(())
        }
    }
}

/// Address of an image.
fn path(name: &str) -> String {
    format!("/images/{}", encode(name))
}

fn list(client: &Client, show: &Show, args: &ListArgs) -> anyhow::Result<()> {
    let images = client.list("/images", args.limit)?;
    if show.is_json() {
        return images.iter().try_for_each(|image| show.json_line(image));
    }
    let mut table = Table::new(&["NAME", "CODE", "PYTHON", "TAGS", "OWNER"], &[]);
    for image in &images {
        table.row(vec![
            read::text(image, "name"),
            code(image),
            interpreter(image),
            tags(image),
            read::text(image, "owner"),
        ]);
    }
    show.table(&table)
}

fn page(show: &Show, image: &Value) -> anyhow::Result<()> {
    if show.is_json() {
        return show.json(image);
    }
    show.line(&show.styled(&read::text(image, "name"), Style::Bold))?;
    let mut lines = vec![
        ("code", code(image)),
        ("python", interpreter(image)),
        ("tags", tags(image)),
        ("owner", read::text(image, "owner")),
        ("registered", read::text(image, "updated_at")),
    ];
    for (name, value) in image["env"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        lines.push(("variable", format!("{name}={value}")));
    }
    for (what, text) in lines {
        show.line(&format!("  {what:<11} {}", read::plain(&text)))?;
    }
    Ok(())
}

fn code(image: &Value) -> String {
    let code = match (image["path"].as_str(), image["bundle"].as_str()) {
        (Some(path), _) => path.to_owned(),
        (None, Some(bundle)) => format!("bundle {}", bundle.get(..12).unwrap_or(bundle)),
        (None, None) => "installed packages".to_owned(),
    };
    match container(image) {
        Some(container) => format!("{code} in {container}"),
        None => code,
    }
}

fn interpreter(image: &Value) -> String {
    let default = if image["container"].is_null() {
        "the server's"
    } else {
        "python3"
    };
    image["python"].as_str().unwrap_or(default).to_owned()
}

/// The container image, and what runs it if that was said.
fn container(image: &Value) -> Option<String> {
    let reference = image["container"]["image"].as_str()?;
    Some(match image["container"]["engine"].as_str() {
        Some(engine) => format!("{reference} ({engine})"),
        None => reference.to_owned(),
    })
}

fn tags(image: &Value) -> String {
    let tags = image["tags"].as_array().into_iter().flatten();
    let words: Vec<&str> = tags.filter_map(Value::as_str).collect();
    words.join(", ")
}
