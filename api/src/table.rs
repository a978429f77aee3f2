//! Every route as data: for `Allow`, for the difference between "no such path" and "not with this method",
//! and for comparing with the OpenAPI document.

use warp::http::{HeaderValue, Method, header};

use crate::errors::{Code, Problem};

/// One route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    /// `GET`, `POST`, …
    pub(crate) method: &'static str,
    /// Segments; one in braces stands for any, `{name...}` at the end for all that is left.
    pub(crate) segments: Vec<&'static str>,
}

impl Row {
    /// As OpenAPI writes it: `/api/v1/runs/{id}`.
    #[cfg(test)]
    pub(crate) fn path(&self) -> String {
        format!("/{}", self.segments.join("/"))
    }

    fn fits(&self, path: &[&str]) -> bool {
        // What is behind a segment that stands for the rest may be any.
        let has_rest = self.segments.last().is_some_and(|it| it.ends_with("...}"));
        let is_long_enough = if has_rest {
            self.segments.len() <= path.len()
        } else {
            self.segments.len() == path.len()
        };
        is_long_enough
            && self.segments.iter().zip(path).all(|(segment, given)| {
                if segment.starts_with('{') {
                    !given.is_empty()
                } else {
                    segment == given
                }
            })
    }
}

/// Where in the table routes are added: behind some segments.
pub(crate) struct Scope<'a> {
    table: &'a mut Table,
    prefix: Vec<&'static str>,
}

impl<'a> Scope<'a> {
    /// At the root.
    pub(crate) fn new(table: &'a mut Table) -> Self {
        Self {
            table,
            prefix: Vec::new(),
        }
    }

    /// One segment further.
    pub(crate) fn within(&mut self, segment: &'static str) -> Scope<'_> {
        let mut prefix = self.prefix.clone();
        prefix.push(segment);
        Scope {
            table: self.table,
            prefix,
        }
    }

    /// Adds a route behind the segments of the scope.
    pub(crate) fn add(&mut self, method: &'static str, segments: &[&'static str]) {
        let all = [&self.prefix, segments].concat();
        self.table.add(method, all);
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

impl Table {
    fn add(&mut self, method: &'static str, segments: Vec<&'static str>) {
        self.rows.push(Row { method, segments });
    }

    /// All rows.
    #[cfg(test)]
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn methods(&self, path: &str) -> Vec<&'static str> {
        // Addresses of this dialect end with a slash, which the filters pass over.
        let own = path
            .strip_suffix('/')
            .filter(|_| crate::dialects::scale_v6::is_own(path));
        let path = own.unwrap_or(path);
        let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        let fitting: Vec<&Row> = self.rows.iter().filter(|row| row.fits(&segments)).collect();
        // There, a segment that is spelled out is no id: what is for an id is not for it.
        let spelled = |row: &&&Row| {
            row.segments
                .iter()
                .filter(|it| !it.starts_with('{'))
                .count()
        };
        let most = fitting.iter().map(|row| spelled(&row)).max();
        let closest = fitting
            .iter()
            .filter(|row| own.is_none() || Some(spelled(row)) == most);
        closest.map(|row| row.method).collect()
    }

    /// Whether there is a route of exactly this method.
    pub(crate) fn has(&self, method: &Method, path: &str) -> bool {
        self.methods(path).contains(&method.as_str())
    }

    /// Refuses what no route takes.
    ///
    /// # Errors
    /// 404, or 405 with `Allow`.
    pub(crate) fn check(&self, method: &Method, path: &str) -> Result<(), Problem> {
        let mut methods = self.methods(path);
        if methods.is_empty() {
            return Err(Problem::new(
                Code::NotFound,
                format!("nothing is at `{path}`; GET /api/v1/openapi.json lists what there is"),
            ));
        }
        if methods.contains(&"GET") && !methods.contains(&"HEAD") {
            methods.push("HEAD");
        }
        if methods.contains(&method.as_str()) {
            return Ok(());
        }
        methods.sort_unstable();
        let allow = methods.join(", ");
        let detail = format!("`{path}` takes {allow}, not {method}");
        let problem = Problem::new(Code::MethodNotAllowed, detail);
        Err(match HeaderValue::from_str(&allow) {
            Ok(allow) => problem.with_header(header::ALLOW, allow),
            Err(_) => problem,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn table() -> Table {
        let mut table = Table::default();
        table.add("GET", vec!["runs"]);
        table.add("POST", vec!["runs"]);
        table.add("GET", vec!["runs", "{id}"]);
        table.add("HEAD", vec!["bundles", "{id}"]);
        table.add("GET", vec!["images", "{name...}"]);
        table
    }

    fn status(method: &str, path: &str) -> u16 {
        let method: Method = method.parse().unwrap();
        table()
            .check(&method, path)
            .map_or_else(|p| p.code().status(), |()| 200)
    }

    #[test]
    fn paths_and_methods_are_told_apart() {
        assert_eq!(status("GET", "/runs"), 200);
        assert_eq!(status("HEAD", "/runs/7"), 200);
        assert_eq!(status("DELETE", "/runs"), 405);
        assert_eq!(status("GET", "/bundles/x"), 405);
        assert_eq!(status("GET", "/images/a/b:1"), 200);
        assert_eq!(status("GET", "/images/"), 404);
        for path in ["/", "/run", "/runs/", "/runs/7/", "/runs/7/x", "//runs"] {
            assert_eq!(status("GET", path), 404, "{path}");
        }
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        let refused = table()
            .check(&Method::PUT, "/runs")
            .unwrap_err()
            .into_response(None);
        assert_eq!(refused.headers()["allow"], "GET, HEAD, POST");
    }
}
