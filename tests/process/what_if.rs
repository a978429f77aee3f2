//! `fasti what-if` from a running server and from its folder when it has stopped: the same estimate, nothing started.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::command_line::{Called, call};
use crate::support::look_until;
use crate::support::server::Server;

const USAGE: i32 = 2;
const NOT_FOUND: i32 = 3;
const CONFLICT: i32 = 4;

fn what_if(server: &Server, url: &str, more: &[&str]) -> Called {
    let arguments = [&["what-if", "--from", "2020-01-01T00:00:00Z"], more].concat();
    call(server.folder(), url, &arguments)
}

fn figure<'a>(estimate: &'a Value, name: &str) -> &'a Value {
    let figures = estimate["figures"].as_array().unwrap();
    let found = figures.iter().find(|figure| figure["name"] == name);
    found.unwrap_or_else(|| panic!("{name}: {estimate}"))
}

/// Longer than all parts take one after the other: what has not ended by then does not count.
const PLENTY: Duration = Duration::from_secs(2);

/// An instant that has passed at the server, later than another one by plenty of time.
fn later(server: &Server, than: &str) -> String {
    let began = Instant::now();
    look_until("time passes", || (began.elapsed() > PLENTY).then_some(()));
    let mut names = (0..).map(|number| format!("later-{number}"));
    let task = json!({"name": "t", "command": ["true"]});
    look_until("time passes", || {
        let name = names.next()?;
        let batch = server.api().save(&json!({"name": name, "tasks": [task]}));
        let made = server.api().get(&format!("/batches/{batch}"))["created_at"].clone();
        let made = made.as_str()?.to_owned();
        (made.as_str() > than).then_some(made)
    })
}

#[test]
fn history_is_played_again_with_fewer_slots() {
    let mut server = Server::start(&["--slots", "4"]);
    let parts = json!({"name": "p", "kind": "parallel", "count": 4, "command": ["sleep", "0.2"]});
    let batch = server
        .api()
        .save(&json!({"name": "wide", "tasks": [parts]}));
    let run = server.api().start(&batch);
    assert_eq!(server.api().finished(run)["status"], "success");
    let ended = server.api().get(&format!("/runs/{run}"))["finished_at"].clone();
    let until = later(&server, ended.as_str().unwrap());
    let events = server.api().events().len();
    let url = server.api().url().to_owned();
    let asked = ["--to", &until, "--slots", "1", "--seed", "7", "--json"];
    let online = what_if(&server, &url, &asked);
    assert_eq!(online.code, 0, "{online:?}");
    let online = online.json();
    assert_eq!(online["is_estimate"], true);
    assert_eq!(figure(&online, "runs")["recorded"], 1.0, "{online}");
    let end = figure(&online, "time to the end, median");
    // One after the other they take the four times that they took side by side, of a fifth of a second each.
    assert!(end["median"].as_f64().unwrap() > 0.6, "{end}");
    assert_eq!(figure(&online, "most slots used at once")["high"], 1.0);

    let unknown = what_if(&server, &url, &["--batch-version", "nothing=3"]);
    assert_eq!(unknown.code, NOT_FOUND, "{unknown:?}");
    let wrong = what_if(&server, &url, &["--schedule", "wide=nonsense"]);
    assert_eq!(wrong.code, USAGE, "{wrong:?}");
    assert_eq!(server.api().events().len(), events, "nothing was recorded");

    let (status, _) = server.stop();
    assert!(status.success());
    let data = server.data();
    let asked = [asked.as_slice(), &["--data", data.to_str().unwrap()]].concat();
    let offline = look_until("the data folder is let go", || {
        let called = what_if(&server, "", &asked);
        (called.code != CONFLICT).then_some(called)
    });
    assert_eq!(offline.code, 0, "{offline:?}");
    let offline = offline.json();
    assert_eq!(offline["figures"], online["figures"]);
}
