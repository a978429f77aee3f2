"""The vocabulary of binding: what is called, what is upstream, where values come from."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple, Union

from fasti._shape import Shape


class Upstream(NamedTuple):
    """A direct dependency, as far as names go."""

    task: str
    #: Name of the function whose value this is; empty for a command, which has none.
    result_name: str
    parallel: bool
    #: Names of the parts; for a plain task its own name alone.
    parts: Tuple[str, ...]


class Target(NamedTuple):
    """The function to be called, as far as names go."""

    name: str
    shape: Shape
    #: Parameter name to reserved name, from the decorator.
    translation_table: Mapping[str, str]


class Reserved(NamedTuple):
    """A value made by the framework."""

    name: str


class Given(NamedTuple):
    """A call-style argument; it may have places for upstream values in it."""

    value: Any


class FromUpstream(NamedTuple):
    """The value of an upstream; of one of its parts unless ``part`` is None."""

    upstream: int
    part: Optional[int]


class FromMany(NamedTuple):
    """A list of upstream values, in edge order."""

    items: Tuple[FromUpstream, ...]


class Literal(NamedTuple):
    """The default of a parameter that surplus positional values have to reach past."""

    value: Any


Source = Union[Reserved, Given, FromUpstream, FromMany, Literal]


class CallPlan(NamedTuple):
    """Where each argument of the call comes from."""

    positional: List[Source]
    keyword: Dict[str, Source]
