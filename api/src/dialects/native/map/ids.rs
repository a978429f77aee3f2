//! Ids and dates from outside.

use fasti_core::domain::ids::{BatchId, Digest};
use fasti_core::domain::time::Timestamp;

use crate::errors::{Code, Problem};

/// Id of a batch in a path: what is no UUID cannot be there.
///
/// # Errors
/// 404.
pub(crate) fn batch_id(text: &str) -> Result<BatchId, Problem> {
    text.parse().map_err(|_| {
        Problem::new(
            Code::NotFound,
            format!("there is no batch `{text}`; batch ids are UUIDs, GET /api/v1/batches?name=… finds one by name"),
        )
    })
}

/// Number of a run, task run or run set in a path.
///
/// # Errors
/// 404.
pub(crate) fn number_id(what: &str, text: &str) -> Result<u64, Problem> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| {
        Problem::new(
            Code::NotFound,
            format!("there is no {what} `{text}`; ids are positive numbers"),
        )
    })
}

/// A digest in a field.
///
/// # Errors
/// 422.
pub(crate) fn digest(field: &str, text: &str) -> Result<Digest, Problem> {
    text.parse().map_err(|_| {
        Problem::invalid(
            field,
            format!("`{text}` is no id of a bundle: must be 64 hexadecimal digits, as POST /api/v1/bundles answers"),
        )
    })
}

/// An instant in a field.
///
/// # Errors
/// 422.
pub(crate) fn instant(field: &str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text else {
        return Ok(None);
    };
    match chrono::DateTime::parse_from_rfc3339(text) {
        Ok(at) => Ok(Some(Timestamp::from(at.to_utc()))),
        Err(_) => Err(Problem::invalid(
            field,
            format!("`{text}` is no instant in RFC 3339, such as 2024-03-31T01:00:00.000Z"),
        )),
    }
}

/// A rundate.
///
/// # Errors
/// 422.
pub(crate) fn rundate(field: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = text else {
        return Ok(None);
    };
    let date = chrono::NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok();
    if date.is_some_and(|date| date.format("%Y-%m-%d").to_string() == text) {
        return Ok(Some(text));
    }
    Err(Problem::invalid(
        field,
        format!("`{text}` is no date: must be YYYY-MM-DD"),
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn dates_are_read_strictly() {
        assert_eq!(rundate("rundate", None).unwrap(), None);
        let given = Some("2024-02-29".to_owned());
        assert_eq!(rundate("rundate", given.clone()).unwrap(), given);
        for bad in [
            "2023-02-29",
            "2024-2-3",
            "24-02-03",
            "",
            "2024-02-03T00:00:00Z",
        ] {
            assert!(rundate("rundate", Some(bad.to_owned())).is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_that_cannot_be_are_not_found() {
        for bad in ["0", "-1", "x", "99999999999999999999", ""] {
            assert_eq!(
                number_id("run", bad).unwrap_err().code(),
                Code::NotFound,
                "{bad}"
            );
        }
        assert_eq!(number_id("run", "7").unwrap(), 7);
        assert_eq!(batch_id("x").unwrap_err().code(), Code::NotFound);
    }
}
