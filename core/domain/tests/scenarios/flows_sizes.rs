//! What describes flows is bounded by the domain, whoever asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use fasti_domain::command::Command;
use fasti_domain::flow::{
    Data, FlowCommand, Interface, ItemSetDefinition, JsonParameter, JsonType, StepPolicy, StepSpec,
};
use fasti_domain::limits::{CONFIGURATION_BYTES_MAX, FLOW_DEFINITION_BYTES_MAX};

use crate::batches::{batch, hashed, task};
use crate::world::World;

fn step(command: String, title: Option<String>, policy: StepPolicy) -> FlowCommand {
    let spec = StepSpec {
        command,
        ..StepSpec::default()
    };
    let definition = hashed(&batch("cut-1", vec![task("cut")], &[]));
    FlowCommand::SaveStepType {
        name: "cut".to_owned(),
        version: "1".to_owned(),
        title,
        description: None,
        policy: Box::new(policy),
        revision: Some(Box::new((spec, definition, "{}".into()))),
        follow: false,
    }
}

fn items(global_parameter: String, description: Option<String>) -> FlowCommand {
    let parameter = JsonParameter {
        name: global_parameter,
        json_type: JsonType::String,
        required: false,
    };
    FlowCommand::CreateItemSet {
        title: None,
        description,
        definition: Arc::new(ItemSetDefinition {
            parameters: Interface::default(),
            global_parameters: Interface {
                files: vec![],
                json: vec![parameter],
            },
            global_data: Data::default(),
        }),
        items: vec![],
    }
}

#[test]
fn what_describes_flows_has_a_largest_size() {
    let mut world = World::new();
    let large = "x".repeat(FLOW_DEFINITION_BYTES_MAX);
    let long = "x".repeat(CONFIGURATION_BYTES_MAX + 1);
    let configured = StepPolicy {
        configuration: long.clone(),
        ..StepPolicy::default()
    };
    let plain = StepPolicy::default;
    let refusals = BTreeMap::from([
        ("manifest", step(large.clone(), None, plain())),
        ("title", step(String::new(), Some(long.clone()), plain())),
        ("configuration", step(String::new(), None, configured)),
        ("definition", items(large, None)),
        ("description", items(String::new(), Some(long))),
    ]);
    for (field, command) in refusals {
        let refused = world.refused(Command::Flow(command));
        assert_eq!(refused.field().as_deref(), Some(field));
        assert!(refused.to_string().contains("at most"), "{refused}");
    }
    assert_eq!(world.state.flows().step_types().count(), 0);
    assert_eq!(world.state.flows().item_sets().count(), 0);
    // The largest that fit.
    let room = FLOW_DEFINITION_BYTES_MAX - 1_000;
    world.ask(Command::Flow(step("x".repeat(room), None, plain())));
    world.ask(Command::Flow(items("x".repeat(room), None)));
    assert_eq!(world.state.flows().step_types().count(), 1);
}
