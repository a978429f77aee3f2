"""Call style: calling a decorated function inside ``with DAG(...)`` adds a task."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Tuple

from fasti import _edges
from fasti._entrypoint_name import MARK
from fasti._errors import ValidationError
from fasti._node import Node
from fasti._places import Bindings
from fasti._reserved import RESERVED_NAMES
from fasti._task import Task

if TYPE_CHECKING:
    from fasti._dag import DAG


def add_call(
    dag: "DAG", function: Callable[..., Any], args: Tuple[Any, ...], kwargs: Dict[str, Any]
) -> Task:
    """Add a call of a decorated function to a DAG and return its task.

    Arguments are bound to the signature at once: too many, or unknown names, are a
    ``TypeError``, as in any call.  Tasks anywhere inside them become dependencies.
    """
    bindings = _bound(function, args, kwargs)
    upstreams = _tasks_in(bindings)
    for task in upstreams:
        if task.dag is not dag:
            raise ValidationError(
                f"an argument of {function.__name__}() is a task of another DAG: {task!r}"
            )
    task = Task(
        Name=dag._call_name(function.__name__), Entrypoint=entrypoint_of(function, dag), dag=dag
    )
    task._bindings = bindings
    task._function = function
    _edges.draw(upstreams, [task])
    dag._has_calls = True
    return task


def _bound(
    function: Callable[..., Any], args: Tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Bindings:
    import inspect

    signature = inspect.signature(function)
    try:
        arguments = signature.bind_partial(*args, **kwargs).arguments
    except TypeError as error:
        raise TypeError(f"{function.__name__}() {error}") from None
    named: Dict[str, Any] = {}
    positional: Tuple[Any, ...] = ()
    keyword: Dict[str, Any] = {}
    for name, value in arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            positional = value
        elif kind is inspect.Parameter.VAR_KEYWORD:
            keyword = value
        else:
            named[name] = value
    _warn_of_reserved(function, [*named, *keyword])
    return Bindings(named, positional, keyword)


def _warn_of_reserved(function: Callable[..., Any], names: List[str]) -> None:
    table = getattr(function, MARK, {})
    for name in names:
        if table.get(name, name) in RESERVED_NAMES:
            warnings.warn(
                f"{function.__name__}(): argument {name!r} is filled by the framework; "
                f"the value given is not used",
                stacklevel=5,
            )


def _tasks_in(bindings: Bindings) -> List[Node]:
    """Return the tasks inside bound arguments, each once, in order of appearance."""
    found: Dict[int, Node] = {}

    def note(leaf: Any) -> Any:
        if isinstance(leaf, Node):
            found.setdefault(id(leaf), leaf)
        return leaf

    bindings.map(note)
    return list(found.values())


def entrypoint_of(function: Callable[..., Any], dag: "DAG") -> str:
    """Return the entrypoint string under which a task can import a function.

    Raises :class:`ValidationError` for functions that nothing can import.
    """
    name = function.__qualname__
    if not name.isidentifier():
        raise ValidationError(
            f"{name} cannot be a task: only functions at the top level of a module can be imported"
        )
    module = function.__module__
    if module == "__main__":
        module = _module_of_script(name, dag)
    return f"{module}.{name}"


def _module_of_script(name: str, dag: "DAG") -> str:
    """Return the module name of the running script, relative to a dev run's WorkDir."""
    if not dag.DevRun or dag.WorkDir is None:
        raise ValidationError(
            f"{name}() is defined in the script itself, which no image can import: move it "
            f"into a module, or use DevRun=True"
        )
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is None:
        raise ValidationError(f"{name}() is defined interactively: move it into a file")
    folder = Path(os.path.realpath(dag.WorkDir))
    try:
        relative = Path(os.path.realpath(script)).relative_to(folder)
    except ValueError:
        raise ValidationError(
            f"{name}() is defined in {script}, outside of WorkDir {dag.WorkDir}"
        ) from None
    parts = relative.with_suffix("").parts
    if not all(part.isidentifier() for part in parts):
        raise ValidationError(f"{name}() is defined in {relative}, whose path is no module name")
    return ".".join(parts)
