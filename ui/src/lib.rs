//! The embedded web page of Fasti: its files, compiled in, and nothing else. It talks to the native interface
//! like any other client.

/// A file of the page with its content type; `None` if there is none of this name. `path` is relative and has
/// no leading slash.
#[must_use]
pub fn asset(path: &str) -> Option<(&'static [u8], &'static str)> {
    match path {
        "index.html" => Some((
            include_bytes!("../dist/index.html"),
            "text/html; charset=utf-8",
        )),
        "app.js" => Some((
            include_bytes!("../dist/app.js"),
            "text/javascript; charset=utf-8",
        )),
        "app.css" => Some((include_bytes!("../dist/app.css"), "text/css; charset=utf-8")),
        _ => None,
    }
}
