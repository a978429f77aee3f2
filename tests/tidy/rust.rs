//! Just enough of Rust's grammar: code without comments and literals, the paths it names, its modules.
//!
//! Not a parser. It errs towards seeing too much, which shows as a finding, not as a gap.

/// A path that code names, such as `std::fs::read`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// The line it is on, from 1.
    pub(super) line: usize,
    /// The path with its imports' braces resolved.
    pub(super) path: String,
    /// Whether it stands in a `use`.
    pub(super) imported: bool,
}

/// A word or a mark of the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// The line it is on, from 1.
    pub(super) line: usize,
    /// The word, `::`, or one character.
    pub(super) text: String,
}

/// The tokens of a file, without comments and the content of literals.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    let code = without_literals(source);
    let mut found = Vec::new();
    let mut line = 1;
    let mut rest = code.as_str();
    while let Some(first) = rest.chars().next() {
        let length = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (text, next) = rest.split_at(length);
        if first == '\n' {
            line += 1;
        } else if !first.is_whitespace() {
            found.push(Token {
                line,
                text: text.to_owned(),
            });
        }
        rest = next;
    }
    found
}

/// Every path of a file.
pub(super) fn named(source: &str) -> Vec<Named> {
    let tokens = tokens(source);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if token.text == "use" {
            at = import(&tokens, at + 1, "", &mut found);
        } else if token.text.starts_with(is_word) {
            at = path(&tokens, at, &mut found);
        } else {
            at += 1;
        }
    }
    found
}

/// Names of the modules that a file declares and does not contain.
pub(super) fn modules(source: &str) -> Vec<String> {
    tokens(source)
        .windows(3)
        .filter(|three| three[0].text == "mod" && three[2].text == ";")
        .map(|three| three[1].text.clone())
        .collect()
}

/// Reads a path outside of imports and returns where it ends.
fn path(tokens: &[Token], start: usize, found: &mut Vec<Named>) -> usize {
    let mut path = tokens[start].text.clone();
    let mut at = start + 1;
    while let [colons, word, ..] = tokens.get(at..).unwrap_or_default()
        && colons.text == "::"
        && word.text.starts_with(is_word)
    {
        path.push_str("::");
        path.push_str(&word.text);
        at += 2;
    }
    found.push(Named {
        line: tokens[start].line,
        path,
        imported: false,
    });
    at
}

/// Reads one branch of an import tree and returns where it ends.
fn import(tokens: &[Token], start: usize, prefix: &str, found: &mut Vec<Named>) -> usize {
    let mut path = prefix.to_owned();
    let mut at = start;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            ";" | "," | "}" => break,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = import(tokens, at, &path, found);
                    // A comma parts the branches; anything else would not compile.
                    at += usize::from(tokens.get(at).is_some_and(|token| token.text == ","));
                    if tokens.get(at).is_some_and(|token| token.text == ";") {
                        break;
                    }
                }
                return at + 1;
            }
            "as" => {
                at += 2;
                continue;
            }
            "::" if path.is_empty() => {}
            text => path.push_str(text),
        }
        at += 1;
    }
    let line = tokens
        .get(at.saturating_sub(1))
        .map_or(0, |token| token.line);
    found.push(Named {
        line,
        path,
        imported: true,
    });
    at
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The source with comments and the content of literals blanked; line breaks stay.
fn without_literals(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let after_word = code.ends_with(is_word);
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' && is_character(rest) {
            quoted(rest, '\'')
        } else if first == 'r' && (!after_word || code.ends_with('b')) {
            raw_string(rest).unwrap_or(0)
        } else {
            0
        };
        if skipped == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        code.push(' ');
        code.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
        rest = &rest[skipped..];
    }
    code
}

/// Length of a block comment, which may hold others.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest[at..];
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// Length of a literal between two marks, a backslash guarding the next character.
fn quoted(rest: &str, mark: char) -> usize {
    let mut guarded = false;
    for (at, c) in rest.char_indices() {
        if at == 0 {
            continue;
        }
        if guarded {
            guarded = false;
        } else if c == '\\' {
            guarded = true;
        } else if c == mark {
            return at + 1;
        }
    }
    rest.len()
}

/// Whether a quote opens a character; otherwise it opens a lifetime.
fn is_character(rest: &str) -> bool {
    let mut characters = rest.chars();
    characters.next();
    match (characters.next(), characters.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => true,
        (_, _) => false,
    }
}

/// Length of a raw string, if one starts here.
fn raw_string(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('r')?;
    let hashes = body.find(|c| c != '#')?;
    let opened = body[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = opened.find(&end).map_or(opened.len(), |at| at + end.len());
    Some(1 + hashes + 1 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(source: &str) -> Vec<String> {
        named(source).into_iter().map(|named| named.path).collect()
    }

    #[test]
    fn imports_are_resolved_branch_by_branch() {
        let source =
            "use std::{fs, collections::{BTreeMap, HashMap as Map}};\nuse ::sled;\nuse a::*;";
        assert_eq!(
            paths(source),
            [
                "std::fs",
                "std::collections::BTreeMap",
                "std::collections::HashMap",
                "sled",
                "a::*",
            ]
        );
        assert_eq!(named(source).last().unwrap().line, 3);
    }

    #[test]
    fn code_after_an_import_is_read() {
        assert_eq!(
            paths("use a::{b};\nfn f() { c::d(); }"),
            ["a::b", "fn", "f", "c::d"]
        );
    }

    #[test]
    fn comments_and_literals_name_nothing() {
        let source = "// a::b\n/* c::d /* e */ f::g */ let x = (\"h::i \\\" j::k\", r#\"l \" m\"#, 'n', '\\'', br\"o\");";
        assert_eq!(paths(source), ["let", "x", "b"]);
    }

    #[test]
    fn lifetimes_are_not_characters() {
        let source = "fn f<'a>(x: &'a str) -> &'a str { y::z('q') }";
        assert!(paths(source).contains(&"y::z".to_owned()));
    }

    #[test]
    fn lines_count_through_what_is_left_out() {
        let source = "/*\n\n*/ \"\n\" a::b";
        assert_eq!(named(source)[0].line, 4);
    }

    #[test]
    fn modules_are_those_without_a_body() {
        let source = "mod a;\npub(crate) mod b;\nmod c { fn d() {} }\n// mod e;";
        assert_eq!(modules(source), ["a", "b"]);
    }
}
