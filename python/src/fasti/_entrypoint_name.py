"""Entrypoints as far as they are text: what a task is checked by, without loading a thing."""

from __future__ import annotations

MAIN_NAME = "__batch_main__"

#: Attribute by which the decorator marks a function; holds its translation table.
MARK = "__fasti_batch__"


def is_valid(entrypoint: str) -> bool:
    """Tell whether a string has the form of an entrypoint; nothing is imported."""
    if entrypoint.count(":") > 1 or "." in entrypoint.partition(":")[2]:
        return False
    parts = entrypoint.replace(":", ".").split(".")
    return len(parts) > 1 and all(map(str.isidentifier, parts))


def result_name(entrypoint: str) -> str:
    """Return the name under which the value of an entrypoint goes.

    Its last component: the function's name, or the module's before ``__batch_main__``.
    """
    parts = entrypoint.replace(":", ".").split(".")
    return parts[-2] if parts[-1] == MAIN_NAME and len(parts) > 1 else parts[-1]
