//! Which crate may name what: the last column of the house plan's table of crates.
//!
//! Clippy bans calls and cargo-deny bans crates; this reads names, so it sees what neither does, such as a
//! module that is allowed to depend on sled and should not.

use super::rust::{Named, named, tokens};
use super::tree::Tree;

/// Names that are forbidden within some paths.
struct Wall {
    /// A crate (`sled`), a path with all below it (`std::fs`), a type wherever it is from (`HashMap`) or the
    /// end of a path (`…Utc::now`).
    names: &'static [&'static str],
    /// Where it holds: starts of paths.
    within: &'static [&'static str],
    /// Where it does not: starts of paths.
    except: &'static [&'static str],
    /// What to do instead.
    reason: &'static str,
}

/// The sources of the product.
const PRODUCT: &[&str] = &[
    "core/",
    "projector/",
    "replay/",
    "runner/",
    "api/",
    "ui/",
    "src/",
];

const WALLS: &[Wall] = &[
    Wall {
        names: &["sled"],
        within: &[""],
        except: &["core/src/store/", "core/src/store.rs"],
        reason: "sled is named in core/src/store alone",
    },
    Wall {
        names: &["async_nats"],
        within: PRODUCT,
        except: &["core/src/bus/", "core/src/bus.rs", "core/tests/nats/"],
        reason: "NATS is named in core/src/bus and its tests alone",
    },
    Wall {
        names: &["warp"],
        within: &[""],
        except: &["api/"],
        reason: "HTTP is the affair of api",
    },
    Wall {
        names: &[
            "std::time",
            "std::env",
            "std::fs",
            "std::io",
            "std::net",
            "std::os",
            "std::process",
            "std::thread",
            "std::sync::Mutex",
            "std::sync::RwLock",
            "std::sync::atomic",
            "std::sync::mpsc",
            "tokio",
            "tracing",
            "rand",
            "HashMap",
            "HashSet",
            "RandomState",
            "SystemTime",
            "Instant",
            "…Utc::now",
            "…Local::now",
        ],
        within: &["core/domain/src/"],
        except: &[],
        reason: "the domain is pure: no time, chance, threads, environment, IO nor hash order",
    },
    Wall {
        names: &["…SystemTime::now", "…Utc::now", "…Local::now"],
        within: PRODUCT,
        // The runner is a process of its own and dates its reports.
        except: &["src/clock.rs", "runner/src/clock.rs"],
        reason: "one file of each process reads the wall clock, src/clock.rs of the server: take the Clock port",
    },
    Wall {
        names: &[
            "std::process::Command",
            "tokio::process",
            "…Command::new",
            "…process::Command",
        ],
        within: PRODUCT,
        // The last one starts the NATS server that the bus is tested with.
        except: &["runner/", "src/", "core/tests/nats/"],
        reason: "processes are started by the runner, and by the binary to start the runner",
    },
    Wall {
        names: &["Command", "EngineHandle", "…domain::handle"],
        within: &["projector/src/", "replay/src/"],
        except: &[],
        reason: "views and replay ask for nothing: replay performs no effects (invariant 12)",
    },
    Wall {
        names: &[
            "…domain::handle",
            "…domain::decide",
            "…domain::evolve",
            "fasti_domain",
        ],
        within: &["api/src/"],
        except: &[],
        reason: "the API submits commands; deciding is the engine's",
    },
    Wall {
        names: &["petgraph"],
        within: &[""],
        except: &["core/domain/"],
        reason: "graphs are checked in the domain",
    },
];

/// Files that may hold `unsafe` code, each read by a second person line by line.
const AUDITED: &[&str] = &["runner/src/process/sys.rs"];

/// Every name on the wrong side of a wall.
pub(super) fn crossed(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.with(&["rs"]) {
        let starts = |paths: &[&str]| paths.iter().any(|start| file.path.starts_with(start));
        let all = named(&file.text);
        for wall in WALLS {
            if !starts(wall.within) || starts(wall.except) {
                continue;
            }
            for named in &all {
                if wall.names.iter().any(|name| forbids(name, named)) {
                    findings.push(format!(
                        "{}:{}: names `{}`: {}",
                        file.path, named.line, named.path, wall.reason
                    ));
                }
            }
        }
    }
    findings
}

/// Every `unsafe` outside the audited files.
pub(super) fn unsafe_code(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.with(&["rs"]) {
        if AUDITED.contains(&file.path.as_str()) {
            continue;
        }
        let all = tokens(&file.text);
        for token in all.iter().filter(|token| token.text == "unsafe") {
            findings.push(format!(
                "{}:{}: `unsafe` outside the audited files",
                file.path, token.line
            ));
        }
    }
    findings
}

/// Whether a name of a wall forbids a path.
fn forbids(name: &str, named: &Named) -> bool {
    let path = named.path.as_str();
    // A span of time is a plain value, wherever it is from.
    if path == "std::time::Duration" {
        return false;
    }
    let below = |start: &str| {
        path.strip_prefix(start)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    if let Some(end) = name.strip_prefix('…') {
        return path == end
            || path
                .strip_suffix(end)
                .is_some_and(|rest| rest.ends_with("::"));
    }
    if name.starts_with(char::is_uppercase) {
        return path.split("::").any(|segment| segment == name);
    }
    // A crate's name alone may as well be a variable, unless it is imported.
    below(name) && (name.contains("::") || named.imported || path.contains("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many findings a line of code at a path gives.
    fn count(path: &str, code: &str) -> usize {
        crossed(&Tree::of(&[(path, code)])).len()
    }

    #[test]
    fn crates_are_named_in_their_room_only() {
        assert_eq!(count("core/src/store/log.rs", "use sled::Db;"), 0);
        assert_eq!(count("core/src/feed.rs", "use sled::Db;"), 1);
        assert_eq!(count("core/src/feed.rs", "use {sled, std::fmt};"), 1);
        assert_eq!(count("core/src/feed.rs", "let sled = 1; // sled::open"), 0);
        assert_eq!(count("core/src/engine/mod.rs", "async_nats::connect()"), 1);
        assert_eq!(count("core/tests/nats/mod.rs", "async_nats::connect()"), 0);
        assert_eq!(count("core/tests/main.rs", "async_nats::connect()"), 1);
        assert_eq!(count("projector/src/lib.rs", "fn f(_: warp::Filter) {}"), 1);
        assert_eq!(count("api/src/server.rs", "use warp::Filter;"), 0);
    }

    #[test]
    fn the_domain_is_pure() {
        let path = "core/domain/src/run.rs";
        for code in [
            "use std::{collections::{BTreeMap, HashMap}};",
            "use std::time::Instant;",
            "let x = std::env::var(\"X\");",
            "use std::{fmt, fs};",
            "std::thread::yield_now();",
            "use std::sync::Mutex;",
            "tokio::spawn(x);",
            "let at = chrono::Utc::now();",
        ] {
            assert_ne!(count(path, code), 0, "{code}");
        }
        for code in ["use std::time::Duration;", "use std::sync::Arc;"] {
            assert_eq!(count(path, code), 0, "{code}");
        }
    }

    #[test]
    fn one_file_reads_the_wall_clock() {
        let code = "let now = SystemTime::now();";
        assert_eq!(count("src/clock.rs", code), 0);
        assert_eq!(count("src/serve.rs", code), 1);
        assert_eq!(count("runner/src/drive.rs", code), 1);
        assert_eq!(
            count("runner/src/drive.rs", "let now = Instant::now();"),
            0,
            "durations may be measured"
        );
    }

    #[test]
    fn processes_are_started_by_the_runner() {
        assert_ne!(count("api/src/page.rs", "Command::new(\"sh\")"), 0);
        assert_ne!(count("core/src/feed.rs", "use tokio::process::Command;"), 0);
        assert_eq!(
            count("runner/src/launcher.rs", "use std::process::Command;"),
            0
        );
        assert_eq!(
            count("core/src/engine/mod.rs", "fn f(c: domain::Command) {}"),
            0
        );
    }

    #[test]
    fn views_ask_for_nothing() {
        assert_eq!(
            count("projector/src/runs.rs", "use fasti_core::domain::Command;"),
            1
        );
        assert_eq!(
            count("projector/src/runs.rs", "use fasti_core::domain::Event;"),
            0
        );
    }

    #[test]
    fn unsafe_needs_an_audited_file() {
        let code = "fn f() { unsafe { g() } } // unsafe\n#![forbid(unsafe_code)]";
        assert_eq!(unsafe_code(&Tree::of(&[("src/main.rs", code)])).len(), 1);
        assert!(unsafe_code(&Tree::of(&[(AUDITED[0], code)])).is_empty());
    }
}
