//! One item of a data set: found by its position, without reading the others.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use fasti_core::domain::ids::Digest;
use serde::Deserialize;
use serde_json::value::RawValue;

use fasti_core::protocol::item_v1::DatasetRef;

use super::ItemLine;

#[derive(Deserialize)]
struct Url {
    url: String,
}

/// The item at a position.
///
/// # Errors
/// Its data set cannot be read, or has no such item.
pub(super) fn line(data: &Path, dataset: &DatasetRef, index: u32) -> Result<ItemLine, String> {
    let open = |digest: &Digest| {
        let name = digest.to_string();
        let path = data.join("blobs").join(&name[..2]).join(&name);
        File::open(path).map_err(|error| format!("cannot read the data set: {error}"))
    };
    let mut place = [0; 16];
    let missing = |error| format!("the data set has no item {index}: {error}");
    let entry = u64::from(index) * place.len() as u64;
    open(&dataset.index)?
        .read_exact_at(&mut place, entry)
        .map_err(missing)?;
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |n: u64, byte| n << 8 | u64::from(*byte))
    };
    let (start, end) = (number(&place[..8]), number(&place[8..]));
    let len = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
    let mut bytes = vec![0; len];
    open(&dataset.file)?
        .read_exact_at(&mut bytes, start)
        .map_err(missing)?;
    let raw: Box<RawValue> = serde_json::from_slice(&bytes)
        .map_err(|error| format!("item {index} is no JSON any more: {error}"))?;
    let Url { url } = serde_json::from_str(raw.get())
        .map_err(|error| format!("item {index} has no url: {error}"))?;
    Ok(ItemLine { url, raw })
}
