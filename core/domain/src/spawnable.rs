//! What no runner could ever start: environments, folders and interpreters that the system refuses. Checked when
//! a definition or an image is saved, so that nobody learns it from a failed run.

use std::collections::BTreeMap;

use crate::definition::{Definition, Parts, Task, Work};
use crate::image::Image;
use crate::limits::{
    ANNOTATION_BYTES_MAX, ARGUMENTS_MAX, CONFIGURATION_BYTES_MAX, ENVIRONMENT_BYTES_MAX,
    PATH_BYTES_MAX, PICKLE_BYTES_MAX,
};
use crate::rejection::Rejection;

/// Variables that Fasti sets: those that tell a process what it is, and those by which it is known again.
const OWN_NAMES: [&str; 18] = [
    "FASTI_RUN_ID",
    "FASTI_TASK_RUN_ID",
    "FASTI_TASK_UUID",
    "FASTI_ATTEMPT_NUMBER",
    "FASTI_BATCH_NAME",
    "FASTI_TASK_NAME",
    "FASTI_PART_NUM",
    "FASTI_NUM_PARTS",
    "FASTI_RUNDATE",
    "FASTI_RUN_AS",
    "FASTI_TRIGGER",
    "FASTI_SIGNAL_ID",
    "FASTI_SIGNAL",
    "FASTI_ATTEMPT",
    "FASTI_RUNNER",
    "FASTI_RUNNER_HOME",
    "FASTI_WORKER",
    "FASTI_ENGINE",
];

/// Longest time a run may be given, in seconds: ten years.
pub const FAIL_AFTER_SECONDS_MAX: u64 = 10 * 366 * 86_400;

/// Variable of an image: how many calls of its functions one process may serve.
const REUSE: &str = "FASTI_REUSE";

/// Most calls that one process may serve.
const REUSE_CALLS_MAX: u32 = 1_000_000;

/// Checks how many calls an image lets a process serve.
fn check_reuse(image: &Image) -> Result<(), Rejection> {
    let Some(calls) = image.env.get(REUSE) else {
        return Ok(());
    };
    let parsed: Option<u32> = calls.parse().ok();
    if !parsed.is_some_and(|calls| (1..=REUSE_CALLS_MAX).contains(&calls)) {
        let reason = format!(
            "`{REUSE}` is the number of calls that one process may serve, 1 to {REUSE_CALLS_MAX}"
        );
        return Err(Rejection::invalid("env", reason));
    }
    if image.container.is_some() {
        let reason = format!("`{REUSE}` has no meaning here: each attempt has its own container");
        return Err(Rejection::invalid("env", reason));
    }
    Ok(())
}

/// Checks the variables that a task or an image gives a process.
///
/// # Errors
/// A name is empty, has `=` or NUL, or is one of Fasti's own; or a value has NUL.
pub(crate) fn check_env(field: &str, env: &BTreeMap<String, String>) -> Result<(), Rejection> {
    let bytes: usize = env
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    check_bytes(field, bytes, ENVIRONMENT_BYTES_MAX)?;
    for (name, value) in env {
        let wrong = if name.is_empty() {
            Some("a variable needs a name".to_owned())
        } else if name.contains(['=', '\0']) {
            Some(format!(
                "`{}` is no name of a variable: it must have no `=` and no NUL character",
                name.escape_debug()
            ))
        } else if value.contains('\0') {
            Some(format!("the value of `{name}` must have no NUL character"))
        } else if OWN_NAMES.contains(&name.as_str()) {
            Some(format!(
                "`{name}` is set by Fasti itself; take another name"
            ))
        } else {
            None
        };
        if let Some(reason) = wrong {
            return Err(Rejection::invalid(field, reason));
        }
    }
    Ok(())
}

/// Checks that something is not longer than what a task run may be started with.
fn check_bytes(field: &str, bytes: usize, most: usize) -> Result<(), Rejection> {
    if bytes <= most {
        return Ok(());
    }
    Err(Rejection::invalid(
        field,
        format!(
            "{bytes} bytes are more than the {most} allowed; pass large values between tasks instead"
        ),
    ))
}

/// Checks the texts that task runs of this task are started with, all but those of a command line.
///
/// # Errors
/// One of them is too long.
pub(crate) fn check_texts(field: &dyn Fn(&str) -> String, task: &Task) -> Result<(), Rejection> {
    let bytes = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let configuration = field("configuration_json");
    check_bytes(
        &configuration,
        bytes(&task.configuration),
        CONFIGURATION_BYTES_MAX,
    )?;
    if let Parts::Listed(parts) = &task.parts {
        for (number, part) in parts.iter().enumerate() {
            if bytes(&part.configuration) > CONFIGURATION_BYTES_MAX {
                let field = format!("{configuration}[{number}]");
                check_bytes(&field, bytes(&part.configuration), CONFIGURATION_BYTES_MAX)?;
            }
        }
    }
    let blob = field("configuration_blob");
    check_bytes(&blob, bytes(&task.configuration_blob), PICKLE_BYTES_MAX)?;
    match &task.work {
        Work::Python {
            entrypoint,
            arguments_blob,
        } => {
            check_bytes(&field("entrypoint"), entrypoint.len(), PATH_BYTES_MAX)?;
            check_bytes(
                &field("arguments_blob"),
                bytes(arguments_blob),
                PICKLE_BYTES_MAX,
            )
        }
        Work::Command { stdin, .. } => {
            check_bytes(&field("stdin"), bytes(stdin), CONFIGURATION_BYTES_MAX)
        }
    }
}

/// Checks the program and the arguments of a command.
///
/// # Errors
/// There is no program, an argument has NUL, or they are too many or too long.
pub(crate) fn check_command(field: &str, argv: &[String]) -> Result<(), Rejection> {
    if argv.first().is_none_or(String::is_empty) {
        return Err(Rejection::invalid(
            field,
            "a command needs at least a program",
        ));
    }
    if argv.len() > ARGUMENTS_MAX {
        let reason = format!("more than {ARGUMENTS_MAX} arguments");
        return Err(Rejection::invalid(field, reason));
    }
    if argv.iter().any(|argument| argument.contains('\0')) {
        let reason = "an argument must not contain a NUL character";
        return Err(Rejection::invalid(field, reason));
    }
    check_bytes(
        field,
        argv.iter().map(String::len).sum(),
        ENVIRONMENT_BYTES_MAX,
    )
}

/// Checks the folder that a process begins in, or that code is read from.
///
/// # Errors
/// It is not absolute, or has NUL.
pub(crate) fn check_folder(field: &str, folder: &str) -> Result<(), Rejection> {
    check_text(field, folder)?;
    check_bytes(field, folder.len(), PATH_BYTES_MAX)?;
    if folder.starts_with('/') {
        return Ok(());
    }
    Err(Rejection::invalid(
        field,
        format!("`{folder}` is not absolute; write it from the root, or leave it out"),
    ))
}

/// Checks a text that the system ends at NUL.
fn check_text(field: &str, text: &str) -> Result<(), Rejection> {
    if text.contains('\0') {
        let reason = "must have no NUL character";
        return Err(Rejection::invalid(field, reason));
    }
    Ok(())
}

/// Checks the text that somebody may leave out, but not leave empty.
fn check_given(field: &str, text: &str) -> Result<(), Rejection> {
    if text.trim().is_empty() {
        let reason = "must not be empty; leave it out for the default";
        return Err(Rejection::invalid(field, reason));
    }
    check_text(field, text)
}

/// Checks who a definition belongs to and runs as, its interpreter, and its time.
///
/// # Errors
/// The first field that is wrong.
pub(crate) fn check_definition(definition: &Definition) -> Result<(), Rejection> {
    check_given("owner", &definition.owner)?;
    check_given("run_as", &definition.run_as)?;
    if let Some(python) = &definition.python {
        check_given("python", python)?;
    }
    let annotations = definition.annotations.iter();
    let bytes = annotations.map(|(name, text)| name.len() + text.len());
    check_bytes("annotations", bytes.sum(), ANNOTATION_BYTES_MAX)?;
    match definition.fail_after_seconds {
        Some(0) => Err(Rejection::invalid(
            "fail_after_seconds",
            "must be at least 1 second",
        )),
        Some(seconds) if seconds > FAIL_AFTER_SECONDS_MAX => Err(Rejection::invalid(
            "fail_after_seconds",
            format!(
                "{seconds} seconds are more than the {FAIL_AFTER_SECONDS_MAX} allowed, ten years; leave it out for no bound"
            ),
        )),
        Some(_) | None => Ok(()),
    }
}

/// Checks the folder, interpreter, container and variables of an image.
///
/// # Errors
/// The first field that is wrong.
pub(crate) fn check_image(image: &Image) -> Result<(), Rejection> {
    if let Some(path) = &image.path {
        check_folder("path", path)?;
    }
    if let Some(python) = &image.python {
        check_given("python", python)?;
    }
    if let Some(container) = &image.container {
        container.check()?;
    }
    check_reuse(image)?;
    check_env("env", &image.env)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn variables_that_no_process_can_have_are_refused() {
        for (name, value) in [
            ("", "x"),
            ("A=B", "x"),
            ("A\0", "x"),
            ("A", "x\0"),
            ("FASTI_ATTEMPT", "1"),
        ] {
            assert!(check_env("env", &env(name, value)).is_err(), "{name:?}");
        }
        for (name, value) in [("A", ""), ("a.b", "=\n"), ("FASTI_PRELOAD", "numpy")] {
            assert!(check_env("env", &env(name, value)).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn how_many_calls_a_process_serves_is_said_by_images() {
        let image = |calls: &str| Image {
            name: "i".to_owned(),
            path: None,
            bundle: None,
            python: None,
            tags: Vec::new(),
            env: env("FASTI_REUSE", calls),
            owner: "o".to_owned(),
            container: None,
        };
        for calls in ["1", "1000000"] {
            assert!(check_image(&image(calls)).is_ok(), "{calls}");
        }
        for calls in ["", "0", "-1", "1000001", "many", "1.5"] {
            assert!(check_image(&image(calls)).is_err(), "{calls:?}");
        }
    }

    #[test]
    fn variables_are_no_place_for_large_values() {
        let of = |bytes: usize| env("A", &"x".repeat(bytes));
        assert!(check_env("env", &of(ENVIRONMENT_BYTES_MAX - 1)).is_ok());
        assert!(check_env("env", &of(ENVIRONMENT_BYTES_MAX)).is_err());
    }

    #[test]
    fn texts_that_a_task_run_is_started_with_are_bounded() {
        let long = |bytes: usize| Some("x".repeat(bytes + 1));
        let python = |arguments_blob| Work::Python {
            entrypoint: "m.f".to_owned(),
            arguments_blob,
        };
        let command = |stdin| Work::Command {
            argv: vec!["cat".to_owned()],
            env: BTreeMap::new(),
            cwd: None,
            stdin,
        };
        let part = |configuration| crate::definition::Part {
            name: "p".to_owned(),
            description: String::new(),
            configuration,
        };
        type Change<'a> = (&'a str, &'a dyn Fn(&mut Task));
        let changes: [Change<'_>; 5] = [
            ("configuration_json", &|task| {
                task.configuration = long(CONFIGURATION_BYTES_MAX);
            }),
            ("configuration_json[1]", &|task| {
                let parts = vec![part(None), part(long(CONFIGURATION_BYTES_MAX))];
                task.parts = Parts::Listed(parts);
            }),
            ("configuration_blob", &|task| {
                task.configuration_blob = long(PICKLE_BYTES_MAX);
            }),
            ("arguments_blob", &|task| {
                task.work = python(long(PICKLE_BYTES_MAX));
            }),
            ("stdin", &|task| {
                task.work = command(long(CONFIGURATION_BYTES_MAX));
            }),
        ];
        for (field, change) in changes {
            let mut task = crate::testing::task("t");
            assert_eq!(check_texts(&|name| name.to_owned(), &task), Ok(()));
            change(&mut task);
            let refused = check_texts(&|name| name.to_owned(), &task).unwrap_err();
            assert_eq!(refused.field().as_deref(), Some(field));
        }
        let arguments = ["cat".to_owned(), "x".repeat(ENVIRONMENT_BYTES_MAX)];
        assert!(check_command("command", &arguments).is_err());
        assert!(check_command("command", &arguments[..1]).is_ok());
    }

    #[test]
    fn folders_are_absolute() {
        for folder in ["", "a", "./a", "~/a", "/a\0b"] {
            assert!(check_folder("cwd", folder).is_err(), "{folder:?}");
        }
        assert!(check_folder("cwd", "/a b").is_ok());
    }

    #[test]
    fn a_time_of_more_than_ten_years_is_no_time() {
        let with = |seconds| Definition {
            fail_after_seconds: seconds,
            ..crate::testing::definition("a", vec![crate::testing::task("t")])
        };
        for refused in [0, FAIL_AFTER_SECONDS_MAX + 1, u64::MAX] {
            assert!(check_definition(&with(Some(refused))).is_err(), "{refused}");
        }
        for taken in [None, Some(1), Some(FAIL_AFTER_SECONDS_MAX)] {
            assert!(check_definition(&with(taken)).is_ok(), "{taken:?}");
        }
    }

    #[test]
    fn nobody_is_no_owner() {
        let mut definition = crate::testing::definition("a", vec![crate::testing::task("t")]);
        definition.owner = " ".to_owned();
        assert!(check_definition(&definition).is_err());
    }
}
