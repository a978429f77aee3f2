//! Reads the result files of nextest and pytest (JUnit XML): one [`Case`] per test.
//!
//! Not an XML parser: it knows the two writers, both of which escape `<` in text and attributes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

/// How one test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It ran and held.
    Passed,
    /// It ran and did not hold, or broke.
    Failed,
    /// It did not run.
    Skipped,
}

/// One test with its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    /// The suite it is counted in: a crate, or a folder of the workspace's tests.
    pub(crate) suite: String,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// How long it took.
    pub(crate) took: Duration,
}

impl Case {
    /// Whether it ran and held.
    pub(crate) fn passed(&self) -> bool {
        self.outcome == Outcome::Passed
    }

    /// Whether it did not run.
    pub(crate) fn skipped(&self) -> bool {
        self.outcome == Outcome::Skipped
    }
}

/// Reads a result file; `suite` names the suite of a test from its class name and its name.
///
/// # Errors
/// When the file is not there, which means that the test program did not get as far as writing it.
pub(crate) fn read(path: &Path, suite: impl Fn(&str, &str) -> String) -> Result<Vec<Case>> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read the test results at {}", path.display()))?;
    Ok(parse(&text, suite))
}

/// The suite of a nextest test: its crate, or for the workspace's tests the first module (`tests/tidy`).
pub(crate) fn rust_suite(class: &str, name: &str) -> String {
    if class != "fasti::main" {
        return class.to_owned();
    }
    let module = name.split("::").next().unwrap_or(name);
    format!("tests/{module}")
}

fn parse(text: &str, suite: impl Fn(&str, &str) -> String) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut parts = text.split("<testcase");
    // What stands before the first test.
    parts.next();
    for part in parts {
        let Some((tag, rest)) = part.split_once('>') else {
            continue;
        };
        // A tag that closes itself has nothing inside; what follows belongs to the next one.
        let inside = if tag.ends_with('/') {
            ""
        } else {
            rest.split("</testcase>").next().unwrap_or_default()
        };
        let outcome = if inside.contains("<failure") || inside.contains("<error") {
            Outcome::Failed
        } else if inside.contains("<skipped") {
            Outcome::Skipped
        } else {
            Outcome::Passed
        };
        let seconds = attribute(tag, "time").and_then(|value| value.parse().ok());
        cases.push(Case {
            suite: suite(
                attribute(tag, "classname").unwrap_or_default(),
                attribute(tag, "name").unwrap_or_default(),
            ),
            outcome,
            took: Duration::try_from_secs_f64(seconds.unwrap_or(0.0)).unwrap_or_default(),
        });
    }
    cases
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once("=\"") {
        let (value, next) = after.split_once('"')?;
        if before.trim() == name {
            return Some(value);
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nextest_results_are_read() {
        let text = r#"<testsuites name="n" tests="3" failures="1" errors="0">
            <testsuite name="fasti-core" tests="1">
              <testcase name="log::appends" classname="fasti-core" timestamp="t" time="0.250">
              </testcase></testsuite>
            <testsuite name="fasti::main" tests="2">
              <testcase name="tidy::sizes" classname="fasti::main" time="0.1">
                <failure type="test failure">said &lt;skipped&gt;</failure>
              </testcase>
              <testcase name="tidy::words" classname="fasti::main" time="0.1"/>
            </testsuite></testsuites>"#;
        let cases = parse(text, rust_suite);
        assert_eq!(cases.len(), 3);
        assert_eq!(cases[0].suite, "fasti-core");
        assert_eq!(cases[0].took, Duration::from_millis(250));
        assert_eq!(cases[1].suite, "tests/tidy");
        assert_eq!(cases[1].outcome, Outcome::Failed);
        assert!(cases[2].passed());
    }

    #[test]
    fn pytest_results_are_read() {
        let text = r#"<testsuites name="pytest tests"><testsuite name="pytest" errors="1" tests="4">
            <testcase classname="tests.test_dag" name="test_a" time="0.001" /><testcase classname="tests.test_dag" name="test_b" time="0.0"><skipped type="t" message="no">x</skipped></testcase>
            <testcase classname="tests.test_dag" name="test_c" time="0.0"><error message="m">E</error></testcase>
            </testsuite></testsuites>"#;
        let outcomes: Vec<Outcome> = parse(text, |_, _| "python".to_owned())
            .into_iter()
            .map(|case| case.outcome)
            .collect();
        assert_eq!(
            outcomes,
            [Outcome::Passed, Outcome::Skipped, Outcome::Failed]
        );
    }

    #[test]
    fn a_skipped_test_is_not_a_passed_one() {
        let text = r#"<testcase classname="c" name="n" time="0.0"><skipped message="no">x</skipped></testcase>"#;
        let cases = parse(text, |class, name| format!("{class}.{name}"));
        assert_eq!(cases[0].suite, "c.n");
        assert!(cases[0].skipped());
    }

    #[test]
    fn missing_results_are_an_error() {
        assert!(read(Path::new("no/such/file.xml"), rust_suite).is_err());
    }
}
