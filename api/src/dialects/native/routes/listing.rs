//! Pages of lists: what fits on one, the answer with its position, and the link to the next page.

use std::io;

use fasti_core::domain::ids::Seq;
use serde::Serialize;
use utoipa::ToSchema;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::super::wire::Page;
use crate::call::{Call, json};
use crate::errors::Problem;

/// Bytes of JSON on one page; the item that passes it is the last one. Items may be definitions, of which each may
/// have 64 MiB, so that a thousand of them are no page.
pub(super) const PAGE_BYTES_MAX: usize = 4 << 20;

/// A page in the making: items until it is full.
pub(super) struct Filling<T> {
    pub(super) items: Vec<T>,
    bytes: usize,
}

impl<T: Serialize> Filling<T> {
    pub(super) fn new() -> Self {
        Self {
            items: Vec::new(),
            bytes: 0,
        }
    }

    pub(super) fn push(&mut self, item: T) {
        self.bytes += json_bytes(&item);
        self.items.push(item);
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= PAGE_BYTES_MAX
    }
}

/// The items of a page, as many as it takes, and where the next one begins: behind the last one taken, or where the
/// list says.
///
/// # Errors
/// Those of `map`; it may leave items out.
pub(super) fn fitting<V, T: Serialize, K>(
    views: &[V],
    next: Option<K>,
    key: impl Fn(&V) -> K,
    mut map: impl FnMut(&V) -> Result<Option<T>, Problem>,
) -> Result<(Vec<T>, Option<K>), Problem> {
    let mut page = Filling::new();
    for (index, view) in views.iter().enumerate() {
        if let Some(item) = map(view)? {
            page.push(item);
        }
        if page.is_full() && index + 1 < views.len() {
            return Ok((page.items, Some(key(view))));
        }
    }
    Ok((page.items, next))
}

/// Length of something as JSON.
pub(super) fn json_bytes(value: &impl Serialize) -> usize {
    let mut counted = Counted(0);
    // What cannot be written as JSON is found out when the page is written.
    drop(serde_json::to_writer(&mut counted, value));
    counted.0
}

/// Counts what is written and keeps nothing.
struct Counted(usize);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Answers with a page.
pub(super) fn page<T: Serialize + ToSchema>(
    call: &Call,
    items: Vec<T>,
    next_cursor: Option<String>,
    as_of: Seq,
) -> Response {
    let body = Page {
        items,
        next_cursor,
        as_of_seq: as_of.0,
    };
    linked(
        call,
        json(StatusCode::OK, &body, as_of),
        body.next_cursor.as_deref(),
    )
}

/// Adds the link to the next page.
pub(super) fn linked(call: &Call, mut response: Response, next_cursor: Option<&str>) -> Response {
    let Some(cursor) = next_cursor else {
        return response;
    };
    let kept = call
        .query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let mut query: Vec<&str> = kept.collect();
    // Cursors are so written that they need no escaping.
    let cursor = format!("cursor={cursor}");
    query.push(&cursor);
    let link = format!("<{}?{}>; rel=\"next\"", call.path, query.join("&"));
    if let Ok(link) = HeaderValue::from_str(&link) {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_page_ends_with_the_item_that_fills_it() {
        let lengths = [10, PAGE_BYTES_MAX / 2, PAGE_BYTES_MAX / 2, 10];
        let page = |lengths: &[usize]| {
            let text = |length: &usize| Ok(Some("x".repeat(*length)));
            let (items, next) = fitting(lengths, Some(0), |length| *length, text).unwrap();
            (items.len(), next)
        };
        assert_eq!(page(&lengths), (3, Some(PAGE_BYTES_MAX / 2)));
        // Full with the last one: the list says how it goes on.
        assert_eq!(page(&lengths[..3]), (3, Some(0)));
        assert_eq!(
            page(&[PAGE_BYTES_MAX * 2, 1]),
            (1, Some(PAGE_BYTES_MAX * 2))
        );
        assert_eq!(json_bytes(&"ab"), 4);
    }
}
