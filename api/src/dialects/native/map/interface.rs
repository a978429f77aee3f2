//! Parameters of steps, flows and items, and their values.

use std::collections::BTreeMap;

use fasti_core::domain::flow::{Data, FileParameter, Interface, JsonParameter, JsonType};
use fasti_core::domain::limits::FLOW_PARAMETERS_MAX;
use serde_json::Value;

use super::super::wire;
use crate::errors::Problem;

/// What a parameter is.
pub(super) enum Kind {
    File { multiple: bool },
    Value(JsonType),
}

/// # Errors
/// 422: no such type, or no name.
pub(super) fn kind(field: &str, name: &str, kind: &str) -> Result<Kind, Problem> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || name.len() > 100 || !name.chars().all(is_plain) {
        let text = format!("`{name}` is no name: 1 to 100 letters, digits, `_` and `-`");
        return Err(Problem::invalid(format!("{field}.name"), text));
    }
    match kind {
        "file" => Ok(Kind::File { multiple: false }),
        "files" => Ok(Kind::File { multiple: true }),
        _ => JsonType::of_name(kind).map(Kind::Value).ok_or_else(|| {
            let text = format!(
                "`{kind}` is no type: string, integer, number, boolean, object, array, file or files"
            );
            Problem::invalid(format!("{field}.type"), text)
        }),
    }
}

/// # Errors
/// 422: a parameter that can be none, or the same name twice.
pub(crate) fn interface(field: &str, given: Vec<wire::Parameter>) -> Result<Interface, Problem> {
    if given.len() > FLOW_PARAMETERS_MAX {
        let text = format!("at most {FLOW_PARAMETERS_MAX} parameters");
        return Err(Problem::invalid(field, text));
    }
    let mut interface = Interface::default();
    for (index, parameter) in given.into_iter().enumerate() {
        let (name, required) = (parameter.name, parameter.required);
        match kind(&format!("{field}[{index}]"), &name, &parameter.kind)? {
            Kind::File { multiple } => interface.files.push(FileParameter {
                name,
                media_types: parameter.media_types,
                required,
                multiple,
            }),
            Kind::Value(json_type) => interface.json.push(JsonParameter {
                name,
                json_type,
                required,
            }),
        }
    }
    if let Some(name) = interface.repeated() {
        return Err(Problem::invalid(field, format!("`{name}` is there twice")));
    }
    Ok(interface)
}

/// Values first, as most have no files.
pub(crate) fn parameters(interface: &Interface) -> Vec<wire::Parameter> {
    let values = interface.json.iter().map(|it| wire::Parameter {
        name: it.name.clone(),
        kind: it.json_type.as_str().to_owned(),
        required: it.required,
        media_types: Vec::new(),
    });
    let files = interface.files.iter().map(|it| wire::Parameter {
        name: it.name.clone(),
        kind: if it.multiple { "files" } else { "file" }.to_owned(),
        required: it.required,
        media_types: it.media_types.clone(),
    });
    values.chain(files).collect()
}

/// # Errors
/// 422: a name that no parameter has, or no ids of files.
pub(crate) fn data(field: &str, interface: &Interface, item: wire::Item) -> Result<Data, Problem> {
    let mut data = Data::default();
    for (name, value) in item {
        if interface.value(&name).is_some() {
            data.json.insert(name, value);
            continue;
        }
        let at = format!("{field}.{name}");
        if interface.file(&name).is_none() {
            let all: Vec<&str> = interface.names().collect();
            let text = format!("there is no such parameter; there are: {}", all.join(", "));
            return Err(Problem::invalid(at, text));
        }
        let ids = match value.as_array() {
            Some(ids) => ids.iter().map(Value::as_u64).collect(),
            None => value.as_u64().map(|id| vec![id]),
        };
        let ids =
            ids.ok_or_else(|| Problem::invalid(at, "must be the id of a file, or a list of such"))?;
        data.files.insert(name, ids);
    }
    Ok(data)
}

/// Values as they were given.
pub(crate) fn item(interface: &Interface, data: Data) -> wire::Item {
    let ids = |name: &str, ids: Vec<u64>| match ids.as_slice() {
        [id] if interface.file(name).is_none_or(|it| !it.multiple) => Value::from(*id),
        _ => Value::from(ids),
    };
    let files: BTreeMap<String, Value> = data
        .files
        .into_iter()
        .map(|(name, all)| (name.clone(), ids(&name, all)))
        .collect();
    data.json.into_iter().chain(files).collect()
}

/// The interface that values have by themselves.
///
/// # Errors
/// 422: null has no type.
pub(crate) fn interface_of(field: &str, values: &wire::Item) -> Result<Interface, Problem> {
    let of = |(name, value): (&String, &Value)| {
        let json_type = match value {
            Value::Null => {
                let at = format!("{field}.{name}");
                return Err(Problem::invalid(at, "null has no type; leave it out"));
            }
            Value::Bool(_) => JsonType::Boolean,
            Value::Number(number) if number.is_f64() => JsonType::Number,
            Value::Number(_) => JsonType::Integer,
            Value::String(_) => JsonType::String,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        };
        Ok(JsonParameter {
            name: name.clone(),
            json_type,
            required: true,
        })
    };
    Ok(Interface {
        files: Vec::new(),
        json: values.iter().map(of).collect::<Result<_, _>>()?,
    })
}
