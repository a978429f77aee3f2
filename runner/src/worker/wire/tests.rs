//! Frames to and from workers, byte by byte.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use fasti_core::domain::attempt::ResultRef;
use fasti_core::domain::ids::{AttemptId, Digest, RunId, RunnerId, TaskRunId, Token};
use fasti_core::domain::launch::Program;
use fasti_core::domain::time::Timestamp;
use serde_json::{Value, json};

use super::*;

fn call(configuration: &str) -> PythonCall {
    let value = |name: &str, result, inline| UpstreamValue {
        name: name.into(),
        result,
        inline,
    };
    let result = ResultRef {
        sha256: Digest([0xab; 32]),
        size: 9,
        format: "pickle".into(),
    };
    PythonCall {
        entrypoint: "a.b".into(),
        python: None,
        path: None,
        bundle: None,
        works_in_bundle: false,
        image_env: BTreeMap::new(),
        sub_job_name: "b task".into(),
        scheduled_time: Timestamp(1_711_846_800_000_000),
        runtime: Timestamp(1_711_846_801_000_000),
        rundate: "2024-03-31".into(),
        part_num: 1,
        num_parts: 2,
        configuration: configuration.into(),
        configuration_blob: None,
        arguments_blob: Some("QQ==".into()),
        packed_upstreams: None,
        upstreams: vec![Upstream {
            task: "foo task".into(),
            result_name: "foo".into(),
            parallel: true,
            parts: vec![
                value("p0", Some(result), None),
                value("p1", None, Some(b"hi".to_vec())),
                value("p2", None, None),
            ],
        }]
        .into(),
    }
}

fn frame(configuration: &str, own: &[(&str, &str)]) -> Result<Vec<u8>, SpawnFailure> {
    frame_of(&call(configuration), own)
}

fn frame_of(call: &PythonCall, own: &[(&str, &str)]) -> Result<Vec<u8>, SpawnFailure> {
    let launch = Launch {
        attempt: AttemptId {
            task_run: TaskRunId(8232),
            number: 1,
        },
        token: Token([1; 16]),
        run: RunId(8000),
        index: 0,
        env: own
            .iter()
            .map(|&(name, value)| (name.into(), value.into()))
            .collect(),
        program: Program::Python(Box::new(call.clone())),
        timeout_ms: None,
        grace_ms: 0,
        staging: None,
        options: None,
    };
    let id = RunnerId::new("r").unwrap();
    let files = TaskPlaces {
        cwd: "/s".into(),
        import_path: vec!["/bundle".into()],
        stdout: Some("/o".into()),
        stderr: Some("/e".into()),
        result: "/r".into(),
        failure: "/f".into(),
    };
    let base = BaseEnvironment::of_runner(&id, Path::new("/d"));
    start_frame(&launch, call, &files, Path::new("/d/blobs"), &base)
}

#[test]
fn a_start_has_every_key() {
    let frame = frame(
        r#"{"z": 1, "a": [2]}"#,
        &[("A", "1"), ("FASTI_RUNNER", "x")],
    )
    .unwrap();
    assert_eq!(
        u32::from_be_bytes(frame[..4].try_into().unwrap()) as usize,
        frame.len() - 4
    );
    let parts: Vec<&[u8]> = frame[4..].split(|byte| *byte == 0).collect();
    let [word, attempt, code, task] = parts[..] else {
        panic!("{} parts", parts.len());
    };
    assert_eq!((word, attempt), (&b"start"[..], &b"8232.1"[..]));
    assert_eq!(code, br#"["a.b",["/bundle"]]"#);
    let task: Value = serde_json::from_slice(task).unwrap();
    let blob = format!("/d/blobs/ab/{}", "ab".repeat(32));
    let expected = json!({
        "attempt": "8232.1", "entrypoint": "a.b", "import_path": ["/bundle"], "cwd": "/s",
        "stdout": "/o", "stderr": "/e", "env": {"A": "1", "FASTI_ATTEMPT": "8232.1"},
        "result_path": "/r", "failure_path": "/f", "sub_job_name": "b task",
        "scheduled_time": "2024-03-31T01:00:00.000Z", "runtime": "2024-03-31T01:00:01.000Z",
        "rundate": "2024-03-31", "part_num": 1, "num_parts": 2,
        "configuration": {"a": [2], "z": 1}, "configuration_blob": null, "arguments_blob": "QQ==",
        "upstreams": [{"task": "foo task", "result_name": "foo", "parallel": true, "parts": [
            {"name": "p0", "path": blob}, {"name": "p1", "inline": "aGk="}, {"name": "p2", "none": true},
        ]}],
    });
    assert_eq!(task, expected);
}

#[test]
fn packed_values_are_named_by_their_file() {
    let mut call = call("{}");
    call.packed_upstreams = Some(Digest([0xcd; 32]));
    let frame = frame_of(&call, &[]).unwrap();
    let task = frame[4..].split(|byte| *byte == 0).nth(3).unwrap();
    let task: Value = serde_json::from_slice(task).unwrap();
    let packed = format!("/d/blobs/cd/{}", "cd".repeat(32));
    assert_eq!(
        task["upstreams"],
        json!({"packed": packed, "blobs": "/d/blobs"})
    );
}

#[test]
fn the_configuration_keeps_the_order_of_its_keys() {
    let frame = frame(r#"{"z": 1, "a": 2}"#, &[]).unwrap();
    assert!(
        String::from_utf8(frame[4..].to_vec())
            .unwrap()
            .contains(r#"{"z": 1, "a": 2}"#)
    );
}

#[test]
fn a_configuration_that_is_no_json_is_refused() {
    for text in ["", "{", r#"{}},"x":{"#] {
        let failure = frame(text, &[]).unwrap_err();
        assert!(
            failure.message.contains("configuration"),
            "{}",
            failure.message
        );
    }
}

#[test]
fn messages_are_read_until_the_stream_ends() {
    let mut bytes = Vec::new();
    for text in [
        r#"{"op":"ready","pid":5,"python":"3.11"}"#,
        r#"{"op":"exited","id":"1.1","pid":9,"status":256,"cpu_us":5,"max_rss_kb":6,"value":"AQI="}"#,
        r#"{"op":"started","id":"1.2","pid":9,"cpu_us":7}"#,
        r#"{"op":"exited","id":"1.2","pid":9,"status":0,"cpu_us":5,"max_rss_kb":6,"kept":true}"#,
    ] {
        bytes.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    let mut stream = &bytes[..];
    assert_eq!(read(&mut stream).unwrap(), Some(FromWorker::Ready {}));
    let exited = FromWorker::Exited {
        id: "1.1".into(),
        status: 256,
        cpu_us: 5,
        max_rss_kb: 6,
        value: Some("AQI=".into()),
        failure: None,
        kept: false,
    };
    assert_eq!(read(&mut stream).unwrap(), Some(exited));
    let again = FromWorker::Started {
        id: "1.2".into(),
        pid: 9,
        cpu_us: 7,
    };
    assert_eq!(read(&mut stream).unwrap(), Some(again));
    let waits = FromWorker::Exited {
        id: "1.2".into(),
        status: 0,
        cpu_us: 5,
        max_rss_kb: 6,
        value: None,
        failure: None,
        kept: true,
    };
    assert_eq!(read(&mut stream).unwrap(), Some(waits));
    assert_eq!(read(&mut stream).unwrap(), None);
    assert_eq!(dismiss_frame(9), b"\0\0\0\x09dismiss\x009");
    assert_eq!(seen_frame(12), b"\0\0\0\x07seen\x0012");
}

#[test]
fn what_is_handed_over_is_base64() {
    assert_eq!(handed(None, None).unwrap(), Handed::Nothing);
    assert_eq!(
        handed(Some("AQI="), None).unwrap(),
        Handed::Value(vec![1, 2])
    );
    assert_eq!(
        handed(None, Some("AQI=")).unwrap(),
        Handed::Failure(vec![1, 2])
    );
    assert!(handed(Some("?"), None).is_err());
}

#[test]
fn nonsense_is_an_error() {
    assert!(read(&mut &[0, 0, 0, 2, b'{'][..]).is_err());
    assert!(read(&mut &[0, 0, 0, 1, b'x'][..]).is_err());
    assert!(read(&mut &[255, 255, 255, 255][..]).is_err());
}
