"""Writes the reference pages in ``docs/python/`` from the docstrings.

    python tools/reference.py            # writes the pages
    python tools/reference.py --check    # ends with an error if a page is not as written

A page per class and one for functions, errors and each further module.  A docstring is
the only place where the text of a page is changed.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import textwrap
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "python"

CLASSES = (
    "DAG", "Task", "ParallelTask", "CommandTask", "Retry", "Schedule", "Priority", "Run",
    "BatchRunResults", "RerunPlan", "PlannedTask",
)  # fmt: skip
FUNCTIONS = ("batch", "get_job_result", "get_job_logs", "get_job_metrics", "get_batches")
MODULES = ("fasti.testing", "fasti.aio", "fasti.dataframes")

#: First line of every page.
_NOTE = "<!-- Written by python/tools/reference.py from the docstrings. -->"

#: Longest line of a signature in a code block.
_LINE_CHARS = 100


def pages() -> Dict[str, str]:
    """Return the text of every page by file name."""
    sys.path.insert(0, str(ROOT / "python" / "src"))
    scheduler = importlib.import_module("fasti.scheduler")
    found = {}
    for name in CLASSES:
        found[f"{name.lower()}.md"] = _page(name, _class(getattr(scheduler, name)))
    functions = "\n\n".join(_function(getattr(scheduler, name)) for name in FUNCTIONS)
    found["functions.md"] = _page("Functions", functions)
    found["errors.md"] = _page("Errors", _errors(scheduler))
    for name in MODULES:
        found[f"{name.replace('.', '-')}.md"] = _page(name, _module(importlib.import_module(name)))
    found["README.md"] = _page("The Python package, page by page", _index(scheduler))
    return found


def _page(title: str, body: str) -> str:
    return f"{_NOTE}\n\n# {title}\n\n{body.strip()}\n"


def _index(scheduler: Any) -> str:
    lines = [
        "How to use it all is told in [Writing batches in Python](../python.md), and what is "
        "different elsewhere in [Coming from elsewhere](migration.md). These pages are the "
        "reference.",
        "",
        "| page | |",
        "| --- | --- |",
    ]
    for name in CLASSES:
        lines.append(f"| [`{name}`]({name.lower()}.md) | {_summary(getattr(scheduler, name))} |")
    names = ", ".join(f"`{name}`" for name in FUNCTIONS)
    lines.append(f"| [Functions](functions.md) | {names} |")
    lines.append("| [Errors](errors.md) | Every exception, and what it is besides |")
    for name in MODULES:
        module = importlib.import_module(name)
        lines.append(f"| [`{name}`]({name.replace('.', '-')}.md) | {_summary(module)} |")
    return "\n".join(lines)


def _summary(thing: Any) -> str:
    return _prose(inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ").rstrip(":")


def _class(kind: Any) -> str:
    parts = [_prose(inspect.getdoc(kind) or "")]
    if "__init__" in vars(kind) or kind.__name__ == "RunOutcome":
        parts.insert(0, _code(kind.__name__, kind))
    attributes = list(_attributes(kind))
    if attributes:
        lines = ["| attribute | |", "| --- | --- |"]
        lines += [f"| `{name}` | {text} |" for name, text in attributes]
        parts.append("\n".join(lines))
    for name, member in vars(kind).items():
        if name.startswith("_") or not inspect.isfunction(member):
            continue
        parts.append(_function(member, f"{kind.__name__}."))
    return "\n\n".join(part for part in parts if part)


def _attributes(kind: Any) -> Iterator[Tuple[str, str]]:
    """Yield documented attributes: members of an enumeration, ``#:`` comments, properties."""
    for member in getattr(kind, "__members__", {}):
        yield member, ""
    source = inspect.getsource(kind)
    comment = re.compile(r"((?:^ *#: .*\n)+) +(?:self\.)?([a-z_]\w*)\b(?:[:=]| [:=])", re.M)
    for match in comment.finditer(source):
        text = re.sub(r"^ *#: ", "", match.group(1), flags=re.M)
        yield match.group(2), _prose(text).replace("\n", " ")
    for name, member in vars(kind).items():
        if isinstance(member, property) and not name.startswith("_"):
            yield name, _prose(inspect.getdoc(member) or "").replace("\n", " ")


def _function(function: Callable[..., Any], prefix: str = "") -> str:
    title = f"## `{prefix}{function.__name__}`"
    head = _code(f"{prefix}{function.__name__}", function)
    return f"{title}\n\n{head}\n\n{_prose(inspect.getdoc(function) or '')}"


def _errors(scheduler: Any) -> str:
    module = importlib.import_module("fasti._errors")
    parts = [_prose(inspect.getdoc(module) or "")]
    parts.append(f"## `SchedulerError`\n\n{_prose(inspect.getdoc(scheduler.SchedulerError) or '')}")
    lines = ["| exception | is also | |", "| --- | --- | --- |"]
    for name, kind in vars(module).items():
        if not (isinstance(kind, type) and issubclass(kind, module.SchedulerError)):
            continue
        if name == "SchedulerError":
            continue
        bases = ", ".join(f"`{base.__name__}`" for base in kind.__bases__)
        lines.append(f"| `{name}` | {bases} | {_prose(inspect.getdoc(kind) or '')} |")
    return "\n\n".join([*parts, "\n".join(lines)])


def _module(module: Any) -> str:
    parts = [_prose(inspect.getdoc(module) or "")]
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(thing):
            parts.append(_function(thing))
        elif inspect.isclass(thing):
            body = _class(thing).replace("\n## ", "\n### ")
            parts.append(f"## `{name}`\n\n{body}")
    return "\n\n".join(parts)


def _code(name: str, function: Any) -> str:
    signature = inspect.signature(function)
    parameters = [
        _annotated(parameter) for parameter in signature.parameters.values()
        if parameter.name != "self"
    ]  # fmt: skip
    stars = [p.kind for p in signature.parameters.values()]
    if inspect.Parameter.KEYWORD_ONLY in stars and inspect.Parameter.VAR_POSITIONAL not in stars:
        first = next(
            index
            for index, parameter in enumerate(signature.parameters.values())
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        )
        parameters.insert(first, "*")
    returns = ""
    if inspect.isfunction(function):
        returns = f" -> {_type(signature.return_annotation)}"
    prefix = "async " if inspect.iscoroutinefunction(function) else ""
    line = f"{prefix}{name}({', '.join(parameters)}){returns}"
    if len(line) > _LINE_CHARS:
        inner = "".join(f"    {parameter},\n" for parameter in parameters)
        line = f"{prefix}{name}(\n{inner}){returns}"
    return f"```text\n{line}\n```"


def _annotated(parameter: inspect.Parameter) -> str:
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    star = next((text for kind, text in stars.items() if kind is parameter.kind), "")
    text = star + parameter.name
    if parameter.annotation is not inspect.Parameter.empty:
        text += f": {_type(parameter.annotation)}"
    if parameter.default is not inspect.Parameter.empty:
        text += f" = {parameter.default!r}"
    return text


def _type(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    text = text.replace('"', "").replace("'", "").replace("os.PathLike[str]", "PathLike")
    for long, short in (
        ("ScheduleType", "Schedule"),
        ("PriorityLevel", "Priority"),
        ("RetryPolicy", "Retry"),
    ):
        text = re.sub(rf"\b{long}\b", short, text)
    return text


def _prose(docstring: str) -> str:
    """Return a docstring as Markdown: code in backquotes, indented blocks fenced."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", docstring)
    text = text.replace("``", "`")
    blocks: List[str] = []
    for paragraph in text.strip().split("\n\n"):
        is_code = all(line.startswith("    ") for line in paragraph.splitlines() if line)
        if not is_code:
            blocks.append(paragraph)
        elif blocks and blocks[-1].startswith("```"):
            inner = textwrap.dedent(paragraph)
            blocks[-1] = f"{blocks[-1][: -len('```')].rstrip()}\n\n{inner}\n```"
        else:
            blocks.append(f"```text\n{textwrap.dedent(paragraph)}\n```")
    return "\n\n".join(blocks)


def main(arguments: List[str]) -> Optional[str]:
    """Write or check the pages; returns what is wrong, for ``sys.exit``."""
    wanted = pages()
    if arguments == ["--check"]:
        wrong = [
            name
            for name, text in wanted.items()
            if not (PAGES / name).exists() or (PAGES / name).read_text("utf-8") != text
        ]
        if wrong:
            return f"not as written by python/tools/reference.py: {', '.join(wrong)}"
        return None
    PAGES.mkdir(parents=True, exist_ok=True)
    for name, text in wanted.items():
        (PAGES / name).write_text(text, "utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
