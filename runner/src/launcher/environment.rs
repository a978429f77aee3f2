//! The environment of what a runner starts: a few variables of its own, those of the launch, and its marks.
//! Nothing else is inherited.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;

use fasti_core::domain::ids::RunnerId;

use crate::outcome::SpawnFailure;
use crate::process::{ENV_ATTEMPT, ENV_HOME, ENV_RUNNER};

/// Variables taken over from the runner's own environment.
const TAKEN_OVER: [&str; 5] = ["PATH", "HOME", "LANG", "TZ", "USER"];

/// `PATH` of a runner that has none.
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";

/// Variables of one process.
pub(crate) type Variables = BTreeMap<OsString, OsString>;

/// What all processes of a runner have in common.
#[derive(Debug)]
pub(crate) struct BaseEnvironment {
    variables: Vec<(OsString, OsString)>,
    marks: Vec<(OsString, OsString)>,
}

impl BaseEnvironment {
    /// The environment below this process, marked with the runner and its data folder.
    pub(crate) fn of_runner(id: &RunnerId, data: &Path) -> Self {
        let mut variables: Vec<(OsString, OsString)> = TAKEN_OVER
            .iter()
            .filter_map(|name| std::env::var_os(name).map(|value| (name.into(), value)))
            .collect();
        if !variables.iter().any(|(name, _)| name == "PATH") {
            variables.push(("PATH".into(), PATH_DEFAULT.into()));
        }
        let marks = vec![
            (ENV_RUNNER.into(), (&*id.0).into()),
            (ENV_HOME.into(), data.into()),
        ];
        Self { variables, marks }
    }

    /// The base, `own` over it, the marks over both.
    ///
    /// # Errors
    /// A name in `own` is empty or holds `=` or NUL, or a value holds NUL.
    pub(crate) fn with(
        &self,
        own: &BTreeMap<String, String>,
        attempt: Option<&str>,
    ) -> Result<Variables, SpawnFailure> {
        let mut variables: Variables = self.variables.iter().cloned().collect();
        for (name, value) in own {
            check(name, value)?;
            variables.insert(name.into(), value.into());
        }
        variables.extend(self.marks.iter().cloned());
        if let Some(attempt) = attempt {
            variables.insert(ENV_ATTEMPT.into(), attempt.into());
        }
        Ok(variables)
    }

    /// What a fork sets on top of its interpreter's environment, which has the marks already.
    ///
    /// # Errors
    /// As for [`with`](Self::with).
    pub(crate) fn over_worker<'a>(
        &self,
        own: &'a BTreeMap<String, String>,
        attempt: &'a str,
    ) -> Result<BTreeMap<&'a str, &'a str>, SpawnFailure> {
        let mut variables = BTreeMap::new();
        for (name, value) in own {
            check(name, value)?;
            if !self.marks.iter().any(|(mark, _)| mark == name.as_str()) {
                variables.insert(name.as_str(), value.as_str());
            }
        }
        variables.insert(ENV_ATTEMPT, attempt);
        Ok(variables)
    }
}

fn check(name: &str, value: &str) -> Result<(), SpawnFailure> {
    if !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0') {
        return Ok(());
    }
    let name = name.escape_debug();
    let message = format!(
        "cannot set the environment variable `{name}`: a name is not empty and without `=`, and NUL is nowhere"
    );
    Err(SpawnFailure {
        errno: libc::EINVAL,
        message,
    })
}

/// Give `command` exactly these variables.
pub(crate) fn apply(command: &mut Command, variables: &Variables) {
    command.env_clear().envs(variables);
}

/// `PATH` among `variables`.
pub(crate) fn path_of(variables: &Variables) -> &OsStr {
    variables
        .get(OsStr::new("PATH"))
        .map_or(OsStr::new(PATH_DEFAULT), OsString::as_os_str)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn base() -> BaseEnvironment {
        BaseEnvironment::of_runner(&RunnerId::new("local-1").unwrap(), Path::new("/data"))
    }

    #[test]
    fn nothing_is_inherited_but_the_chosen_ones() {
        let variables = base().with(&BTreeMap::new(), None).unwrap();
        for name in variables.keys() {
            let name = name.to_str().unwrap();
            assert!(
                TAKEN_OVER.contains(&name) || name.starts_with("FASTI_RUNNER"),
                "{name}"
            );
        }
        assert!(!path_of(&variables).is_empty());
    }

    #[test]
    fn the_marks_cannot_be_replaced() {
        let own = BTreeMap::from([
            (ENV_RUNNER.to_owned(), "other".to_owned()),
            (ENV_ATTEMPT.to_owned(), "other".to_owned()),
            ("PATH".to_owned(), "/own".to_owned()),
        ]);
        let variables = base().with(&own, Some("7.1")).unwrap();
        assert_eq!(variables[OsStr::new(ENV_RUNNER)], "local-1");
        assert_eq!(variables[OsStr::new(ENV_HOME)], "/data");
        assert_eq!(variables[OsStr::new(ENV_ATTEMPT)], "7.1");
        assert_eq!(path_of(&variables), "/own");
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        for (name, value) in [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0")] {
            let own = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            assert_eq!(
                base().with(&own, None).unwrap_err().errno,
                libc::EINVAL,
                "{name:?}"
            );
        }
    }
}
