//! How two definitions differ, field by field. Tasks are told apart by their names, not by their places.

use fasti_core::domain::definition::Definition;
use serde::Serialize;
use serde_json::{Map, Value};

/// Fields named in a difference.
const CHANGES_MAX: usize = 200;

/// Bytes of a value that is shown whole.
const VALUE_BYTES_MAX: usize = 2_000;

/// A field that is not the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Path of the field, such as `tasks.load.retries`.
    pub field: String,
    /// What it was; null when it was not there.
    pub before: Value,
    /// What it is; null when it is not there.
    pub after: Value,
}

/// The fields in which `after` is not what `before` was.
#[must_use]
pub fn changes(before: &Definition, after: &Definition) -> Vec<Change> {
    let mut found = Vec::new();
    compare("", &named(before), &named(after), &mut found);
    found
}

/// A definition as JSON in which tasks stand under their names, and edges are pairs of them.
fn named(definition: &Definition) -> Value {
    let name = |position: u32| {
        let task = definition.tasks.get(position as usize);
        task.map_or("", |task| task.name.as_str())
    };
    let edges = definition.edges.iter();
    let edges = edges.map(|edge| {
        (
            format!("{} -> {}", name(edge.from), name(edge.to)),
            Value::Bool(true),
        )
    });
    let edges: Map<String, Value> = edges.collect();
    let tasks = definition.tasks.iter().map(|task| {
        let mut fields = json(task);
        fields.remove("name");
        (task.name.clone(), Value::Object(fields))
    });
    let tasks: Map<String, Value> = tasks.collect();
    let mut all = json(definition);
    all.insert("tasks".to_owned(), Value::Object(tasks));
    all.insert("edges".to_owned(), Value::Object(edges));
    Value::Object(all)
}

fn json(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => fields,
        // They are structures of plain data.
        Ok(_) | Err(_) => Map::new(),
    }
}

/// A value as it is shown: a long one by its length.
fn shown(value: &Value) -> Value {
    match value.to_string().len() {
        0..=VALUE_BYTES_MAX => value.clone(),
        bytes => Value::String(format!("({bytes} bytes)")),
    }
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<Change>) {
    if before == after || found.len() >= CHANGES_MAX {
        return;
    }
    let (Value::Object(was), Value::Object(is)) = (before, after) else {
        found.push(Change {
            field: path.to_owned(),
            before: shown(before),
            after: shown(after),
        });
        return;
    };
    let field = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    for (name, old) in was {
        compare(
            &field(name),
            old,
            is.get(name).unwrap_or(&Value::Null),
            found,
        );
    }
    for (name, new) in is.iter().filter(|(name, _)| !was.contains_key(*name)) {
        compare(&field(name), &Value::Null, new, found);
    }
}
