//! Interfaces: the named parameters that something takes or gives, and whether one can feed another.

use serde::{Deserialize, Serialize};

/// Parameters, files and values apart; no name twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Interface {
    /// Files.
    pub files: Vec<FileParameter>,
    /// Values.
    pub json: Vec<JsonParameter>,
}

/// A parameter that is one file or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FileParameter {
    /// Its name.
    pub name: String,
    /// Types it is meant for; a hint.
    pub media_types: Vec<String>,
    /// Whether it must be given.
    pub required: bool,
    /// Whether it may be several files.
    pub multiple: bool,
}

/// A parameter that is a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JsonParameter {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub json_type: JsonType,
    /// Whether it must be given.
    pub required: bool,
}

/// Types of values.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum JsonType {
    /// A list.
    Array,
    /// True or false.
    Boolean,
    /// A number without a fraction.
    Integer,
    /// Any number.
    Number,
    /// Members with names.
    Object,
    /// Text.
    String,
}

impl JsonType {
    /// The type of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "array" => Self::Array,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "object" => Self::Object,
            "string" => Self::String,
            _ => return None,
        })
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Array => "array",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Object => "object",
            Self::String => "string",
        }
    }

    /// Whether a value is of this type.
    #[must_use]
    pub fn fits(self, value: &serde_json::Value) -> bool {
        match self {
            Self::Array => value.is_array(),
            Self::Boolean => value.is_boolean(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Object => value.is_object(),
            Self::String => value.is_string(),
        }
    }
}

impl Interface {
    /// The file parameter of this name.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&FileParameter> {
        self.files.iter().find(|it| it.name == name)
    }

    /// The value parameter of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&JsonParameter> {
        self.json.iter().find(|it| it.name == name)
    }

    /// Whether there is a parameter of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.file(name).is_some() || self.value(name).is_some()
    }

    /// All names, files first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let files = self.files.iter().map(|it| it.name.as_str());
        files.chain(self.json.iter().map(|it| it.name.as_str()))
    }

    /// The first name that is there twice.
    #[must_use]
    pub fn repeated(&self) -> Option<&str> {
        let mut seen = std::collections::BTreeSet::new();
        self.names().find(|name| !seen.insert(*name))
    }
}

/// Why one interface cannot feed another, or what is odd about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedProblem {
    /// The parameter of the target.
    pub parameter: String,
    /// What is wrong.
    pub message: String,
    /// It works all the same.
    pub is_warning: bool,
}

/// Whether what `source` gives is enough for what `target` takes: everything that stands against it.
#[must_use]
pub fn feed(source: &Interface, target: &Interface) -> Vec<FeedProblem> {
    let files = target.files.iter().flat_map(|it| feed_file(source, it));
    let values = target.json.iter().flat_map(|it| feed_value(source, it));
    files.chain(values).collect()
}

fn problem(parameter: &str, message: String) -> FeedProblem {
    FeedProblem {
        parameter: parameter.to_owned(),
        message,
        is_warning: false,
    }
}

fn missing(name: &str, is_required: bool) -> Option<FeedProblem> {
    let text = || format!("the required input `{name}` is not given");
    is_required.then(|| problem(name, text()))
}

fn optional(name: &str, is_wanted: bool, is_given: bool) -> Option<FeedProblem> {
    let text = || format!("`{name}` is required, but what feeds it is optional");
    (is_wanted && !is_given).then(|| problem(name, text()))
}

fn feed_file(source: &Interface, wanted: &FileParameter) -> Vec<FeedProblem> {
    let name = &wanted.name;
    let Some(given) = source.file(name) else {
        if source.value(name).is_some() {
            let text = format!("`{name}` takes a file, but is given a value");
            return vec![problem(name, text)];
        }
        return missing(name, wanted.required).into_iter().collect();
    };
    let mut all: Vec<FeedProblem> = optional(name, wanted.required, given.required)
        .into_iter()
        .collect();
    if given.multiple && !wanted.multiple {
        let text = format!("`{name}` takes one file, but may be given several");
        all.push(problem(name, text));
    }
    let differs = |it: &String| !wanted.media_types.contains(it);
    if !wanted.media_types.is_empty() && given.media_types.iter().any(differs) {
        all.push(FeedProblem {
            is_warning: true,
            ..problem(name, format!("`{name}` is meant for other media types"))
        });
    }
    all
}

fn feed_value(source: &Interface, wanted: &JsonParameter) -> Vec<FeedProblem> {
    let name = &wanted.name;
    let Some(given) = source.value(name) else {
        if source.file(name).is_some() {
            let text = format!("`{name}` takes a value, but is given a file");
            return vec![problem(name, text)];
        }
        return missing(name, wanted.required).into_iter().collect();
    };
    let mut all: Vec<FeedProblem> = optional(name, wanted.required, given.required)
        .into_iter()
        .collect();
    if given.json_type != wanted.json_type {
        let (wants, gets) = (wanted.json_type.as_str(), given.json_type.as_str());
        let text = format!("`{name}` takes {wants}, but is given {gets}");
        all.push(problem(name, text));
    }
    all
}
