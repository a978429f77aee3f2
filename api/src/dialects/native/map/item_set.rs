//! Item sets and files.

use std::sync::Arc;

use fasti_core::domain::flow::{
    Data, FlowCommand, FlowFile, Interface, Item, ItemSet, ItemSetDefinition,
};
use fasti_core::domain::limits::FLOW_ITEMS_A_REQUEST_MAX;

use super::super::wire;
use super::interface::{data, interface, interface_of, item, parameters};
use super::time;
use crate::errors::Problem;

/// The command that makes an item set.
///
/// # Errors
/// 422: something of it does not fit.
pub(crate) fn item_set_command(given: wire::NewItemSet) -> Result<FlowCommand, Problem> {
    let parameters = interface("parameters", given.parameters)?;
    let common = given.common.unwrap_or_default();
    let global_parameters = interface_of("common", &common)?;
    if let Some(name) = common.keys().find(|name| parameters.has(name)) {
        let text = "the items have a parameter of this name";
        return Err(Problem::invalid(format!("common.{name}"), text));
    }
    let items = items(&parameters, given.items.unwrap_or_default())?;
    let global_data = data("common", &global_parameters, common)?;
    Ok(FlowCommand::CreateItemSet {
        title: given.title,
        description: given.description,
        definition: Arc::new(ItemSetDefinition {
            parameters,
            global_parameters,
            global_data,
        }),
        items,
    })
}

/// Items for a set.
///
/// # Errors
/// 422: something of one does not fit.
pub(crate) fn items(interface: &Interface, given: Vec<wire::Item>) -> Result<Vec<Data>, Problem> {
    if given.len() > FLOW_ITEMS_A_REQUEST_MAX {
        let text = format!("at most {FLOW_ITEMS_A_REQUEST_MAX} items a request; add the others");
        return Err(Problem::invalid("items", text));
    }
    let numbered = given.into_iter().enumerate();
    numbered
        .map(|(index, it)| data(&format!("items[{index}]"), interface, it))
        .collect()
}

/// An item set.
pub(crate) fn item_set(it: &ItemSet) -> wire::ItemSet {
    let definition = &it.definition;
    wire::ItemSet {
        id: it.id,
        title: it.title.clone(),
        description: it.description.clone(),
        parameters: parameters(&definition.parameters),
        common: item(
            &definition.global_parameters,
            definition.global_data.clone(),
        ),
        items_total: it.items.len() as u64,
        created_at: time(it.created),
    }
}

/// An item of a set.
pub(crate) fn set_item(set: &ItemSet, id: u64, it: &Item) -> wire::SetItem {
    wire::SetItem {
        id,
        values: item(&set.definition.parameters, Data::read(&it.data)),
        created_at: time(it.created),
    }
}

/// A file.
pub(crate) fn file(id: u64, it: &FlowFile) -> wire::File {
    wire::File {
        id,
        name: it.name.clone(),
        path: it.path.clone(),
        size: it.size,
        media_type: it.media_type.clone(),
        tags: it.tags.clone(),
        output: it.product.as_ref().map(|(_, output)| output.clone()),
        created_at: time(it.created),
    }
}
