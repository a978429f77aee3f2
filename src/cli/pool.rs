//! `fasti pool`: named shares of capacity, and how wide they are.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Global;
use super::client::{Client, encode};
use super::read;
use super::show::{Show, Table};
use crate::config::ConfigFile;

/// Commands about pools.
#[derive(Debug, Subcommand)]
pub(crate) enum PoolCommand {
    /// List pools that have a limit, or of which something is taken.
    List(ListArgs),
    /// Show a pool: its limits, and what of it is taken.
    Show(Named),
    /// Limit a pool; running attempts keep what they have.
    Limit(LimitArgs),
}

/// Which pools to list.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// At most so many.
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
}

/// A pool.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Name of the pool.
    pool: String,
}

/// A pool and how wide it is to be.
#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    #[command(flatten)]
    named: Named,
    /// Units, or `none` to take the limit away.
    #[arg(value_name = "N|none", value_parser = units)]
    limit: Units,
}

/// How wide a pool is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Units {
    Of(u64),
    Unlimited,
}

fn units(text: &str) -> Result<Units, String> {
    if text == "none" {
        return Ok(Units::Unlimited);
    }
    let units = text.parse().map(Units::Of);
    units.map_err(|_| "must be a whole number from 0 on, or `none`".to_owned())
}

pub(crate) fn run(
    command: PoolCommand,
    global: &Global,
    config: &ConfigFile,
) -> anyhow::Result<()> {
    let show = Show::new(global);
    let client = Client::new(global, config);
    match command {
        PoolCommand::List(args) => list(&client, &show, args.limit),
        PoolCommand::Show(named) => page(&show, &client.get(&path(&named.pool))?),
        PoolCommand::Limit(args) => limit(&client, &show, &args),
    }
}

fn path(name: &str) -> String {
    format!("/pools/{}", encode(name))
}

fn list(client: &Client, show: &Show, limit: usize) -> anyhow::Result<()> {
    let pools = client.list("/pools", limit)?;
    if show.is_json() {
        return pools.iter().try_for_each(|pool| show.json_line(pool));
    }
    let mut table = Table::new(&["NAME", "UNITS", "USED"], &[1, 2]);
    for pool in &pools {
        table.row(vec![read::text(pool, "name"), capacity(pool), used(pool)]);
    }
    show.table(&table)
}

fn page(show: &Show, pool: &Value) -> anyhow::Result<()> {
    if show.is_json() {
        return show.json(pool);
    }
    let name = read::plain(&read::text(pool, "name"));
    show.line(&format!(
        "{name}  {} of {} in use",
        used(pool),
        capacity(pool)
    ))?;
    for (name, units) in pool["limits"].as_object().into_iter().flatten() {
        show.line(&format!("  {:<11} {units}", read::plain(name)))?;
    }
    Ok(())
}

fn limit(client: &Client, show: &Show, args: &LimitArgs) -> anyhow::Result<()> {
    let limit = match args.limit {
        Units::Of(units) => Some(units),
        Units::Unlimited => None,
    };
    let name = &args.named.pool;
    let pool = client.put(&path(name), &json!({"limit": limit}))?;
    if show.is_json() {
        return show.json(&pool);
    }
    show.note(&format!("the pool {name} has {} units", capacity(&pool)));
    Ok(())
}

fn capacity(pool: &Value) -> String {
    let units = pool["capacity"].as_u64();
    units.map_or_else(|| "unlimited".to_owned(), |units| units.to_string())
}

fn used(pool: &Value) -> String {
    pool["used"].as_u64().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_none() {
        assert_eq!(units("4"), Ok(Units::Of(4)));
        assert_eq!(units("0"), Ok(Units::Of(0)));
        assert_eq!(units("none"), Ok(Units::Unlimited));
        assert!(units("-1").is_err());
        assert!(units("many").is_err());
    }
}
