"""``Task`` and ``ParallelTask``: nodes that call a Python function."""

from __future__ import annotations

from fasti import _checks, _entrypoint_name, _json_view, _tables
from fasti._entrypoint_name import MARK
from fasti._errors import DuplicateNameError, ValidationError
from fasti._node import Node
from fasti._places import Bindings, Place
from fasti._priority import Priority as PriorityLevel
from fasti._shape import shape_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Union

    from fasti._dag import DAG
    from fasti._sources import Upstream


class Task(Node):
    """A single call of a Python function.

    ``Name`` (unique in the DAG) and ``Entrypoint`` (``'package.file'`` or
    ``'package.file.function'``) are required.  ``Image`` defaults to the DAG's, ``dag``
    to the current one.  ``ConfigurationJson`` is a dict that reaches the function as
    ``job_config``; its key ``arg_translation_table`` maps names of direct upstream
    tasks to parameters.  ``CPU`` is in MHz (4000 = one core), ``Memory`` and ``Disk``
    in megabytes; all three are reservations.  ``Retries`` counts further attempts after
    a failed one; the attribute ``Retry`` says how they are spread (see :class:`Retry`).
    ``Priority`` defaults to the DAG's.

    The attributes ``Pool`` (default: None) and ``PoolUnits`` (default: 1) are set after
    construction: of that pool, a named share of capacity, each attempt takes so many
    units, and waits until they are free.

    Raises :class:`ValidationError` for a bad value, :class:`DuplicateNameError` for a
    name in use, :class:`MissingDagError` if there is no DAG.
    """

    Entrypoint: str
    ConfigurationJson: Any

    def __init__(
        self,
        Image: Optional[str] = None,
        Entrypoint: Optional[str] = None,
        Name: Optional[str] = None,
        Description: str = "",
        dag: Optional["DAG"] = None,
        ConfigurationJson: Optional[Dict[str, Any]] = None,
        Arch: str = "amd64",
        Os: str = "fedora",
        CPU: int = 400,
        Memory: int = 400,
        Disk: int = 300,
        Retries: int = 0,
        CountForPrewarming: bool = False,
        Priority: Union[PriorityLevel, str, None] = None,
    ) -> None:
        # What a call-style call bound, and the function called; see fasti._call.
        self._bindings: Optional[Bindings] = None
        self._function: Optional[Callable[..., Any]] = None
        super().__init__(
            Name,
            dag,
            Image=Image,
            Entrypoint=Entrypoint,
            Description=Description,
            ConfigurationJson=ConfigurationJson,
            Arch=Arch,
            Os=Os,
            CPU=CPU,
            Memory=Memory,
            Disk=Disk,
            Retries=Retries,
            CountForPrewarming=CountForPrewarming,
            Priority=Priority,
        )

    def _check(self) -> None:
        super()._check()
        if self.Entrypoint is None:
            raise ValidationError("Entrypoint is required", field="Entrypoint")
        if not _entrypoint_name.is_valid(_checks.text("Entrypoint", self.Entrypoint)):
            wanted = "of the form 'package.file' or 'package.file.function'"
            raise _checks.fail("Entrypoint", self.Entrypoint, wanted)
        self._check_configuration()

    def _check_configuration(self) -> None:
        configuration = self.ConfigurationJson
        if configuration is not None and not isinstance(configuration, dict):
            raise _checks.fail("ConfigurationJson", configuration, "a dict")

    def _configurations(self) -> List[Mapping[str, Any]]:
        """Return the configuration of every part."""
        return [self.ConfigurationJson or {}]

    def _as_upstream(self) -> Upstream:
        from fasti._sources import Upstream

        result_name = _entrypoint_name.result_name(self.Entrypoint)
        return Upstream(self._name, result_name, parallel=False, parts=(self._name,))

    def _check_tables(self, upstreams: List[Upstream]) -> None:
        shape = None if self._function is None else shape_of(self._function)
        accepts = None if shape is None else shape.accepts
        for configuration in self._configurations():
            problem = _tables.problem_with(_tables.table_of(configuration), upstreams, accepts)
            if problem is not None:
                raise ValidationError(f"task {self._name!r}: {problem}", field="ConfigurationJson")
        if shape is not None:
            # The function is here: every rule can be checked, not just the table.
            from fasti._bind import plan_call
            from fasti._sources import Target

            translated = getattr(self._function, MARK, None) or {}
            table = _tables.table_of(self.ConfigurationJson or {})
            target = Target(self.Entrypoint, shape, translated)
            plan_call(target, upstreams, table, self._submitted_bindings())

    def _submitted_bindings(self) -> Optional[Bindings]:
        """Return the bound arguments with every task replaced by its place."""
        if self._bindings is None:
            return None
        return self._bindings.map(lambda leaf: Place(leaf.Name) if isinstance(leaf, Node) else leaf)

    def _definition(self) -> Dict[str, Any]:
        fields = super()._definition()
        fields["entrypoint"] = self.Entrypoint
        if self.ConfigurationJson is not None:
            fields["configuration_json"] = _json_view.view(self.ConfigurationJson)
            if not _json_view.is_exact(self.ConfigurationJson):
                what = "ConfigurationJson"
                fields["configuration_blob"] = self._pickled(what, self.ConfigurationJson)
        bindings = self._submitted_bindings()
        if bindings is not None:
            fields["arguments_blob"] = self._pickled("the arguments of the call", bindings)
        return fields

    def _pickled(self, what: str, value: Any) -> str:
        from fasti import _pickling

        try:
            return _pickling.dumps_base64(value)
        except Exception as error:
            raise ValidationError(
                f"task {self._name!r}: {what} cannot be pickled: {type(error).__name__}: {error}"
            ) from error


class ParallelTask(Task):
    """Many calls of one function, each with a configuration of its own.

    Takes the parameters of :class:`Task`, except that ``ConfigurationJson`` is a list of
    dicts, one a part, each with the keys ``Name`` and ``Description``.  Every part is a
    task run of its own with the full ``CPU`` and ``Memory``; downstream tasks wait for
    all parts and receive the list of their values in part order.
    """

    def __init__(
        self,
        Image: Optional[str] = None,
        Entrypoint: Optional[str] = None,
        Name: Optional[str] = None,
        Description: str = "",
        dag: Optional["DAG"] = None,
        ConfigurationJson: Optional[Sequence[Dict[str, Any]]] = None,
        Arch: str = "amd64",
        Os: str = "fedora",
        CPU: int = 400,
        Memory: int = 400,
        Disk: int = 300,
        Retries: int = 0,
        CountForPrewarming: bool = False,
        Priority: Union[PriorityLevel, str, None] = None,
    ) -> None:
        super().__init__(
            Image=Image,
            Entrypoint=Entrypoint,
            Name=Name,
            Description=Description,
            dag=dag,
            ConfigurationJson=ConfigurationJson,  # type: ignore[arg-type]
            Arch=Arch,
            Os=Os,
            CPU=CPU,
            Memory=Memory,
            Disk=Disk,
            Retries=Retries,
            CountForPrewarming=CountForPrewarming,
            Priority=Priority,
        )

    def _check_configuration(self) -> None:
        parts = self.ConfigurationJson
        if not isinstance(parts, list) or not parts:
            raise _checks.fail("ConfigurationJson", parts, "a list of dicts that is not empty")
        seen = set()
        for index, part in enumerate(parts):
            where = f"ConfigurationJson[{index}]"
            if not isinstance(part, dict):
                raise _checks.fail(where, part, "a dict")
            for key in ("Name", "Description"):
                if key not in part:
                    raise ValidationError(f"{where} must have the key {key!r}", field=where)
            name = _checks.name(f"{where}['Name']", part["Name"])
            _checks.text(f"{where}['Description']", part["Description"])
            if name in seen:
                raise DuplicateNameError(f"two parts are named {name!r}", field=where)
            seen.add(name)

    def _configurations(self) -> List[Mapping[str, Any]]:
        return list(self.ConfigurationJson)

    def _part_names(self) -> List[str]:
        return [part["Name"] for part in self.ConfigurationJson]

    def _names(self) -> List[str]:
        return [self._name, *self._part_names()]

    def _as_upstream(self) -> Upstream:
        return super()._as_upstream()._replace(parallel=True, parts=tuple(self._part_names()))

    def _definition(self) -> Dict[str, Any]:
        return {**super()._definition(), "kind": "parallel"}
