"""One attempt of a Python task: find the function, bind its arguments, call it, store.

Runs inside the process of the attempt, whose surroundings :mod:`fasti._child` has
set up.  It never exits the process itself; it returns how things ended.
"""

from __future__ import annotations

import copy
from typing import Any, Callable, Dict, Mapping, Optional

from fasti import _bind, _entrypoint, _handover, _pickling, _tables, _times
from fasti._entrypoint_name import MARK
from fasti._places import Bindings, Place, substitute
from fasti._shape import shape_of
from fasti._sources import FromMany, FromUpstream, Given, Reserved, Source, Target
from fasti._values import UpstreamValues


class UnserialisableError(Exception):
    """The function returned something that cannot be stored."""


def run(task: Mapping[str, Any]) -> Any:
    """Run the function of a task and return its value; the caller stores it."""
    return call(_entrypoint.resolve(task["entrypoint"]), task)


def call(function: Callable[..., Any], task: Mapping[str, Any]) -> Any:
    """Call a function as a task wants it called: with its arguments bound."""
    shape = shape_of(function)
    configuration = _configuration(task)
    if shape.takes_nothing() and not configuration:
        # Nothing to bind: not even a table to check.
        return function()
    values = UpstreamValues(task["upstreams"] or ())
    given = _given(task)
    target = Target(
        name=task["entrypoint"],
        shape=shape,
        translation_table=getattr(function, MARK, None) or {},
    )
    plan = _bind.plan_call(target, values.upstreams, _tables.table_of(configuration), given)
    supply = _Supply(task, configuration, values)
    positional = [supply.value(source) for source in plan.positional]
    keyword = {name: supply.value(source) for name, source in plan.keyword.items()}
    return function(*positional, **keyword)


#: Types whose pickles are short, and always succeed.
_SHORT = (bool, float)
#: Most functions return nothing: pickled once for all.
_NONE = _pickling.dumps(None)


def store(value: Any, path: str, entrypoint: str, descriptor: int = -1) -> None:
    """Hand a value over to the worker if it is short, else write it to a file.

    Raises :class:`UnserialisableError` if neither pickle nor cloudpickle takes it;
    nothing is then left that could be mistaken for a result.
    """
    if value is None:
        short = _NONE
    elif type(value) in _SHORT:
        short = _pickling.dumps(value)
    else:
        short = b""
    if short and _handover.send(descriptor, _handover.VALUE, short):
        return
    spool = _handover.Spool(path)
    try:
        _pickling.dump(value, spool)  # type: ignore[arg-type]  # it has all that is asked for
        spool.close(descriptor)
    except OSError:
        raise
    except Exception as error:
        spool.discard()
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise UnserialisableError(
            f"the return value of {entrypoint} (type {kind}) cannot be stored\n"
            f"{type(error).__name__}: {error}"
        ) from error


def _configuration(task: Mapping[str, Any]) -> Dict[str, Any]:
    blob = task["configuration_blob"]
    if blob:
        loaded: Any = _pickling.loads_base64(blob)
        # The blob of a parallel task holds the configurations of all its parts.
        own: Dict[str, Any] = loaded[task["part_num"]] if isinstance(loaded, list) else loaded
        return own
    return dict(task["configuration"] or {})


def _given(task: Mapping[str, Any]) -> Optional[Bindings]:
    blob = task["arguments_blob"]
    if not blob:
        return None
    bindings = _pickling.loads_base64(blob)
    if not isinstance(bindings, Bindings):
        raise TypeError(f"arguments of the task are a {type(bindings).__name__}, not bindings")
    return bindings


class _Supply:
    """Turns the sources of a plan into values."""

    def __init__(
        self, task: Mapping[str, Any], configuration: Dict[str, Any], values: UpstreamValues
    ) -> None:
        self._task = task
        self._configuration = configuration
        self._values = values

    def value(self, source: Source) -> Any:
        if isinstance(source, Reserved):
            return self._reserved(source.name)
        if isinstance(source, FromUpstream):
            return self._values.get(source.upstream, source.part)
        if isinstance(source, FromMany):
            return [self._values.get(item.upstream, item.part) for item in source.items]
        if isinstance(source, Given):
            return substitute(source.value, self._replace)
        return source.value

    def _replace(self, leaf: Any) -> Any:
        return self._values.get_by_task(leaf.task) if isinstance(leaf, Place) else leaf

    def _reserved(self, name: str) -> Any:
        if name == "job_config":
            return copy.deepcopy(self._configuration) if self._configuration else {}
        value = self._task[name]
        if name in ("scheduled_time", "runtime"):
            return _times.parse(value)
        return value
