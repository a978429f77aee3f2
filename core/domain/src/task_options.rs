//! What only some tasks ask for: a share of a pool, variables that tell what is known at the start of an attempt,
//! signed tokens. Apart from the rest of a task, so that a plain task stays small.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::limits::{
    ENVIRONMENT_BYTES_MAX, NAME_CHARS_MAX, STAGES_MAX, TOKEN_LIFETIME_SECONDS_MAX, TOKENS_MAX,
};
use crate::rejection::Rejection;
use crate::retry::RetryPolicy;
use crate::spawnable;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TaskOptions {
    /// The share of a pool that each of its attempts takes.
    #[serde(default)]
    pub pool: Option<PoolUse>,
    /// An attempt that ran into its time limit is not tried again.
    #[serde(default)]
    pub timeout_is_final: bool,
    /// Standard error goes into the file of standard output, so that the order of both is kept.
    #[serde(default)]
    pub merge_output: bool,
    /// Variables whose values name others as `${NAME}`; those are what the attempt is started with. A name that is
    /// not known then is left as it stands.
    #[serde(default)]
    pub env_templates: BTreeMap<String, String>,
    /// Variables that hold a signed token. It is made when an attempt is handed to its runner, and written down
    /// nowhere.
    #[serde(default)]
    pub tokens: BTreeMap<String, TokenRequest>,
    /// Stages that a task run of it passes, in order, as its process reports them; a success has passed all.
    #[serde(default)]
    pub stages: Vec<String>,
    /// How its further attempts are spread, and which failures are worth one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
}

/// A share of a pool.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct PoolUse {
    /// Name of the pool.
    pub pool: Arc<str>,
    /// What one attempt takes of it.
    pub units: u32,
}

/// A token that the server signs for an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TokenRequest {
    /// What it says: a JSON object as text.
    pub claims: String,
    /// How long it holds.
    pub lifetime_seconds: u64,
}

impl TaskOptions {
    /// Checks what was asked for.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub(crate) fn check(&self, field: &dyn Fn(&str) -> String) -> Result<(), Rejection> {
        spawnable::check_env(&field("env_templates"), &self.env_templates)?;
        check_pool(&field("pool"), self.pool.as_ref())?;
        check_stages(&field("stages"), &self.stages)?;
        if let Some(retry) = &self.retry {
            retry.check(&|name| format!("{}.{name}", field("retry")))?;
        }
        let field = field("tokens");
        if self.tokens.len() > TOKENS_MAX {
            let message = format!("at most {TOKENS_MAX} tokens a task");
            return Err(Rejection::invalid(field, message));
        }
        for (name, token) in &self.tokens {
            let variable = BTreeMap::from([(name.clone(), String::new())]);
            spawnable::check_env(&field, &variable)?;
            let is_object =
                serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&token.claims);
            if is_object.is_err() || token.claims.len() > ENVIRONMENT_BYTES_MAX {
                let message = format!(
                    "the claims of `{name}` are not a JSON object of at most {ENVIRONMENT_BYTES_MAX} bytes"
                );
                return Err(Rejection::invalid(field, message));
            }
            if token.lifetime_seconds > TOKEN_LIFETIME_SECONDS_MAX {
                let message = format!("a token holds {TOKEN_LIFETIME_SECONDS_MAX} seconds at most");
                return Err(Rejection::invalid(field, message));
            }
        }
        Ok(())
    }

    /// The values of the templates, from the variables that an attempt is started with.
    #[must_use]
    pub fn expanded(&self, env: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let value = |template: &String| expand(template, env);
        self.env_templates
            .iter()
            .map(|(name, template)| (name.clone(), value(template)))
            .collect()
    }
}

fn check_pool(field: &str, pool: Option<&PoolUse>) -> Result<(), Rejection> {
    let Some(pool) = pool else {
        return Ok(());
    };
    check_pool_name(field, &pool.pool)?;
    if pool.units == 0 {
        let message = "a share of a pool has at least one unit";
        return Err(Rejection::invalid(field, message));
    }
    Ok(())
}

fn check_stages(field: &str, stages: &[String]) -> Result<(), Rejection> {
    let invalid = |message: String| Err(Rejection::invalid(field, message));
    if stages.len() > STAGES_MAX {
        return invalid(format!("at most {STAGES_MAX} stages"));
    }
    for (index, stage) in stages.iter().enumerate() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if stage.is_empty() || stage.len() > 64 || !stage.chars().all(is_word) {
            return invalid(format!(
                "`{}` is no stage; write letters, digits, `_` and `-`, at most 64",
                stage.escape_debug()
            ));
        }
        if stages[..index].contains(stage) {
            return invalid(format!("`{stage}` is there twice"));
        }
    }
    Ok(())
}

/// Checks the name of a pool.
///
/// # Errors
/// It is empty, too long, or has control characters.
pub(crate) fn check_pool_name(field: &str, name: &str) -> Result<(), Rejection> {
    let is_name = !name.trim().is_empty()
        && name.chars().count() <= NAME_CHARS_MAX
        && !name.chars().any(char::is_control);
    if is_name {
        return Ok(());
    }
    let message = format!(
        "the name of a pool has 1 to {NAME_CHARS_MAX} characters, none of them a control character"
    );
    Err(Rejection::invalid(field, message))
}

/// Puts values where `${NAME}` stands. What is put in is not looked at again.
fn expand(template: &str, env: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once("${") {
        out.push_str(before);
        let known = behind
            .split_once('}')
            .and_then(|(name, after)| Some((env.get(name)?, after)));
        match known {
            Some((value, after)) => {
                out.push_str(value);
                rest = after;
            }
            None => {
                out.push_str("${");
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_replaced_once() {
        let env = BTreeMap::from([
            ("A".to_owned(), "1".to_owned()),
            ("B".to_owned(), "${A}".to_owned()),
        ]);
        for (template, value) in [
            ("", ""),
            ("x", "x"),
            ("${A}", "1"),
            ("<${A}:${A}>", "<1:1>"),
            ("${B}", "${A}"),
            ("${C}${A}", "${C}1"),
            ("${A", "${A"),
            ("$A $${A} }", "$A $1 }"),
        ] {
            assert_eq!(expand(template, &env), value, "{template}");
        }
    }

    #[test]
    fn wrong_options_are_refused() {
        let field = |name: &str| name.to_owned();
        let token = |claims: &str, lifetime_seconds| TaskOptions {
            tokens: BTreeMap::from([(
                "T".to_owned(),
                TokenRequest {
                    claims: claims.to_owned(),
                    lifetime_seconds,
                },
            )]),
            ..TaskOptions::default()
        };
        let pool = |name: &str, units| TaskOptions {
            pool: Some(PoolUse {
                pool: name.into(),
                units,
            }),
            ..TaskOptions::default()
        };
        assert!(token("{\"a\":1}", 60).check(&field).is_ok());
        assert!(pool("p", 1).check(&field).is_ok());
        let env = TaskOptions {
            env_templates: BTreeMap::from([("FASTI_RUN_ID".to_owned(), String::new())]),
            ..TaskOptions::default()
        };
        for bad in [
            token("[]", 60),
            token("{", 60),
            token("{}", u64::MAX),
            pool("", 1),
            pool("p", 0),
            pool("a\nb", 1),
            env,
        ] {
            assert!(bad.check(&field).is_err(), "{bad:?}");
        }
    }
}
