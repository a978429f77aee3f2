//! From arguments and variables to a command. Adds to clap that an empty variable is as good as none, and that a
//! wrong value is laid at the door of the variable that it came from.

use std::ffi::OsString;

use clap::{Arg, Command, CommandFactory, FromArgMatches};

use super::Cli;

/// Variables that mean something when they are empty: a server without a token must not come of a slip.
const MEANT: [&str; 1] = ["FASTI_SERVER_TOKEN"];

/// The command that the arguments of this process name; ends the process when they name none.
pub(crate) fn parse() -> Cli {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let matches = command().try_get_matches_from(&arguments);
    let parsed = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.unwrap_or_else(|error| {
        if error.use_stderr()
            && let Some(variable) = culprit(&command(), &error.to_string(), &arguments)
        {
            eprintln!("fasti: the value comes from the variable {variable}");
        }
        error.exit()
    })
}

/// The definition of the command line, for this environment.
pub(crate) fn command() -> Command {
    without_empty(Cli::command())
}

fn without_empty(command: Command) -> Command {
    command
        .mut_args(|argument| {
            if is_empty(&argument) {
                // Another name cannot be taken away from an argument, only changed.
                argument.env("FASTI_NOT_GIVEN").hide_env(true)
            } else {
                argument
            }
        })
        .mut_subcommands(without_empty)
}

fn is_empty(argument: &Arg) -> bool {
    let name = argument
        .get_env()
        .filter(|name| !MEANT.iter().any(|meant| name == meant));
    let value = name.and_then(std::env::var_os);
    value.is_some_and(|value| value.is_empty())
}

/// The variable that a refused value came from, if it was no argument.
fn culprit(command: &Command, message: &str, arguments: &[OsString]) -> Option<String> {
    let is_it = |argument: &&Arg| {
        let Some(option) = argument.get_long().map(|long| format!("--{long}")) else {
            return false;
        };
        let has = |text: &str| {
            text.split(|c: char| !(c.is_alphanumeric() || c == '-'))
                .any(|word| word == option)
        };
        let is_set = argument
            .get_env()
            .and_then(std::env::var_os)
            .is_some_and(|value| !value.is_empty());
        let is_given = arguments
            .iter()
            .any(|given| given.to_str().is_some_and(has));
        is_set && !is_given && has(message)
    };
    let own = command.get_arguments().find(is_it);
    let own = own.and_then(|argument| Some(argument.get_env()?.to_string_lossy().into_owned()));
    let below = || {
        let mut all = command.get_subcommands();
        all.find_map(|below| culprit(below, message, arguments))
    };
    own.or_else(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn help_is_help_whatever_the_environment() {
        let asked = command().try_get_matches_from(["fasti", "serve", "--help"]);
        let kind = asked.map_err(|error| error.kind()).err();
        assert_eq!(kind, Some(clap::error::ErrorKind::DisplayHelp));
    }
}
