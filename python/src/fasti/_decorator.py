"""The decorator ``batch``: marks a function as an entrypoint of batches."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from fasti import _context
from fasti._entrypoint_name import MARK
from fasti._errors import ValidationError
from fasti._reserved import RESERVED_NAMES
from fasti._shape import shape_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional, TypeVar, Union, overload

    F = TypeVar("F", bound=Callable[..., Any])

if TYPE_CHECKING:

    @overload
    def batch(translation_table: F) -> F: ...

    @overload
    def batch(translation_table: Optional[Mapping[str, str]] = None) -> Callable[[F], F]: ...


def batch(
    translation_table: Union[Callable[..., Any], Mapping[str, str], None] = None,
) -> Any:
    """Mark a function as an entrypoint; use as ``@batch()`` or ``@batch``.

    ``translation_table`` maps parameters of the function to reserved arguments:
    ``{'running_date': 'rundate'}`` makes ``running_date`` receive the rundate.

    Called outside a ``with DAG(...)`` block, the function runs as if it were not
    decorated.  Called inside one, it adds a task to that DAG and returns the task.

    Raises :class:`ValidationError` at once for a table that names no reserved argument
    or no parameter.
    """
    if callable(translation_table):
        return _decorated(translation_table, {})
    if translation_table is not None and not isinstance(translation_table, Mapping):
        raise ValidationError(
            f"translation_table must be a dict of parameters to reserved arguments, "
            f"not {translation_table!r}",
            field="translation_table",
        )
    table = dict(translation_table or {})

    def decorate(function: F) -> F:
        return _decorated(function, table)

    return decorate


def _decorated(function: F, table: Mapping[str, str]) -> F:
    if not callable(function):
        raise ValidationError(f"batch decorates functions, not {function!r}")
    if table:
        _check_table(function, table)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        dag = _context.current_dag()
        if dag is None:
            return function(*args, **kwargs)
        from fasti._call import add_call

        return add_call(dag, wrapper, args, kwargs)

    setattr(wrapper, MARK, table)
    return wrapper  # type: ignore[return-value]


def _check_table(function: Callable[..., Any], table: Mapping[str, str]) -> None:
    shape = shape_of(function)
    names = {parameter.name for parameter in shape.named}
    for parameter, reserved in table.items():
        if reserved not in RESERVED_NAMES:
            raise ValidationError(
                f"translation_table maps {parameter!r} to {reserved!r}, which is none of the "
                f"reserved arguments {', '.join(RESERVED_NAMES)}",
                field="translation_table",
            )
        if parameter not in names and not shape.takes_any_keyword:
            raise ValidationError(
                f"translation_table names {parameter!r}, which is no parameter of "
                f"{getattr(function, '__name__', function)}",
                field="translation_table",
            )
