//! Parameters of the address: what is not known is passed over, what is known may be repeated.

use std::cmp::Ordering;

use fasti_core::domain::time::Timestamp;
use percent_encoding::percent_decode_str;

use super::answer::Fault;
use super::wire::time;

/// The parameters of one request.
#[derive(Debug, Clone)]
pub(super) struct Params {
    pub(super) pairs: Vec<(String, String)>,
}

impl Params {
    pub(super) fn parse(text: &str) -> Self {
        let decode = |text: &str| {
            percent_decode_str(&text.replace('+', " "))
                .decode_utf8_lossy()
                .into_owned()
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Self {
            pairs: pairs.collect(),
        }
    }

    /// All values of a parameter.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        let own = self.pairs.iter().filter(|(other, _)| other == name);
        own.map(|(_, value)| value.clone()).collect()
    }

    /// The last value of a parameter.
    pub(super) fn last(&self, name: &str) -> Option<&str> {
        let own = self.pairs.iter().rev().find(|(other, _)| other == name);
        own.map(|(_, value)| value.as_str())
    }

    /// Ids: one of them is enough; an empty list is no filter.
    pub(super) fn ids(&self, name: &str) -> Result<Vec<u64>, Fault> {
        let all = self.all(name);
        let read = |text: &String| {
            let number = text.parse::<i64>();
            let wrong = |_| {
                Fault::bad(format!(
                    "Invalid integer for the parameter \"{name}\": {text}"
                ))
            };
            // Below zero nothing is: such a filter fits nothing.
            number
                .map(|it| u64::try_from(it).unwrap_or(u64::MAX))
                .map_err(wrong)
        };
        all.iter().map(read).collect()
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Fault> {
        let Some(text) = self.last(name) else {
            return Ok(None);
        };
        match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" => Ok(Some(true)),
            "false" | "f" | "0" => Ok(Some(false)),
            _ => Err(Fault::bad(format!(
                "Invalid boolean for the parameter \"{name}\": {text}"
            ))),
        }
    }

    /// `started` and `ended`.
    pub(super) fn range(&self, now: Timestamp) -> Result<Range, Fault> {
        let bound = |name: &str| {
            self.last(name)
                .map(|text| {
                    time::bound(text, now).ok_or_else(|| {
                        Fault::bad(format!(
                            "Invalid time range for the parameter \"{name}\": {text}"
                        ))
                    })
                })
                .transpose()
        };
        Range::new(bound("started")?, bound("ended")?)
    }

    /// Sort keys: name, whether it goes down.
    pub(super) fn order(&self, known: &[&'static str]) -> Result<Vec<(&'static str, bool)>, Fault> {
        let all = self.all("order");
        let read = |text: &String| {
            let name = text.strip_prefix('-');
            let wanted = name.unwrap_or(text);
            let found = known.iter().find(|it| **it == wanted);
            let wrong = || {
                Fault::bad(format!(
                    "Invalid field for the parameter \"order\": {wanted}"
                ))
            };
            found.map(|it| (*it, name.is_some())).ok_or_else(wrong)
        };
        all.iter().map(read).collect()
    }
}

/// A stretch of time, both ends included.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Range {
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
}

impl Range {
    pub(super) fn new(started: Option<Timestamp>, ended: Option<Timestamp>) -> Result<Self, Fault> {
        if let Some((started, ended)) = started.zip(ended)
            && started >= ended
        {
            return Err(Fault::bad(
                "Invalid time range: \"started\" must be before \"ended\"",
            ));
        }
        Ok(Self { started, ended })
    }

    pub(super) fn has(&self, at: Timestamp) -> bool {
        self.started.is_none_or(|started| at >= started)
            && self.ended.is_none_or(|ended| at <= ended)
    }
}

/// What a list is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    Number(Option<u64>),
    Time(Option<Timestamp>),
    /// Without regard to case.
    Text(Option<String>),
    Flag(bool),
}

impl Key {
    pub(super) fn text(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_lowercase))
    }

    fn order(&self, other: &Self) -> Ordering {
        fn nulls_last<T: Ord>(a: Option<&T>, b: Option<&T>) -> Ordering {
            match (a, b) {
                (Some(a), Some(b)) => a.cmp(b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => Ordering::Equal,
            }
        }
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => nulls_last(a.as_ref(), b.as_ref()),
            (Self::Time(a), Self::Time(b)) => nulls_last(a.as_ref(), b.as_ref()),
            (Self::Text(a), Self::Text(b)) => nulls_last(a.as_ref(), b.as_ref()),
            (Self::Flag(a), Self::Flag(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }
}

/// Sorts ids by keys that are looked up once each; equal ones by id.
pub(super) fn sort(
    ids: Vec<u64>,
    order: &[(&'static str, bool)],
    key: &dyn Fn(u64, &str) -> Key,
) -> Vec<u64> {
    let mut keyed: Vec<(Vec<Key>, u64)> = ids
        .into_iter()
        .map(|id| (order.iter().map(|(name, _)| key(id, name)).collect(), id))
        .collect();
    keyed.sort_by(|(a, a_id), (b, b_id)| {
        for (index, (_, is_down)) in order.iter().enumerate() {
            let found = a[index].order(&b[index]);
            let found = if *is_down { found.reverse() } else { found };
            if found != Ordering::Equal {
                return found;
            }
        }
        a_id.cmp(b_id)
    });
    keyed.into_iter().map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn nulls_are_last_and_first_when_reversed() {
        let title = |id: u64, _: &str| {
            Key::text(
                ["b", "", "A", "a"]
                    .get(usize::try_from(id).unwrap())
                    .filter(|it| !it.is_empty())
                    .copied(),
            )
        };
        let up = sort(vec![0, 1, 2, 3], &[("title", false)], &title);
        assert_eq!(up, [2, 3, 0, 1]);
        let down = sort(vec![0, 1, 2, 3], &[("title", true)], &title);
        assert_eq!(down, [1, 0, 2, 3]);
    }

    #[test]
    fn parameters_are_read_and_repeated() {
        let params = Params::parse("id=1&id=2&is=T&x=%20y&bad=u");
        assert_eq!(params.ids("id").unwrap(), [1, 2]);
        assert_eq!(params.boolean("is").unwrap(), Some(true));
        assert_eq!(params.last("x"), Some(" y"));
        assert!(params.ids("bad").is_err() && params.boolean("bad").is_err());
    }
}
