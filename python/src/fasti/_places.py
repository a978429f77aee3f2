"""Places inside call-style arguments where the result of another task belongs.

At submission a task inside an argument is replaced by a :class:`Place`; in the
worker each place is replaced by the value.  Containers are rebuilt only if they hold
such a place, so every other argument is delivered exactly as it was given.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional, Set, Tuple


class Place:
    """An opaque reference, by task name, to the value of a direct upstream."""

    __slots__ = ("task",)

    def __init__(self, task: str) -> None:
        self.task = task

    def __reduce__(self) -> Tuple[Any, ...]:
        return (Place, (self.task,))

    def __repr__(self) -> str:
        return f"<result of {self.task!r}>"


class Bindings:
    """What a call-style call bound: by parameter, surplus positions, surplus keywords."""

    __slots__ = ("keyword", "named", "positional")

    def __init__(
        self,
        named: Dict[str, Any],
        positional: Tuple[Any, ...] = (),
        keyword: Optional[Dict[str, Any]] = None,
    ) -> None:
        self.named = named
        self.positional = positional
        self.keyword = {} if keyword is None else keyword

    def __reduce__(self) -> Tuple[Any, ...]:
        return (Bindings, (self.named, self.positional, self.keyword))

    def map(self, replace: Callable[[Any], Any]) -> "Bindings":
        """Return a copy with ``replace`` applied to every leaf."""
        return Bindings(
            {name: substitute(value, replace) for name, value in self.named.items()},
            tuple(substitute(value, replace) for value in self.positional),
            {name: substitute(value, replace) for name, value in self.keyword.items()},
        )


def places_in(value: Any) -> Set[str]:
    """Return the names of the tasks whose values belong somewhere inside ``value``."""
    found: Set[str] = set()

    def note(leaf: Any) -> Any:
        if isinstance(leaf, Place):
            found.add(leaf.task)
        return leaf

    substitute(value, note)
    return found


def substitute(value: Any, replace: Callable[[Any], Any]) -> Any:
    """Return ``value`` with ``replace`` applied to every leaf of its containers.

    Containers are lists, tuples, dicts and sets, subclasses included.  One in which
    nothing changed is returned itself; so is one that contains itself.
    """
    return _Substitution(replace).apply(value)


class _Substitution:
    def __init__(self, replace: Callable[[Any], Any]) -> None:
        self._replace = replace
        self._open: Set[int] = set()

    def apply(self, value: Any) -> Any:
        if not isinstance(value, (list, tuple, dict, set, frozenset)):
            return self._replace(value)
        if id(value) in self._open:
            return value
        self._open.add(id(value))
        try:
            return self._container(value)
        finally:
            self._open.discard(id(value))

    def _container(self, value: Any) -> Any:
        if isinstance(value, dict):
            old = [part for pair in value.items() for part in pair]
        else:
            old = list(value)
        new = [self.apply(part) for part in old]
        if all(after is before for after, before in zip(new, old)):
            return value
        return _rebuilt(value, new)


def _rebuilt(value: Any, items: Any) -> Any:
    import copy

    if isinstance(value, dict):
        changed: Any = copy.copy(value)  # keeps the factory of a defaultdict
        changed.clear()
        changed.update(zip(items[::2], items[1::2]))
        return changed
    if isinstance(value, list):
        changed = copy.copy(value)
        changed[:] = items
        return changed
    if isinstance(value, tuple) and hasattr(value, "_make"):
        return type(value)._make(items)
    return type(value)(items)
