//! `fasti run set items`: inputs for many flows, from lines of JSON.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Map, Value, json};

use super::super::client::Client;
use super::super::exit::{Exit, Failure};
use super::super::read;
use super::super::show::{Show, Table};

/// Bytes of items in one request: well below what a server takes.
const REQUEST_BYTES: usize = 2 << 20;

/// Items in one request: as many as a server takes.
const REQUEST_ITEMS: usize = 20_000;

/// Items to make a set of.
#[derive(Debug, Args)]
pub(crate) struct ItemsArgs {
    /// Lines of JSON, or one list: an object an item; - is standard input.
    file: PathBuf,
    /// For people.
    #[arg(long)]
    title: Option<String>,
    /// Type of a parameter, instead of the one that its values have; `file` and `files` are given as ids.
    #[arg(long = "type", value_name = "NAME=TYPE", value_parser = pair)]
    types: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, kind) = text.split_once('=').ok_or("must be NAME=TYPE")?;
    Ok((name.to_owned(), kind.to_owned()))
}

type Item = Map<String, Value>;

pub(super) fn items(client: &Client, show: &Show, args: &ItemsArgs) -> anyhow::Result<()> {
    let items = parse(&args.file, &text_of(&args.file)?)?;
    let parameters = parameters(&items, &args.types)?;
    let requests = split(items);
    let mut set = Value::Null;
    for (index, items) in requests.iter().enumerate() {
        set = if index == 0 {
            let body = json!({"title": args.title, "parameters": parameters, "items": items});
            client.post("/item-sets", &body)?
        } else {
            let path = format!("/item-sets/{}/items", set["id"]);
            client.post(&path, &json!({"items": items}))?
        };
        if requests.len() > 1 {
            let (id, done) = (&set["id"], &set["items_total"]);
            show.note(&format!("item set {id}: {done} items"));
        }
    }
    if show.is_json() {
        return show.json(&set);
    }
    let mut table = Table::new(&["ID", "TITLE", "ITEMS", "PARAMETERS"], &[0, 2]);
    let names = read::items(&set, "parameters").iter();
    let names: Vec<String> = names
        .map(|it| format!("{} {}", read::text(it, "name"), read::text(it, "type")))
        .collect();
    table.row(vec![
        read::text(&set, "id"),
        read::text(&set, "title"),
        read::text(&set, "items_total"),
        names.join(", "),
    ]);
    show.table(&table)
}

fn text_of(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        read.context("reading standard input")?;
        return Ok(text);
    }
    Ok(std::fs::read_to_string(file).map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("cannot read {}: {error}", file.display()),
        )
    })?)
}

fn usage(message: String) -> anyhow::Error {
    Failure::new(Exit::Usage, message).into()
}

/// Lines of objects, or a list of them.
fn parse(file: &Path, text: &str) -> anyhow::Result<Vec<Item>> {
    let name = file.display();
    let values: Vec<Value> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(|error| usage(format!("{name} is no JSON: {error}")))?
    } else {
        let lines = text.lines().enumerate();
        let lines = lines.filter(|(_, line)| !line.trim().is_empty());
        lines
            .map(|(index, line)| {
                serde_json::from_str(line)
                    .map_err(|error| usage(format!("{name}, line {}: {error}", index + 1)))
            })
            .collect::<Result<_, _>>()?
    };
    if values.is_empty() {
        return Err(usage(format!("{name} has no items")));
    }
    let object = |(index, value)| {
        let Value::Object(item) = value else {
            return Err(usage(format!("{name}: item {} is no object", index + 1)));
        };
        Ok(item)
    };
    values.into_iter().enumerate().map(object).collect()
}

/// What the items have: a parameter that all of them have is required.
fn parameters(items: &[Item], given: &[(String, String)]) -> anyhow::Result<Vec<Value>> {
    let mut found: BTreeMap<&str, (String, usize)> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        for (name, value) in item {
            let said = given.iter().find(|(of, _)| of == name);
            let kind = said.map_or_else(|| kind_of(value), |(_, kind)| kind.as_str());
            let (known, count) = found.entry(name).or_insert_with(|| (kind.to_owned(), 0));
            *count += 1;
            match (known.as_str(), kind) {
                (known, kind) if known == kind => {}
                ("integer", "number") => *known = "number".to_owned(),
                ("number", "integer") => {}
                (known, kind) => {
                    let item = index + 1;
                    return Err(usage(format!(
                        "`{name}` is of the type {known} before item {item} and {kind} there; say which with --type {name}=…"
                    )));
                }
            }
        }
    }
    let total = items.len();
    let parameter = |(name, (kind, count)): (&str, (String, usize))| json!({"name": name, "type": kind, "required": count == total});
    Ok(found.into_iter().map(parameter).collect())
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn split(items: Vec<Item>) -> Vec<Vec<Item>> {
    let mut requests = vec![Vec::new()];
    let mut bytes = 0;
    for item in items {
        let size = serde_json::to_string(&item).map_or(0, |text| text.len() + 1);
        let is_full = requests.last().is_some_and(|it| it.len() >= REQUEST_ITEMS);
        if is_full || bytes + size > REQUEST_BYTES && bytes > 0 {
            requests.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        if let Some(last) = requests.last_mut() {
            last.push(item);
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Vec<Item>> {
        parse(Path::new("items"), text)
    }

    #[test]
    fn lines_and_lists_are_the_same() {
        let lines = read("{\"n\": 1}\n\n{\"n\": 2.5, \"s\": \"x\"}\n").unwrap();
        assert_eq!(lines, read(r#"[{"n": 1}, {"n": 2.5, "s": "x"}]"#).unwrap());
        let found = parameters(&lines, &[]).unwrap();
        let wanted = json!([
            {"name": "n", "type": "number", "required": true},
            {"name": "s", "type": "string", "required": false},
        ]);
        assert_eq!(Value::from(found), wanted);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let of = |text: &str| read(text).unwrap_err().to_string();
        assert!(of("").contains("no items"));
        assert!(of("{}\n[1").contains("line 2"));
        assert!(of("[1]").contains("item 1 is no object"));
        let mixed = read("{\"n\": 1}\n{\"n\": \"x\"}").unwrap();
        let error = parameters(&mixed, &[]).unwrap_err().to_string();
        assert!(
            error.contains("item 2") && error.contains("--type n="),
            "{error}"
        );
        let said = [("n".to_owned(), "string".to_owned())];
        assert!(parameters(&mixed, &said).is_ok());
    }

    #[test]
    fn large_sets_go_in_several_requests() {
        let item = |n: usize| Item::from_iter([("t".to_owned(), Value::from("x".repeat(n)))]);
        let items = vec![item(REQUEST_BYTES / 2), item(REQUEST_BYTES), item(10)];
        let split = split(items);
        assert_eq!(split.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(super::split(vec![item(1); 100]).len(), 1);
        assert_eq!(super::split(vec![item(1); REQUEST_ITEMS + 1]).len(), 2);
    }
}
