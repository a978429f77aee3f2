//! Finding a Python interpreter that tasks can run on.

use std::process::{Command, Stdio};

/// Oldest version that works.
const OLDEST: (u32, u32) = (3, 9);

/// Tried in this order when nobody names one.
const NAMES: [&str; 9] = [
    "python3",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python3.9",
    "python",
    "/usr/bin/python3",
];

/// An interpreter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Python {
    /// Absolute path, as it says itself.
    pub(crate) path: String,
    /// Version, `3.11.7`.
    pub(crate) version: String,
}

/// The interpreter named, or the first that works.
///
/// # Errors
/// Why there is none, and what to do.
pub(crate) fn find(named: Option<&str>) -> Result<Python, String> {
    if let Some(program) = named {
        return probe(program).map_err(|why| format!("`{program}` cannot run tasks: {why}"));
    }
    let mut reasons = Vec::new();
    for program in NAMES {
        match probe(program) {
            Ok(python) => return Ok(python),
            Err(why) => reasons.push(format!("{program}: {why}")),
        }
    }
    let (major, minor) = OLDEST;
    Err(format!(
        "no Python {major}.{minor} or later was found ({}); install one, or name it with --python or FASTI_PYTHON",
        reasons[0]
    ))
}

fn probe(program: &str) -> Result<Python, String> {
    const QUESTION: &str =
        "import sys; print('%d.%d.%d' % sys.version_info[:3]); print(sys.executable)";
    #[expect(
        clippy::disallowed_methods,
        reason = "asks an interpreter for its version"
    )]
    let output = Command::new(program)
        .args(["-c", QUESTION])
        .stdin(Stdio::null())
        .output();
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("it ended with {}", output.status));
    }
    read(&String::from_utf8_lossy(&output.stdout))
}

/// Reads what the interpreter said of itself.
fn read(answer: &str) -> Result<Python, String> {
    let mut lines = answer.lines();
    let (Some(version), Some(path)) = (lines.next(), lines.next()) else {
        return Err(format!("it answered `{}`", answer.trim()));
    };
    let mut numbers = version
        .split('.')
        .map_while(|part| part.parse::<u32>().ok());
    let (Some(major), Some(minor)) = (numbers.next(), numbers.next()) else {
        return Err(format!("it says that it is version `{version}`"));
    };
    if (major, minor) < OLDEST {
        return Err(format!(
            "it is version {version}, and {}.{} is the oldest that works",
            OLDEST.0, OLDEST.1
        ));
    }
    Ok(Python {
        path: path.to_owned(),
        version: version.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let python = read("3.10.2\n/usr/bin/python3\n").unwrap();
        assert_eq!(python.version, "3.10.2");
        assert_eq!(python.path, "/usr/bin/python3");
        assert!(read("3.8.18\n/p\n").unwrap_err().contains("3.8.18"));
        assert!(read("2.7.18\n/p\n").is_err());
        assert!(read("").is_err());
        assert!(read("x.y\n/p\n").is_err());
    }

    #[test]
    fn what_is_not_there_is_named() {
        let why = find(Some("no-such-python")).unwrap_err();
        assert!(why.contains("no-such-python"), "{why}");
    }
}
