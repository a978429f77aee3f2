//! What a runner lays out before the command of a step, and looks for afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::data::Data;
use super::graph::{Connection, NodeKind};
use super::model::{FlowFile, Flows, Slot};

/// Part of a launch: a fresh folder for outputs, and folders with inputs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staging {
    /// Folders with links to files.
    pub folders: Vec<StagedFolder>,
    /// What is looked for in the folder for outputs.
    pub outputs: Vec<StagedOutput>,
}

/// A folder with links to files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedFolder {
    /// The variable that gets its path.
    pub variable: String,
    /// Names and paths of the files.
    pub files: Vec<(String, String)>,
}

/// Files that are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedOutput {
    /// Name of the output.
    pub name: String,
    /// Names of files, with `*` and `?`.
    pub pattern: String,
}

/// What was found after a success.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Gathered {
    /// The files, by output, in the order of their names.
    pub files: Vec<GatheredFile>,
    /// What was written down as values: JSON text.
    #[serde(default)]
    pub values: Option<Arc<str>>,
    /// Why it could not be taken over.
    #[serde(default)]
    pub problem: Option<String>,
    /// Whether that lies in what the command left, and not in the machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_commands_fault: bool,
}

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GatheredFile {
    /// The output.
    pub output: String,
    /// Where it is.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
}

/// The environment and the staging of a step's run.
pub(crate) fn stage(flows: &Flows, step: u64) -> Option<(BTreeMap<String, String>, Staging)> {
    let step = flows.steps.get(&step)?;
    let of_type = flows.step_types.get(&step.step_type)?;
    let spec = &of_type.revision(step.revision)?.spec;
    let data = flows.step_input(step);
    let mut env = spec.env.clone();
    let configuration: Value =
        serde_json::from_str(&of_type.policy.configuration).unwrap_or_default();
    for name in &spec.settings {
        if let Some(value) = configuration.get("settings").and_then(|all| all.get(name)) {
            env.insert(variable(name), text_of(value));
        }
    }
    let mut staging = Staging::default();
    for parameter in &spec.input.files {
        let ids = data.files.get(&parameter.name).into_iter().flatten();
        let files: Vec<&FlowFile> = ids.filter_map(|id| flows.files.get(id)).collect();
        let variable = variable(&parameter.name);
        if parameter.multiple {
            if !files.is_empty() {
                staging.folders.push(StagedFolder {
                    variable,
                    files: links(&files),
                });
            }
        } else if let Some(file) = files.first() {
            env.insert(variable, file.path.clone());
        }
    }
    for parameter in &spec.input.json {
        if let Some(value) = data.json.get(&parameter.name) {
            env.insert(variable(&parameter.name), text_of(value));
        }
    }
    let outputs = spec.files.iter();
    staging.outputs = outputs
        .map(|it| StagedOutput {
            name: it.name.clone(),
            pattern: it.pattern.clone(),
        })
        .collect();
    Some((env, staging))
}

/// Text as it is, other values as JSON.
fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Two files of one name get different links: the second and further ones a number before it that is not taken.
fn links(files: &[&FlowFile]) -> Vec<(String, String)> {
    let mut taken: BTreeSet<String> = files.iter().map(|file| file.name.clone()).collect();
    let mut seen = BTreeMap::<&str, usize>::new();
    let mut all = Vec::new();
    for file in files {
        let count = seen.entry(file.name.as_str()).or_default();
        *count += 1;
        let mut name = file.name.clone();
        if *count > 1 {
            name = format!("{count}-{}", file.name);
            while !taken.insert(name.clone()) {
                *count += 1;
                name = format!("{count}-{}", file.name);
            }
        }
        all.push((name, file.path.clone()));
    }
    all
}

/// The variable of a parameter: upper case, `_` for `-`.
pub(super) fn variable(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

impl Flows {
    /// What a step is given, as far as that is known.
    #[must_use]
    pub fn step_input(&self, step: &super::Step) -> Data {
        // The newest flow with it knows the most; all of those that know something say the same.
        let holder = step
            .holders
            .last()
            .copied()
            .unwrap_or((step.flow, step.node));
        self.node_input(holder.0, holder.1)
    }

    /// What a node of a flow is given, as far as that is known.
    #[must_use]
    pub fn node_input(&self, flow: u64, node: u32) -> Data {
        let mut data = Data::default();
        let id = flow;
        let Some((flow, graph)) = self
            .flows
            .get(&id)
            .and_then(|flow| Some((flow, self.revision(flow.flow_type, flow.revision)?)))
        else {
            return data;
        };
        let Some(of_node) = graph.graph.nodes.get(node as usize) else {
            return data;
        };
        let own = flow.input.as_deref().map(Data::read).unwrap_or_default();
        for (input, connection) in &of_node.input {
            let (source, name) = match connection {
                Connection::Input(name) => (own.clone(), name),
                Connection::Output(from, name) => {
                    let slot = graph
                        .graph
                        .index(from)
                        .and_then(|at| Some((at, flow.slots.get(at as usize)?)));
                    (
                        slot.map(|(at, slot)| self.slot_output(id, at, *slot, node))
                            .unwrap_or_default(),
                        name,
                    )
                }
            };
            if let Some(files) = source.files.get(name) {
                data.files.insert(input.clone(), files.clone());
            }
            if let Some(value) = source.json.get(name) {
                data.json.insert(input.clone(), value.clone());
            }
        }
        if let NodeKind::Decision { interface, .. } = &of_node.kind {
            return data.restricted(interface);
        }
        data
    }

    fn slot_output(&self, flow: u64, at: u32, slot: Slot, from: u32) -> Data {
        match slot {
            Slot::Step(step) => {
                let output = self
                    .steps
                    .get(&step)
                    .and_then(|step| step.output.as_deref());
                output.map(Data::read).unwrap_or_default()
            }
            // A decision gives what it was given; the order of nodes keeps this from going round.
            Slot::Decision(_) if at < from => self.node_input(flow, at),
            Slot::Decision(_) | Slot::Flow(_) | Slot::Open | Slot::Never => Data::default(),
        }
    }

    /// Bytes of the files that a step is given.
    #[must_use]
    pub fn input_bytes(&self, step: &super::Step) -> u64 {
        let data = self.step_input(step);
        let ids = data.files.values().flatten();
        ids.filter_map(|id| self.files.get(id))
            .map(|file| file.size)
            .sum()
    }
}

/// Values that a program wrote down, if they are an object.
pub(super) fn written(text: Option<&str>) -> Result<serde_json::Map<String, Value>, String> {
    match text {
        None => Ok(serde_json::Map::new()),
        Some(text) => serde_json::from_str(text).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> FlowFile {
        FlowFile {
            name: name.to_owned(),
            media_type: "text/plain".to_owned(),
            path: format!("/{name}"),
            size: 1,
            tags: Vec::new(),
            meta: "{}".into(),
            product: None,
            created: crate::time::Timestamp(0),
        }
    }

    #[test]
    fn links_have_names_of_their_own() {
        for (names, expected) in [
            (vec!["a", "b"], vec!["a", "b"]),
            (vec!["a", "a", "a"], vec!["a", "2-a", "3-a"]),
            (vec!["a", "a", "2-a"], vec!["a", "3-a", "2-a"]),
            (
                vec!["2-a", "a", "a", "a", "2-a"],
                vec!["2-a", "a", "3-a", "4-a", "2-2-a"],
            ),
        ] {
            let files: Vec<FlowFile> = names.into_iter().map(file).collect();
            let made = links(&files.iter().collect::<Vec<_>>());
            let made: Vec<&str> = made.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(made, expected);
        }
    }
}
