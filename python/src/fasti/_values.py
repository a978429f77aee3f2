"""Values of direct upstreams inside an attempt, read only when a parameter wants them."""

from __future__ import annotations

import json
import os
import pickle
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from fasti import _digest, _pickling
from fasti._errors import ArgumentResolutionError
from fasti._sources import Upstream


class UpstreamValues:
    """The upstreams of one attempt, as the runner describes them: listed, or in a file.

    A value is unpickled at most once; every process has its own copy, so changing it
    reaches no other task.
    """

    def __init__(self, described: Union[Sequence[Mapping[str, Any]], Dict[str, str]]) -> None:
        self._packed: Optional[_Packed] = None
        if isinstance(described, dict):
            self._packed = _Packed(described["packed"], described["blobs"])
            described = self._packed.described
        self._described = described
        self._loaded: Dict[Tuple[int, int], Any] = {}
        self.upstreams: List[Upstream] = [
            Upstream(
                task=entry["task"],
                result_name=entry["result_name"] or "",
                parallel=bool(entry["parallel"]),
                parts=tuple(part["name"] for part in entry["parts"]),
            )
            for entry in described
        ]

    def get(self, index: int, part: Optional[int]) -> Any:
        """Return the value of a part; without one, of the task or the list of its parts."""
        if part is not None:
            return self._part(index, part)
        if not self.upstreams[index].parallel:
            return self._part(index, 0)
        return [self._part(index, number) for number in range(len(self.upstreams[index].parts))]

    def get_by_task(self, task: str) -> Any:
        """Return the value of the upstream task of that name."""
        for index, upstream in enumerate(self.upstreams):
            if upstream.task == task:
                return self.get(index, None)
        raise ArgumentResolutionError(f"task {task!r}, an argument of the call, is no upstream")

    def _part(self, index: int, number: int) -> Any:
        key = (index, number)
        if key not in self._loaded:
            part = self._described[index]["parts"][number]
            self._loaded[key] = self._packed.load(part) if self._packed else _load(part)
        return self._loaded[key]


def _load(part: Mapping[str, Any]) -> Any:
    if part.get("none"):
        return None
    path = part.get("path")
    if path is None:
        return _pickling.loads_base64(part["inline"])
    with open(path, "rb") as file:
        _digest.check_named(file)
        return pickle.load(file)


class _Packed:
    """The file that holds the values of many upstreams: a line of JSON, then the small ones."""

    def __init__(self, path: str, blobs: str) -> None:
        self._blobs = blobs
        with open(path, "rb") as file:
            _digest.check_named(file)
            self.described: List[Dict[str, Any]] = json.loads(file.readline())
            self._small = memoryview(file.read())

    def load(self, part: Mapping[str, Any]) -> Any:
        """Return one of the values that the first line describes."""
        digest = part.get("blob")
        if digest is not None:
            return _load({"path": os.path.join(self._blobs, digest[:2], digest)})
        if part.get("none"):
            return None
        offset, length = part["at"]
        return pickle.loads(self._small[offset : offset + length])
