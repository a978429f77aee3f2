//! The audit of a running server from outside: its exact records are read and chained again here, its anchors are
//! compared with them. The server's word is taken for nothing but how far it says that its log goes.

use std::collections::BTreeMap;
use std::io::BufRead;

use fasti_core::domain::ids::Seq;
use fasti_core::store::{Anchor, ChainCheck, Expectations, Head};
use serde_json::{Value, json};

use super::super::client::{Client, reader};
use super::super::exit::{Exit, Failure};
use super::super::show::{Show, Style};
use super::{Counter, hex};

/// Records asked for at a time.
const PAGE: u64 = 5_000;

/// What was found.
#[derive(Debug, Default)]
struct Found {
    chain: ChainCheck,
    /// Where the server says that its log ends.
    durable: Seq,
    anchors: usize,
    keys: Vec<String>,
    /// Last position that somebody vouches for.
    vouched: Seq,
    /// First position that is not what was written.
    changed: Option<(Seq, String)>,
    /// First position that is missing.
    missing: Option<(Seq, String)>,
}

/// Audits the server of `client`.
pub(super) fn verify(client: &Client, show: &Show, expected: &Expectations) -> anyhow::Result<()> {
    let mut found = Found {
        durable: Seq(client.get("/health")?["log_seq"].as_u64().unwrap_or(0)),
        ..Found::default()
    };
    let said = said(client, expected, &mut found)?;
    let bar = Counter::new(show, "records chained");
    while found.changed.is_none() && found.chain.last().seq < found.durable {
        let before = found.chain.last().seq;
        page(client, &said, &mut found)?;
        if found.chain.last().seq == before && found.changed.is_none() {
            let why = format!(
                "the log ends at {before} although it is said to go to {}",
                found.durable
            );
            found.missing = Some((before.next(), why));
            break;
        }
        bar.set(found.chain.last().seq);
    }
    drop(bar);
    let end = found.chain.last().seq;
    if found.changed.is_none() && found.missing.is_none() && found.vouched > end {
        let why = format!(
            "the log ends at {end} although seq {} is vouched for",
            found.vouched
        );
        found.missing = Some((end.next(), why));
    }
    tell(client, show, &found)
}

/// Hashes that positions must have: by the server's anchors, and by what the caller knows.
fn said(
    client: &Client,
    expected: &Expectations,
    found: &mut Found,
) -> anyhow::Result<BTreeMap<Seq, [u8; 32]>> {
    let mut said = BTreeMap::new();
    for line in reader(client.open("/log/anchors", None)?).lines() {
        let anchor: Anchor = serde_json::from_str(&line?)?;
        let seq = Seq(anchor.last);
        let is_of_key = expected.key.as_ref().is_none_or(|key| *key == anchor.key);
        let hash = anchor
            .chain_hash()
            .filter(|_| anchor.is_signed() && is_of_key);
        let Some(hash) = hash else {
            let why = format!("the anchor of seq {seq} is not signed by its key, or by another");
            found.changed = Some((seq, why));
            break;
        };
        found.anchors += 1;
        if !found.keys.contains(&anchor.key) {
            found.keys.push(anchor.key);
        }
        said.insert(seq, hash);
    }
    said.extend(expected.positions.iter().copied());
    // An anchor signed since health was asked is no gap.
    let known = said.keys().next_back().copied().unwrap_or_default();
    found.vouched = known;
    found.durable = found.durable.max(known);
    Ok(said)
}

/// Reads one page of records and chains them.
fn page(client: &Client, said: &BTreeMap<Seq, [u8; 32]>, found: &mut Found) -> anyhow::Result<()> {
    let from = found.chain.last().seq.next();
    let wanted = PAGE.min(found.durable.0 + 1 - from.0);
    let path = format!("/log/records?from={from}&limit={wanted}");
    for line in reader(client.open(&path, None)?).lines() {
        let seq = found.chain.last().seq.next();
        let checked = match serde_json::from_str(&line?).ok().as_ref().and_then(parts) {
            None => Err("it is no record".to_owned()),
            Some((record, hash)) => found.chain.push(&record, hash),
        };
        if let Err(why) = checked {
            found.changed = Some((seq, why));
            return Ok(());
        }
        let Head { seq, hash, .. } = found.chain.last();
        if said.get(&seq).is_some_and(|said| *said != hash) {
            let why = "the hash there is not the one that was anchored or expected".to_owned();
            found.changed = Some((seq, why));
            return Ok(());
        }
    }
    Ok(())
}

fn parts(line: &Value) -> Option<(Vec<u8>, [u8; 32])> {
    use base64::Engine as _;
    let record = line["record"].as_str()?;
    let record = base64::engine::general_purpose::STANDARD
        .decode(record)
        .ok()?;
    let hash: fasti_core::domain::ids::Digest = line["hash"].as_str()?.parse().ok()?;
    Some((record, hash.0))
}

fn tell(client: &Client, show: &Show, found: &Found) -> anyhow::Result<()> {
    let Head { seq: end, hash, .. } = found.chain.last();
    let (is_intact, is_complete) = (found.changed.is_none(), found.missing.is_none());
    let bad = found.changed.as_ref().or(found.missing.as_ref());
    if show.is_json() {
        let fault = if is_intact { "missing" } else { "changed" };
        show.json(&json!({
            "ok": is_intact && is_complete,
            "is_intact": is_intact,
            "is_complete": is_intact && is_complete,
            "url": client.url(),
            "last_seq": end.0,
            "hash": hex(&hash),
            "records": end.0,
            "anchors": found.anchors,
            "keys": found.keys,
            "vouched_seq": found.vouched.0,
            "durable_seq": found.durable.0,
            "first_bad": bad.map(|(seq, why)| json!({"seq": seq.0, "why": why, "fault": fault})),
        }))?;
    } else {
        let word = |is_good: bool| if is_good { "ok" } else { "broken" };
        show.line(&format!("server        {}", client.url()))?;
        show.line(&format!(
            "integrity     {}: {} exact records, chained again here",
            word(is_intact),
            end
        ))?;
        let complete = match (is_intact, is_complete) {
            (true, is_complete) => word(is_complete),
            (false, _) => "not known beyond the damage",
        };
        show.line(&format!(
            "completeness  {complete}: 1 to {end} without a gap; the last durable event was {}",
            found.durable
        ))?;
        if found.anchors > 0 {
            show.line(&format!(
                "sealed        {} anchors signed by {}, up to seq {}",
                found.anchors,
                found.keys.join(", "),
                found.vouched
            ))?;
        }
        show.line(&format!("position      {end}:{}", hex(&hash)))?;
    }
    if let Some((seq, why)) = bad {
        let message = format!("the history is not whole: at seq {seq}: {why}");
        return Err(Failure::new(Exit::VerifyFailed, message).into());
    }
    let good = show.styled("the history is whole", Style::Good);
    show.note(&format!(
        "{good}: keep the position and its hash elsewhere to prove it later"
    ));
    Ok(())
}
