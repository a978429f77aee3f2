"""Which value every parameter of a function receives.

:func:`plan_call` is pure: it works on names alone, so the same rules run at
submission, where no value exists yet, and in the worker.  Loading values is the
business of :mod:`fasti._attempt`.

The order is: reserved names; call-style arguments; the translation table of the
configuration; result names; surplus upstreams; the function's own defaults.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from fasti import _tables
from fasti._errors import ArgumentResolutionError
from fasti._places import Bindings, places_in
from fasti._reserved import RESERVED_NAMES
from fasti._sources import (
    CallPlan,
    FromMany,
    FromUpstream,
    Given,
    Literal,
    Reserved,
    Source,
    Target,
    Upstream,
)


def plan_call(
    target: Target,
    upstreams: Sequence[Upstream],
    table: Mapping[str, str],
    given: Optional[Bindings] = None,
) -> CallPlan:
    """Decide the source of every argument of a call.

    ``upstreams`` are in the order in which their edges were drawn; ``table`` maps
    names of tasks or parts to parameters.  Raises :class:`ArgumentResolutionError` if
    a parameter stays without a value or has more than one candidate.
    """
    return _Planner(target, upstreams, given).plan(table)


class _Planner:
    def __init__(
        self, target: Target, upstreams: Sequence[Upstream], given: Optional[Bindings]
    ) -> None:
        self.target = target
        self.upstreams = upstreams
        self.given = given
        self.named = target.shape.named
        self.takes_any_position = target.shape.takes_any_position
        self.takes_any_keyword = target.shape.takes_any_keyword
        self.names = {p.name for p in self.named}
        self.bound: Dict[str, Source] = {}
        self.surplus: List[Source] = []
        self.extra: Dict[str, Source] = {}
        # Surplus keywords that got their name from an upstream, and from which.
        self.by_result_name: Dict[str, int] = {}
        # (upstream, part) pairs that somebody has received.
        self.used: Set[Tuple[int, int]] = set()

    def plan(self, table: Mapping[str, str]) -> CallPlan:
        self._bind_reserved()
        self._bind_given()
        self._bind_table(table)
        self._bind_result_names()
        self._bind_surplus()
        self._require_all()
        return self._arranged()

    def _bind_reserved(self) -> None:
        translated = self.target.translation_table
        for parameter in self.named:
            reserved = translated.get(parameter.name, parameter.name)
            if reserved in RESERVED_NAMES:
                self.bound[parameter.name] = Reserved(reserved)
        for name, reserved in translated.items():
            if name not in self.names and self.takes_any_keyword:
                self.extra[name] = Reserved(reserved)

    def _bind_given(self) -> None:
        if self.given is None:
            return
        for name, value in self.given.named.items():
            if name in self.names and name not in self.bound:
                self.bound[name] = Given(value)
                self._use_places(value)
        for value in self.given.positional:
            self.surplus.append(Given(value))
            self._use_places(value)
        for name, value in self.given.keyword.items():
            if name not in self.extra:
                self.extra[name] = Given(value)
                self._use_places(value)

    def _use_places(self, value: Any) -> None:
        tasks = places_in(value)
        for index, upstream in enumerate(self.upstreams):
            if upstream.task in tasks:
                self._use(index)

    def _use(self, index: int) -> None:
        self.used.update((index, part) for part in range(len(self.upstreams[index].parts)))

    def _bind_table(self, table: Mapping[str, str]) -> None:
        problem = _tables.problem_with(table, self.upstreams, self._accepts)
        if problem is not None:
            raise ArgumentResolutionError(f"{self._call()}: {problem}")
        wanted: Dict[str, List[FromUpstream]] = {}
        for index, upstream in enumerate(self.upstreams):
            whole = table.get(upstream.task)
            if whole is not None:
                wanted.setdefault(whole, []).append(FromUpstream(index, None))
            if upstream.parallel:
                for number, part in enumerate(upstream.parts):
                    if part in table:
                        wanted.setdefault(table[part], []).append(FromUpstream(index, number))
        for name, items in wanted.items():
            if name in self.bound or name in self.extra:
                continue
            source: Source = items[0] if len(items) == 1 else FromMany(tuple(items))
            (self.bound if name in self.names else self.extra)[name] = source
            for item in items:
                if item.part is None:
                    self._use(item.upstream)
                else:
                    self.used.add((item.upstream, item.part))

    def _accepts(self, name: str) -> bool:
        return name in self.names or self.takes_any_keyword

    def _unused(self) -> List[int]:
        return [
            index
            for index, upstream in enumerate(self.upstreams)
            if any((index, part) not in self.used for part in range(len(upstream.parts)))
        ]

    def _bind_result_names(self) -> None:
        unused = self._unused()
        for parameter in self.named:
            if parameter.name in self.bound:
                continue
            found = [i for i in unused if self.upstreams[i].result_name == parameter.name]
            if len(found) > 1:
                raise ArgumentResolutionError(self._ambiguous(parameter.name, found))
            if found:
                self.bound[parameter.name] = FromUpstream(found[0], None)
                self._use(found[0])

    def _bind_surplus(self) -> None:
        if self.takes_any_position:
            # Arguments of the call itself fill *args for good; edges then only order.
            if not self.surplus:
                for index in self._unused():
                    self.surplus.extend(
                        FromUpstream(index, part)
                        for part in range(len(self.upstreams[index].parts))
                        if (index, part) not in self.used
                    )
        elif self.takes_any_keyword:
            for index in self._unused():
                self._bind_keyword(index)

    def _bind_keyword(self, index: int) -> None:
        name = self.upstreams[index].result_name
        if not name or name in self.bound:
            return
        if name in self.by_result_name:
            found = [self.by_result_name[name], index]
            raise ArgumentResolutionError(self._ambiguous(name, found))
        if name not in self.extra:
            self.extra[name] = FromUpstream(index, None)
            self.by_result_name[name] = index

    def _require_all(self) -> None:
        missing = [p.name for p in self.named if p.name not in self.bound and not p.has_default]
        if missing:
            raise ArgumentResolutionError(self._missing(missing))

    def _arranged(self) -> CallPlan:
        positional: List[Source] = []
        keyword: Dict[str, Source] = dict(self.extra)
        leading = [p for p in self.named if p.by_position]
        # Positions are filled up to the last parameter that has to be reached by
        # position; defaults in between are passed as they are.
        count = 0
        for number, parameter in enumerate(leading, 1):
            if self.surplus or (not parameter.by_keyword and parameter.name in self.bound):
                count = number
        for parameter in leading[:count]:
            positional.append(self.bound.get(parameter.name) or Literal(parameter.default))
        reached = {parameter.name for parameter in leading[:count]}
        for name, source in self.bound.items():
            if name not in reached:
                keyword[name] = source
        return CallPlan(positional + self.surplus, keyword)

    def _call(self) -> str:
        return f"cannot call {self.target.name}()"

    def _missing(self, names: List[str]) -> str:
        available = [u.result_name for u in self.upstreams if u.result_name]
        parameters = "parameter" if len(names) == 1 else "parameters"
        return (
            f"{self._call()}: no value for {parameters} {', '.join(map(repr, names))}; "
            f"result names available from direct upstreams: "
            f"{', '.join(map(repr, available)) or 'none'}"
        )

    def _ambiguous(self, name: str, indexes: List[int]) -> str:
        tasks = ", ".join(repr(self.upstreams[index].task) for index in indexes)
        return (
            f"{self._call()}: parameter {name!r} could come from any of the tasks {tasks}; "
            f"choose with 'arg_translation_table' in ConfigurationJson"
        )
