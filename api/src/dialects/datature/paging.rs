//! Pages: anchored to what stands at their edges, so that what comes or goes elsewhere shifts nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fasti_projector::Order;
use serde::Serialize;

use super::errors::bad;
use super::query::Query;
use crate::errors::Problem;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// A page as it is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    data: Vec<T>,
    next_page: Option<String>,
    prev_page: Option<String>,
}

/// Which page is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    limit: usize,
    /// What it begins behind, and in which direction.
    anchor: Option<(Order, String)>,
}

impl Wanted {
    /// # Errors
    /// 400: a limit that is none, a token of another list or of nobody.
    pub(super) fn read(query: &str) -> Result<Self, Problem> {
        let query = Query::parse(query);
        let limit = query.number("limit")?.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(bad(
                "limit",
                format_args!("between 1 and {LIMIT_MAX}, not {limit}"),
            ));
        }
        let anchor = query.text("page").map(anchor).transpose()?;
        Ok(Self { limit, anchor })
    }

    /// The page, of what `list` gives: so many things with their keys, in an order, those beyond a key.
    ///
    /// # Errors
    /// Those of `list`.
    pub(super) fn page<T>(
        &self,
        list: impl Fn(Order, Option<&str>, usize) -> Result<Vec<(String, T)>, Problem>,
    ) -> Result<Page<T>, Problem> {
        let (order, beyond) = match &self.anchor {
            Some((order, key)) => (*order, Some(key.as_str())),
            None => (Order::Ascending, None),
        };
        let mut items = list(order, beyond, self.limit + 1)?;
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        if order == Order::Descending {
            items.reverse();
        }
        let edges = items.first().zip(items.last());
        let (first, last) = edges.map(|(f, l)| (f.0.clone(), l.0.clone())).unzip();
        let exists = |order, key: &Option<String>| match key {
            Some(key) => list(order, Some(key), 1).map(|found| !found.is_empty()),
            None => Ok(false),
        };
        let (has_next, has_previous) = match order {
            Order::Ascending => (more, exists(Order::Descending, &first)?),
            Order::Descending => (exists(Order::Ascending, &last)?, more),
        };
        let token = |order, key: Option<String>, is_there| {
            key.filter(|_| is_there).map(|key| token(order, &key))
        };
        Ok(Page {
            next_page: token(Order::Ascending, last, has_next),
            prev_page: token(Order::Descending, first, has_previous),
            data: items.into_iter().map(|(_, item)| item).collect(),
        })
    }
}

/// Letters that need no escaping in an address.
fn token(order: Order, key: &str) -> String {
    let direction = match order {
        Order::Ascending => 'a',
        Order::Descending => 'd',
    };
    URL_SAFE_NO_PAD.encode(format!("{direction}{key}"))
}

fn anchor(token: &str) -> Result<(Order, String), Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let read = text
        .as_deref()
        .and_then(|text| match text.split_at_checked(1)? {
            ("a", key) => Some((Order::Ascending, key.to_owned())),
            ("d", key) => Some((Order::Descending, key.to_owned())),
            _ => None,
        });
    read.ok_or_else(|| {
        bad(
            "page",
            "is no page of this list; ask without it for the first one",
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn page(query: &str) -> Page<u32> {
        let all: Vec<(String, u32)> = (0..5).map(|n| (format!("k{n}"), n)).collect();
        let list = |order, beyond: Option<&str>, limit| {
            let mut all = all.clone();
            if order == Order::Descending {
                all.reverse();
            }
            let behind = |key: &str| match (order, beyond) {
                (_, None) => true,
                (Order::Ascending, Some(beyond)) => key > beyond,
                (Order::Descending, Some(beyond)) => key < beyond,
            };
            Ok(all
                .into_iter()
                .filter(|(key, _)| behind(key))
                .take(limit)
                .collect())
        };
        Wanted::read(query).unwrap().page(list).unwrap()
    }

    #[test]
    fn pages_lead_to_each_other() {
        let first = page("limit=2&");
        assert_eq!(first.data, [0, 1]);
        assert_eq!(first.prev_page, None);
        let second = page(&format!("limit=2&page={}&", first.next_page.unwrap()));
        assert_eq!(second.data, [2, 3]);
        let last = page(&format!("limit=2&page={}&", second.next_page.unwrap()));
        assert_eq!((last.data, last.next_page), (vec![4], None));
        let back = page(&format!("limit=2&page={}&", last.prev_page.unwrap()));
        assert_eq!(back.data, [2, 3]);
        let back = page(&format!("limit=2&page={}&", back.prev_page.unwrap()));
        assert_eq!((back.data, back.prev_page), (vec![0, 1], None));
    }

    #[test]
    fn tokens_need_no_escaping() {
        for n in 0..64 {
            let token = token(Order::Ascending, &"~\u{ff}?>".repeat(n));
            assert!(
                token
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            );
        }
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for bad in [
            "limit=0",
            "limit=1001",
            "limit=x",
            "page=nothing",
            "page=%41",
            "page=eA",
        ] {
            assert!(Wanted::read(bad).is_err(), "{bad}");
        }
    }
}
