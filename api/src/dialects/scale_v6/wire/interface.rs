//! Interfaces and data.

use std::collections::BTreeMap;

use fasti_core::domain::flow::{Data, FileParameter, Interface, JsonParameter, JsonType};
use serde_json::{Map, Value, json};

use super::body::only;

/// Names of manifests may have digits, others not.
fn name_of(object: &Map<String, Value>, what: &str, has_digits: bool) -> Result<String, String> {
    let name = object.get("name").and_then(Value::as_str);
    let name = name.ok_or_else(|| format!("an entry of {what} lacks its `name`"))?;
    let fits = !name.is_empty()
        && name.chars().all(|c| {
            c.is_ascii_alphabetic() || has_digits && c.is_ascii_digit() || matches!(c, '_' | '-')
        });
    if fits {
        Ok(name.to_owned())
    } else {
        let digits = if has_digits { "digits, " } else { "" };
        Err(format!(
            "`{name}` is no name for a parameter: it has letters, {digits}`_` and `-`"
        ))
    }
}

fn flag(object: &Map<String, Value>, name: &str, default: bool) -> Result<bool, String> {
    match object.get(name) {
        None => Ok(default),
        Some(value) => value
            .as_bool()
            .ok_or_else(|| format!("`{name}` must be true or false")),
    }
}

fn texts(object: &Map<String, Value>, name: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("`{name}` must be a list of strings");
    match object.get(name) {
        None => Ok(Vec::new()),
        Some(value) => {
            let items = value.as_array().ok_or_else(wrong)?;
            items
                .iter()
                .map(|it| it.as_str().map(str::to_owned).ok_or_else(wrong))
                .collect()
        }
    }
}

pub(super) fn entries<'a>(
    object: &'a Map<String, Value>,
    name: &str,
) -> Result<Vec<&'a Map<String, Value>>, String> {
    let wrong = || format!("`{name}` must be a list of objects");
    match object.get(name) {
        None => Ok(Vec::new()),
        Some(value) => {
            let items = value.as_array().ok_or_else(wrong)?;
            items
                .iter()
                .map(|it| it.as_object().ok_or_else(wrong))
                .collect()
        }
    }
}

fn json_type(object: &Map<String, Value>) -> Result<JsonType, String> {
    let text = object
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    JsonType::of_name(text).ok_or_else(|| format!("`{text}` is no type of a JSON parameter"))
}

/// An interface; `media` is what the list of media types is called there: in manifests otherwise than elsewhere.
pub(crate) fn read(value: &Value, media: &str) -> Result<Interface, String> {
    let object = value.as_object().ok_or("an interface must be an object")?;
    only(object, &["files", "json", "version"], "an interface")?;
    let has_digits = media == "mediaTypes";
    let mut interface = Interface::default();
    for file in entries(object, "files")? {
        only(
            file,
            &["name", media, "required", "multiple", "partial"],
            "a file parameter",
        )?;
        interface.files.push(FileParameter {
            name: name_of(file, "files", has_digits)?,
            media_types: texts(file, media)?,
            required: flag(file, "required", true)?,
            multiple: flag(file, "multiple", false)?,
        });
    }
    for parameter in entries(object, "json")? {
        only(parameter, &["name", "type", "required"], "a JSON parameter")?;
        interface.json.push(JsonParameter {
            name: name_of(parameter, "json", has_digits)?,
            json_type: json_type(parameter)?,
            required: flag(parameter, "required", true)?,
        });
    }
    Ok(interface)
}

pub(crate) fn write(interface: &Interface) -> Value {
    let files = interface.files.iter().map(|it| {
        json!({"name": it.name, "media_types": it.media_types, "required": it.required, "multiple": it.multiple})
    });
    let values = interface
        .json
        .iter()
        .map(|it| json!({"name": it.name, "type": it.json_type.as_str(), "required": it.required}));
    json!({"files": files.collect::<Vec<_>>(), "json": values.collect::<Vec<_>>()})
}

/// Data JSON.
pub(crate) fn read_data(value: &Value) -> Result<Data, String> {
    let object = value.as_object().ok_or("data must be an object")?;
    only(object, &["files", "json", "version"], "data")?;
    let members = |name: &str| match object.get(name) {
        None => Ok(Map::new()),
        Some(Value::Object(members)) => Ok(members.clone()),
        Some(_) => Err(format!("`{name}` in data must be an object")),
    };
    let mut files = BTreeMap::new();
    for (name, ids) in members("files")? {
        let wrong = || format!("`{name}` must be a list of ids of files");
        let ids = ids.as_array().ok_or_else(wrong)?;
        let ids: Result<Vec<u64>, String> =
            ids.iter().map(|id| id.as_u64().ok_or_else(wrong)).collect();
        files.insert(name.clone(), ids?);
    }
    Ok(Data {
        files,
        json: members("json")?.into_iter().collect(),
    })
}

pub(crate) fn write_data(data: &Data) -> Value {
    json!({"files": data.files, "json": data.json})
}
