"""The parameters of a function, as far as binding needs them.

Plain functions are read from their code object: that touches a fraction of the
memory that :mod:`inspect` touches, which counts in a freshly forked process.  Anything
else goes through :mod:`inspect`, imported only then.
"""

from __future__ import annotations

from types import FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Tuple

#: Flags of a code object: it takes ``*args``, it takes ``**kwargs``.
_HAS_ARGS, _HAS_KWARGS = 0x04, 0x08


class Parameter:
    """A parameter with a name of its own (neither ``*args`` nor ``**kwargs``)."""

    __slots__ = ("by_keyword", "by_position", "default", "has_default", "name")

    def __init__(
        self, name: str, by_position: bool, by_keyword: bool, has_default: bool, default: Any
    ) -> None:
        self.name = name
        self.by_position = by_position
        self.by_keyword = by_keyword
        self.has_default = has_default
        #: Meaningless unless ``has_default``.
        self.default = default


class Shape:
    """All parameters of a function."""

    __slots__ = ("named", "takes_any_keyword", "takes_any_position")

    def __init__(
        self, named: Tuple[Parameter, ...], takes_any_position: bool, takes_any_keyword: bool
    ) -> None:
        self.named = named
        self.takes_any_position = takes_any_position
        self.takes_any_keyword = takes_any_keyword

    def takes_nothing(self) -> bool:
        """Tell whether there is nothing to give."""
        return not (self.named or self.takes_any_position or self.takes_any_keyword)

    def accepts(self, name: str) -> bool:
        """Tell whether an argument of that name can be given."""
        return self.takes_any_keyword or any(one.name == name for one in self.named)


def shape_of(function: Callable[..., Any]) -> Shape:
    """Return the parameters of anything callable.

    Some functions written in C do not tell theirs; they are taken to have none.
    """
    innermost: Any = function
    while hasattr(innermost, "__wrapped__") and not hasattr(innermost, "__signature__"):
        innermost = innermost.__wrapped__
    if type(innermost) is FunctionType and not hasattr(innermost, "__signature__"):
        return _from_code(innermost)
    return _from_inspect(function)


def _from_code(function: FunctionType) -> Shape:
    code = function.__code__
    count, positional_only = code.co_argcount, code.co_posonlyargcount
    names = code.co_varnames
    defaults = function.__defaults__ or ()
    keyword_defaults = function.__kwdefaults__ or {}
    first_default = count - len(defaults)
    named: List[Parameter] = []
    for index in range(count):
        has_default = index >= first_default
        default = defaults[index - first_default] if has_default else None
        named.append(Parameter(names[index], True, index >= positional_only, has_default, default))
    for name in names[count : count + code.co_kwonlyargcount]:
        has_default = name in keyword_defaults
        named.append(Parameter(name, False, True, has_default, keyword_defaults.get(name)))
    flags = code.co_flags
    return Shape(tuple(named), bool(flags & _HAS_ARGS), bool(flags & _HAS_KWARGS))


def _from_inspect(function: Callable[..., Any]) -> Shape:
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return Shape((), False, False)
    kinds = inspect.Parameter
    named = tuple(
        Parameter(
            p.name,
            p.kind is not kinds.KEYWORD_ONLY,
            p.kind is not kinds.POSITIONAL_ONLY,
            p.default is not kinds.empty,
            p.default,
        )
        for p in parameters
        if p.kind not in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)
    )
    return Shape(
        named,
        any(p.kind is kinds.VAR_POSITIONAL for p in parameters),
        any(p.kind is kinds.VAR_KEYWORD for p in parameters),
    )
