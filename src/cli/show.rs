//! Everything that the commands print: data on stdout, notes on stderr. Nothing else writes there, so that
//! `--json`, `--quiet`, colours and pipes mean the same everywhere.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use super::exit::Failure;
use super::{Colour, Global, read};

/// A terminal that does not say how wide it is.
const WIDTH_DEFAULT: usize = 100;

/// Characters of a cell of a table: `--json` has the whole of a long one.
const CELL_MAX: usize = 200;

/// How to print.
#[derive(Debug, Clone)]
pub(crate) struct Show {
    is_json: bool,
    is_quiet: bool,
    has_colours: bool,
}

/// What a piece of text is, and so how it looks on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Bold,
    Dim,
    Good,
    Busy,
    Bad,
}

impl Style {
    /// The style of a status of a run or a task run.
    pub(crate) fn of_status(status: &str) -> Self {
        match status {
            "success" | "ok" => Self::Good,
            "running" | "warn" => Self::Busy,
            "failure" | "fail" => Self::Bad,
            "waiting" | "skipped" | "cancelled" => Self::Dim,
            _ => Self::Plain,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Busy => "33",
            Self::Bad => "31",
        }
    }
}

impl Show {
    pub(crate) fn new(global: &Global) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let forced = std::env::var_os("CLICOLOR_FORCE")
            .is_some_and(|value| !value.is_empty() && value != "0");
        let has_colours = match global.color {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => !set("NO_COLOR") && (forced || io::stdout().is_terminal()),
        };
        Self {
            is_json: global.json,
            is_quiet: global.quiet,
            has_colours,
        }
    }

    /// Whether the caller wants JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Whether progress may be drawn: there is somebody to see it, and they did not ask for silence.
    pub(crate) fn draws_progress(&self) -> bool {
        !self.is_quiet && io::stderr().is_terminal()
    }

    /// A JSON document.
    pub(crate) fn json(&self, value: &Value) -> anyhow::Result<()> {
        self.line(&format!("{value:#}"))
    }

    /// One JSON document of many, on a line of its own.
    pub(crate) fn json_line(&self, value: &Value) -> anyhow::Result<()> {
        self.line(&value.to_string())
    }

    /// A line of text.
    pub(crate) fn line(&self, text: &str) -> anyhow::Result<()> {
        self.bytes(format!("{text}\n").as_bytes())
    }

    /// Bytes as they are.
    #[expect(clippy::unused_self, reason = "all output goes through this type")]
    pub(crate) fn bytes(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(()),
            // The reader has seen enough, as `head` has.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                Err(Failure::unread().into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Bytes that belong beside the data.
    #[expect(clippy::unused_self, reason = "all output goes through this type")]
    pub(crate) fn aside(&self, bytes: &[u8]) {
        // Nobody can be told that stderr cannot be written to.
        drop(io::stderr().lock().write_all(bytes));
    }

    /// A note, unless they are not wanted.
    pub(crate) fn note(&self, text: &str) {
        if !self.is_quiet {
            self.aside(format!("{text}\n").as_bytes());
        }
    }

    /// Text in its style, where there are colours.
    pub(crate) fn styled(&self, text: &str, style: Style) -> String {
        if !self.has_colours || style == Style::Plain {
            return text.to_owned();
        }
        format!("\x1b[{}m{text}\x1b[0m", style.code())
    }

    /// A table; cut to the width of the terminal if there is one.
    pub(crate) fn table(&self, table: &Table) -> anyhow::Result<()> {
        let width = io::stdout().is_terminal().then(terminal_width);
        let text = table.text(width, |text, style| self.styled(text, style));
        self.bytes(text.as_bytes())
    }
}

fn terminal_width() -> usize {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
        Ok(_) | Err(_) => WIDTH_DEFAULT,
    }
}

/// Rows under heads; columns are as wide as their widest cell.
#[derive(Debug, Default)]
pub(crate) struct Table {
    heads: Vec<&'static str>,
    /// Columns flush right.
    right: Vec<usize>,
    rows: Vec<Vec<(String, Style)>>,
}

impl Table {
    pub(crate) fn new(heads: &[&'static str], right: &[usize]) -> Self {
        Self {
            heads: heads.to_vec(),
            right: right.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; a cell under the head `STATUS` takes the style of that status.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        let styled = self.heads.iter().zip(cells).map(|(head, cell)| {
            let style = if *head == "STATUS" {
                Style::of_status(&cell)
            } else {
                Style::Plain
            };
            (cut(&read::plain(&cell), CELL_MAX), style)
        });
        self.rows.push(styled.collect());
    }

    fn text(&self, width: Option<usize>, styled: impl Fn(&str, Style) -> String) -> String {
        let heads: Vec<(String, Style)> = self
            .heads
            .iter()
            .map(|head| ((*head).to_owned(), Style::Bold))
            .collect();
        let lines: Vec<&Vec<(String, Style)>> = std::iter::once(&heads).chain(&self.rows).collect();
        let widths: Vec<usize> = (0..self.heads.len())
            .map(|column| {
                lines
                    .iter()
                    .map(|line| line[column].0.chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for line in lines {
            self.write_line(&mut text, line, (&widths, width), &styled);
        }
        text
    }

    fn write_line(
        &self,
        text: &mut String,
        line: &[(String, Style)],
        (widths, limit): (&[usize], Option<usize>),
        styled: &impl Fn(&str, Style) -> String,
    ) {
        let mut used = 0;
        let last = line
            .iter()
            .rposition(|(cell, _)| !cell.is_empty())
            .unwrap_or(0);
        for (column, (cell, style)) in line.iter().enumerate().take(last + 1) {
            let room = limit.map_or(usize::MAX, |limit| limit.saturating_sub(used));
            let cell = if column + 1 == line.len() {
                cut(cell, room)
            } else {
                cell.clone()
            };
            let fill = " ".repeat(widths[column] - cell.chars().count());
            let (before, after) = if self.right.contains(&column) {
                (fill.as_str(), "")
            } else {
                ("", fill.as_str())
            };
            let after = if column == last { "" } else { after };
            // Writing to a string cannot fail.
            let _ = write!(text, "{before}{}{after}", styled(&cell, *style));
            if column < last {
                text.push_str("  ");
            }
            used += widths[column] + 2;
        }
        text.push('\n');
    }
}

/// At most `room` characters, the last one an ellipsis if there were more. A column is never cut to nothing.
fn cut(text: &str, room: usize) -> String {
    const SHORTEST: usize = 12;
    let room = room.max(SHORTEST);
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(room - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["ID", "NAME", "REASON"], &[0]);
        table.row(vec!["7".into(), "load".into(), String::new()]);
        table.row(vec![
            "12".into(),
            "a".into(),
            "exit\ncode 3 and more".into(),
        ]);
        table
    }

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let text = table().text(None, |text, _| text.to_owned());
        assert_eq!(
            text,
            "ID  NAME  REASON\n 7  load\n12  a     exit code 3 and more\n"
        );
    }

    #[test]
    fn the_last_column_is_cut_to_the_terminal() {
        let text = table().text(Some(24), |text, _| text.to_owned());
        assert!(text.ends_with("12  a     exit code 3 a…\n"), "{text}");
    }

    #[test]
    fn a_cell_has_an_end() {
        let mut table = Table::new(&["REASON"], &[]);
        table.row(vec!["x".repeat(2_000)]);
        let text = table.text(None, |text, _| text.to_owned());
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert_eq!(longest, Some(CELL_MAX));
        assert!(text.ends_with("…\n"));
    }

    #[test]
    fn styles_do_not_count_as_width() {
        let mut table = Table::new(&["STATUS", "N"], &[1]);
        table.row(vec!["failure".into(), "10".into()]);
        let text = table.text(None, |text, style| match style {
            Style::Bad => format!("<{text}>"),
            Style::Plain | Style::Bold | Style::Dim | Style::Good | Style::Busy => text.to_owned(),
        });
        assert_eq!(text, "STATUS    N\n<failure>  10\n");
    }
}
