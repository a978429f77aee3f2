//! Item sets: inputs for many flows; and files that they refer to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Parameter;

/// An item: values by parameter; for a `file` its id, for `files` a list of ids.
pub(crate) type Item = BTreeMap<String, Value>;

/// An item set to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewItemSet {
    /// For people.
    pub(crate) title: Option<String>,
    /// For people.
    pub(crate) description: Option<String>,
    /// What each item has.
    pub(crate) parameters: Vec<Parameter>,
    /// Values that are the same for all; their types are those of the values.
    #[schema(value_type = Option<Object>)]
    pub(crate) common: Option<Item>,
    /// The first items, in order. More can be added.
    #[schema(value_type = Option<Vec<Object>>)]
    pub(crate) items: Option<Vec<Item>>,
}

/// Items to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoreItems {
    /// The items, in order.
    #[schema(value_type = Vec<Object>)]
    pub(crate) items: Vec<Item>,
}

/// Inputs for many flows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ItemSet {
    /// Its id.
    pub(crate) id: u64,
    /// For people.
    pub(crate) title: Option<String>,
    /// For people.
    pub(crate) description: Option<String>,
    /// What each item has.
    pub(crate) parameters: Vec<Parameter>,
    /// Values that are the same for all.
    #[schema(value_type = Object)]
    pub(crate) common: Item,
    /// Items in it.
    pub(crate) items_total: u64,
    /// When it was made.
    pub(crate) created_at: String,
}

/// An item of a set.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SetItem {
    /// Its id.
    pub(crate) id: u64,
    /// What it gives, by parameter.
    #[schema(value_type = Object)]
    pub(crate) values: Item,
    /// When it came.
    pub(crate) created_at: String,
}

/// A file to make known: exactly one of `path` and `content`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewFile {
    /// 1 to 250 bytes without a slash. Default: the last part of the path.
    pub(crate) name: Option<String>,
    /// Absolute path of a file on the server's machine, which is used where it is.
    pub(crate) path: Option<String>,
    /// Its text, which is kept in the data folder.
    pub(crate) content: Option<String>,
    /// Default: `application/octet-stream`.
    pub(crate) media_type: Option<String>,
    /// Words to find it by.
    pub(crate) tags: Option<Vec<String>>,
}

/// A file that flows use, or a step left.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct File {
    /// Its id.
    pub(crate) id: u64,
    /// Its name.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) path: String,
    /// Its length in bytes.
    pub(crate) size: u64,
    /// Its type.
    pub(crate) media_type: String,
    /// Words to find it by.
    pub(crate) tags: Vec<String>,
    /// Name of the output as which a step left it; null for what was registered.
    pub(crate) output: Option<String>,
    /// Since when it is known.
    pub(crate) created_at: String,
}
