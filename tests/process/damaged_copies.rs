//! Copies of a data folder, each damaged in one way: bits flipped, pages zeroed or exchanged, files cut, removed, or
//! taken from an older copy. A server on such a copy serves the same events, or it refuses and says why, with the exit
//! code for that. It never serves fewer or other events and never shows a panic.
//!
//! How many copies: 28, and 500 with `FASTI_LONG=1`. All of one run come from one seed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::damage::copy;
use crate::support::chance::Chance;
use crate::support::disk::shim::Shim;
use crate::support::is_long;
use crate::support::server::Server;

/// Exit code of a log that is not whole.
const VERIFY_FAILED: i32 = 7;

/// Servers that are started on damaged copies at a time.
const JUDGES: usize = 2;

const PAGE_BYTES: usize = 4096;

/// A history, the data folder that holds it, and one that holds only the beginning.
struct Original {
    folder: TempDir,
    events: Vec<Value>,
    runs: Vec<Value>,
}

impl Original {
    /// Made by a server with these variables in its environment.
    fn make(variables: impl Fn(&Path) -> Vec<(String, String)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::stopped(&["--slots", "4"]);
        server.set_variables(variables(&server.data()));
        for part in ["older", "whole"] {
            server.restart();
            let parts =
                json!({"name": "parts", "kind": "parallel", "count": 60, "command": ["true"]});
            let small = server.api().save(&json!({"name": part, "tasks": [parts]}));
            for _ in 0..4 {
                server.api().finished(server.api().start(&small));
            }
            // Too large for the log: a file beside it.
            let task = |at: usize| json!({"name": format!("{part} {at}"), "command": ["true", "z".repeat(80)]});
            let tasks: Vec<Value> = (0..70).map(task).collect();
            server
                .api()
                .save(&json!({"name": format!("large {part}"), "tasks": tasks}));
            let (status, _) = server.stop();
            assert!(status.success(), "{status}");
            copy(&server.data(), &folder.path().join(part));
        }
        server.set_variables(Vec::new());
        server.restart();
        let mut events = server.api().events();
        // What the copy holds ends where this last start begins.
        let end = events
            .iter()
            .rposition(|event| event["type"] == "server.started");
        events.truncate(end.unwrap());
        Self {
            folder,
            events,
            runs: server.api().list("/runs"),
        }
    }

    fn whole(&self) -> PathBuf {
        self.folder.path().join("whole")
    }

    fn older(&self) -> PathBuf {
        self.folder.path().join("older")
    }
}

/// Something done to a data folder.
#[derive(Debug, Clone)]
enum Harm {
    Flip {
        file: String,
        at: usize,
        bit: u8,
    },
    Zero {
        file: String,
        page: usize,
    },
    Exchange {
        file: String,
        pages: [usize; 2],
    },
    Cut {
        file: String,
        len: usize,
    },
    Empty {
        file: String,
    },
    Remove {
        name: String,
    },
    /// The name as it was in the older copy.
    RollBack {
        name: String,
    },
}

impl Harm {
    fn any(original: &Original, chance: &mut Chance) -> Self {
        let whole = original.whole();
        let files = files(&whole);
        // The database is where the events are: every second copy.
        let file = if chance.below(2) == 0 {
            "log/db".to_owned()
        } else {
            files[chance.below(files.len())].clone()
        };
        let bytes = fs::read(whole.join(&file)).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
        let pages = used.div_ceil(PAGE_BYTES);
        match chance.below(8) {
            0 => Self::Zero {
                page: chance.below(pages),
                file,
            },
            1 => Self::Exchange {
                pages: [chance.below(pages), chance.below(pages)],
                file,
            },
            2 => Self::Cut {
                len: chance.below(used),
                file,
            },
            3 => {
                let names = [
                    "log",
                    "log/db",
                    "log/conf",
                    "head",
                    "blobs",
                    "snapshots",
                    "views",
                ];
                let name = names[chance.below(names.len())].to_owned();
                Self::Remove { name }
            }
            4 => {
                let names = ["log", "log/db", "head", "snapshots", "views", "blobs"];
                let name = names[chance.below(names.len())].to_owned();
                Self::RollBack { name }
            }
            5 if file != "log/db" => Self::Empty { file },
            _ => {
                let bit = u8::try_from(chance.below(8)).unwrap();
                Self::Flip {
                    at: chance.below(used),
                    bit,
                    file,
                }
            }
        }
    }

    fn apply(&self, original: &Original, data: &Path) {
        match self {
            Self::Flip { file, at, bit } => {
                change(&data.join(file), |bytes| bytes[*at] ^= 1 << bit);
            }
            Self::Zero { file, page } => change(&data.join(file), |bytes| {
                let end = (page * PAGE_BYTES + PAGE_BYTES).min(bytes.len());
                bytes[page * PAGE_BYTES..end].fill(0);
            }),
            Self::Exchange {
                file,
                pages: [a, b],
            } => change(&data.join(file), |bytes| {
                for at in 0..PAGE_BYTES {
                    let (a, b) = (a * PAGE_BYTES + at, b * PAGE_BYTES + at);
                    if a.max(b) < bytes.len() {
                        bytes.swap(a, b);
                    }
                }
            }),
            Self::Cut { file, len } => change(&data.join(file), |bytes| bytes.truncate(*len)),
            Self::Empty { file } => change(&data.join(file), Vec::clear),
            Self::Remove { name } => remove(&data.join(name)),
            Self::RollBack { name } => {
                remove(&data.join(name));
                let (from, to) = (original.older().join(name), data.join(name));
                if from.is_dir() {
                    copy(&from, &to);
                } else {
                    fs::copy(from, to).unwrap();
                }
            }
        }
    }
}

fn change(path: &Path, harm: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    harm(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn remove(path: &Path) {
    if path.is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
}

/// The files that hold something, below a data folder.
fn files(data: &Path) -> Vec<String> {
    let mut found = vec!["head".to_owned()];
    for folder in ["log", "snapshots", "views", "blobs"] {
        below(data, &data.join(folder), &mut found);
    }
    found.retain(|file| fs::metadata(data.join(file)).unwrap().len() > 0);
    found.sort();
    found
}

fn below(data: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            below(data, &path, found);
        } else {
            found.push(
                path.strip_prefix(data)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned(),
            );
        }
    }
}

/// Whether the copy is served (as it must be), or refused (as it must be).
///
/// # Errors
/// Neither.
fn judge(original: &Original, harm: &Harm) -> Result<bool, String> {
    let mut server = Server::stopped(&["--slots", "1"]);
    copy(&original.whole(), &server.data());
    harm.apply(original, &server.data());
    server.spawn();
    let served = server.listens() && same(original, &server)?;
    let outcome = if served {
        server.kill();
        Ok(true)
    } else {
        refused(&mut server)
    };
    if server.said().contains("panicked") {
        return Err(format!("a panic was shown\n{}", server.said()));
    }
    outcome
}

/// The same events; `false`: it does not answer, and must end by itself.
fn same(original: &Original, server: &Server) -> Result<bool, String> {
    let Some(events) = page_by_page(server, "/events") else {
        return Ok(false);
    };
    if events.len() < original.events.len() {
        return Err(format!(
            "{} of {} events",
            events.len(),
            original.events.len()
        ));
    }
    if let Some((is, was)) = events
        .iter()
        .zip(&original.events)
        .find(|(is, was)| is != was)
    {
        return Err(format!("event {is} was {was}"));
    }
    let Some(runs) = page_by_page(server, "/runs") else {
        return Ok(false);
    };
    if runs != original.runs {
        return Err(format!(
            "the runs are {runs:?} and were {:?}",
            original.runs
        ));
    }
    Ok(true)
}

fn page_by_page(server: &Server, path: &str) -> Option<Vec<Value>> {
    let mut items = Vec::new();
    let mut address = format!("{path}?limit=1000");
    loop {
        let answer = server.api().attempt("GET", &address, &[], None).ok()?;
        if answer.status != 200 {
            return None;
        }
        let page = answer.json();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(cursor) = page["next_cursor"].as_str() else {
            return Some(items);
        };
        address = format!("{path}?limit=1000&cursor={cursor}");
    }
}

/// It ended by itself with the right code, and its last line says what is wrong and which command mends it.
fn refused(server: &mut Server) -> Result<bool, String> {
    let (status, _) = server.wait_ended(Instant::now());
    let said = server.all_said();
    let last = said.lines().last().unwrap_or_default();
    if status.code() != Some(VERIFY_FAILED) {
        return Err(format!("it ended with {status}\n{said}"));
    }
    let says_where = last.contains("seq") || last.contains("head file");
    if !says_where || !last.contains("fasti log") {
        return Err(format!("it does not say enough: {last}"));
    }
    Ok(false)
}

#[test]
fn a_damaged_copy_is_served_whole_or_refused_with_the_reason() {
    let original = Original::make(|_| Vec::new());
    let mut chance = Chance::new();
    let count = if is_long() { 500 } else { 28 };
    let harms: Vec<Harm> = (0..count)
        .map(|_| Harm::any(&original, &mut chance))
        .collect();
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..JUDGES {
            scope.spawn(|| {
                while let Some(harm) = harms.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = judge(&original, harm).map_err(|why| format!("{harm:?}: {why}"));
                    outcomes.lock().unwrap().push(outcome);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    let wrong: Vec<&String> = outcomes.iter().filter_map(|it| it.as_ref().err()).collect();
    let served = outcomes.iter().flatten().filter(|served| **served).count();
    println!(
        "{} events; {count} copies: {served} served whole, {} refused, {} wrong",
        original.events.len(),
        count - served - wrong.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A server that never writes its head file cannot know that its database is an old one.
#[test]
fn a_server_that_writes_no_head_is_found_out() {
    let mut shim = Shim::build();
    shim.set("RECORDER_SWALLOW", "write:head");
    let original = Original::make(|data| shim.variables(data));
    let harm = Harm::RollBack {
        name: "log".to_owned(),
    };
    let outcome = judge(&original, &harm);
    println!("{outcome:?}");
    assert!(
        outcome.is_err(),
        "the older database was not served, so this proves nothing"
    );
    let good = Original::make(|_| Vec::new());
    assert_eq!(judge(&good, &harm), Ok(false), "with a head it is refused");
}
