//! Bodies: members that are known are read, others passed over.

use serde_json::{Map, Value};

use super::super::answer::Fault;
use crate::call::Call;

/// Bytes of a text in a body, such as a description; the content of a file may have more.
const TEXT_BYTES_MAX: usize = 20_000;

/// A body, or an object in one.
#[derive(Debug, Clone)]
pub(crate) struct Body(pub(crate) Map<String, Value>);

impl Body {
    /// Reads the body of a request.
    pub(crate) async fn read(call: &mut Call) -> Result<Self, Fault> {
        let limit = call.app.config.definition_bytes_max;
        let bytes = call.bytes_within(limit).await?;
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|error| Fault::bad(format!("JSON parse error - {error}")))?;
        if let Value::Object(members) = value {
            return Ok(Self(members));
        }
        Err(Fault::bad("The body must be a JSON object"))
    }

    /// A member that is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn required(&self, name: &str) -> Result<&Value, Fault> {
        self.get(name).ok_or_else(|| Fault::missing(name))
    }

    /// A whole number, or text of decimal digits.
    pub(crate) fn id(&self, name: &str) -> Result<Option<u64>, Fault> {
        self.get(name).map(|value| integer(name, value)).transpose()
    }

    pub(crate) fn required_id(&self, name: &str) -> Result<u64, Fault> {
        integer(name, self.required(name)?)
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Fault> {
        let most = if name == "content" {
            usize::MAX
        } else {
            TEXT_BYTES_MAX
        };
        let read = |value: &Value| {
            if value.as_str().is_some_and(|text| text.len() > most) {
                let detail = format!("The parameter \"{name}\" has at most {most} bytes");
                return Err(Fault::bad(detail));
            }
            let text = value.as_str().map(str::to_owned);
            text.ok_or_else(|| Fault::bad(format!("The parameter \"{name}\" must be a string")))
        };
        self.get(name).map(read).transpose()
    }

    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, Fault> {
        let read = |value: &Value| {
            value
                .as_bool()
                .ok_or_else(|| Fault::bad(format!("The parameter \"{name}\" must be a boolean")))
        };
        self.get(name).map(read).transpose()
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<&Map<String, Value>>, Fault> {
        let read = |value: &'_ Value| {
            value.as_object().map(|_| ()).ok_or_else(|| {
                Fault::bad(format!("The parameter \"{name}\" must be a JSON object"))
            })
        };
        self.get(name).map(read).transpose()?;
        Ok(self.get(name).and_then(Value::as_object))
    }

    pub(crate) fn required_object(&self, name: &str) -> Result<&Map<String, Value>, Fault> {
        self.required(name)?;
        self.object(name)?.ok_or_else(|| Fault::missing(name))
    }

    pub(crate) fn list(&self, name: &str) -> Result<Option<&Vec<Value>>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(Fault::bad(format!(
                "The parameter \"{name}\" must be a list"
            ))),
        }
    }

    pub(crate) fn ids(&self, name: &str) -> Result<Option<Vec<u64>>, Fault> {
        let list = self.list(name)?;
        list.map(|items| items.iter().map(|item| integer(name, item)).collect())
            .transpose()
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Fault> {
        let read = |item: &Value| {
            let text = item.as_str().map(str::to_owned);
            text.ok_or_else(|| {
                Fault::bad(format!(
                    "The parameter \"{name}\" must be a list of strings"
                ))
            })
        };
        self.list(name)?
            .map(|items| items.iter().map(read).collect())
            .transpose()
    }
}

fn integer(name: &str, value: &Value) -> Result<u64, Fault> {
    let of_text = || {
        let text = value.as_str()?;
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_number)
    };
    // Below zero nothing is: such an id is unknown, not wrong.
    let negative = || {
        value
            .as_i64()
            .map(|it| u64::try_from(it).unwrap_or(u64::MAX))
    };
    let found = value.as_u64().or_else(negative).or_else(of_text);
    found.ok_or_else(|| Fault::bad(format!("The parameter \"{name}\" must be an integer")))
}

/// Strict reading of the objects inside of bodies: no member that is not known.
pub(crate) fn only(object: &Map<String, Value>, known: &[&str], what: &str) -> Result<(), String> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("{what} has the unknown member `{key}`")),
        None => Ok(()),
    }
}

/// `version`, where it may be given.
pub(crate) fn check_version(object: &Map<String, Value>, what: &str) -> Result<(), String> {
    match object.get("version") {
        None => Ok(()),
        Some(Value::String(text)) if text == "6" || text == "7" => Ok(()),
        Some(other) => Err(format!(
            "{other} is an unsupported version of {what}; it is \"6\" or \"7\""
        )),
    }
}
