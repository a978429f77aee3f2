"""The rules of ``arg_translation_table``: task or part name to parameter name.

Used where a definition is checked before it is sent, and again where arguments are
bound; the function may be unknown in the first case.
"""

from __future__ import annotations

from collections.abc import Mapping

from fasti._reserved import RESERVED_NAMES, TABLE_KEY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional, Sequence

    from fasti._sources import Upstream


def table_of(configuration: Mapping[str, Any]) -> Any:
    """Return the table of a configuration as it stands there, ``{}`` if there is none."""
    table = configuration.get(TABLE_KEY)
    return {} if table is None else table


def problem_with(
    table: Any,
    upstreams: Sequence["Upstream"],
    accepts: Optional[Callable[[str], bool]] = None,
) -> Optional[str]:
    """Return what is wrong with a table, or None.

    ``accepts`` tells whether the function takes a parameter of that name; None where
    the function is not known.
    """
    if not isinstance(table, Mapping):
        return f"{TABLE_KEY} must be a dict of task names to parameter names, not {table!r}"
    known = {upstream.task for upstream in upstreams}
    known.update(part for upstream in upstreams for part in upstream.parts)
    for task, parameter in table.items():
        if task not in known:
            names = ", ".join(repr(upstream.task) for upstream in upstreams) or "none"
            return (
                f"{TABLE_KEY} names {task!r}, which is no direct upstream task "
                f"(direct upstreams: {names}); check its spelling and its '>>'"
            )
        if not isinstance(parameter, str):
            return f"{TABLE_KEY} maps {task!r} to {parameter!r}, which is no parameter name"
        if parameter in RESERVED_NAMES:
            return f"{TABLE_KEY} maps {task!r} to the reserved argument {parameter!r}"
        if accepts is not None and not accepts(parameter):
            return f"{TABLE_KEY} maps {task!r} to {parameter!r}, which is no parameter"
    return None
