//! `fasti run set define` and `types`: what sets of flows are made of.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::super::batch::json_file;
use super::super::client::{Client, encode};
use super::super::exit::{Exit, Failure};
use super::super::read;
use super::super::show::{Show, Table};

/// Definitions to save.
#[derive(Debug, Args)]
pub(crate) struct DefineArgs {
    /// JSON file with `step_types` and `flow_types`, both lists; - is standard input.
    file: PathBuf,
}

/// Which types to list.
#[derive(Debug, Args)]
pub(crate) struct TypesArgs {
    /// At most so many of each kind.
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
}

/// Saves step types first, as graphs name them.
pub(super) fn define(client: &Client, show: &Show, args: &DefineArgs) -> anyhow::Result<()> {
    let given = json_file(&args.file)?;
    let steps = entries(&given, "step_types")?;
    let flows = entries(&given, "flow_types")?;
    let (mut saved_steps, mut saved_flows) = (Vec::new(), Vec::new());
    for entry in steps {
        let (name, version) = (named(entry, "name")?, named(entry, "version")?);
        let path = format!("/step-types/{}/{}", encode(name), encode(version));
        saved_steps.push(client.put(&path, &without(entry, &["name", "version"]))?);
    }
    for entry in flows {
        let path = format!("/flow-types/{}", encode(named(entry, "name")?));
        saved_flows.push(client.put(&path, &without(entry, &["name"]))?);
    }
    tell(show, &saved_steps, &saved_flows)
}

pub(super) fn types(client: &Client, show: &Show, args: &TypesArgs) -> anyhow::Result<()> {
    let steps = client.list("/step-types", args.limit)?;
    let flows = client.list("/flow-types", args.limit)?;
    tell(show, &steps, &flows)
}

fn tell(show: &Show, steps: &[Value], flows: &[Value]) -> anyhow::Result<()> {
    if show.is_json() {
        return show.json(&json!({"step_types": steps, "flow_types": flows}));
    }
    let mut table = Table::new(&["KIND", "NAME", "VERSION", "REV", "WHAT"], &[3]);
    for step in steps {
        let argv = read::items(step, "argv").iter();
        let argv: Vec<&str> = argv.filter_map(Value::as_str).collect();
        table.row(vec![
            "step".to_owned(),
            read::text(step, "name"),
            read::text(step, "version"),
            read::text(step, "revision"),
            read::plain(&argv.join(" ")),
        ]);
    }
    for flow in flows {
        let nodes = flow["nodes"].as_object().into_iter().flatten();
        let nodes: Vec<&str> = nodes.map(|(name, _)| name.as_str()).collect();
        table.row(vec![
            "flow".to_owned(),
            read::text(flow, "name"),
            "-".to_owned(),
            read::text(flow, "revision"),
            read::plain(&nodes.join(", ")),
        ]);
    }
    show.table(&table)
}

fn usage(message: String) -> anyhow::Error {
    Failure::new(Exit::Usage, message).into()
}

fn entries<'a>(given: &'a Value, name: &str) -> anyhow::Result<Vec<&'a Map<String, Value>>> {
    let wrong = || usage(format!("`{name}` must be a list of objects"));
    let known = |name: &String| name == "step_types" || name == "flow_types";
    let object = given.as_object();
    let object = object.ok_or_else(|| {
        usage("the file must hold an object with `step_types` and `flow_types`".to_owned())
    })?;
    if let Some(other) = object.keys().find(|name| !known(name)) {
        return Err(usage(format!(
            "`{other}` means nothing here; there are `step_types` and `flow_types`"
        )));
    }
    let Some(list) = object.get(name) else {
        return Ok(Vec::new());
    };
    let list = list.as_array().ok_or_else(wrong)?;
    list.iter()
        .map(|it| it.as_object().ok_or_else(wrong))
        .collect()
}

fn named<'a>(entry: &'a Map<String, Value>, field: &str) -> anyhow::Result<&'a str> {
    let found = entry.get(field).and_then(Value::as_str);
    found.ok_or_else(|| usage(format!("an entry lacks the text `{field}`")))
}

/// The body: what is in the address is not said twice.
fn without(entry: &Map<String, Value>, fields: &[&str]) -> Value {
    let kept = entry
        .iter()
        .filter(|(name, _)| !fields.contains(&name.as_str()));
    Value::Object(kept.map(|(k, v)| (k.clone(), v.clone())).collect())
}
