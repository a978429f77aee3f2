"""What all kinds of task have in common: name, DAG, resources, edges."""

from __future__ import annotations

from fasti import _checks, _context
from fasti._edges import Linked
from fasti._errors import MissingDagError, ValidationError
from fasti._priority import Priority, priority_of
from fasti._retry import Retry as RetryPolicy
from fasti._retry import optional_retry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    from fasti._dag import DAG
    from fasti._sources import Upstream

ARCHES = ("amd64", "arm64")
SYSTEMS = ("fedora", "alpine")


class Node(Linked):
    """A node of a DAG; construct :class:`Task` and its relatives instead."""

    # Resources and the like carry the names of the constructor's parameters and may be
    # changed until submission, where they are checked again.
    Image: Optional[str]
    Description: str
    Arch: str
    Os: str
    CPU: int
    Memory: int
    Disk: int
    Retries: int
    CountForPrewarming: bool
    Priority: Optional[Priority]
    # Fasti's own: no parameter of the kinds of task that others have, but an attribute of all.
    Retry: Optional[RetryPolicy] = None
    Pool: Optional[str] = None
    PoolUnits: int = 1

    def __init__(self, name: Any, dag: Any, **attributes: Any) -> None:
        if name is None:
            raise ValidationError("Name is required", field="Name")
        self._name = _checks.name("Name", name)
        for attribute, value in attributes.items():
            setattr(self, attribute, value)
        self._check()
        self.dag = _dag_for(self._name, dag)
        self.dag._add(self)

    @property
    def Name(self) -> str:
        """The name, unique in the DAG; assigning renames the task."""
        return self._name

    @Name.setter
    def Name(self, value: str) -> None:
        name = _checks.name("Name", value)
        self.dag._rename(self, self._name, name)
        self._name = name

    def alias(self, name: str) -> "Node":
        """Rename the task and return it."""
        self.Name = name
        return self

    def _check(self) -> None:
        """Check every attribute; raises :class:`ValidationError`."""
        self.Image = _checks.optional_text("Image", self.Image)
        _checks.text("Description", self.Description)
        _checks.choice("Arch", self.Arch, ARCHES)
        _checks.choice("Os", self.Os, SYSTEMS)
        for attribute in ("CPU", "Memory", "Disk"):
            _checks.integer(attribute, getattr(self, attribute), 1)
        _checks.integer("Retries", self.Retries, 0)
        optional_retry("Retry", self.Retry)
        _checks.boolean("CountForPrewarming", self.CountForPrewarming)
        if self.Priority is not None:
            self.Priority = priority_of("Priority", self.Priority)
        self.Pool = _checks.optional_text("Pool", self.Pool)
        _checks.integer("PoolUnits", self.PoolUnits, 1)

    def _names(self) -> List[str]:
        """Return every name this node claims in its DAG."""
        return [self._name]

    def _needs_image(self) -> bool:
        return True

    def _as_upstream(self) -> "Upstream":
        """Return this node as binding sees it from downstream."""
        raise NotImplementedError

    def _check_tables(self, upstreams: "List[Upstream]") -> None:
        """Check how values of direct upstreams reach this node, as far as it is known."""

    def _definition(self) -> Dict[str, Any]:
        """Return the node as the server takes it."""
        fields: Dict[str, Any] = {
            "name": self._name,
            "kind": "task",
            "image": self.Image,
            "description": self.Description,
            "arch": self.Arch,
            "os": self.Os,
            "cpu": self.CPU,
            "memory": self.Memory,
            "disk": self.Disk,
            "retries": self.Retries,
            "count_for_prewarming": self.CountForPrewarming,
            "priority": None if self.Priority is None else self.Priority.value,
        }
        if self.Retry is not None and self.Retry.to_json():
            fields["retry"] = self.Retry.to_json()
        if self.Pool is not None:
            fields["pool"], fields["pool_units"] = self.Pool, self.PoolUnits
        return fields

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name!r}>"


def _dag_for(name: str, dag: Any) -> "DAG":
    from fasti._dag import DAG

    if dag is None:
        dag = _context.current_dag()
        if dag is None:
            raise MissingDagError(
                f"task {name!r} belongs to no DAG: build it inside 'with DAG(...)' or give dag="
            )
    if not isinstance(dag, DAG):
        raise _checks.fail("dag", dag, "a DAG")
    return dag
