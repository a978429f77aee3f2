//! The definition of a recipe type: read strictly, written with all defaults.

use std::collections::BTreeMap;

use fasti_core::domain::flow::{
    Connection, Dependency, Filter, FilterRule, FlowGraph, FlowNode, NodeKind,
};
use fasti_core::domain::limits::FLOW_NODES_MAX;
use serde_json::{Map, Value, json};

use super::body::{check_version, only};
use super::interface;

/// Why a definition cannot be read: stable name, text.
pub(crate) type Unread = (&'static str, String);

/// A definition.
pub(crate) fn read(object: &Map<String, Value>) -> Result<FlowGraph, Unread> {
    let schema = |message| ("INVALID_DEFINITION", message);
    only(object, &["version", "input", "nodes"], "the definition").map_err(schema)?;
    check_version(object, "the definition").map_err(schema)?;
    let input = object
        .get("input")
        .ok_or_else(|| schema("the definition lacks `input`".to_owned()))?;
    let input = interface::read(input, "media_types").map_err(schema)?;
    let nodes = object.get("nodes").and_then(Value::as_object);
    let nodes =
        nodes.ok_or_else(|| schema("the definition lacks the object `nodes`".to_owned()))?;
    // Putting nodes in order takes time that grows with their square.
    if nodes.len() > FLOW_NODES_MAX {
        let count = nodes.len();
        return Err(schema(format!(
            "at most {FLOW_NODES_MAX} nodes, not {count}"
        )));
    }
    let read = |(name, node): (&String, &Value)| {
        self::node(name, node).map_err(|message| schema(format!("node `{name}`: {message}")))
    };
    let nodes: Vec<FlowNode> = nodes.iter().map(read).collect::<Result<_, _>>()?;
    FlowGraph::ordered(input, nodes).ok_or_else(|| {
        (
            "CIRCULAR_DEPENDENCY",
            "the nodes depend on each other in a circle".to_owned(),
        )
    })
}

fn node(name: &str, value: &Value) -> Result<FlowNode, String> {
    if name.is_empty() || name.len() > 100 {
        return Err("a name has 1 to 100 bytes".to_owned());
    }
    let object = value.as_object().ok_or("it must be an object")?;
    only(object, &["dependencies", "input", "node_type"], "it")?;
    let mut dependencies: Vec<Dependency> = Vec::new();
    for entry in interface::entries(object, "dependencies")? {
        only(entry, &["name", "acceptance"], "a dependency")?;
        let parent = text(entry, "name")?;
        let acceptance = match entry.get("acceptance") {
            None => true,
            Some(value) => value
                .as_bool()
                .ok_or("`acceptance` must be true or false")?,
        };
        if dependencies.iter().any(|it| it.name == parent) {
            return Err(format!("it depends on `{parent}` twice"));
        }
        dependencies.push(Dependency {
            name: parent,
            acceptance,
        });
    }
    let mut input = BTreeMap::new();
    let connections = match object.get("input") {
        None => Map::new(),
        Some(Value::Object(members)) => members.clone(),
        Some(_) => return Err("`input` must be an object".to_owned()),
    };
    for (to, connection) in connections {
        input.insert(
            to.clone(),
            self::connection(&connection).map_err(|it| format!("input `{to}`: {it}"))?,
        );
    }
    let kind = object
        .get("node_type")
        .and_then(Value::as_object)
        .ok_or("it lacks the object `node_type`")?;
    Ok(FlowNode {
        name: name.to_owned(),
        dependencies,
        input,
        kind: self::kind(kind)?,
    })
}

fn connection(value: &Value) -> Result<Connection, String> {
    let object = value.as_object().ok_or("it must be an object")?;
    match text(object, "type")?.as_str() {
        "recipe" => {
            only(object, &["type", "input"], "it")?;
            Ok(Connection::Input(text(object, "input")?))
        }
        "dependency" => {
            only(object, &["type", "node", "output"], "it")?;
            Ok(Connection::Output(
                text(object, "node")?,
                text(object, "output")?,
            ))
        }
        other => Err(format!("`{other}` is no type of a connection")),
    }
}

fn text(object: &Map<String, Value>, name: &str) -> Result<String, String> {
    let found = object.get(name).and_then(Value::as_str);
    found
        .map(str::to_owned)
        .ok_or_else(|| format!("`{name}` must be a string"))
}

fn number(object: &Map<String, Value>, name: &str) -> Result<u32, String> {
    let found = object
        .get(name)
        .and_then(Value::as_u64)
        .and_then(|it| u32::try_from(it).ok());
    found.ok_or_else(|| format!("`{name}` must be an integer"))
}

fn kind(object: &Map<String, Value>) -> Result<NodeKind, String> {
    match text(object, "node_type")?.as_str() {
        "job" => {
            let known = [
                "node_type",
                "job_type_name",
                "job_type_version",
                "job_type_revision",
            ];
            only(object, &known, "`node_type`")?;
            Ok(NodeKind::Step {
                name: text(object, "job_type_name")?,
                version: text(object, "job_type_version")?,
                revision: number(object, "job_type_revision")?,
            })
        }
        "recipe" => {
            only(
                object,
                &["node_type", "recipe_type_name", "recipe_type_revision"],
                "`node_type`",
            )?;
            Ok(NodeKind::Flow {
                name: text(object, "recipe_type_name")?,
                revision: number(object, "recipe_type_revision")?,
            })
        }
        "condition" => {
            only(
                object,
                &["node_type", "interface", "data_filter"],
                "`node_type`",
            )?;
            let of = object
                .get("interface")
                .ok_or("a condition lacks its `interface`")?;
            let filter = object.get("data_filter").and_then(Value::as_object);
            let filter = filter.ok_or("a condition lacks the object `data_filter`")?;
            Ok(NodeKind::Decision {
                interface: interface::read(of, "media_types")?,
                filter: self::filter(filter)?,
            })
        }
        other => Err(format!("`{other}` is no type of a node")),
    }
}

fn filter(object: &Map<String, Value>) -> Result<Filter, String> {
    only(object, &["filters", "all", "version"], "the data filter")?;
    let mut filters = Vec::new();
    for rule in interface::entries(object, "filters")? {
        let known = [
            "name",
            "type",
            "condition",
            "values",
            "fields",
            "all_fields",
            "all_files",
        ];
        only(rule, &known, "a filter")?;
        if rule
            .get("fields")
            .is_some_and(|it| it.as_array().is_none_or(|it| !it.is_empty()))
        {
            return Err("filters with `fields` are not supported".to_owned());
        }
        let values = rule.get("values").and_then(Value::as_array);
        filters.push(FilterRule {
            name: text(rule, "name")?,
            kind: text(rule, "type")?,
            condition: text(rule, "condition")?,
            values: values.ok_or("a filter lacks its `values`")?.clone(),
            all_files: rule
                .get("all_files")
                .and_then(Value::as_bool)
                .unwrap_or(false),
        });
    }
    let all = match object.get("all") {
        None => true,
        Some(value) => value.as_bool().ok_or("`all` must be true or false")?,
    };
    Ok(Filter { filters, all })
}

/// A definition with its defaults.
pub(crate) fn write(graph: &FlowGraph) -> Value {
    let nodes: Map<String, Value> = graph
        .nodes
        .iter()
        .map(|node| {
            let value = json!({
                "dependencies": dependencies(&node.dependencies),
                "input": node.input.iter().map(|(name, it)| (name.clone(), write_connection(it))).collect::<Map<_, _>>(),
                "node_type": write_kind(&node.kind),
            });
            (node.name.clone(), value)
        })
        .collect();
    json!({"input": interface::write(&graph.input), "nodes": nodes})
}

pub(crate) fn dependencies(all: &[Dependency]) -> Vec<Value> {
    all.iter()
        .map(|it| json!({"name": it.name, "acceptance": it.acceptance}))
        .collect()
}

fn write_connection(connection: &Connection) -> Value {
    match connection {
        Connection::Input(name) => json!({"type": "recipe", "input": name}),
        Connection::Output(node, output) => {
            json!({"type": "dependency", "node": node, "output": output})
        }
    }
}

fn write_kind(kind: &NodeKind) -> Value {
    match kind {
        NodeKind::Step {
            name,
            version,
            revision,
        } => json!({
            "node_type": "job", "job_type_name": name, "job_type_version": version, "job_type_revision": revision,
        }),
        NodeKind::Flow { name, revision } => {
            json!({"node_type": "recipe", "recipe_type_name": name, "recipe_type_revision": revision})
        }
        NodeKind::Decision { interface, filter } => {
            let rules = filter.filters.iter().map(|it| {
                json!({
                    "name": it.name, "type": it.kind, "condition": it.condition, "values": it.values,
                    "all_files": it.all_files,
                })
            });
            json!({
                "node_type": "condition", "interface": interface::write(interface),
                "data_filter": {"filters": rules.collect::<Vec<_>>(), "all": filter.all},
            })
        }
    }
}
