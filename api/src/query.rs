//! Parameters of the address: read strictly (an unknown one is a mistake worth hearing of), paging, cursors.

use std::fmt::Write as _;
use std::str::FromStr;

use fasti_core::domain::ids::Seq;
use fasti_core::domain::time::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::errors::Problem;

/// Items of a page when nothing is asked for.
pub(crate) const LIMIT_DEFAULT: usize = 100;

/// Items of a page at most.
pub(crate) const LIMIT_MAX: usize = 1_000;

/// What stays as it is in a path segment or a parameter.
pub(crate) const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A moment of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AsOf {
    /// After this event.
    Seq(Seq),
    /// At this instant.
    Time(Timestamp),
}

/// The parameters of one request, taken out one by one.
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads `a=1&b=x%20y`; `+` is a blank.
    ///
    /// # Errors
    /// Text that is no UTF-8, or a parameter given twice.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).map_err(|name| Problem::invalid(name, "is no UTF-8"))?;
            let value = decode(value).map_err(|_| Problem::invalid(&name, "is no UTF-8"))?;
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(Problem::invalid(&name, "is given twice; give it once"));
            }
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// A parameter as text; an empty one counts as not given.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let at = self.pairs.iter().position(|(other, _)| other == name)?;
        Some(self.pairs.swap_remove(at).1).filter(|value| !value.is_empty())
    }

    /// A parameter of a type; `expected` finishes "must be …".
    ///
    /// # Errors
    /// It is given and cannot be read.
    pub(crate) fn value<T: FromStr>(
        &mut self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, Problem> {
        self.text(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    Problem::invalid(name, format!("`{text}` does not fit: must be {expected}"))
                })
            })
            .transpose()
    }

    /// A parameter that is one of some words.
    ///
    /// # Errors
    /// It is given and is none of them.
    pub(crate) fn word<T: Copy>(
        &mut self,
        name: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| Some(*value)).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            Problem::invalid(
                name,
                format!("`{text}` does not fit: must be one of {}", known.join(", ")),
            )
        })
    }

    /// `true` or `false`; false when not given.
    ///
    /// # Errors
    /// Anything else.
    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, Problem> {
        let words = [("true", true), ("false", false), ("1", true), ("0", false)];
        Ok(self.word(name, &words)?.unwrap_or(false))
    }

    /// An instant in RFC 3339.
    ///
    /// # Errors
    /// It is given and is none.
    pub(crate) fn instant(&mut self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let expected = "an instant in RFC 3339, such as 2024-03-31T01:00:00.000Z";
        let text = self.text(name);
        text.map(|text| {
            chrono::DateTime::parse_from_rfc3339(&text)
                .map(|at| Timestamp::from(at.to_utc()))
                .map_err(|_| {
                    Problem::invalid(name, format!("`{text}` does not fit: must be {expected}"))
                })
        })
        .transpose()
    }

    /// Items wanted a page.
    ///
    /// # Errors
    /// Not between 1 and [`LIMIT_MAX`].
    pub(crate) fn limit(&mut self) -> Result<usize, Problem> {
        let expected = "a number from 1 to 1000";
        match self.value::<usize>("limit", expected)? {
            None => Ok(LIMIT_DEFAULT),
            Some(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
            Some(limit) => Err(Problem::invalid(
                "limit",
                format!("{limit} does not fit: must be {expected}"),
            )),
        }
    }

    /// The moment that a read is about: a position, or an instant.
    ///
    /// # Errors
    /// Neither.
    pub(crate) fn as_of(&mut self) -> Result<Option<AsOf>, Problem> {
        let Some(text) = self.text("as_of") else {
            return Ok(None);
        };
        if let Ok(seq) = text.parse::<u64>() {
            return match seq {
                0 => Err(Problem::invalid("as_of", "the first event has sequence 1")),
                seq => Ok(Some(AsOf::Seq(Seq(seq)))),
            };
        }
        let at = chrono::DateTime::parse_from_rfc3339(&text).map_err(|_| {
            Problem::invalid(
                "as_of",
                format!("`{text}` does not fit: must be a sequence number, or an instant in RFC 3339 such as 2024-03-31T01:00:00Z"),
            )
        })?;
        Ok(Some(AsOf::Time(Timestamp::from(at.to_utc()))))
    }

    /// The position that the reader must have seen, for reads that can be about the past too: `as_of` is read where
    /// the views are asked.
    ///
    /// # Errors
    /// No number.
    pub(crate) fn min_seq(&mut self) -> Result<Option<Seq>, Problem> {
        self.text("as_of");
        self.min_seq_of_now()
    }

    /// The position that the reader must have seen.
    ///
    /// # Errors
    /// No number.
    pub(crate) fn min_seq_of_now(&mut self) -> Result<Option<Seq>, Problem> {
        self.value("min_seq", "a sequence number")
    }

    /// Where the page before ended, as [`cursor`] wrote it.
    ///
    /// # Errors
    /// Not a cursor of this list.
    pub(crate) fn cursor<const N: usize>(
        &mut self,
        list: &str,
    ) -> Result<Option<[String; N]>, Problem> {
        let Some(text) = self.text("cursor") else {
            return Ok(None);
        };
        let wrong = || {
            Problem::invalid(
                "cursor",
                "this is no cursor of this list; give the `next_cursor` of the page before, or none",
            )
        };
        let mut parts = text.split('~');
        if parts.next() != Some(list) {
            return Err(wrong());
        }
        let parts: Result<Vec<String>, _> = parts.map(decode_cursor).collect();
        let parts = parts.map_err(|_| wrong())?;
        parts.try_into().map(Some).map_err(|_| wrong())
    }

    /// Refuses what nobody asked for.
    ///
    /// # Errors
    /// A parameter is left.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.pairs.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(Problem::invalid(
                &name,
                format!("the parameter `{name}` is not known here"),
            )),
        }
    }
}

/// `list~part~part`, each part so written that it needs no escaping in an address.
pub(crate) fn cursor(list: &str, parts: &[&str]) -> String {
    let mut out = list.to_owned();
    for part in parts {
        out.push('~');
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || byte == b'-' {
                out.push(char::from(byte));
            } else {
                let _ = write!(out, ".{byte:02x}");
            }
        }
    }
    out
}

fn decode_cursor(part: &str) -> Result<String, ()> {
    let mut out = Vec::new();
    let mut bytes = part.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'.' {
            let (Some(high), Some(low)) = (bytes.next(), bytes.next()) else {
                return Err(());
            };
            let pair = [high, low];
            let digits = std::str::from_utf8(&pair).map_err(|_| ())?;
            out.push(u8::from_str_radix(digits, 16).map_err(|_| ())?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).map_err(|_| ())
}

/// Undoes percent-encoding of a parameter; the error carries what could be read.
fn decode(text: &str) -> Result<String, String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(Into::into)
        .map_err(|_| percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

/// Undoes percent-encoding of a path segment.
///
/// # Errors
/// It is no UTF-8.
pub(crate) fn decode_segment(text: &str) -> Result<String, Problem> {
    percent_decode_str(text)
        .decode_utf8()
        .map(Into::into)
        .map_err(|_| {
            Problem::new(
                crate::errors::Code::Malformed,
                "the path is no UTF-8; percent-encode names in UTF-8",
            )
        })
}

/// Percent-encodes everything but letters, digits and `-._~`.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn parameters_are_taken_once() {
        let mut query = Query::parse("name=a%20b+c&limit=7&order=").unwrap();
        assert_eq!(query.text("name").unwrap(), "a b c");
        assert_eq!(query.limit().unwrap(), 7);
        assert_eq!(query.text("order"), None);
        query.finish().unwrap();
    }

    #[test]
    fn mistakes_are_named() {
        for (text, field) in [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=x", "limit"),
            ("limt=3", "limt"),
            ("limit=1&limit=2", "limit"),
        ] {
            let read = Query::parse(text).and_then(|mut query| {
                query.limit()?;
                query.finish()
            });
            let problem = read.unwrap_err().into_response(None);
            assert_eq!(problem.status(), 422, "{text} {field}");
        }
        assert!(Query::parse("a=%ff").is_err());
    }

    #[test]
    fn cursors_read_back() {
        let text = cursor("batches", &["näme, with ~.&=", "dev"]);
        assert_eq!(encode(&text), text, "needs no escaping");
        let mut query = Query::parse(&format!("cursor={text}")).unwrap();
        let parts: [String; 2] = query.cursor("batches").unwrap().unwrap();
        assert_eq!(parts, ["näme, with ~.&=", "dev"]);
        for wrong in ["runs~a~b", "batches~a", "batches~.z~b", "x"] {
            let mut query = Query::parse(&format!("cursor={wrong}")).unwrap();
            assert!(query.cursor::<2>("batches").is_err(), "{wrong}");
        }
    }

    #[test]
    fn instants_are_rfc_3339() {
        let mut query = Query::parse("a=1970-01-01T00:00:01Z&b=yesterday").unwrap();
        assert_eq!(query.instant("a").unwrap(), Some(Timestamp(1_000_000)));
        assert!(query.instant("b").is_err());
    }
}
