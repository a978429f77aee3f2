//! Around the command of a step: folders with links to its input files, an empty folder for what it makes, and
//! afterwards what it made.
//!
//! ```text
//! products/<attempt>/            what the command of a step left; its files stay where they are
//! runner/<id>/scratch/<slot>.in/ folders with links, while it runs
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use fasti_core::domain::flow::{Gathered, GatheredFile, Staging};
use fasti_core::domain::ids::AttemptId;

use super::container_box::link;
use crate::limits::{STAGED_FILES_MAX, STEP_VALUES_BYTES_MAX};
use crate::outcome::SpawnFailure;
use crate::places::{Places, make_folder};

/// Variable with the folder for what a command makes.
pub(super) const OUTPUT_DIR: &str = "OUTPUT_DIR";

/// File with the values that a command gives.
const VALUES: &str = "seed.outputs.json";

/// Lay everything out; answers with the variables that say where.
///
/// # Errors
/// A folder or link cannot be made.
pub(super) fn lay_out(
    places: &Places,
    attempt: AttemptId,
    slot: usize,
    staging: &Staging,
) -> Result<BTreeMap<String, String>, SpawnFailure> {
    let laid = try_lay_out(places, attempt, slot, staging);
    laid.map_err(|error| SpawnFailure::new("cannot lay out the files of the step", &error))
}

/// What is laid out for a container.
pub(super) struct LaidOut {
    /// Folder with one folder for each variable.
    pub(super) inputs: PathBuf,
    /// Folder for what is made.
    pub(super) output: PathBuf,
    /// Which variables name the folders, as the container sees them.
    pub(super) variables: BTreeMap<String, String>,
}

/// Lay everything out for a container, which sees the folder of inputs at `seen_at` and nothing that a link could lead
/// to.
///
/// # Errors
/// A folder or file cannot be made.
pub(super) fn lay_out_links(
    places: &Places,
    attempt: AttemptId,
    slot: usize,
    staging: &Staging,
    seen_at: &str,
) -> Result<LaidOut, SpawnFailure> {
    let laid = || -> io::Result<LaidOut> {
        let (inputs, output) = (inputs(places, slot), places.products(attempt));
        for folder in [&inputs, &output] {
            remove(folder)?;
            make_folder(folder)?;
        }
        let mut variables = BTreeMap::new();
        for folder in &staging.folders {
            let path = inputs.join(&folder.variable);
            make_folder(&path)?;
            for (name, file) in &folder.files {
                link(Path::new(file), &path.join(name))?;
            }
            variables.insert(
                folder.variable.clone(),
                format!("{seen_at}/{}", folder.variable),
            );
        }
        Ok(LaidOut {
            inputs,
            output,
            variables,
        })
    };
    laid().map_err(|error| SpawnFailure::new("cannot lay out the files of the step", &error))
}

fn try_lay_out(
    places: &Places,
    attempt: AttemptId,
    slot: usize,
    staging: &Staging,
) -> io::Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    let output = places.products(attempt);
    remove(&output)?;
    make_folder(&output)?;
    variables.insert(OUTPUT_DIR.to_owned(), output.display().to_string());
    let inputs = inputs(places, slot);
    remove(&inputs)?;
    for folder in &staging.folders {
        let path = inputs.join(&folder.variable);
        make_folder(&path)?;
        for (name, file) in &folder.files {
            std::os::unix::fs::symlink(file, path.join(name))?;
        }
        variables.insert(folder.variable.clone(), path.display().to_string());
    }
    Ok(variables)
}

fn inputs(places: &Places, slot: usize) -> PathBuf {
    let mut path = places.scratch(slot).into_os_string();
    path.push(".in");
    path.into()
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What the command left, if it succeeded; what nobody asked for is removed.
pub(super) fn gather(
    places: &Places,
    attempt: AttemptId,
    slot: usize,
    staging: &Staging,
    success: bool,
) -> Option<Gathered> {
    let _ = remove(&inputs(places, slot));
    let output = places.products(attempt);
    if !success {
        let _ = remove(&output);
        return None;
    }
    let gathered = try_gather(&output, staging).unwrap_or_else(|fault| {
        let (text, is_commands_fault) = match fault {
            Fault::Outputs(text) => (text, true),
            Fault::Machine(error) => (error.to_string(), false),
        };
        Gathered {
            problem: Some(format!("cannot take over what the step made: {text}")),
            is_commands_fault,
            ..Gathered::default()
        }
    });
    if gathered.files.is_empty() {
        let _ = remove(&output);
    }
    Some(gathered)
}

/// Why what a command left cannot be taken over.
#[derive(Debug)]
enum Fault {
    /// It is not what it should be.
    Outputs(String),
    /// It cannot be read, or kept.
    Machine(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Machine(error)
    }
}

fn try_gather(output: &Path, staging: &Staging) -> Result<Gathered, Fault> {
    let mut gathered = Gathered {
        values: values(output)?,
        ..Gathered::default()
    };
    let mut all = Vec::new();
    list(output, output, &mut all)?;
    all.sort();
    for wanted in &staging.outputs {
        for (relative, size) in all
            .iter()
            // The values are no product, unless somebody asks for just that file.
            .filter(|(relative, _)| relative != VALUES || wanted.pattern == VALUES)
            .filter(|(relative, _)| fits(&wanted.pattern, relative))
        {
            gathered.files.push(GatheredFile {
                output: wanted.name.clone(),
                path: output.join(relative).display().to_string(),
                size: *size,
            });
        }
    }
    for file in &gathered.files {
        // What is reported is there after a power cut too.
        fs::File::open(&file.path)?.sync_all()?;
    }
    if !gathered.files.is_empty() {
        fs::File::open(output)?.sync_all()?;
    }
    Ok(gathered)
}

fn values(output: &Path) -> Result<Option<std::sync::Arc<str>>, Fault> {
    let wrong = |what: &str| Fault::Outputs(format!("{VALUES} {what}"));
    // A container must not make this process read, or wait for, anything else of the host.
    let mut options = fs::File::options();
    options
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = match options.open(output.join(VALUES)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(wrong("may not be read"));
        }
        // A link, or a socket.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ELOOP | libc::ENXIO)) => {
            return Err(wrong("is no plain file"));
        }
        Err(error) => return Err(error.into()),
    };
    if !file.metadata()?.is_file() {
        return Err(wrong("is no plain file"));
    }
    let mut bytes = Vec::new();
    file.take(STEP_VALUES_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > STEP_VALUES_BYTES_MAX {
        let text = format!("has more than {STEP_VALUES_BYTES_MAX} bytes");
        return Err(wrong(&text));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("is no UTF-8"))?;
    Ok(Some(text.into()))
}

/// Plain files below a folder, relative to it; links are not followed.
fn list(top: &Path, folder: &Path, all: &mut Vec<(String, u64)>) -> Result<(), Fault> {
    let entries = fs::read_dir(folder).map_err(|error| {
        if error.kind() == io::ErrorKind::PermissionDenied {
            Fault::Outputs("a folder there may not be read".to_owned())
        } else {
            error.into()
        }
    })?;
    for entry in entries {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            list(top, &entry.path(), all)?;
        } else if metadata.is_file() {
            if all.len() >= STAGED_FILES_MAX {
                let text = format!("there are more than {STAGED_FILES_MAX} files");
                return Err(Fault::Outputs(text));
            }
            let path = entry.path();
            let relative = path.strip_prefix(top).unwrap_or(&path);
            if let Some(text) = relative.to_str() {
                all.push((text.to_owned(), metadata.len()));
            }
        }
    }
    Ok(())
}

/// Whether a path fits a pattern: `*` and `?` stand for anything but a slash, `[…]` for one of some characters.
fn fits(pattern: &str, path: &str) -> bool {
    let pattern: Vec<char> = pattern
        .strip_prefix("./")
        .unwrap_or(pattern)
        .chars()
        .collect();
    let path: Vec<char> = path.chars().collect();
    fits_chars(&pattern, &path)
}

fn fits_chars(pattern: &[char], text: &[char]) -> bool {
    // Where to go back to: behind the last star, and how much of the text it stood for.
    let mut back: Option<(usize, usize)> = None;
    let (mut p, mut t) = (0, 0);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p + 1, t));
                p += 1;
                continue;
            }
            Some('?') if text[t] != '/' => {
                p += 1;
                t += 1;
                continue;
            }
            Some('[') => {
                if let Some((is_in, next)) = class(pattern, p, text[t])
                    && is_in
                {
                    p = next;
                    t += 1;
                    continue;
                }
            }
            Some(c) if *c == text[t] => {
                p += 1;
                t += 1;
                continue;
            }
            Some(_) | None => {}
        }
        match back {
            Some((after, from)) if text[from] != '/' => {
                back = Some((after, from + 1));
                p = after;
                t = from + 1;
            }
            _ => return false,
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Whether a character is in the class that begins at `at`, and where the class ends.
fn class(pattern: &[char], at: usize, c: char) -> Option<(bool, usize)> {
    let end = at + 2 + pattern.get(at + 2..)?.iter().position(|it| *it == ']')?;
    let mut inner = &pattern[at + 1..end];
    let is_negated = matches!(inner.first(), Some('!' | '^'));
    if is_negated {
        inner = &inner[1..];
    }
    let mut is_in = false;
    let mut index = 0;
    while index < inner.len() {
        if index + 2 < inner.len() && inner[index + 1] == '-' {
            is_in |= (inner[index]..=inner[index + 2]).contains(&c);
            index += 3;
        } else {
            is_in |= inner[index] == c;
            index += 1;
        }
    }
    Some((is_in != is_negated && c != '/', end + 1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use fasti_core::domain::flow::{StagedFolder, StagedOutput};
    use fasti_core::domain::ids::{RunnerId, TaskRunId};

    use super::*;

    #[test]
    fn patterns_fit_as_in_a_shell() {
        for (pattern, path, expected) in [
            ("*.txt", "a.txt", true),
            ("*.txt", "a.txt.gz", false),
            ("*.txt", "sub/a.txt", false),
            ("sub/*.txt", "sub/a.txt", true),
            ("out?.png", "out1.png", true),
            ("out?.png", "out12.png", false),
            ("out[0-9].png", "out7.png", true),
            ("out[!0-9].png", "out7.png", false),
            ("*", "anything", true),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1b2b3", false),
            ("out[.png", "outx.png", false),
            ("exact.csv", "exact.csv", true),
        ] {
            assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_laid_out_is_cleared_and_what_is_made_is_found() {
        let data = tempfile::tempdir().unwrap();
        let places = Places::new(data.path().into(), &RunnerId::new("r").unwrap());
        places.make_home().unwrap();
        let source = data.path().join("source");
        fs::write(&source, "x").unwrap();
        let attempt = AttemptId {
            task_run: TaskRunId(7),
            number: 1,
        };
        let staging = Staging {
            folders: vec![StagedFolder {
                variable: "PAGES".to_owned(),
                files: vec![("one.txt".to_owned(), source.display().to_string())],
            }],
            outputs: vec![StagedOutput {
                name: "TEXT".to_owned(),
                pattern: "*.txt".to_owned(),
            }],
        };
        let variables = lay_out(&places, attempt, 0, &staging).unwrap();
        let folder = Path::new(&variables["PAGES"]);
        assert_eq!(fs::read_to_string(folder.join("one.txt")).unwrap(), "x");
        let output = Path::new(&variables[OUTPUT_DIR]);
        fs::write(output.join("made.txt"), "made").unwrap();
        fs::write(output.join(VALUES), "{\"n\": 1}").unwrap();
        let staging = Staging {
            outputs: ["*.txt", "*.json", VALUES]
                .map(|pattern| StagedOutput {
                    name: pattern.to_owned(),
                    pattern: pattern.to_owned(),
                })
                .to_vec(),
            ..staging
        };
        let gathered = gather(&places, attempt, 0, &staging, true).unwrap();
        let found: Vec<_> = gathered
            .files
            .iter()
            .map(|it| (it.output.as_str(), it.size))
            .collect();
        // Values are a product only where just they are asked for.
        assert_eq!(found, [("*.txt", 4), (VALUES, 8)]);
        assert_eq!(gathered.values.as_deref(), Some("{\"n\": 1}"));
        assert!(!folder.exists() && output.exists());
        lay_out(&places, attempt, 0, &staging).unwrap();
        assert_eq!(gather(&places, attempt, 0, &staging, false), None);
        assert!(!output.exists());
    }

    #[test]
    fn what_a_command_left_wrong_is_its_own_fault() {
        let data = tempfile::tempdir().unwrap();
        let places = Places::new(data.path().into(), &RunnerId::new("r").unwrap());
        places.make_home().unwrap();
        let attempt = AttemptId {
            task_run: TaskRunId(7),
            number: 1,
        };
        type Make = fn(&Path);
        let make: [(&str, Make); 4] = [
            ("no plain file", |values| fs::create_dir(values).unwrap()),
            ("no plain file", |values| {
                std::os::unix::fs::symlink("/etc/passwd", values).unwrap();
            }),
            ("no UTF-8", |values| {
                fs::write(values, [0xff, 0xfe]).unwrap();
            }),
            ("more than", |values| {
                let most = usize::try_from(STEP_VALUES_BYTES_MAX).unwrap();
                fs::write(values, " ".repeat(most + 1)).unwrap();
            }),
        ];
        for (said, make) in make {
            let variables = lay_out(&places, attempt, 0, &Staging::default()).unwrap();
            make(&Path::new(&variables[OUTPUT_DIR]).join(VALUES));
            let gathered = gather(&places, attempt, 0, &Staging::default(), true).unwrap();
            assert!(gathered.is_commands_fault, "{said}");
            assert!(gathered.problem.unwrap().contains(said), "{said}");
        }
    }
}
