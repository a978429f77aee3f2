//! Completions and the manual page, from the same definitions as the commands.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::exit::{Exit, Failure};

/// Arguments of `fasti completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "fasti", &mut text);
    print(&text)
}

fn print(text: &[u8]) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Err(Failure::unread().into())
        }
        written => Ok(written?),
    }
}

/// Arguments of `fasti man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Words of a command, such as `run start` [default: all commands, one page after the other].
    command: Vec<String>,
    /// Write a file for every command into this folder, which is made if it is not there.
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    dir: Option<PathBuf>,
}

pub(crate) fn man(args: &ManArgs) -> anyhow::Result<()> {
    let mut pages = Vec::new();
    let mut root = Cli::command();
    root.build();
    collect(&root, "fasti", &mut pages)?;
    if let Some(dir) = &args.dir {
        std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        for (name, page) in pages {
            let path = dir.join(format!("{name}.1"));
            std::fs::write(&path, page).with_context(|| format!("writing {}", path.display()))?;
        }
        return Ok(());
    }
    let wanted = std::iter::once("fasti").chain(args.command.iter().map(String::as_str));
    let wanted: Vec<&str> = wanted.collect();
    let wanted = wanted.join("-");
    let is_wanted = |name: &str| args.command.is_empty() || name == wanted;
    let text: Vec<u8> = pages
        .into_iter()
        .filter(|(name, _)| is_wanted(name))
        .flat_map(|(_, page)| page)
        .collect();
    if text.is_empty() {
        let message = format!(
            "there is no command `{}`; `fasti --help` lists them",
            args.command.join(" ")
        );
        return Err(Failure::new(Exit::Usage, message).into());
    }
    print(&text)
}

/// The page of a command and those of the commands below it, each under its full name, which building the
/// root has given them.
fn collect(
    command: &Command,
    name: &str,
    pages: &mut Vec<(String, Vec<u8>)>,
) -> anyhow::Result<()> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(name.to_uppercase())
        .render(&mut page)?;
    pages.push((name.to_owned(), page));
    for below in command.get_subcommands() {
        if !below.is_hide_set() && below.get_name() != "help" {
            collect(below, &format!("{name}-{}", below.get_name()), pages)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let mut root = Cli::command();
        root.build();
        let mut pages = Vec::new();
        collect(&root, "fasti", &mut pages).unwrap();
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        for name in [
            "fasti",
            "fasti-serve",
            "fasti-run-start",
            "fasti-event-tail",
            "fasti-runner-drain",
        ] {
            assert!(names.contains(&name), "{name}: {names:?}");
        }
        let (_, page) = pages.iter().find(|it| it.0 == "fasti-runner").unwrap();
        let page = String::from_utf8_lossy(page);
        assert!(!page.contains("socket"), "what only `fasti serve` gives");
    }
}
