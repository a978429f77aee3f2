//! Launches of a wide task: one blob for all, frames that fit, and a reason for what fits nowhere.

#![allow(clippy::unwrap_used, reason = "tests")]

use fasti_domain::attempt::ResultRef;
use fasti_domain::definition::{TaskOptions, TokenRequest};
use fasti_domain::ids::{AttemptId, RunId, TaskRunId, Token};
use fasti_domain::launch::{Program, PythonCall, UpstreamValue};
use fasti_domain::time::Timestamp;

use super::*;
use crate::record::NewRecord;
use crate::store::{OpenOptions, Store, digest_of};

fn store(dir: &std::path::Path, values: &[Vec<u8>]) -> Content {
    let options = OpenOptions {
        reserve_bytes: 0,
        free_min_bytes: 0,
        ..OpenOptions::default()
    };
    let mut store = Store::open(dir, options).unwrap();
    let record = NewRecord {
        at: Timestamp(1),
        actor: "system".to_owned(),
        causation: None,
        correlation: None,
        key: None,
        trace: None,
        name: "run.created".to_owned(),
        version: 1,
        critical: false,
        payload: vec![0],
    };
    let named: Vec<_> = values
        .iter()
        .map(|it| (digest_of(it), it.clone()))
        .collect();
    store.log.append(vec![record], &named).unwrap();
    store.content
}

fn wide(values: &[Vec<u8>]) -> Arc<[Upstream]> {
    let parts = values
        .iter()
        .enumerate()
        .map(|(part, value)| UpstreamValue {
            name: format!("each[{part}]"),
            result: Some(ResultRef {
                sha256: digest_of(value),
                size: value.len() as u64,
                format: "pickle".to_owned(),
            }),
            inline: None,
        });
    let list = [Upstream {
        task: "each".to_owned(),
        result_name: "each".to_owned(),
        parallel: true,
        parts: parts.collect(),
    }];
    list.into()
}

fn launch(index: u32, upstreams: &Arc<[Upstream]>) -> Launch {
    let call = PythonCall {
        entrypoint: "m.f".to_owned(),
        python: None,
        path: None,
        bundle: None,
        works_in_bundle: false,
        image_env: BTreeMap::new(),
        sub_job_name: String::new(),
        scheduled_time: Timestamp(0),
        runtime: Timestamp(0),
        rundate: String::new(),
        part_num: index,
        num_parts: 1,
        configuration: "{}".to_owned(),
        configuration_blob: None,
        arguments_blob: None,
        upstreams: upstreams.clone(),
        packed_upstreams: None,
    };
    Launch {
        attempt: AttemptId {
            task_run: TaskRunId(u64::from(index)),
            number: 1,
        },
        token: Token([0; 16]),
        run: RunId(1),
        index,
        env: BTreeMap::new(),
        program: Program::Python(Box::new(call)),
        timeout_ms: None,
        grace_ms: 0,
        staging: None,
        options: None,
    }
}

fn with_text(index: u32, bytes: usize) -> Launch {
    let mut launch = launch(index, &Arc::default());
    launch.program = Program::Command {
        argv: vec!["cat".to_owned()],
        cwd: None,
        stdin: Some("x".repeat(bytes)),
    };
    launch
}

fn read(frames: &[Vec<u8>]) -> Vec<Launch> {
    let launches = frames.iter().flat_map(|frame| {
        let message = rmp_serde::from_slice(&frame[4..]).unwrap();
        let ToRunner::Start { launches } = message else {
            panic!("{message:?}");
        };
        launches
    });
    launches.collect()
}

fn upstreams(launch: &Launch) -> (Arc<[Upstream]>, Option<Digest>) {
    let Program::Python(call) = &launch.program else {
        panic!("{launch:?}");
    };
    (call.upstreams.clone(), call.packed_upstreams)
}

#[test]
fn values_of_a_wide_task_are_written_once_for_all_launches() {
    let dir = tempfile::tempdir().unwrap();
    let values: Vec<_> = (0..2_000_u16)
        .map(|part| part.to_be_bytes().repeat(50))
        .collect();
    let hand_over = HandOver::new(store(dir.path(), &values), BTreeMap::new(), None);
    let list = wide(&values);
    let done = hand_over.frames((0..2_000).map(|index| launch(index, &list)).collect());
    assert!(done.refused.is_empty());
    let bytes: usize = done.frames.iter().map(Vec::len).sum();
    assert!(bytes < 2_000 * 1_000, "{bytes} bytes for 2,000 launches");
    let launches = read(&done.frames);
    assert_eq!(launches.len(), 2_000);
    let (inside, packed) = upstreams(&launches[0]);
    assert!(inside.is_empty());
    assert!(launches.iter().all(|launch| upstreams(launch).1 == packed));
    let file = hand_over
        .content
        .blobs
        .read(packed.unwrap())
        .unwrap()
        .unwrap();
    assert!(file.ends_with(&values.concat()));
}

#[test]
fn a_few_values_travel_inside() {
    let dir = tempfile::tempdir().unwrap();
    let values = [b"one".to_vec(), b"two".to_vec()];
    let hand_over = HandOver::new(store(dir.path(), &values), BTreeMap::new(), None);
    let list = wide(&values);
    let done = hand_over.frames(vec![launch(0, &list), launch(1, &list)]);
    for launch in read(&done.frames) {
        let (inside, packed) = upstreams(&launch);
        assert_eq!(packed, None);
        let parts = inside[0].parts.iter();
        let inline: Vec<_> = parts.map(|part| part.inline.clone().unwrap()).collect();
        assert_eq!(inline, values);
    }
}

#[test]
fn launches_are_cut_into_frames_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let hand_over = HandOver::new(store(dir.path(), &[]), BTreeMap::new(), None);
    let launches: Vec<_> = (0..40).map(|index| with_text(index, 1 << 20)).collect();
    let done = hand_over.frames(launches);
    assert!(
        done.frames
            .iter()
            .all(|frame| frame.len() <= START_BYTES_MAX)
    );
    let order: Vec<_> = read(&done.frames).iter().map(|it| it.index).collect();
    assert_eq!(order, (0..40).collect::<Vec<_>>());
}

#[test]
fn what_fits_into_no_frame_is_named_and_the_others_go() {
    let dir = tempfile::tempdir().unwrap();
    let hand_over = HandOver::new(store(dir.path(), &[]), BTreeMap::new(), None);
    let launches = vec![
        with_text(0, 10),
        with_text(1, FRAME_BYTES_MAX + 1),
        with_text(2, 10),
    ];
    let done = hand_over.frames(launches);
    let sent: Vec<_> = read(&done.frames).iter().map(|it| it.index).collect();
    assert_eq!(sent, [0, 2]);
    assert_eq!(done.refused.len(), 1);
    let (refused, reason) = &done.refused[0];
    assert_eq!(refused.index, 1);
    assert!(reason.contains("longer than"), "{reason}");
}

#[derive(Debug)]
struct Signer;

impl SignTokens for Signer {
    fn sign(&self, claims: &str, lifetime: Duration) -> Result<String, String> {
        Ok(format!("{claims} for {} s", lifetime.as_secs()))
    }
}

#[test]
fn templates_and_tokens_are_filled_in() {
    let dir = tempfile::tempdir().unwrap();
    let env = BTreeMap::from([("FASTI_URL".to_owned(), "http://h".to_owned())]);
    let hand_over = HandOver::new(store(dir.path(), &[]), env, Some(Arc::new(Signer)));
    let mut launch = with_text(3, 0);
    let token = TokenRequest {
        claims: "{}".to_owned(),
        lifetime_seconds: 60,
    };
    launch.env = BTreeMap::from([("FASTI_PART_NUM".to_owned(), "3".to_owned())]);
    launch.options = Some(Box::new(TaskOptions {
        merge_output: true,
        env_templates: BTreeMap::from([(
            "ALL".to_owned(),
            "${FASTI_URL}/${FASTI_PART_NUM}?${TOKEN}".to_owned(),
        )]),
        tokens: BTreeMap::from([("TOKEN".to_owned(), token)]),
        ..TaskOptions::default()
    }));
    let frames = hand_over.frames(vec![launch]);
    let [launch] = &read(&frames.frames)[..] else {
        panic!("one launch");
    };
    assert_eq!(launch.env["TOKEN"], "{} for 60 s");
    assert_eq!(launch.env["ALL"], "http://h/3?{} for 60 s");
    let left = launch.options.as_ref().unwrap();
    assert!(left.merge_output && left.tokens.is_empty() && left.env_templates.is_empty());
}
