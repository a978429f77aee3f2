"""Checks of single arguments, shared by everything a user constructs.

Each returns the value in its normal form or raises :class:`ValidationError` naming the
argument.  Booleans and floats are never taken for integers.
"""

from __future__ import annotations

from collections.abc import Mapping

from fasti._errors import ValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, List, Optional

#: Longest name of a batch, task or part, in characters.
NAME_CHARS_MAX = 200


def fail(argument: str, value: Any, wanted: str) -> ValidationError:
    """Return the error that says what an argument should have been."""
    return ValidationError(f"{argument} must be {wanted}, not {value!r}", field=argument)


def name(argument: str, value: Any) -> str:
    """Check a name: 1 to 200 characters, not blank, no control characters."""
    checked = text(argument, value)
    if not checked.strip():
        raise fail(argument, value, "a name that is not blank")
    if len(checked) > NAME_CHARS_MAX:
        raise ValidationError(
            f"{argument} must have at most {NAME_CHARS_MAX} characters, not {len(checked)}",
            field=argument,
        )
    if any(ord(char) < 32 or 127 <= ord(char) < 160 for char in checked):
        raise fail(argument, value, "a name without control characters")
    return checked


def text(argument: str, value: Any) -> str:
    """Check that an argument is a string."""
    if not isinstance(value, str):
        raise fail(argument, value, "a str")
    return value


def optional_text(argument: str, value: Any) -> Optional[str]:
    """Check that an argument is a string that says something, or None."""
    if value is None:
        return None
    checked = text(argument, value)
    if not checked.strip():
        raise fail(argument, value, "None or a str that is not blank")
    return checked


def integer(argument: str, value: Any, low: int, high: Optional[int] = None) -> int:
    """Check that an argument is an integer from ``low`` to ``high``, both included."""
    span = f"an int of at least {low}" if high is None else f"an int from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, int):
        raise fail(argument, value, span)
    number: int = value
    if number < low or (high is not None and number > high):
        raise fail(argument, value, span)
    return number


def boolean(argument: str, value: Any) -> bool:
    """Check that an argument is True or False."""
    if not isinstance(value, bool):
        raise fail(argument, value, "True or False")
    return value


def choice(argument: str, value: Any, allowed: Iterable[str]) -> str:
    """Check that an argument is one of some strings."""
    options = list(allowed)
    if not isinstance(value, str) or value not in options:
        raise fail(argument, value, "one of " + ", ".join(map(repr, options)))
    return value


def items(argument: str, value: Any) -> List[Any]:
    """Return the items of any iterable but a string, bytes or a mapping; None is empty."""
    if value is None:
        return []
    if isinstance(value, (str, bytes, bytearray, Mapping)):
        raise fail(argument, value, "a list")
    try:
        return list(value)
    except TypeError:
        raise fail(argument, value, "a list") from None
