//! Lines out of files, forwards and backwards, some at a time. Nothing of a file is held but a page of it.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use super::line;
use crate::dialects::rescale_htc::wire::LogEvent;

/// Bytes read at a time.
const CHUNK_BYTES: u64 = 64 << 10;

/// Bytes of one message; a longer line is several.
const MESSAGE_BYTES_MAX: usize = 256 << 10;

/// Bytes of all messages of a page; it ends early then.
const PAGE_BYTES_MAX: usize = 32 << 20;

/// One file of the text.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) path: PathBuf,
    /// Of all its lines.
    pub(super) timestamp: String,
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    /// Number of the file, and how far in it: where the page begins.
    pub(super) from: Option<[u64; 2]>,
    pub(super) size: usize,
    pub(super) is_ascending: bool,
}

/// A page.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) lines: Vec<LogEvent>,
    /// Where the next one begins.
    pub(super) next: Option<[u64; 2]>,
}

/// Reads a page.
///
/// # Errors
/// A file that is there cannot be read.
pub(super) fn read(pieces: &[Piece], asked: &Asked) -> io::Result<Read> {
    let mut page = Page {
        lines: Vec::new(),
        bytes: 0,
        size: asked.size,
    };
    let next = if asked.is_ascending {
        forwards(pieces, asked.from, &mut page)?
    } else {
        backwards(pieces, asked.from, &mut page)?
    };
    Ok(Read {
        lines: page.lines,
        next,
    })
}

struct Page {
    lines: Vec<LogEvent>,
    bytes: usize,
    size: usize,
}

impl Page {
    fn is_full(&self) -> bool {
        self.lines.len() >= self.size || self.bytes >= PAGE_BYTES_MAX
    }

    fn push(&mut self, piece: &Piece, bytes: &[u8]) {
        self.bytes += bytes.len();
        self.lines.push(line(piece, bytes));
    }
}

/// A file and its length; one that is not there is empty.
fn open(piece: &Piece) -> io::Result<Option<(File, u64)>> {
    match File::open(&piece.path) {
        Ok(file) => {
            let length = file.metadata()?.len();
            Ok(Some((file, length)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn backwards(
    pieces: &[Piece],
    from: Option<[u64; 2]>,
    page: &mut Page,
) -> io::Result<Option<[u64; 2]>> {
    for (number, piece) in pieces.iter().enumerate().rev() {
        let number = number as u64;
        let limit = match from {
            Some([first, _]) if number > first => continue,
            Some([first, at]) if number == first => at,
            Some(_) | None => u64::MAX,
        };
        let Some((mut file, length)) = open(piece)? else {
            continue;
        };
        let mut tail = Tail::new(&mut file, length.min(limit));
        while tail.end > 0 {
            if page.is_full() {
                return Ok(Some([number, tail.end]));
            }
            let line = tail.line()?;
            page.push(piece, line);
            tail.pass();
        }
    }
    Ok(None)
}

/// A file read from its end.
struct Tail<'a> {
    file: &'a mut File,
    /// What of it is known: from `begin` to `end`.
    known: Vec<u8>,
    begin: u64,
    end: u64,
    /// Where the line that was found last begins in `known`.
    line_begin: usize,
}

impl<'a> Tail<'a> {
    fn new(file: &'a mut File, end: u64) -> Self {
        Self {
            file,
            known: Vec::new(),
            begin: end,
            end,
            line_begin: 0,
        }
    }

    /// The line that ends here, without its newline.
    fn line(&mut self) -> io::Result<&[u8]> {
        if self.known.is_empty() {
            self.read_before()?;
        }
        // A newline here ends this line; without one it is the last, or what is left of a long one.
        let has_newline = self.known.last() == Some(&b'\n');
        loop {
            let line_end = self.known.len() - usize::from(has_newline);
            let known = &self.known[..line_end];
            let newline = known.iter().rposition(|byte| *byte == b'\n');
            let begin = newline.map_or(0, |at| at + 1);
            if line_end - begin > MESSAGE_BYTES_MAX {
                self.line_begin = char_boundary(known, line_end - MESSAGE_BYTES_MAX);
                return Ok(&self.known[self.line_begin..line_end]);
            }
            if newline.is_some() || self.begin == 0 {
                self.line_begin = begin;
                return Ok(&self.known[begin..line_end]);
            }
            self.read_before()?;
        }
    }

    /// Goes on before the line that was found.
    fn pass(&mut self) {
        self.known.truncate(self.line_begin);
        self.end = self.begin + self.line_begin as u64;
    }

    fn read_before(&mut self) -> io::Result<()> {
        let count = CHUNK_BYTES.min(self.begin);
        let begin = self.begin - count;
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(begin))?;
        self.file.by_ref().take(count).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != count {
            return Err(io::Error::other("a file of output became shorter"));
        }
        bytes.append(&mut self.known);
        self.known = bytes;
        self.begin = begin;
        Ok(())
    }
}

/// The first beginning of a character from `at` on; `at` itself when there is none near.
fn char_boundary(bytes: &[u8], at: usize) -> usize {
    let is_inside = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    (at..at + 4).find(|at| !is_inside(*at)).unwrap_or(at)
}

fn forwards(
    pieces: &[Piece],
    from: Option<[u64; 2]>,
    page: &mut Page,
) -> io::Result<Option<[u64; 2]>> {
    for (number, piece) in (0_u64..).zip(pieces) {
        let mut at = match from {
            Some([first, _]) if number < first => continue,
            Some([first, at]) if number == first => at,
            Some(_) | None => 0,
        };
        let Some((mut file, length)) = open(piece)? else {
            continue;
        };
        file.seek(SeekFrom::Start(at))?;
        let mut known: Vec<u8> = Vec::new();
        while at < length {
            if page.is_full() {
                return Ok(Some([number, at]));
            }
            let newline = known.iter().position(|byte| *byte == b'\n');
            let unread = length - at - known.len() as u64;
            let (taken, passed) = match newline {
                Some(end) if end <= MESSAGE_BYTES_MAX => (end, end + 1),
                _ if known.len() > MESSAGE_BYTES_MAX => {
                    let end = last_boundary(&known, MESSAGE_BYTES_MAX);
                    (end, end)
                }
                _ if unread > 0 => {
                    let wanted = CHUNK_BYTES.min(unread);
                    if file.by_ref().take(wanted).read_to_end(&mut known)? == 0 {
                        return Err(io::Error::other("a file of output became shorter"));
                    }
                    continue;
                }
                _ => (known.len(), known.len()),
            };
            page.push(piece, &known[..taken]);
            known.drain(..passed);
            at += passed as u64;
        }
    }
    Ok(None)
}

/// The last beginning of a character up to `at`; `at` itself when there is none near.
fn last_boundary(bytes: &[u8], at: usize) -> usize {
    let is_inside = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    (at.saturating_sub(3)..=at)
        .rev()
        .find(|at| !is_inside(*at))
        .unwrap_or(at)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn pieces(texts: &[&[u8]]) -> (tempfile::TempDir, Vec<Piece>) {
        let folder = tempfile::tempdir().unwrap();
        let piece = |(number, text): (usize, &&[u8])| {
            let path = folder.path().join(number.to_string());
            if !text.is_empty() {
                std::fs::write(&path, text).unwrap();
            }
            Piece {
                path,
                timestamp: format!("t{number}"),
            }
        };
        let pieces = texts.iter().enumerate().map(piece).collect();
        (folder, pieces)
    }

    /// All pages of so many lines, as one list.
    fn all(pieces: &[Piece], size: usize, is_ascending: bool) -> Vec<String> {
        let mut lines = Vec::new();
        let mut from = None;
        loop {
            let asked = Asked {
                from,
                size,
                is_ascending,
            };
            let page = read(pieces, &asked).unwrap();
            assert!(page.lines.len() <= size);
            assert!(page.next.is_none() || page.lines.len() == size);
            lines.extend(page.lines.into_iter().map(|line| line.message));
            match page.next {
                None => return lines,
                next => from = next,
            }
        }
    }

    fn check(texts: &[&[u8]], lines: &[&str]) {
        let (_folder, pieces) = pieces(texts);
        for size in [1, 2, 3, 100] {
            let mut down = all(&pieces, size, false);
            down.reverse();
            assert_eq!(down, lines, "backwards by {size}");
            assert_eq!(all(&pieces, size, true), lines, "forwards by {size}");
        }
    }

    #[test]
    fn lines_are_what_stands_between_newlines() {
        check(&[], &[]);
        check(&[b""], &[]);
        check(&[b"a\n"], &["a"]);
        check(&[b"a"], &["a"]);
        check(&[b"\n"], &[""]);
        check(&[b"a\n\n\nb"], &["a", "", "", "b"]);
        check(&[b"\na\n"], &["", "a"]);
        check(&[b"a\nb", b"", b"c\n", b"\nd"], &["a", "b", "c", "", "d"]);
        check(&[b"\xff\n\xc3\xa9"], &["\u{fffd}", "\u{e9}"]);
    }

    #[test]
    fn chunks_do_not_show() {
        let text: Vec<String> = (0..40_000).map(|number| format!("line {number}")).collect();
        let lines: Vec<&str> = text.iter().map(String::as_str).collect();
        let (_folder, pieces) = pieces(&[text.join("\n").as_bytes()]);
        let mut down = all(&pieces, 10_000, false);
        down.reverse();
        assert_eq!(down, lines);
        assert_eq!(all(&pieces, 10_000, true), lines);
    }

    #[test]
    fn a_long_line_is_several_and_whole() {
        let long = "\u{e9}".repeat(MESSAGE_BYTES_MAX);
        let text = format!("x\n{long}\ny\n");
        let (_folder, pieces) = pieces(&[text.as_bytes()]);
        for is_ascending in [false, true] {
            let mut lines = all(&pieces, 100, is_ascending);
            if !is_ascending {
                lines.reverse();
            }
            assert_eq!(lines.first().unwrap(), "x");
            assert_eq!(lines.last().unwrap(), "y");
            assert_eq!(lines[1..lines.len() - 1].concat(), long);
        }
    }

    #[test]
    fn lines_that_come_meanwhile_shift_nothing() {
        let (_folder, pieces) = pieces(&[b"a\nb\nc\n"]);
        let asked = |from| Asked {
            from,
            size: 1,
            is_ascending: false,
        };
        let first = read(&pieces, &asked(None)).unwrap();
        assert_eq!(first.lines[0].message, "c");
        std::fs::write(&pieces[0].path, "a\nb\nc\nd\ne\n").unwrap();
        let second = read(&pieces, &asked(first.next)).unwrap();
        assert_eq!(second.lines[0].message, "b");
    }
}
