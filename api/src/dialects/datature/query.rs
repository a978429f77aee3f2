//! Parameters as the client writes them: pasted together, each followed by `&`, values not escaped.

use std::str::FromStr;

use super::errors::bad;
use crate::errors::Problem;

/// The parameters of an address; those that nobody asks for mean nothing.
pub(super) struct Query<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Query<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .collect(),
        )
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.0.iter().find(|(known, _)| *known == name)?;
        Some(*value).filter(|value| !value.is_empty())
    }

    /// # Errors
    /// 400.
    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let number = text.parse();
        number.map(Some).map_err(|_| {
            bad(
                name,
                format_args!("`{text}` is no whole number that fits here"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn pairs_are_read_as_the_client_writes_them() {
        let query = Query::parse("limit=2&page=&x[]=1&x[]=2&flag&");
        assert_eq!(query.number::<usize>("limit").unwrap(), Some(2));
        assert_eq!(query.text("page"), None);
        assert_eq!(query.text("flag"), None);
        assert!(Query::parse("limit=2.0").number::<usize>("limit").is_err());
        assert!(Query::parse("limit=-1").number::<usize>("limit").is_err());
    }
}
