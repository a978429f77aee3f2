//! May this happen? One function a command; what follows by itself is in [`settle`](super::settle).

use std::sync::Arc;

use super::check::{SetRequest, check_edited, check_set};
use super::data::{Data, check_item};
use super::forced::{Forced, plan};
use super::graph::FlowGraph;
use super::graph_size::{GraphSize, Measure};
use super::interface::Interface;
use super::model::{Flows, ItemSetDefinition, NewFile, NewFlow, SetConfiguration, StepStatus};
use super::sizes::{check_size, check_text};
use super::spec::{StepPolicy, StepSpec};
use super::types;
use crate::access::Principal;
use crate::command::Hashed;
use crate::event::{
    Event, FilesRegistered, FlowSetCreated, FlowSetEdited, FlowsCreated, ItemSetCreated,
    ItemSetExtended, StepsCancelled, StepsRequeued,
};
use crate::limits::{
    EVENT_LIST_BYTES_MAX, FLOW_FILES_MAX, FLOW_ITEM_BYTES_MAX, FLOW_ITEMS_MAX, FLOW_SETS_MAX,
    FLOW_STEPS_MAX, FLOWS_MAX,
};
use crate::rejection::Rejection;
use crate::state::State;
use crate::time::Timestamp;

/// What one can ask about flows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowCommand {
    /// Make a step type, or change it; a specification is a new revision.
    SaveStepType {
        /// Its name.
        name: String,
        /// Its maker's version.
        version: String,
        /// For people; stays as it is when not given.
        title: Option<String>,
        /// For people; stays as it is when not given.
        description: Option<String>,
        /// What may change.
        policy: Box<StepPolicy>,
        /// What it does, the definition that its runs are of, and the document as given.
        revision: Option<Box<(StepSpec, Hashed, Arc<str>)>>,
        /// Whether flow types that use it get a new revision.
        follow: bool,
    },
    /// Make a flow type, or change it; a graph is a new revision.
    SaveFlowType {
        /// Its name.
        name: String,
        /// Whether it must not be there yet, or must.
        is_new: bool,
        /// For people; stays as it is when not given.
        title: Option<String>,
        /// For people; stays as it is when not given.
        description: Option<String>,
        /// For filters; stays as it is when not given.
        is_active: Option<bool>,
        /// The graph.
        graph: Option<Arc<FlowGraph>>,
        /// Whether flow types that have it inside get a new revision.
        follow: bool,
    },
    /// Make an item set with its first items.
    CreateItemSet {
        /// For people.
        title: Option<String>,
        /// For people.
        description: Option<String>,
        /// What its items have.
        definition: Arc<ItemSetDefinition>,
        /// Its first items.
        items: Vec<Data>,
    },
    /// Add items.
    ExtendItemSet {
        /// The set.
        item_set: u64,
        /// The items.
        items: Vec<Data>,
    },
    /// Make files known.
    RegisterFiles {
        /// The files.
        files: Vec<NewFile>,
    },
    /// Make a set of flows.
    CreateSet(Box<SetRequest>),
    /// Edit a set.
    EditSet {
        /// The set.
        set: u64,
        /// Stays as it is when not given.
        title: Option<String>,
        /// Stays as it is when not given.
        description: Option<String>,
        /// Stays as it is when not given.
        configuration: Option<SetConfiguration>,
    },
    /// Make a flow in the place of another one.
    Reprocess {
        /// The other one.
        flow: u64,
        /// Revision of its type; the present one when not given.
        revision: Option<u32>,
        /// What is done anew.
        forced: Forced,
    },
    /// Cancel steps; those that cannot be are passed over.
    Cancel {
        /// The steps.
        steps: Vec<u64>,
    },
    /// Queue steps again; those that cannot be are passed over.
    Requeue {
        /// The steps.
        steps: Vec<u64>,
        /// Their priority from now on.
        priority: Option<u32>,
    },
}

/// Events that a command leads to.
pub(crate) fn decide(
    state: &State,
    who: &Principal,
    command: &FlowCommand,
    at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    let flows = &state.flows;
    match command {
        FlowCommand::SaveStepType { .. } => types::save_step_type(state, who, command, at),
        FlowCommand::SaveFlowType { .. } => types::save_flow_type(state, command, at),
        FlowCommand::CreateItemSet {
            title,
            description,
            definition,
            items,
        } => {
            let created = ItemSetCreated {
                item_set: flows.last.item_set + 1,
                title: title.clone(),
                description: description.clone(),
                definition: definition.clone(),
            };
            create_items(flows, created, items)
        }
        FlowCommand::ExtendItemSet { item_set, items } => {
            let set = flows.item_set(*item_set);
            let set = set.ok_or_else(|| missing("dataset", *item_set))?;
            extend(flows, *item_set, &set.definition.parameters, items)
        }
        FlowCommand::RegisterFiles { files } => register(flows, files),
        FlowCommand::CreateSet(request) => create_set(flows, request),
        FlowCommand::EditSet {
            set,
            title,
            description,
            configuration,
        } => {
            let edited = FlowSetEdited {
                flow_set: *set,
                title: title.clone(),
                description: description.clone(),
                configuration: configuration.clone(),
            };
            edit_set(flows, edited)
        }
        FlowCommand::Reprocess {
            flow,
            revision,
            forced,
        } => reprocess(flows, *flow, *revision, forced),
        FlowCommand::Cancel { steps } => Ok(cancel(flows, steps)),
        FlowCommand::Requeue { steps, priority } => Ok(requeue(flows, steps, *priority)),
    }
}

fn create_items(
    flows: &Flows,
    created: ItemSetCreated,
    items: &[Data],
) -> Result<Vec<Event>, Rejection> {
    if flows.item_sets.len() >= FLOW_SETS_MAX {
        return Err(limit(FLOW_SETS_MAX, "item sets"));
    }
    check_text("title", created.title.as_deref())?;
    check_text("description", created.description.as_deref())?;
    check_size("definition", &*created.definition)?;
    let made = extend(
        flows,
        created.item_set,
        &created.definition.parameters,
        items,
    )?;
    let mut events = vec![created.into()];
    events.extend(made);
    Ok(events)
}

fn register(flows: &Flows, files: &[NewFile]) -> Result<Vec<Event>, Rejection> {
    if flows.files.len() + files.len() > FLOW_FILES_MAX {
        return Err(limit(FLOW_FILES_MAX, "files"));
    }
    let first = flows.last.file + 1;
    let files = files.to_vec();
    Ok(vec![FilesRegistered { first, files }.into()])
}

fn edit_set(flows: &Flows, edited: FlowSetEdited) -> Result<Vec<Event>, Rejection> {
    let set = flows.set(edited.flow_set);
    let set = set.ok_or_else(|| missing("batch", edited.flow_set))?;
    check_text("title", edited.title.as_deref())?;
    check_text("description", edited.description.as_deref())?;
    if let Some(configuration) = &edited.configuration {
        check_edited(flows, set, configuration)
            .map_err(|problem| Rejection::invalid(problem.name, problem.message))?;
    }
    Ok(vec![edited.into()])
}

fn cancel(flows: &Flows, steps: &[u64]) -> Vec<Event> {
    let may = |id: &&u64| {
        let status = flows.steps.get(id).map(|it| it.status);
        status.is_some_and(|it| !matches!(it, StepStatus::Completed | StepStatus::Canceled))
    };
    let steps: Vec<u64> = steps.iter().filter(may).copied().collect();
    let event = |it: &[u64]| StepsCancelled { steps: it.to_vec() }.into();
    steps.chunks(STEPS_PER_EVENT).map(event).collect()
}

fn requeue(flows: &Flows, steps: &[u64], priority: Option<u32>) -> Vec<Event> {
    let may = |id: &&u64| {
        let step = flows.steps.get(id).filter(|it| it.superseded.is_none());
        step.is_some_and(|it| matches!(it.status, StepStatus::Failed | StepStatus::Canceled))
    };
    let steps: Vec<u64> = steps.iter().filter(may).copied().collect();
    let event = |it: &[u64]| {
        let steps = it.to_vec();
        StepsRequeued { steps, priority }.into()
    };
    steps.chunks(STEPS_PER_EVENT).map(event).collect()
}

/// Ids that one event names.
const STEPS_PER_EVENT: usize = EVENT_LIST_BYTES_MAX / 9;

pub(super) fn limit(most: usize, what: &str) -> Rejection {
    Rejection::Limit {
        message: format!("there are {most} {what} already, as many as may be"),
    }
}

fn missing(what: &str, id: u64) -> Rejection {
    Rejection::invalid("id", format!("there is no {what} {id}"))
}

fn extend(
    flows: &Flows,
    id: u64,
    interface: &Interface,
    items: &[Data],
) -> Result<Vec<Event>, Rejection> {
    if flows.items.len() + items.len() > FLOW_ITEMS_MAX {
        return Err(limit(FLOW_ITEMS_MAX, "items"));
    }
    let is_file = |file: u64| flows.files.contains_key(&file);
    let mut events: Vec<Event> = Vec::new();
    let mut piece: Vec<Arc<str>> = Vec::new();
    let mut bytes = 0;
    let mut first = flows.last.item + 1;
    let mut event = |piece: Vec<Arc<str>>| {
        let made = ItemSetExtended {
            item_set: id,
            first,
            items: piece,
        };
        first += made.items.len() as u64;
        Event::from(made)
    };
    for (index, data) in items.iter().enumerate() {
        let fitting = check_item(interface, data, &is_file)
            .map_err(|message| Rejection::invalid("data", format!("data[{index}]: {message}")))?;
        let text = fitting.to_text();
        if text.len() > FLOW_ITEM_BYTES_MAX {
            let message = format!("data[{index}]: at most {FLOW_ITEM_BYTES_MAX} bytes");
            return Err(Rejection::invalid("data", message));
        }
        if !piece.is_empty() && bytes + text.len() > EVENT_LIST_BYTES_MAX {
            events.push(event(std::mem::take(&mut piece)));
            bytes = 0;
        }
        bytes += text.len() + 4;
        piece.push(text);
    }
    if !piece.is_empty() {
        events.push(event(piece));
    }
    Ok(events)
}

fn create_set(flows: &Flows, request: &SetRequest) -> Result<Vec<Event>, Rejection> {
    let flow_type = flows
        .flow_type(request.flow_type)
        .ok_or_else(|| missing("recipe type", request.flow_type))?;
    let checked = check_set(flows, flow_type, request);
    if let Some(problem) = checked.problem {
        return Err(Rejection::invalid(problem.name, problem.message));
    }
    if flows.sets.len() >= FLOW_SETS_MAX {
        return Err(limit(FLOW_SETS_MAX, "flow sets"));
    }
    if let Some(current) = flow_type.current() {
        check_room(flows, checked.inputs, &current.graph)?;
    }
    let id = flows.last.set + 1;
    let previous = checked
        .previous
        .and_then(|it| flows.set(it))
        .map(|it| it.flows.len());
    let items = request
        .source
        .item_set
        .and_then(|it| flows.item_set(it))
        .map(|it| it.items.len());
    let inputs = previous.or(items).unwrap_or(0) as u64;
    let root = checked
        .previous
        .and_then(|it| flows.set(it))
        .map_or(id, |it| it.root);
    Ok(vec![
        FlowSetCreated {
            flow_set: id,
            title: request.title.clone(),
            description: request.description.clone(),
            flow_type: request.flow_type,
            revision: flow_type.revision_number(),
            source: request.source.clone(),
            root,
            superseded_set: checked.previous,
            configuration: request.configuration.clone(),
            estimated: checked.estimated,
            inputs,
        }
        .into(),
    ])
}

/// Whether so many inputs can take their way through a graph, whatever of it is carried out: beside what there is, and
/// what sets have still to make.
fn check_room(flows: &Flows, inputs: u64, graph: &FlowGraph) -> Result<(), Rejection> {
    let mut measure = Measure::new(flows);
    let mut made = flows.flows.len() as u64;
    let mut steps = flows.steps.len() as u64;
    let mut add = |inputs: u64, size: GraphSize| {
        made = made.saturating_add(inputs.saturating_mul(size.flows));
        steps = steps.saturating_add(inputs.saturating_mul(size.steps));
    };
    add(inputs, measure.of(graph));
    for set in flows.sets.values().filter(|set| !set.is_filled) {
        let size = measure.of_revision(set.flow_type, set.revision);
        add(set.inputs.saturating_sub(set.cursor), size);
    }
    let check = |count: u64, most: usize, what: &str| {
        if count <= most as u64 {
            return Ok(());
        }
        Err(Rejection::Limit {
            message: format!("there could be {count} {what}, and there may be {most}"),
        })
    };
    check(steps, FLOW_STEPS_MAX, "steps")?;
    check(made, FLOWS_MAX, "flows")
}

fn reprocess(
    flows: &Flows,
    id: u64,
    revision: Option<u32>,
    forced: &Forced,
) -> Result<Vec<Event>, Rejection> {
    let flow = flows.flow(id).ok_or_else(|| missing("recipe", id))?;
    if flow.is_superseded() {
        return Err(Rejection::invalid(
            "recipe",
            format!("the recipe {id} is superseded already"),
        ));
    }
    if flow.parent.is_some() {
        let text = format!("the recipe {id} is inside of another one; reprocess that");
        return Err(Rejection::invalid("recipe", text));
    }
    let of_type = flows
        .flow_type(flow.flow_type)
        .ok_or_else(|| missing("recipe type", flow.flow_type))?;
    let number = revision.unwrap_or_else(|| of_type.revision_number());
    let new = of_type
        .revision(number)
        .ok_or_else(|| missing("revision", u64::from(number)))?;
    let old = of_type
        .revision(flow.revision)
        .ok_or_else(|| missing("revision", u64::from(flow.revision)))?;
    if let Some(name) = forced.unknown(flows, &new.graph).first() {
        return Err(Rejection::invalid(
            "forced_nodes",
            format!("the recipe type has no node `{name}`"),
        ));
    }
    check_room(flows, 1, &new.graph)?;
    let (found, shared) = plan(flows, &old.graph, &new.graph, Some(forced));
    let Some(shared) = shared else {
        let reason = found
            .reasons
            .first()
            .map(|it| it.description.clone())
            .unwrap_or_default();
        return Err(Rejection::invalid(
            "revision_num",
            format!("it cannot be reprocessed: {reason}"),
        ));
    };
    Ok(vec![
        FlowsCreated {
            flow_set: None,
            flow_type: flow.flow_type,
            revision: number,
            flows: vec![NewFlow {
                input: None,
                supersedes: Some(id),
                plan: Some(0),
            }],
            plans: vec![shared],
            cursor: 0,
            is_last: true,
        }
        .into(),
    ])
}
