//! Definitions of datasets.

use fasti_core::domain::flow::{Data, Interface, ItemSetDefinition, check_item};
use serde_json::{Map, Value, json};

use super::body::{check_version, only};
use super::interface;

/// Why a definition cannot be taken: stable name, text.
pub(crate) type Unread = (&'static str, String);

pub(crate) fn read(
    object: &Map<String, Value>,
    is_file: &dyn Fn(u64) -> bool,
) -> Result<ItemSetDefinition, Unread> {
    let schema = |message: String| ("INVALID_DATASET_DEFINITION", message);
    let known = ["version", "parameters", "global_parameters", "global_data"];
    only(object, &known, "the dataset definition").map_err(schema)?;
    check_version(object, "the dataset definition").map_err(schema)?;
    let part = |name: &str| {
        let value = object.get(name).filter(|it| !it.is_null());
        value
            .map_or(Ok(Interface::default()), |it| {
                interface::read(it, "media_types")
            })
            .map_err(schema)
    };
    let (parameters, global_parameters) = (part("parameters")?, part("global_parameters")?);
    let mut names: Vec<&str> = parameters
        .names()
        .chain(global_parameters.names())
        .collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err((
            "NAME_COLLISION_ERROR",
            format!("the parameter `{}` is there twice", pair[0]),
        ));
    }
    let data = object.get("global_data").filter(|it| !it.is_null());
    let data = data
        .map_or(Ok(Data::default()), interface::read_data)
        .map_err(schema)?;
    let global_data = check_item(&global_parameters, &data, is_file)
        .map_err(|it| schema(format!("global data: {it}")))?;
    Ok(ItemSetDefinition {
        parameters,
        global_parameters,
        global_data,
    })
}

pub(crate) fn write(definition: &ItemSetDefinition) -> Value {
    json!({
        "parameters": interface::write(&definition.parameters),
        "global_parameters": interface::write(&definition.global_parameters),
        "global_data": interface::write_data(&definition.global_data),
    })
}
