//! `fasti schedule slots`: the ledger of a batch, with its sums.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::client::{Client, encode};
use crate::cli::read;
use crate::cli::show::{Show, Style, Table};

/// Records asked for at a time.
const PAGE: usize = 1_000;

/// Arguments of `fasti schedule slots`.
#[derive(Debug, Args)]
pub(crate) struct SlotsArgs {
    /// Name, name:tag or id of the batch.
    batch: String,
    /// At most so many records.
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: usize,
}

pub(super) fn list(client: &Client, show: &Show, args: &SlotsArgs) -> anyhow::Result<()> {
    let id = read::text(&client.batch(&args.batch)?, "id");
    let ledger = ledger(client, &id, args.limit)?;
    if show.is_json() {
        return show.json(&ledger);
    }
    show.line(&sums(&ledger["totals"]))?;
    let plan = &ledger["plan"];
    if plan.is_null() {
        show.note("no schedule of it was ever in force");
        return Ok(());
    }
    let (said, style) = verdict(plan);
    show.line(&show.styled(&said, style))?;
    show.line("")?;
    let heads = ["OUTCOME", "FIRST", "LAST", "COUNT", "RUN", "REASON"];
    let mut table = Table::new(&heads, &[3, 4]);
    for slot in read::items(&ledger, "items") {
        table.row(vec![
            read::text(slot, "outcome"),
            read::moment(slot, "first"),
            read::moment(slot, "last"),
            read::text(slot, "count"),
            read::text(slot, "run_id"),
            read::optional(slot, "reason"),
        ]);
    }
    show.table(&table)
}

/// The first answer, with the records of those that follow.
fn ledger(client: &Client, id: &str, limit: usize) -> anyhow::Result<Value> {
    let mut first = Value::Null;
    let mut items = Vec::new();
    let mut cursor: Option<String> = None;
    while first.is_null() || (items.len() < limit && cursor.is_some()) {
        let page = limit.saturating_sub(items.len()).clamp(1, PAGE);
        let more = cursor.map(|cursor| format!("&cursor={}", encode(&cursor)));
        let more = more.unwrap_or_default();
        let mut answer = client.get(&format!("/batches/{id}/slots?limit={page}{more}"))?;
        if let Value::Array(found) = answer["items"].take() {
            items.extend(found);
        }
        cursor = answer["next_cursor"].as_str().map(str::to_owned);
        if first.is_null() {
            first = answer;
        }
    }
    first["items"] = Value::Array(items);
    first["next_cursor"] = json!(cursor);
    Ok(first)
}

fn sums(totals: &Value) -> String {
    const OUTCOMES: [&str; 6] = [
        "fired",
        "missed",
        "skipped",
        "superseded",
        "cancelled",
        "waiting",
    ];
    let parts = OUTCOMES.iter().map(|name| (name, &totals[*name]));
    let parts = parts.filter(|(name, count)| **name == "fired" || count.as_u64() != Some(0));
    let parts: Vec<String> = parts
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let late = match totals["alerted"].as_u64() {
        None | Some(0) => String::new(),
        Some(late) => format!("; {late} of them had no outcome in time"),
    };
    format!("of all time: {}{late}", parts.join(", "))
}

/// Whether the numbers of the plan agree, in words.
fn verdict(plan: &Value) -> (String, Style) {
    let since = read::moment(plan, "since");
    let Some(planned) = plan["planned"].as_u64() else {
        return ("no times start it now".to_owned(), Style::Plain);
    };
    let accounted = format!(
        "{} with an outcome, {} waiting, {} open",
        plan["closed"], plan["waiting"], plan["open"]
    );
    let next = match read::moment(plan, "next_slot") {
        none if none == "-" => String::new(),
        next => format!("; next {next}"),
    };
    if plan["balanced"] == true {
        let said = format!("since {since}: {planned} planned, {accounted}: balanced{next}");
        return (said, Style::Good);
    }
    let said = format!("since {since}: {planned} planned, {accounted}: THE SUMS DIFFER{next}");
    (said, Style::Bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_says_whether_the_sums_agree() {
        let mut plan = json!({
            "since": "2024-03-31T01:00:00.000Z", "next_slot": null,
            "planned": 3, "closed": 3, "waiting": 0, "open": 0, "balanced": true,
        });
        assert!(verdict(&plan).0.ends_with(": balanced"));
        plan["balanced"] = json!(false);
        assert_eq!(verdict(&plan).1, Style::Bad);
        let totals = json!({"fired": 2, "missed": 0, "skipped": 1, "superseded": 0, "cancelled": 0, "waiting": 0});
        assert_eq!(sums(&totals), "of all time: 2 fired, 1 skipped");
    }
}
