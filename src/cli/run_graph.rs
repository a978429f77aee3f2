//! `fasti run graph`: the graph of a run as a table, or as the picture that the page shows.

use std::fmt::Write as _;

use clap::Args;
use serde_json::Value;

use super::client::Client;
use super::read;
use super::show::{Show, Table};

/// Arguments of `fasti run graph`.
#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    /// Id of the run.
    run: u64,
    /// A picture, as SVG on standard output.
    #[arg(long)]
    svg: bool,
}

/// Prints the graph of a run.
pub(crate) fn graph(client: &Client, show: &Show, args: &GraphArgs) -> anyhow::Result<()> {
    let layout = client.get(&format!("/runs/{}/layout", args.run))?;
    let states = client.get(&format!("/runs/{}/states", args.run))?;
    let drawing = Drawing::new(&layout, &states);
    if args.svg {
        return show.line(&drawing.svg(args.run));
    }
    if show.is_json() {
        return show.json(&layout);
    }
    let mut table = Table::new(&["TASK", "PARTS", "STATUS", "WAITS FOR"], &[1]);
    for (at, name) in drawing.names.iter().enumerate() {
        let before = drawing.edges.iter().filter(|(_, to)| *to == at);
        let before: Vec<&str> = before
            .map(|(from, _)| drawing.names[*from].as_str())
            .collect();
        let parts = drawing.parts[at].to_string();
        let status = drawing.statuses[at].to_owned();
        table.row(vec![name.clone(), parts, status, before.join(", ")]);
    }
    show.table(&table)
}

/// What is drawn, in columns.
struct Drawing {
    names: Vec<String>,
    parts: Vec<usize>,
    statuses: Vec<&'static str>,
    /// Upper left corners of the boxes.
    corners: Vec<(i64, i64)>,
    edges: Vec<(usize, usize)>,
    /// Which edge passes where.
    bends: Vec<(usize, (i64, i64))>,
    /// Width and height of a box, and of the picture.
    box_size: (i64, i64),
    size: (i64, i64),
}

impl Drawing {
    fn new(layout: &Value, states: &Value) -> Self {
        let places = |name: &str| -> Vec<usize> {
            let values = numbers(layout, name).into_iter();
            values
                .map(|value| usize::try_from(value).unwrap_or(0))
                .collect()
        };
        let points = |x: &str, y: &str| numbers(layout, x).into_iter().zip(numbers(layout, y));
        let names = layout["names"].as_array().into_iter().flatten();
        let parts = places("parts");
        Self {
            names: names
                .map(|name| read::plain(name.as_str().unwrap_or_default()))
                .collect(),
            statuses: statuses(&parts, states["statuses"].as_str().unwrap_or_default()),
            parts,
            corners: points("x", "y").collect(),
            edges: places("edges_from")
                .into_iter()
                .zip(places("edges_to"))
                .collect(),
            bends: places("bend_edges")
                .into_iter()
                .zip(points("bend_x", "bend_y"))
                .collect(),
            box_size: (number(layout, "box_width"), number(layout, "box_height")),
            size: (number(layout, "width"), number(layout, "height")),
        }
    }

    fn svg(&self, run: u64) -> String {
        let (width, height) = self.size;
        let mut out = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" font-size="13"><title>Run {run}</title>"#
        );
        out.push_str(r##"<rect width="100%" height="100%" fill="#ffffff"/><g fill="none" stroke="#b9b8b0">"##);
        for edge in 0..self.edges.len() {
            let _ = write!(out, r#"<path d="{}"/>"#, self.path(edge));
        }
        out.push_str("</g>");
        for at in 0..self.names.len() {
            self.draw_box(&mut out, at);
        }
        out.push_str("</svg>");
        out
    }

    /// An edge from box to box, by way of its bends.
    fn path(&self, edge: usize) -> String {
        let (from, to) = self.edges[edge];
        let (width, half) = (self.box_size.0, self.box_size.1 / 2);
        let (mut x, mut y) = (self.corners[from].0 + width, self.corners[from].1 + half);
        let mut path = format!("M{x} {y}");
        let mut reach = |(to_x, to_y): (i64, i64), along: i64| {
            let middle = i64::midpoint(x, to_x);
            let _ = write!(path, "C{middle} {y} {middle} {to_y} {to_x} {to_y}h{along}");
            (x, y) = (to_x + along, to_y);
        };
        let first = self.bends.partition_point(|(of, _)| *of < edge);
        for (_, bend) in self.bends[first..].iter().take_while(|(of, _)| *of == edge) {
            reach(*bend, width);
        }
        reach((self.corners[to].0, self.corners[to].1 + half), 0);
        path
    }

    fn draw_box(&self, out: &mut String, at: usize) {
        let (x, y) = self.corners[at];
        let (width, height) = self.box_size;
        let status = self.statuses[at];
        let (colour, sign) = look(status);
        let name = escaped(&self.names[at]);
        let short: String = self.names[at].chars().take(NAME_CHARS).collect();
        let is_cut = short.len() < self.names[at].len();
        let parts = self.parts[at];
        let parts = if parts > 1 {
            format!(" ×{parts}")
        } else {
            String::new()
        };
        let _ = write!(
            out,
            r##"<g><title>{name}: {status}</title><rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5" fill="#ffffff" stroke="{colour}"/><text x="{}" y="{}" fill="{colour}">{sign}</text><text x="{}" y="{}" fill="#1e2023">{}{}{parts}</text></g>"##,
            x + 8,
            y + 18,
            x + 27,
            y + 18,
            escaped(&short),
            if is_cut { "…" } else { "" },
        );
    }
}

/// Characters of a name that fit into a box.
const NAME_CHARS: usize = 18;

/// Colour and sign of a status.
fn look(status: &str) -> (&'static str, &'static str) {
    match status {
        "success" => ("#1b6e35", "✓"),
        "failure" => ("#b3261e", "✕"),
        "running" => ("#1a5fb4", "▶"),
        "queued" => ("#7d5300", "◷"),
        "skipped" => ("#6b4aa0", "»"),
        "cancelled" => ("#55585e", "⊘"),
        _ => ("#62666d", "○"),
    }
}

/// How each task stands: as its part that people most want to hear of.
fn statuses(parts: &[usize], letters: &str) -> Vec<&'static str> {
    const WORST: [(char, &str); 7] = [
        ('f', "failure"),
        ('r', "running"),
        ('q', "queued"),
        ('w', "waiting"),
        ('c', "cancelled"),
        ('k', "skipped"),
        ('s', "success"),
    ];
    let mut letters = letters.chars();
    let of_task = |count: &usize| {
        let own: Vec<char> = letters.by_ref().take(*count).collect();
        let worst = WORST.iter().find(|(letter, _)| own.contains(letter));
        worst.map_or("waiting", |(_, word)| *word)
    };
    parts.iter().map(of_task).collect()
}

fn number(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or_default()
}

fn numbers(value: &Value, name: &str) -> Vec<i64> {
    let values = value[name].as_array().into_iter().flatten();
    values
        .map(|value| value.as_i64().unwrap_or_default())
        .collect()
}

/// Text as it stands in XML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_picture_has_boxes_edges_and_names_as_text() {
        let layout = json!({
            "names": ["<a> & b", "c", "d"], "parts": [1, 2, 1], "width": 700, "height": 80,
            "box_width": 168, "box_height": 26, "x": [12, 256, 500], "y": [12, 30, 12],
            "edges_from": [0, 1, 0], "edges_to": [1, 2, 2],
            "bend_edges": [2], "bend_x": [256], "bend_y": [20],
        });
        let drawing = Drawing::new(&layout, &json!({"statuses": "ssfw"}));
        assert_eq!(drawing.statuses, ["success", "failure", "waiting"]);
        let svg = drawing.svg(7);
        assert!(svg.contains("&lt;a&gt; &amp; b") && !svg.contains("<a>"));
        assert!(svg.contains("c ×2"));
        assert_eq!(svg.matches("<path").count(), 3);
        assert_eq!(
            drawing.path(2),
            "M180 25C218 25 218 20 256 20h168C462 20 462 25 500 25h0"
        );
    }
}
