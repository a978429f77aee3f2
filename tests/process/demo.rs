//! `fasti demo`: what a newcomer sees first, and what it leaves behind.

use std::io::{BufRead, BufReader};
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::command_line::{begin, call};
use crate::support::{look_until, processes, python};

/// Nobody listens there: a demo has a server of its own.
const NOBODY: &str = "http://127.0.0.1:9";

/// Ends what a failed test leaves behind.
struct Tidy<'a>(&'a Path);

impl Drop for Tidy<'_> {
    fn drop(&mut self) {
        processes::end_all(self.0);
    }
}

#[test]
fn it_runs_its_batch_and_starts_again_on_the_same_folder() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("demo");
    let _tidy = Tidy(&folder);
    let python = python();
    let arguments = [
        "demo",
        "--exit",
        "--json",
        "--data",
        folder.to_str().unwrap(),
        "--python",
        python.to_str().unwrap(),
    ];
    for round in 0..2 {
        let called = call(home.path(), NOBODY, &arguments);
        assert_eq!(called.code, 0, "round {round}: {called:?}");
        let told = called.json();
        assert_eq!(told["run"]["status"], "success");
        assert!(
            told["report"].as_str().unwrap().contains("Pacific/Apia"),
            "{}",
            told["report"]
        );
        let tasks = told["tasks"].as_array().unwrap();
        let attempts = |name: &str| {
            let task = tasks.iter().find(|task| task["name"] == name).unwrap();
            task["attempts"].as_array().map_or(0, Vec::len)
        };
        assert_eq!(
            (attempts("download"), attempts("parse")),
            (2, 1),
            "the first download fails"
        );
        let path = told["spent"]["critical_path"].as_array().unwrap();
        assert_eq!(
            (path.first(), path.last()),
            (Some(&Value::from("download")), Some(&Value::from("report")))
        );
        assert_eq!(
            processes::of_folder(&folder),
            [0; 0],
            "something was left running"
        );
    }
    let data = folder.join("data");
    let verified = call(
        home.path(),
        NOBODY,
        &["verify", "--data", data.to_str().unwrap()],
    );
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[test]
fn it_stays_up_until_it_is_interrupted() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("demo");
    let _tidy = Tidy(&folder);
    let python = python();
    let arguments = [
        "demo",
        "--data",
        folder.to_str().unwrap(),
        "--python",
        python.to_str().unwrap(),
    ];
    let mut demo = begin(home.path(), NOBODY, &arguments);
    let mut lines = BufReader::new(demo.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let page = lines
        .find_map(|line| line.strip_prefix("page  ").map(str::to_owned))
        .unwrap();
    let url = page.trim_end_matches('/');
    let listed = call(home.path(), url, &["run", "list", "--json"]);
    assert_eq!(listed.json()[0]["status"], "success", "{listed:?}");
    let second = call(home.path(), NOBODY, &arguments);
    assert_eq!(
        second.code, 4,
        "a second demo on the same folder: {second:?}"
    );
    processes::signal(i32::try_from(demo.id()).unwrap(), Signal::INT);
    assert!(lines.count() < 100, "the rest is the addresses");
    assert_eq!(demo.wait().unwrap().code(), Some(0));
    look_until("the end of all it started", || {
        processes::of_folder(&folder).is_empty().then_some(())
    });
}
