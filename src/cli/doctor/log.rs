//! The log of the running server, as its health tells: whether it is sound, durable, and checked as a whole.

use serde_json::Value;

use super::Finding;

/// What health says about the log; nothing from a server that does not say anything about it.
pub(super) fn look(health: &Value) -> Option<Finding> {
    let store = health.get("store")?;
    let number = |name: &str| store[name].as_u64().unwrap_or(0);
    if let Some(trouble) = store["trouble"].as_str() {
        return Some(Finding::fail("log", trouble));
    }
    let lag = health["log_seq"]
        .as_u64()
        .unwrap_or(0)
        .saturating_sub(health["views_seq"].as_u64().unwrap_or(0));
    let checked = if number("checked_seq") >= number("check_end_seq") {
        "the whole of it was checked".to_owned()
    } else {
        format!(
            "checked up to {} of {}",
            number("checked_seq"),
            number("check_end_seq")
        )
    };
    let text = format!(
        "durable up to {}, head at {}, last sync took {} µs; {checked}; views are {lag} events behind",
        number("durable_seq"),
        number("head_seq"),
        number("last_sync_us")
    );
    if health["status"] == "disk_full" {
        let text = format!("{text}; the disk is full: free some space, it goes on by itself");
        return Some(Finding::warn("log", text));
    }
    if number("reserve_bytes") < number("reserve_wanted_bytes") {
        let text = format!(
            "{text}; of {} bytes to be set aside there are {}: make room",
            number("reserve_wanted_bytes"),
            number("reserve_bytes")
        );
        return Some(Finding::warn("log", text));
    }
    Some(Finding::ok("log", text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::Level;
    use super::*;
    use serde_json::json;

    fn level(status: &str, held: u64, trouble: Option<&str>) -> Level {
        let store = json!({
            "durable_seq": 9, "head_seq": 9, "last_sync_us": 300, "checked_seq": 9, "check_end_seq": 9,
            "reserve_bytes": held, "reserve_wanted_bytes": 32, "trouble": trouble,
        });
        let health = json!({"status": status, "log_seq": 9, "views_seq": 9, "store": store});
        look(&health).unwrap().level
    }

    #[test]
    fn trouble_and_a_full_disk_are_said() {
        assert_eq!(level("ok", 32, None), Level::Ok);
        assert_eq!(level("ok", 31, None), Level::Warn);
        assert_eq!(level("disk_full", 32, None), Level::Warn);
        assert_eq!(level("damaged", 32, Some("log is damaged")), Level::Fail);
        assert_eq!(look(&json!({"status": "ok"})), None);
    }
}
