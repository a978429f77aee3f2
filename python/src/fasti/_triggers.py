"""Checks of the triggers of a schedule: messages that start a batch."""

from __future__ import annotations

from collections.abc import Mapping

from fasti import _checks
from fasti._errors import ValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

_NAME = r"[A-Za-z0-9_-]{1,32}"

#: Where messages come from, with what each source needs and may have besides.
_SOURCES = {
    "nats": (("subject",), ()),
    "stream": (("stream",), ("subject",)),
    "webhook": (("key",), ()),
}
_COMMON = ("name", "source", "filter", "debounce_seconds")

TRIGGERS_MAX = 8
CONDITIONS_MAX = 16
VALUES_MAX = 100
DEBOUNCE_SECONDS_MAX = 86_400


def triggers(value: Any) -> List[Dict[str, Any]]:
    """Return triggers in their normal form."""
    given = _checks.items("triggers", value)
    if len(given) > TRIGGERS_MAX:
        raise ValidationError(f"a batch has at most {TRIGGERS_MAX} triggers", field="triggers")
    checked = [_trigger(f"triggers[{index}]", item) for index, item in enumerate(given)]
    names = [trigger["name"] for trigger in checked]
    for index, name in enumerate(names):
        if name in names[:index]:
            field = f"triggers[{index}].name"
            raise ValidationError(f"{field}: the name {name!r} is used twice", field=field)
    return checked


def _trigger(path: str, value: Any) -> Dict[str, Any]:
    import re

    if not isinstance(value, Mapping):
        raise _checks.fail(path, value, "a dict with the keys name and source")
    source = _checks.choice(f"{path}.source", value.get("source"), _SOURCES)
    needed, further = _SOURCES[source]
    for key in value:
        if key not in (*_COMMON, *needed, *further):
            raise ValidationError(
                f"{path}: a {source} trigger has no {key!r}", field=f"{path}.{key}"
            )
    name = _checks.text(f"{path}.name", value.get("name"))
    if re.fullmatch(_NAME, name) is None:
        raise _checks.fail(f"{path}.name", name, "1 to 32 letters, digits, '_' and '-'")
    checked: Dict[str, Any] = {"name": name, "source": source}
    for key in needed:
        checked[key] = _checks.name(f"{path}.{key}", value.get(key))
    for key in further:
        if value.get(key) is not None:
            checked[key] = _checks.name(f"{path}.{key}", value[key])
    conditions = [
        _condition(f"{path}.filter", item)
        for item in _checks.items(f"{path}.filter", value.get("filter"))
    ]
    if len(conditions) > CONDITIONS_MAX:
        field = f"{path}.filter"
        raise ValidationError(f"{field}: at most {CONDITIONS_MAX} conditions", field=field)
    if conditions:
        checked["filter"] = conditions
    if value.get("debounce_seconds") is not None:
        checked["debounce_seconds"] = _checks.integer(
            f"{path}.debounce_seconds", value["debounce_seconds"], 1, DEBOUNCE_SECONDS_MAX
        )
    return checked


def _condition(path: str, value: Any) -> Dict[str, Any]:
    if not isinstance(value, Mapping) or not {"path"} <= set(value) <= {"path", "one_of"}:
        raise _checks.fail(path, value, "dicts with the key path, and perhaps one_of")
    pointer = _checks.text(path, value["path"])
    if pointer and not pointer.startswith("/"):
        raise _checks.fail(path, pointer, "a JSON pointer such as '/order/country'")
    wanted = _checks.items(path, value.get("one_of"))
    if len(wanted) > VALUES_MAX or not all(isinstance(item, (str, int)) for item in wanted):
        raise _checks.fail(path, wanted, f"at most {VALUES_MAX} texts, whole numbers and booleans")
    return {"path": pointer, "one_of": wanted} if wanted else {"path": pointer}
