//! Data filters: what a decision is made by.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::data::Data;
use super::model::FlowFile;

/// Rules and how they go together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Filter {
    /// The rules; without any, everything is accepted.
    pub filters: Vec<FilterRule>,
    /// Whether all must pass, or one is enough.
    pub all: bool,
}

/// A look at one parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FilterRule {
    /// The parameter.
    pub name: String,
    /// What is looked at: `integer`, `number`, `string`, `boolean`, `filename`, `media-type`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The comparison, such as `>=`.
    pub condition: String,
    /// What it is compared with.
    pub values: Vec<Value>,
    /// Of several files all must pass, not just one.
    pub all_files: bool,
}

impl FilterRule {
    /// Why this can be no rule.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let conditions: &[&str] = match self.kind.as_str() {
            "integer" | "number" => &["<", "<=", ">", ">=", "==", "!=", "between", "in", "not in"],
            "string" | "filename" | "media-type" => &["==", "!=", "in", "not in", "contains"],
            "boolean" => &["==", "!="],
            other => return Some(format!("filters of the type `{other}` are not supported")),
        };
        if !conditions.contains(&self.condition.as_str()) {
            return Some(format!(
                "`{}` is no condition for the type `{}`",
                self.condition, self.kind
            ));
        }
        if self.values.is_empty() || (self.condition == "between" && self.values.len() < 2) {
            return Some(format!("the condition `{}` lacks values", self.condition));
        }
        let fits = |value: &Value| match self.kind.as_str() {
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            _ => value.is_string(),
        };
        let wrong = self.values.iter().find(|value| !fits(value))?;
        Some(format!(
            "the value {wrong} is not of the type `{}`",
            self.kind
        ))
    }
}

impl Filter {
    /// Whether data passes.
    #[must_use]
    pub fn accepts<'a>(&self, data: &Data, file: &dyn Fn(u64) -> Option<&'a FlowFile>) -> bool {
        if self.filters.is_empty() {
            return true;
        }
        let mut passes = self.filters.iter().map(|rule| passes(rule, data, file));
        if self.all {
            passes.all(|it| it)
        } else {
            passes.any(|it| it)
        }
    }
}

fn passes<'a>(rule: &FilterRule, data: &Data, file: &dyn Fn(u64) -> Option<&'a FlowFile>) -> bool {
    if matches!(rule.kind.as_str(), "filename" | "media-type") {
        let Some(ids) = data.files.get(&rule.name).filter(|ids| !ids.is_empty()) else {
            return false;
        };
        let matches = |id: &u64| {
            file(*id).is_some_and(|file| {
                let text = if rule.kind == "filename" {
                    &file.name
                } else {
                    &file.media_type
                };
                compare(rule, &Value::String(text.clone()))
            })
        };
        return if rule.all_files {
            ids.iter().all(matches)
        } else {
            ids.iter().any(matches)
        };
    }
    data.json
        .get(&rule.name)
        .is_some_and(|value| compare(rule, value))
}

fn compare(rule: &FilterRule, value: &Value) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let Some(first) = rule.values.first() else {
        return false;
    };
    let is = |ordering: Option<std::cmp::Ordering>, wanted: &[std::cmp::Ordering]| {
        ordering.is_some_and(|it| wanted.contains(&it))
    };
    match rule.condition.as_str() {
        "==" => equal(value, first),
        "!=" => !equal(value, first),
        "<" => is(order(value, first), &[Less]),
        "<=" => is(order(value, first), &[Less, Equal]),
        ">" => is(order(value, first), &[Greater]),
        ">=" => is(order(value, first), &[Greater, Equal]),
        "between" => rule.values.get(1).is_some_and(|last| {
            is(order(value, first), &[Greater, Equal]) && is(order(value, last), &[Less, Equal])
        }),
        "in" => rule.values.iter().any(|it| equal(value, it)),
        "not in" => !rule.values.iter().any(|it| equal(value, it)),
        "contains" => {
            let text = value.as_str().unwrap_or_default();
            rule.values
                .iter()
                .filter_map(Value::as_str)
                .any(|it| text.contains(it))
        }
        _ => false,
    }
}

fn order(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        return Some(a.cmp(&b));
    }
    a.as_f64()?.partial_cmp(&b.as_f64()?)
}

fn equal(a: &Value, b: &Value) -> bool {
    if a.is_number() && b.is_number() {
        order(a, b) == Some(std::cmp::Ordering::Equal)
    } else {
        a == b
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn accepts(rules: &Value, all: bool, data: Value) -> bool {
        let rules = rules.as_array().unwrap().iter().map(|rule| FilterRule {
            name: "x".to_owned(),
            kind: rule[0].as_str().unwrap().to_owned(),
            condition: rule[1].as_str().unwrap().to_owned(),
            values: rule[2].as_array().unwrap().clone(),
            all_files: false,
        });
        let filter = Filter {
            filters: rules.collect(),
            all,
        };
        for rule in &filter.filters {
            assert_eq!(rule.problem(), None);
        }
        let mut given = Data::default();
        if !data.is_null() {
            given.json.insert("x".to_owned(), data);
        }
        filter.accepts(&given, &|_| None)
    }

    #[test]
    fn every_condition_reads_data_first() {
        for (kind, condition, values, yes, no) in [
            ("integer", "<", json!([5]), json!(4), json!(5)),
            ("integer", "<=", json!([5]), json!(5), json!(6)),
            ("number", ">", json!([0.5]), json!(0.6), json!(0.5)),
            ("integer", ">=", json!([70]), json!(70), json!(69)),
            ("number", "==", json!([1.0]), json!(1), json!(2)),
            ("string", "!=", json!(["a"]), json!("b"), json!("a")),
            ("integer", "between", json!([1, 3]), json!(3), json!(4)),
            ("string", "in", json!(["a", "b"]), json!("b"), json!("c")),
            (
                "string",
                "not in",
                json!(["a", "b"]),
                json!("c"),
                json!("b"),
            ),
            (
                "string",
                "contains",
                json!(["el"]),
                json!("hello"),
                json!("hullo"),
            ),
            ("boolean", "==", json!([true]), json!(true), json!(false)),
        ] {
            let rules = json!([[kind, condition, values]]);
            assert!(accepts(&rules, true, yes), "{condition}");
            assert!(!accepts(&rules, true, no), "{condition}");
            assert!(
                !accepts(&rules, true, Value::Null),
                "{condition}: what is not there does not pass"
            );
        }
    }

    #[test]
    fn all_or_one_and_none() {
        let rules = json!([["integer", ">", [1]], ["integer", "<", [3]]]);
        assert!(accepts(&rules, true, json!(2)) && !accepts(&rules, true, json!(3)));
        assert!(accepts(&rules, false, json!(3)));
        assert!(accepts(&json!([]), true, Value::Null) && accepts(&json!([]), false, Value::Null));
    }
}
