"""How urgent a batch or a task is among those that wait."""

from __future__ import annotations

import enum

from fasti._checks import fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Priority(enum.Enum):
    """Higher goes first among queued tasks; within a level, first in first out."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"

    def __repr__(self) -> str:
        return f"Priority.{self.name}"


def priority_of(argument: str, value: Any) -> Priority:
    """Return a priority given as such, or as its name in any case."""
    if isinstance(value, Priority):
        return value
    if isinstance(value, str):
        try:
            return Priority(value.lower())
        except ValueError:
            pass
    raise fail(argument, value, "Priority.LOW, Priority.NORMAL or Priority.HIGH")
