"""Decorated functions at the top level of a module, as call style needs them."""

from typing import Any

from dt.scheduler import batch


@batch()
def load(path: str = "here") -> Any:
    return path


@batch()
def compute(input: Any, rundate: Any = None, *, factor: int = 1) -> Any:  # noqa: A002
    return input, rundate, factor


@batch()
def many(*args: Any, **kwargs: Any) -> Any:
    return args, kwargs


@batch()
def needs(wanted: Any) -> Any:
    return wanted
