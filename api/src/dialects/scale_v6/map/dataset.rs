//! Datasets and their members.

use std::collections::BTreeSet;

use fasti_core::domain::flow::{Data, Flows, Item, ItemSet};
use serde_json::{Value, json};

use super::super::wire::{dataset as wire, interface, time};
use super::{joined, members};

fn base(set: &ItemSet) -> Value {
    json!({
        "id": set.id, "title": set.title, "description": set.description,
        "definition": wire::write(&set.definition), "created": time::stamp(set.created),
    })
}

/// Files of all members with the parameter that each is given for; each once.
fn files(flows: &Flows, set: &ItemSet) -> BTreeSet<(u64, String)> {
    let items = set
        .items
        .iter()
        .filter_map(|id| flows.item(*id))
        .map(|item| Data::read(&item.data));
    let all = items
        .chain([set.definition.global_data.clone()])
        .flat_map(|data| data.files);
    all.flat_map(|(name, ids)| ids.into_iter().map(move |id| (id, name.clone())))
        .collect()
}

/// Item of a list.
pub(crate) fn item(flows: &Flows, set: &ItemSet) -> Value {
    let distinct: BTreeSet<u64> = files(flows, set).into_iter().map(|(id, _)| id).collect();
    joined(base(set), members(json!({"files": distinct.len()})))
}

/// DatasetDetail.
pub(crate) fn detail(flows: &Flows, set: &ItemSet) -> Value {
    let all = set
        .items
        .iter()
        .filter_map(|id| Some((*id, flows.item(*id)?)));
    let of: Vec<Value> = all.map(|(id, it)| member(id, it)).collect();
    let files: Vec<Value> = (1..)
        .zip(files(flows, set))
        .filter_map(|(number, (id, name)): (u64, _)| {
            let file = json!({"id": id, "file_name": flows.file(id)?.name, "countries": []});
            Some(json!({"id": number, "parameter_name": name, "scale_file": file}))
        })
        .collect();
    joined(base(set), members(json!({"members": of, "files": files})))
}

/// A member.
pub(crate) fn member(id: u64, item: &Item) -> Value {
    let data = Data::read(&item.data);
    let ids: BTreeSet<u64> = data.files.values().flatten().copied().collect();
    json!({
        "id": id, "created": time::stamp(item.created), "data": interface::write_data(&data), "file_ids": ids,
    })
}

/// A member by itself.
pub(crate) fn member_detail(id: u64, item: &Item) -> Value {
    joined(
        member(id, item),
        members(json!({"dataset": {"id": item.set}})),
    )
}
