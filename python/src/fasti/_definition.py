"""From a DAG to the definition that the server takes, with all checks before."""

from __future__ import annotations

from fasti._errors import CyclicDependencyError, DuplicateNameError, ValidationError
from fasti._graph import find_cycle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

    from fasti._dag import DAG
    from fasti._sources import Upstream


def definition_of(dag: "DAG", needs_images: bool = True) -> Dict[str, Any]:
    """Return the JSON definition of a DAG; raises before anything could be sent.

    ``needs_images`` is false where nothing is sent.  Attributes may have been changed
    since construction, so everything is checked again here.
    """
    dag._check()
    tasks = dag.tasks
    if not tasks:
        raise ValidationError(f"DAG {dag.Name!r} has no task", field="tasks")
    for task in tasks:
        task._check()
    _check_names(dag)
    _check_cycles(dag)
    if needs_images:
        _check_images(dag)
    _check_tables(dag)
    return {**_own_fields(dag), "tasks": _tasks(dag), "edges": _edges(dag)}


def _tasks(dag: "DAG") -> List[Dict[str, Any]]:
    return [_given(task._definition()) for task in dag.tasks]


def _edges(dag: "DAG") -> List[Dict[str, str]]:
    return [{"from": source.Name, "to": target.Name} for source, target in dag.edges]


def _own_fields(dag: "DAG") -> Dict[str, Any]:
    schedule = None if dag.Schedule is None else dag.Schedule.to_json()
    return _given(
        {
            "name": dag.Name,
            "tag": dag.Tag,
            "schedule": schedule or {},
            "image": dag.Image,
            "labels": dag.Labels,
            "fail_after_seconds": dag._fail_after_seconds(),
            "fail_after_run_children": dag.FailAfterRunChildren,
            "run_as": dag.RunAs,
            "owner": dag.Owner,
            "group": dag.Group,
            "permissions": dag.Permissions,
            "priority": dag.Priority.value,
            "alert_email": dag.AlertEmail,
            "alert_sms": dag.AlertSMS,
            "alert_only_failures": dag.AlertOnlyFailures,
        }
    )


def _given(fields: Dict[str, Any]) -> Dict[str, Any]:
    """Leave out what was not given: absent and null mean the same to the server."""
    return {name: value for name, value in fields.items() if value is not None}


def _check_names(dag: "DAG") -> None:
    seen = set()
    for task in dag.tasks:
        for name in task._names():
            if name in seen:
                raise DuplicateNameError(f"two tasks or parts of the DAG are named {name!r}")
            seen.add(name)


def _check_cycles(dag: "DAG") -> None:
    index = {id(task): number for number, task in enumerate(dag.tasks)}
    edges = [(index[id(source)], index[id(target)]) for source, target in dag.edges]
    cycle = find_cycle(len(dag.tasks), edges)
    if cycle is not None:
        names = [dag.tasks[number].Name for number in cycle]
        # The first one again at the end, so that the circle can be read.
        chain = " >> ".join(map(repr, [*names, names[0]]))
        raise CyclicDependencyError(f"the tasks wait for each other: {chain}", field="edges")


def _check_images(dag: "DAG") -> None:
    if dag.Image is not None or dag.DevRun:
        return
    for task in dag.tasks:
        if task.Image is None and task._needs_image():
            raise ValidationError(
                f"task {task.Name!r} has no Image, and DAG {dag.Name!r} has none to give",
                field="Image",
            )


def _check_tables(dag: "DAG") -> None:
    upstreams: Dict[int, List["Upstream"]] = {}
    described = {id(task): task._as_upstream() for task in dag.tasks}
    for source, target in dag.edges:
        upstreams.setdefault(id(target), []).append(described[id(source)])
    for task in dag.tasks:
        task._check_tables(upstreams.get(id(task), []))
