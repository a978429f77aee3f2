//! What lies beside the log and is over its limits: it goes, that is on record, and whoever asks for it is told.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::process::bundle::bundle_of;
use crate::support::command_line;
use crate::support::look_until;
use crate::support::server::Server;

/// A server that looks every second, with these settings.
fn server(settings: &str) -> Server {
    let mut server = Server::stopped(&[
        "--slots",
        "2",
        "--python",
        crate::support::python().to_str().unwrap(),
    ]);
    server.configure(settings);
    server.restart();
    let code = server.folder().join("code");
    std::fs::create_dir(&code).unwrap();
    let text =
        "def big():\n    print('said')\n    return 'x' * 9000\n\ndef small():\n    return 7\n";
    std::fs::write(code.join("work.py"), text).unwrap();
    let image = json!({ "path": code });
    server.api().put("PUT", "/images/work", &image);
    server
}

/// Runs both functions; their task runs.
fn run(server: &Server) -> Vec<Value> {
    let task =
        |name: &str| json!({"name": name, "entrypoint": format!("work.{name}"), "image": "work"});
    let definition = json!({"name": "both", "tasks": [task("big"), task("small")]});
    let run = server.api().start_definition(&definition);
    assert_eq!(server.api().finished(run)["status"], "success");
    server.api().task_runs(run)
}

/// The first event that says that contents of this kind were removed.
fn removal(server: &Server, kind: &str) -> Value {
    look_until(&format!("{kind} is cleared"), || {
        let events = server.api().events();
        events
            .into_iter()
            .find(|event| event["type"] == "contents.removed" && event["data"]["kind"] == kind)
    })
}

fn asked(server: &Server, task_run: &Value, what: &str) -> (u16, Value) {
    let path = format!("/task-runs/{}/{what}", task_run["id"]);
    let answer = server.api().send("GET", &path, &[], None);
    let body = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    (answer.status, body)
}

#[test]
fn results_and_output_go_when_their_time_is_up_and_say_so() {
    let mut server = server(
        "[blobs]\nkeep_days = 0\nunnamed_hours = 0\nlook_seconds = 1\n[output]\nkeep_days = 0\n",
    );
    let task_runs = run(&server);
    let removed = removal(&server, "results");
    assert_eq!(removed["data"]["count"], 2, "{removed}");
    removal(&server, "output");
    for task_run in &task_runs {
        let (status, problem) = look_until("the result is gone", || {
            let answer = asked(&server, task_run, "result");
            (answer.0 != 200).then_some(answer)
        });
        assert_eq!(
            (status, &problem["code"]),
            (409, &json!("result_unavailable"))
        );
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("removed by retention on 2"), "{detail}");
    }
    let (status, problem) = look_until("the output is gone", || {
        let answer = asked(&server, &task_runs[0], "logs");
        (answer.0 != 200).then_some(answer)
    });
    assert_eq!(
        (status, &problem["code"]),
        (410, &json!("output_removed")),
        "{problem}"
    );
    // The log is whole without them, and the next server knows what became of them.
    let (status, _) = server.stop();
    assert!(status.success());
    let data = server.data();
    let deep = [
        "verify",
        "--deep",
        "--data",
        data.to_str().unwrap(),
        "--json",
    ];
    let verified = command_line::call(server.folder(), "", &deep);
    assert_eq!(verified.code, 0, "{verified:?}");
    assert!(
        verified.json()["contents"]["gone"].as_u64() >= Some(2),
        "{verified:?}"
    );
    server.restart();
    let (status, problem) = asked(&server, &task_runs[0], "result");
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("result_unavailable"))
    );
}

/// As if the file had lain there for years.
fn grow_old(path: &std::path::Path) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    file.set_modified(long_ago).unwrap();
}

fn blob(server: &Server, name: &str) -> PathBuf {
    server.data().join("blobs").join(&name[..2]).join(name)
}

#[test]
fn what_is_named_stays_and_what_nothing_names_goes() {
    let server = server("[blobs]\nlook_seconds = 1\n");
    let task_runs = run(&server);
    let stray = "ab".repeat(32);
    std::fs::write(blob(&server, &stray), b"left by somebody who died").unwrap();
    grow_old(&blob(&server, &stray));
    // Two bundles: nothing names the first, an image the second.
    let bundle = |fill: u8| {
        let bytes = bundle_of(&vec![fill; 9000]);
        let headers = [("content-type", "application/gzip")];
        let answer = server
            .api()
            .send("POST", "/bundles", &headers, Some(&bytes));
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    };
    let kept = bundle(1);
    server
        .api()
        .put("PUT", "/images/kept", &json!({ "bundle": kept }));
    grow_old(&blob(&server, &kept));
    let loose = bundle(2);
    grow_old(&blob(&server, &loose));
    let result = task_runs[0]["result"]["sha256"].as_str();
    let all_old = result.map(|name| grow_old(&blob(&server, name)));
    assert!(all_old.is_some(), "{}", task_runs[0]);
    // A definition so large that its event lies beside the log.
    let tasks: Vec<Value> = (0..60)
        .map(|at| json!({"name": format!("t{at}"), "command": ["true", "z".repeat(99)]}))
        .collect();
    let wide = server
        .api()
        .start_definition(&json!({"name": "wide", "tasks": tasks}));
    assert_eq!(server.api().finished(wide)["status"], "success");
    removal(&server, "unnamed");
    look_until("the stray file is gone", || {
        (!blob(&server, &stray).exists()).then_some(())
    });
    look_until("the loose bundle is gone", || {
        (!blob(&server, &loose).exists()).then_some(())
    });
    let asked_for = |id: &str| {
        let path = format!("/bundles/{id}");
        server.api().send("HEAD", &path, &[], None).status
    };
    assert_eq!((asked_for(&kept), asked_for(&loose)), (200, 404));
    for task_run in &task_runs {
        assert_eq!(asked(&server, task_run, "result").0, 200, "it has no limit");
        assert_eq!(asked(&server, task_run, "logs").0, 200);
    }
    // It comes back when it is wanted again.
    assert_eq!(bundle(2), loose);
    server
        .api()
        .put("PUT", "/images/loose", &json!({ "bundle": loose }));
    let mut server = server;
    server.kill();
    let verified = command_line::verify_ended(server.folder(), &server.data());
    assert_eq!(verified.code, 0, "{verified:?}");
}
