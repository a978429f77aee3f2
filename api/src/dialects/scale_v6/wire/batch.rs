//! Definition, configuration and forced nodes of a batch: read strictly, written as they were given.

use std::collections::BTreeMap;

use fasti_core::domain::flow::{Forced, MappedInput, SetConfiguration, SetSource};
use serde_json::{Map, Value, json};

use super::body::{check_version, only};
use super::interface::entries;

/// Nesting of forced nodes.
const DEPTH_MAX: usize = 32;

/// The definition.
pub(crate) fn read_definition(object: &Map<String, Value>) -> Result<SetSource, String> {
    let what = "the batch definition";
    only(
        object,
        &[
            "version",
            "dataset",
            "supersedes",
            "forced_nodes",
            "previous_batch",
        ],
        what,
    )?;
    check_version(object, what)?;
    let mut source = SetSource {
        supersedes: true,
        ..SetSource::default()
    };
    if let Some(value) = object.get("supersedes") {
        source.supersedes = value
            .as_bool()
            .ok_or("`supersedes` must be true or false")?;
    }
    if let Some(value) = object.get("dataset") {
        source.item_set = Some(id("dataset", value)?);
    }
    if let Some(value) = object.get("forced_nodes") {
        source.forced = Some(read_outermost(value)?);
    }
    if let Some(value) = object.get("previous_batch") {
        let previous = value
            .as_object()
            .ok_or("`previous_batch` must be an object")?;
        only(
            previous,
            &["root_batch_id", "forced_nodes"],
            "`previous_batch`",
        )?;
        let root = previous
            .get("root_batch_id")
            .ok_or("`previous_batch` lacks its `root_batch_id`")?;
        source.previous = Some(id("root_batch_id", root)?);
        source.previous_forced = previous
            .get("forced_nodes")
            .map(read_outermost)
            .transpose()?;
    }
    Ok(source)
}

fn id(name: &str, value: &Value) -> Result<u64, String> {
    let found = value.as_u64().or_else(|| value.as_i64().map(|_| u64::MAX));
    found.ok_or_else(|| format!("`{name}` must be an integer"))
}

/// Forced nodes where they begin: an empty object is read as nothing forced.
pub(crate) fn read_outermost(value: &Value) -> Result<Forced, String> {
    if value.as_object().is_some_and(Map::is_empty) {
        return Ok(Forced::default());
    }
    read_forced(value, 0)
}

fn read_forced(value: &Value, depth: usize) -> Result<Forced, String> {
    if depth > DEPTH_MAX {
        return Err("forced nodes are nested too deeply".to_owned());
    }
    let object = value.as_object().ok_or("forced nodes must be an object")?;
    only(
        object,
        &["version", "all", "nodes", "sub_recipes"],
        "forced nodes",
    )?;
    if object.get("version").is_some_and(|it| !it.is_string()) {
        return Err("`version` of forced nodes must be a string".to_owned());
    }
    let all = object
        .get("all")
        .and_then(Value::as_bool)
        .ok_or("forced nodes lack `all`, true or false")?;
    let nodes = match object.get("nodes") {
        None => Vec::new(),
        Some(value) => {
            let wrong = "`nodes` must be a list of strings";
            let items = value.as_array().ok_or(wrong)?.iter();
            items
                .map(|it| it.as_str().map(str::to_owned).ok_or(wrong))
                .collect::<Result<_, _>>()?
        }
    };
    let mut inner = BTreeMap::new();
    match object.get("sub_recipes") {
        None => {}
        Some(Value::Object(members)) => {
            for (name, value) in members {
                inner.insert(name.clone(), read_forced(value, depth + 1)?);
            }
        }
        Some(_) => return Err("`sub_recipes` must be an object".to_owned()),
    }
    Ok(Forced {
        all,
        nodes,
        inner,
        has_nodes: object.contains_key("nodes"),
        has_inner: object.contains_key("sub_recipes"),
    })
}

/// The configuration.
pub(crate) fn read_configuration(object: &Map<String, Value>) -> Result<SetConfiguration, String> {
    let what = "the batch configuration";
    only(object, &["version", "priority", "inputMap"], what)?;
    check_version(object, what)?;
    let mut configuration = SetConfiguration::default();
    if let Some(value) = object.get("priority") {
        let priority = value.as_i64();
        configuration.priority = Some(priority.ok_or("`priority` must be an integer")?);
    }
    if object.contains_key("inputMap") {
        let mut map = Vec::new();
        for entry in entries(object, "inputMap")? {
            only(
                entry,
                &["input", "datasetParameter"],
                "an entry of `inputMap`",
            )?;
            let text = |name: &str| {
                let found = entry.get(name).and_then(Value::as_str);
                found
                    .map(str::to_owned)
                    .ok_or_else(|| format!("an entry of `inputMap` lacks its `{name}`"))
            };
            map.push(MappedInput {
                input: text("input")?,
                parameter: text("datasetParameter")?,
            });
        }
        if map.is_empty() {
            return Err("`inputMap` must have at least one entry".to_owned());
        }
        configuration.input_map = Some(map);
    }
    Ok(configuration)
}

pub(crate) fn write_definition(source: &SetSource) -> Value {
    let mut object = Map::new();
    object.insert("supersedes".to_owned(), source.supersedes.into());
    if let Some(dataset) = source.item_set {
        object.insert("dataset".to_owned(), dataset.into());
    }
    if let Some(forced) = &source.forced {
        object.insert("forced_nodes".to_owned(), write_forced(forced));
    }
    if let Some(root) = source.previous {
        let mut previous = Map::new();
        previous.insert("root_batch_id".to_owned(), root.into());
        if let Some(forced) = &source.previous_forced {
            previous.insert("forced_nodes".to_owned(), write_forced(forced));
        }
        object.insert("previous_batch".to_owned(), previous.into());
    }
    object.into()
}

fn write_forced(forced: &Forced) -> Value {
    let mut object = Map::new();
    object.insert("all".to_owned(), forced.all.into());
    if forced.has_nodes {
        object.insert("nodes".to_owned(), forced.nodes.clone().into());
    }
    if forced.has_inner || !forced.inner.is_empty() {
        let inner = forced
            .inner
            .iter()
            .map(|(name, it)| (name.clone(), write_forced(it)));
        object.insert(
            "sub_recipes".to_owned(),
            inner.collect::<Map<_, _>>().into(),
        );
    }
    object.into()
}

pub(crate) fn write_configuration(configuration: &SetConfiguration) -> Value {
    let mut object = Map::new();
    if let Some(priority) = configuration.priority {
        object.insert("priority".to_owned(), priority.into());
    }
    if let Some(map) = &configuration.input_map {
        let entries = map
            .iter()
            .map(|it| json!({"input": it.input, "datasetParameter": it.parameter}));
        object.insert("inputMap".to_owned(), entries.collect());
    }
    object.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn definition(value: &Value) -> Result<Value, String> {
        read_definition(value.as_object().unwrap()).map(|it| write_definition(&it))
    }

    #[test]
    fn what_is_given_is_written_again() {
        let full = json!({
            "supersedes": true, "dataset": 31, "forced_nodes": {"all": false, "nodes": ["decode"]},
            "previous_batch": {"root_batch_id": 77, "forced_nodes": {"all": true}},
        });
        assert_eq!(definition(&full).unwrap(), full);
        assert_eq!(
            definition(&json!({"version": "7"})).unwrap(),
            json!({"supersedes": true})
        );
        let nested = json!({"supersedes": false, "forced_nodes": {"all": false, "sub_recipes": {"a": {"all": true}}}});
        assert_eq!(definition(&nested).unwrap(), nested);
        for empty in [json!({"nodes": []}), json!({"sub_recipes": {}})] {
            let mut forced = empty;
            forced["all"] = false.into();
            let given = json!({"supersedes": true, "forced_nodes": forced});
            assert_eq!(definition(&given).unwrap(), given);
        }
        let versioned = json!({"forced_nodes": {"all": true, "version": "1.2"}});
        assert_eq!(
            definition(&versioned).unwrap()["forced_nodes"],
            json!({"all": true})
        );
        assert_eq!(
            definition(&json!({"forced_nodes": {}})).unwrap()["forced_nodes"],
            json!({"all": false})
        );
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for wrong in [
            json!({"version": "5"}),
            json!({"version": 6}),
            json!({"other": 1}),
            json!({"dataset": "31"}),
            json!({"supersedes": "yes"}),
            json!({"previous_batch": {}}),
            json!({"previous_batch": {"root_batch_id": "7"}}),
            json!({"previous_batch": {"root_batch_id": 7, "x": 1}}),
            json!({"forced_nodes": {"nodes": []}}),
            json!({"forced_nodes": {"all": 1}}),
            json!({"forced_nodes": {"all": true, "version": 6}}),
            json!({"forced_nodes": {"all": false, "nodes": [1]}}),
            json!({"forced_nodes": {"all": false, "sub_recipes": {"a": {}}}}),
        ] {
            assert!(definition(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn configurations() {
        let read = |value: Value| {
            read_configuration(value.as_object().unwrap()).map(|it| write_configuration(&it))
        };
        let full = json!({"priority": 5, "inputMap": [{"input": "A", "datasetParameter": "B"}]});
        assert_eq!(read(full.clone()).unwrap(), full);
        let urgent = json!({"priority": -5});
        assert_eq!(read(urgent.clone()).unwrap(), urgent);
        assert_eq!(read(json!({})).unwrap(), json!({}));
        for wrong in [
            json!({"priority": "5"}),
            json!({"priority": 1.5}),
            json!({"inputMap": []}),
            json!({"inputMap": [{"input": "A"}]}),
            json!({"inputMap": {}}),
            json!({"version": "8"}),
            json!({"more": 1}),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
