"""Rules in gitignore syntax, as far as a single file at the root of a tree needs them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List, NamedTuple, Optional


class _Rule(NamedTuple):
    pattern: "re.Pattern[str]"
    is_exception: bool
    folders_only: bool


class IgnoreRules:
    """An ordered list of rules; the last one that matches a path decides."""

    def __init__(self, lines: List[str]) -> None:
        self._rules = [rule for rule in map(_parse, lines) if rule is not None]

    @classmethod
    def read(cls, path: Path) -> "IgnoreRules":
        """Return the rules of a file; none if there is no such file."""
        try:
            return cls(path.read_text(encoding="utf-8").splitlines())
        except FileNotFoundError:
            return cls([])

    def ignores(self, relative: str, is_folder: bool) -> bool:
        """Tell whether a path, relative to the root and with ``/``, is to be left out.

        What lies in an ignored folder is never asked about: the folder is not entered.
        """
        ignored = False
        for rule in self._rules:
            if rule.folders_only and not is_folder:
                continue
            if rule.pattern.fullmatch(relative):
                ignored = not rule.is_exception
        return ignored


def _parse(line: str) -> Optional[_Rule]:
    text = line.rstrip("\n")
    # Blanks at the end do not count unless escaped.
    while text.endswith(" ") and not text.endswith("\\ "):
        text = text[:-1]
    if not text or text.startswith("#"):
        return None
    is_exception = text.startswith("!")
    if is_exception:
        text = text[1:]
    folders_only = text.endswith("/")
    text = text.rstrip("/")
    if not text:
        return None
    anchored = "/" in text
    body = _translate(text.lstrip("/"))
    prefix = "" if anchored else "(?:.*/)?"
    return _Rule(re.compile(prefix + body, re.DOTALL), is_exception, folders_only)


def _translate(glob: str) -> str:
    """Return the regular expression of a gitignore pattern without its anchors."""
    out = ""
    index = 0
    while index < len(glob):
        char = glob[index]
        if glob.startswith("**/", index) and (index == 0 or glob[index - 1] == "/"):
            out += "(?:.*/)?"
            index += 3
        elif glob.startswith("/**", index) and index + 3 == len(glob):
            out += "/.*"
            index += 3
        elif char == "*":
            out += "[^/]*"
            index += 1
        elif char == "?":
            out += "[^/]"
            index += 1
        elif char == "[":
            end = glob.find("]", index + 2)
            if end < 0:
                out += re.escape(char)
                index += 1
            else:
                inside = glob[index + 1 : end].replace("\\", "\\\\")
                out += "[" + ("^" + inside[1:] if inside[0] in "!^" else inside) + "]"
                index = end + 1
        elif char == "\\" and index + 1 < len(glob):
            out += re.escape(glob[index + 1])
            index += 2
        else:
            out += re.escape(char)
            index += 1
    return out
