//! Events of flows.

use std::collections::BTreeMap;
use std::sync::Arc;

use fasti_domain::event::{
    Event, FilesRegistered, FlowDecided, FlowSetCreated, FlowSetEdited, FlowTypeSaved,
    FlowsCreated, ItemSetCreated, ItemSetExtended, NewStepRevision, RunCreated, StepFinished,
    StepTypeSaved, StepsCancelled, StepsRequeued,
};
use fasti_domain::flow::{
    Connection, Data, Dependency, FileParameter, Filter, FilterRule, FlowGraph, FlowNode, Forced,
    Interface, ItemSetDefinition, JsonParameter, JsonType, MappedInput, NewFile, NewFlow, NodeKind,
    OutputFile, OutputJson, Plan, Product, SetConfiguration, SetSource, StepEnd, StepError,
    StepFailure, StepPolicy, StepSpec,
};
use fasti_domain::ids::Digest;

use super::{BATCH, run_created};

fn interface() -> Interface {
    Interface {
        files: vec![FileParameter {
            name: "SRC".to_owned(),
            media_types: vec!["text/plain".to_owned()],
            required: true,
            multiple: false,
        }],
        json: vec![JsonParameter {
            name: "LIMIT".to_owned(),
            json_type: JsonType::Integer,
            required: false,
        }],
    }
}

fn spec() -> StepSpec {
    StepSpec {
        command: "cp \"$SRC\" \"$OUTPUT_DIR\"".to_owned(),
        input: interface(),
        files: vec![OutputFile {
            name: "OUT".to_owned(),
            pattern: "*.txt".to_owned(),
            media_type: "text/plain".to_owned(),
            multiple: false,
            required: true,
        }],
        json: vec![OutputJson {
            name: "size".to_owned(),
            json_type: JsonType::Integer,
            key: "size".to_owned(),
            required: true,
        }],
        env: BTreeMap::from([("ALLOCATED_CPUS".to_owned(), "1.0".to_owned())]),
        settings: vec!["MODE".to_owned()],
        failures: vec![StepFailure {
            code: 3,
            name: "unripe".to_owned(),
            title: "Unripe".to_owned(),
            description: "not yet".to_owned(),
            is_data: true,
        }],
    }
}

fn node(name: &str, kind: NodeKind) -> FlowNode {
    FlowNode {
        name: name.to_owned(),
        dependencies: vec![Dependency {
            name: "decode".to_owned(),
            acceptance: true,
        }],
        input: BTreeMap::from([
            ("IN".to_owned(), Connection::Input("SRC".to_owned())),
            (
                "N".to_owned(),
                Connection::Output("decode".to_owned(), "size".to_owned()),
            ),
        ]),
        kind,
    }
}

fn graph() -> FlowGraph {
    let filter = Filter {
        filters: vec![FilterRule {
            name: "N".to_owned(),
            kind: "integer".to_owned(),
            condition: ">".to_owned(),
            values: vec![100.into()],
            all_files: false,
        }],
        all: true,
    };
    FlowGraph {
        input: interface(),
        nodes: vec![
            node(
                "decode",
                NodeKind::Step {
                    name: "decoder".to_owned(),
                    version: "1.0.0".to_owned(),
                    revision: 1,
                },
            ),
            node(
                "gate",
                NodeKind::Decision {
                    interface: interface(),
                    filter,
                },
            ),
            node(
                "pack",
                NodeKind::Flow {
                    name: "packer".to_owned(),
                    revision: 3,
                },
            ),
        ],
    }
}

fn data() -> Data {
    Data {
        files: BTreeMap::from([("SRC".to_owned(), vec![7])]),
        json: BTreeMap::from([("LIMIT".to_owned(), 5.into())]),
    }
}

fn error() -> Arc<StepError> {
    Arc::new(StepError {
        name: "unripe".to_owned(),
        title: "Unripe".to_owned(),
        description: "not yet".to_owned(),
        category: "DATA".to_owned(),
        is_builtin: false,
        own: Some(0),
    })
}

fn types() -> Vec<Event> {
    vec![
        StepTypeSaved {
            step_type: 1,
            name: "decoder".to_owned(),
            version: "1.0.0".to_owned(),
            title: "Decoder".to_owned(),
            description: "decodes".to_owned(),
            policy: StepPolicy {
                max_scheduled: Some(2),
                ..StepPolicy::default()
            },
            revision: Some(Arc::new(NewStepRevision {
                spec: spec(),
                batch: BATCH,
                batch_version: 1,
                definition: Digest([0xde; 32]),
                document: "{}".into(),
            })),
        }
        .into(),
        FlowTypeSaved {
            flow_type: 2,
            name: "decode-all".to_owned(),
            title: "Decode all".to_owned(),
            description: "decodes all".to_owned(),
            is_active: true,
            graph: Some(Arc::new(graph())),
        }
        .into(),
        ItemSetCreated {
            item_set: 3,
            title: Some("items".to_owned()),
            description: None,
            definition: Arc::new(ItemSetDefinition {
                parameters: interface(),
                global_parameters: Interface::default(),
                global_data: data(),
            }),
        }
        .into(),
        ItemSetExtended {
            item_set: 3,
            first: 11,
            items: vec![data().to_text()],
        }
        .into(),
        FilesRegistered {
            first: 7,
            files: vec![NewFile {
                name: "a.txt".to_owned(),
                media_type: "text/plain".to_owned(),
                path: "/tmp/a.txt".to_owned(),
                size: 5,
                tags: vec!["raw".to_owned()],
                meta: "{}".into(),
            }],
        }
        .into(),
    ]
}

#[allow(clippy::too_many_lines, reason = "a list")]
fn sets() -> Vec<Event> {
    let forced = Forced {
        all: false,
        nodes: vec!["decode".to_owned()],
        inner: BTreeMap::from([("pack".to_owned(), Forced::all())]),
        has_nodes: true,
        has_inner: false,
    };
    let configuration = SetConfiguration {
        priority: Some(5),
        input_map: Some(vec![MappedInput {
            input: "SRC".to_owned(),
            parameter: "FILE".to_owned(),
        }]),
    };
    vec![
        FlowSetCreated {
            flow_set: 42,
            title: Some("again".to_owned()),
            description: None,
            flow_type: 2,
            revision: 1,
            source: SetSource {
                item_set: None,
                supersedes: true,
                previous: Some(40),
                forced: None,
                previous_forced: Some(forced),
            },
            root: 40,
            superseded_set: Some(41),
            configuration: configuration.clone(),
            estimated: 6,
            inputs: 6,
        }
        .into(),
        FlowSetEdited {
            flow_set: 42,
            title: Some("other".to_owned()),
            description: None,
            configuration: Some(configuration),
        }
        .into(),
    ]
}

fn flows() -> Vec<Event> {
    vec![
        FlowsCreated {
            flow_set: Some(42),
            flow_type: 2,
            revision: 1,
            flows: vec![
                NewFlow {
                    input: Some(data().to_text()),
                    supersedes: None,
                    plan: None,
                },
                NewFlow {
                    input: None,
                    supersedes: Some(88),
                    plan: Some(0),
                },
            ],
            plans: vec![Plan {
                shared: vec![0, 1],
                inner: BTreeMap::from([(2, Plan::default())]),
            }],
            cursor: 2,
            is_last: true,
        }
        .into(),
        FlowDecided {
            flow: 90,
            node: 1,
            accepted: true,
        }
        .into(),
    ]
}

pub(super) fn samples() -> Vec<Event> {
    let files = vec![Product {
        output: "OUT".to_owned(),
        name: "a.txt".to_owned(),
        path: "/data/products/102.1/a.txt".to_owned(),
        size: 5,
        media_type: "text/plain".to_owned(),
    }];
    let finished = |end| {
        Event::from(StepFinished {
            step: 501,
            flow_set: Some(42),
            end,
        })
    };
    let mut all = types();
    all.extend(sets());
    all.extend(flows());
    all.extend([
        finished(StepEnd::Completed {
            values: "{\"size\":5}".into(),
            files,
        }),
        finished(StepEnd::Failed { error: error() }),
        finished(StepEnd::Retried { error: error() }),
        finished(StepEnd::Cancelled),
        StepsCancelled {
            steps: vec![501, 502],
        }
        .into(),
        StepsRequeued {
            steps: vec![501],
            priority: Some(1),
        }
        .into(),
        RunCreated {
            step: Some(501),
            ..run_created()
        }
        .into(),
    ]);
    all
}
