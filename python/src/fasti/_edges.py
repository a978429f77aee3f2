"""The operators ``>>`` and ``<<`` between tasks and lists of tasks."""

from __future__ import annotations

from fasti._errors import ValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Sequence

    from fasti._dag import DAG


class Linked:
    """Something that edges of a DAG can start from and lead to."""

    Name: str
    dag: "DAG"

    def __rshift__(self, other: Any) -> Any:
        """``self >> other``: ``other`` starts after ``self`` succeeded; returns ``other``."""
        if not _is_side(other):
            return NotImplemented
        draw([self], _members(other))
        return other

    def __rrshift__(self, other: Any) -> Any:
        """``[a, b] >> self``: edges from each; returns ``self``."""
        if not _is_side(other):
            return NotImplemented
        draw(_members(other), [self])
        return self

    def __lshift__(self, other: Any) -> Any:
        """``self << other``: ``self`` starts after ``other`` succeeded; returns ``other``."""
        if not _is_side(other):
            return NotImplemented
        draw(_members(other), [self])
        return other

    def __rlshift__(self, other: Any) -> Any:
        """``[a, b] << self``: edges to each; returns ``self``."""
        if not _is_side(other):
            return NotImplemented
        draw([self], _members(other))
        return self


def draw(sources: Sequence[Linked], targets: Sequence[Linked]) -> None:
    """Draw an edge from every source to every target; all are checked before any is drawn.

    Raises :class:`ValidationError` for an edge from a task to itself and for tasks of
    different DAGs.
    """
    pairs = [(source, target) for source in sources for target in targets]
    for source, target in pairs:
        if source is target:
            raise ValidationError(f"task {source.Name!r} cannot depend on itself")
        if source.dag is not target.dag:
            raise ValidationError(
                f"tasks {source.Name!r} and {target.Name!r} belong to different DAGs"
            )
    for source, target in pairs:
        source.dag._link(source, target)


def _is_side(other: Any) -> bool:
    return isinstance(other, (Linked, list, tuple))


def _members(other: Any) -> List[Linked]:
    if isinstance(other, Linked):
        return [other]
    for item in other:
        if not isinstance(item, Linked):
            raise TypeError(f"'>>' and '<<' connect tasks, not {type(item).__name__!r}: {item!r}")
    return list(other)
