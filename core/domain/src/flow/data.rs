//! Values for the parameters of an interface: files by their ids, and JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::interface::Interface;

/// What parameters are given. Kept as compact JSON text with sorted names, so that equal data is equal text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Data {
    /// Ids of files, by parameter.
    #[serde(default)]
    pub files: BTreeMap<String, Vec<u64>>,
    /// Values, by parameter.
    #[serde(default)]
    pub json: BTreeMap<String, Value>,
}

impl Data {
    /// From its text; nothing when it is none.
    #[must_use]
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// As text.
    #[must_use]
    pub fn to_text(&self) -> Arc<str> {
        serde_json::to_string(self).unwrap_or_default().into()
    }

    /// Only what an interface takes.
    #[must_use]
    pub fn restricted(mut self, to: &Interface) -> Self {
        self.files.retain(|name, _| to.file(name).is_some());
        self.json.retain(|name, _| to.value(name).is_some());
        self
    }

    /// With what `over` gives in addition, or instead.
    #[must_use]
    pub fn with(mut self, over: Self) -> Self {
        self.files.extend(over.files);
        self.json.extend(over.json);
        self
    }

    /// With other names for some parameters; what is renamed is there under its new name only.
    #[must_use]
    pub fn renamed(self, names: &[super::MappedInput]) -> Self {
        let mut renamed = Self::default();
        let targets = |name: &str| -> Vec<String> {
            let wanted = names.iter().filter(|it| it.parameter == name);
            let all: Vec<String> = wanted.map(|it| it.input.clone()).collect();
            if all.is_empty() {
                vec![name.to_owned()]
            } else {
                all
            }
        };
        // What is mapped goes before what has the name by itself.
        let is_mapped = |name: &str| names.iter().any(|it| it.parameter == name);
        for mapped in [false, true] {
            for (name, files) in self
                .files
                .iter()
                .filter(|(name, _)| is_mapped(name) == mapped)
            {
                for target in targets(name) {
                    renamed.json.remove(&target);
                    renamed.files.insert(target, files.clone());
                }
            }
            for (name, value) in self
                .json
                .iter()
                .filter(|(name, _)| is_mapped(name) == mapped)
            {
                for target in targets(name) {
                    renamed.files.remove(&target);
                    renamed.json.insert(target, value.clone());
                }
            }
        }
        renamed
    }
}

/// Whether data fits an interface: everything required is there, with the right kind; what the interface does not know
/// is dropped.
///
/// # Errors
/// What does not fit.
pub fn check_item(
    interface: &Interface,
    data: &Data,
    is_file: &dyn Fn(u64) -> bool,
) -> Result<Data, String> {
    for parameter in &interface.files {
        let name = &parameter.name;
        let given = data.files.get(name).filter(|files| !files.is_empty());
        match given {
            None if data.json.contains_key(name) => {
                return Err(format!("`{name}` takes files, not a value"));
            }
            None if parameter.required => return Err(format!("the required `{name}` is missing")),
            None => {}
            Some(files) if files.len() > 1 && !parameter.multiple => {
                return Err(format!("`{name}` takes one file, not {}", files.len()));
            }
            Some(files) => {
                if let Some(unknown) = files.iter().find(|id| !is_file(**id)) {
                    return Err(format!(
                        "`{name}` names the file {unknown}, which is not there"
                    ));
                }
            }
        }
    }
    for parameter in &interface.json {
        let name = &parameter.name;
        match data.json.get(name) {
            None if data.files.contains_key(name) => {
                return Err(format!("`{name}` takes a value, not files"));
            }
            None if parameter.required => return Err(format!("the required `{name}` is missing")),
            None => {}
            Some(value) if !parameter.json_type.fits(value) => {
                let wanted = parameter.json_type.as_str();
                return Err(format!("`{name}` must be of the type {wanted}"));
            }
            // No variable of a process could hold it.
            Some(Value::String(text)) if text.contains('\0') => {
                return Err(format!("`{name}` must not have a NUL character"));
            }
            Some(_) => {}
        }
    }
    let mut kept = data.clone().restricted(interface);
    kept.files.retain(|_, files| !files.is_empty());
    Ok(kept)
}
