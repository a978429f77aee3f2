"""Ids of runs and task runs as users pass them: any integer, numpy's included."""

from __future__ import annotations

import operator

from fasti._checks import fail
from fasti._errors import NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def positive(argument: str, value: Any) -> int:
    """Return an id; raises :class:`NotFound` for one that cannot exist."""
    if isinstance(value, bool):
        raise fail(argument, value, "an int")
    try:
        number = operator.index(value)
    except TypeError:
        raise fail(argument, value, "an int") from None
    if number <= 0:
        raise NotFound(f"there is no run {number}: ids are positive")
    return number
