//! The command line that starts a container, and how its variables get in: never as arguments, which everybody on the
//! machine can read.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use fasti_core::domain::container::Engine as Kind;

use crate::outcome::SpawnFailure;

/// Label with the data folder.
pub(crate) const LABEL_DATA: &str = "fasti.data";
/// Label with the runner.
pub(crate) const LABEL_RUNNER: &str = "fasti.runner";
/// Label with the attempt.
pub(crate) const LABEL_ATTEMPT: &str = "fasti.attempt";

/// Folder of a host that a container sees.
#[derive(Debug)]
pub(crate) struct Mount {
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) access: Access,
}

/// What a container may do with a folder of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// One container to start.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    pub(crate) name: &'a str,
    pub(crate) image: &'a str,
    pub(crate) labels: [(&'a str, &'a str); 3],
    pub(crate) mounts: Vec<Mount>,
    pub(crate) workdir: &'a str,
    pub(crate) has_stdin: bool,
    pub(crate) env_file: &'a Path,
    /// Variables that the engine takes over from its own environment.
    pub(crate) env_passed: Vec<&'a str>,
    pub(crate) pull: &'a str,
    pub(crate) run_args: &'a [String],
    pub(crate) argv: &'a [String],
}

impl Start<'_> {
    /// Arguments of the engine.
    ///
    /// # Errors
    /// A folder has a name that cannot be said, or there is no program.
    pub(crate) fn arguments(&self) -> Result<Vec<String>, SpawnFailure> {
        let Some((program, rest)) = self.argv.split_first() else {
            return Err(SpawnFailure {
                errno: libc::EINVAL,
                message: "cannot start a command without a program: argv is empty".to_owned(),
            });
        };
        let mut arguments: Vec<String> = vec![
            "run".to_owned(),
            format!("--name={}", self.name),
            format!("--pull={}", self.pull),
            // The runner keeps the output, within its bounds: a second copy with the engine would have none.
            "--log-driver=none".to_owned(),
            format!("--workdir={}", self.workdir),
            format!("--env-file={}", self.env_file.display()),
        ];
        let labels = self.labels.iter();
        arguments.extend(labels.map(|(name, value)| format!("--label={name}={value}")));
        for mount in &self.mounts {
            arguments.push(format!("--mount={}", mount.argument()?));
        }
        arguments.extend(self.env_passed.iter().map(|name| format!("--env={name}")));
        if self.has_stdin {
            arguments.push("--interactive".to_owned());
        }
        arguments.extend_from_slice(self.run_args);
        // What the image would run itself is left out: a command is run as it is written.
        arguments.push(format!("--entrypoint={program}"));
        arguments.push(self.image.to_owned());
        arguments.extend_from_slice(rest);
        Ok(arguments)
    }
}

impl Mount {
    fn argument(&self) -> Result<String, SpawnFailure> {
        let Self { source, target, .. } = self;
        // The fields of this argument are parted by commas, and each engine quotes in its own way.
        if source.contains([',', '"', '\n', '\r']) {
            let message = format!(
                "cannot mount `{}` into a container: its name has a comma, a quotation mark or a line break",
                source.escape_debug()
            );
            return Err(SpawnFailure::plain(message));
        }
        let access = match self.access {
            Access::Read => ",readonly",
            Access::Write => "",
        };
        Ok(format!("type=bind,source={source},target={target}{access}"))
    }
}

/// Variables by the two ways there are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Variables<'a> {
    /// What goes into a file that the engine reads.
    pub(crate) file: String,
    /// What the engine gets in its own environment, to be passed on.
    pub(crate) passed: Vec<(&'a str, &'a str)>,
}

impl<'a> Variables<'a> {
    /// Engines read their files differently where there are quotation marks, line breaks and the like; a value with
    /// one of those goes through the environment of the engine, unless the engine would obey it itself.
    ///
    /// # Errors
    /// A variable goes neither way.
    pub(crate) fn of(env: &'a BTreeMap<String, String>) -> Result<Self, SpawnFailure> {
        let mut variables = Self::default();
        for (name, value) in env {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return Err(refused(
                    name,
                    "a name is not empty and without `=`, and NUL is nowhere",
                ));
            }
            if is_plain(name) && value.chars().all(is_plain_in_values) && value.trim() == value {
                let _ = writeln!(variables.file, "{name}={value}");
            } else if is_heard_by_engines(name) {
                let why = "its value has characters that only the environment of the engine could carry, and the engine would obey it itself";
                return Err(refused(name, why));
            } else {
                variables.passed.push((name, value));
            }
        }
        Ok(variables)
    }
}

fn refused(name: &str, why: &str) -> SpawnFailure {
    SpawnFailure {
        errno: libc::EINVAL,
        message: format!(
            "cannot set the environment variable `{}` in a container: {why}",
            name.escape_debug()
        ),
    }
}

fn is_plain(name: &str) -> bool {
    name.chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

fn is_plain_in_values(c: char) -> bool {
    !c.is_control() && !matches!(c, '"' | '\'' | '`' | '\\' | '#' | '$')
}

fn is_heard_by_engines(name: &str) -> bool {
    const NAMES: [&str; 6] = ["PATH", "HOME", "USER", "TMPDIR", "NOTIFY_SOCKET", "TERM"];
    const BEGINNINGS: [&str; 15] = [
        "LD_",
        "LC_",
        "DOCKER",
        "BUILDKIT",
        "BUILDX",
        "CONTAINER",
        "PODMAN",
        "BUILDAH",
        "STORAGE_",
        "REGISTRY",
        "REGISTRIES",
        "XDG_",
        "DBUS_",
        "GO",
        "SSL_",
    ];
    let upper = name.to_ascii_uppercase();
    NAMES.contains(&&*upper)
        || upper.starts_with('_')
        || upper.ends_with("_PROXY")
        || BEGINNINGS.iter().any(|begin| upper.starts_with(begin))
}

/// Name of the container of an attempt: the same attempt of another data folder has another one.
pub(crate) fn name(data: &Path, attempt: &str) -> String {
    use sha2::Digest as _;
    use std::os::unix::ffi::OsStrExt as _;
    let digest = sha2::Sha256::digest(data.as_os_str().as_bytes());
    let mut name = "fasti-".to_owned();
    for byte in &digest[..6] {
        let _ = write!(name, "{byte:02x}");
    }
    let _ = write!(name, "-{attempt}");
    name
}

/// Arguments that list the containers of a data folder.
pub(crate) fn list_filter(data: &str) -> String {
    format!("--filter=label={LABEL_DATA}={data}")
}

/// What an engine says when it could not start a container: its own exit code for that, and those of a program that
/// may not be executed or is not there.
pub(crate) fn is_refusal(code: i32) -> bool {
    (125..=127).contains(&code)
}

/// Hint for the one case that people run into.
pub(crate) fn hint(kind: Kind, is_python: bool) -> String {
    let of_image = if is_python {
        "; Python tasks need a Python 3.9 or later in the image: name it with --python if it is not `python3`"
    } else {
        ""
    };
    format!("{} could not start the container{of_image}", kind.program())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn env(name: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn a_container_is_started_with_its_command_alone() {
        let argv = ["sh", "-c", "exit 3"].map(str::to_owned);
        let start = Start {
            name: "fasti-1",
            image: "busybox:1",
            labels: [("a", "b"), ("c", "d"), ("e", "f=g")],
            mounts: vec![Mount {
                source: "/data/x y".to_owned(),
                target: "/fasti/sdk".to_owned(),
                access: Access::Read,
            }],
            workdir: "/fasti/scratch",
            has_stdin: true,
            env_file: Path::new("/data/env"),
            env_passed: vec!["TEXT"],
            pull: "missing",
            run_args: &["--network=none".to_owned()],
            argv: &argv,
        };
        assert_eq!(
            start.arguments().unwrap(),
            [
                "run",
                "--name=fasti-1",
                "--pull=missing",
                "--log-driver=none",
                "--workdir=/fasti/scratch",
                "--env-file=/data/env",
                "--label=a=b",
                "--label=c=d",
                "--label=e=f=g",
                "--mount=type=bind,source=/data/x y,target=/fasti/sdk,readonly",
                "--env=TEXT",
                "--interactive",
                "--network=none",
                "--entrypoint=sh",
                "busybox:1",
                "-c",
                "exit 3",
            ]
        );
        let empty = Start { argv: &[], ..start };
        assert_eq!(empty.arguments().unwrap_err().errno, libc::EINVAL);
    }

    #[test]
    fn a_folder_cannot_add_options_to_its_mount() {
        for source in ["/a,target=/etc", "/a\"b", "/a\nb"] {
            let mount = Mount {
                source: source.to_owned(),
                target: "/x".to_owned(),
                access: Access::Write,
            };
            assert!(mount.argument().is_err(), "{source}");
        }
    }

    #[test]
    fn plain_values_go_through_the_file_and_others_through_the_environment() {
        let plain = env("LD_PRELOAD", "/lib/x.so");
        let variables = Variables::of(&plain).unwrap();
        assert_eq!(variables.file, "LD_PRELOAD=/lib/x.so\n");
        assert!(variables.passed.is_empty());
        for value in ["a\nb", "\"a\"", " a", "a ", "$HOME", "a\\", "a#b", "\ta"] {
            let odd = env("TEXT", value);
            let variables = Variables::of(&odd).unwrap();
            assert_eq!(variables.passed, [("TEXT", value)]);
            assert_eq!(variables.file, "");
        }
    }

    #[test]
    fn nothing_reaches_the_engine_that_it_would_obey() {
        for name in [
            "PATH",
            "LD_PRELOAD",
            "DOCKER_HOST",
            "CONTAINERS_CONF",
            "https_proxy",
        ] {
            assert!(Variables::of(&env(name, "a\nb")).is_err(), "{name}");
        }
        for (name, value) in [("", "x"), ("A=B", "x"), ("A", "x\0")] {
            assert!(Variables::of(&env(name, value)).is_err(), "{name:?}");
        }
    }

    #[test]
    fn names_differ_by_folder_and_attempt() {
        let (a, b) = (Path::new("/a"), Path::new("/b"));
        assert_eq!(name(a, "7.1"), name(a, "7.1"));
        assert_ne!(name(a, "7.1"), name(b, "7.1"));
        assert!(name(a, "7.1").ends_with("-7.1"));
    }
}
