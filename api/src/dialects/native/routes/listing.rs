//! Pages of lists: the answer with its position and the link to the next page.

use fasti_core::domain::ids::Seq;
use serde::Serialize;
use utoipa::ToSchema;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::super::wire::Page;
use crate::call::{Call, json};

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
