"""Configurations as JSON: exactly where JSON can hold them, readably where it cannot.

The exact value then travels beside the view as a pickle.
"""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Integers outside of this range come back from many JSON readers as floats.
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1

#: Deepest nesting that is sent as JSON; readers on the way have limits near 128.
DEPTH_MAX = 64


def is_exact(value: Any, depth: int = 0) -> bool:
    """Tell whether a value comes back from JSON equal and of the same types."""
    kind = type(value)
    if value is None or kind is bool:
        return True
    if kind is int:
        return bool(_INT_MIN <= value <= _INT_MAX)
    if kind is float:
        return math.isfinite(value)
    if kind is str:
        return _is_sound(value)
    if depth >= DEPTH_MAX:
        return False
    if kind is list:
        return all(is_exact(item, depth + 1) for item in value)
    if kind is dict:
        return all(
            type(key) is str and _is_sound(key) and is_exact(item, depth + 1)
            for key, item in value.items()
        )
    return False


def view(value: Any, depth: int = 0) -> Any:
    """Return the nearest JSON value; what JSON cannot hold appears as its ``str()``."""
    if value is None or isinstance(value, bool):
        return value
    if type(value) in (int, float, str) and is_exact(value):
        return value
    if depth < DEPTH_MAX:
        if isinstance(value, dict):
            return {_text(key): view(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [view(item, depth + 1) for item in value]
    return _text(value)


def _text(value: Any) -> str:
    # Halves of surrogate pairs are legal in Python and nowhere else.
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def _is_sound(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
