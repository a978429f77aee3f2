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
SUBJECT_BYTES_MAX = 255


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
    for key in (*needed, *further):
        if key in needed or value.get(key) is not None:
            checked[key] = _TAKEN[key](f"{path}.{key}", value.get(key))
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


def _subject(path: str, value: Any) -> str:
    """Check a subject as the server does: it must not be able to reach Fasti's own messages."""
    subject = _checks.text(path, value)
    tokens = subject.split(".")
    placed = all(
        token == "*"
        or (token == ">" and index == len(tokens) - 1)
        or (token != "" and not any(letter in "*>" or not _is_shown(letter) for letter in token))
        for index, token in enumerate(tokens)
    )
    if not placed or len(subject.encode()) > SUBJECT_BYTES_MAX:
        wanted = (
            f"tokens with dots between, at most {SUBJECT_BYTES_MAX} bytes, such as"
            " 'orders.*.paid'; '*' is a whole token, '>' the last one"
        )
        raise _checks.fail(path, subject, wanted)
    if tokens[0] in ("*", ">", "fasti") or tokens[0][0] in "$_":
        raise _checks.fail(
            path, subject, "a first word that is not 'fasti', '*', '>' or NATS's own"
        )
    return subject


def _stream(path: str, value: Any) -> str:
    stream = _checks.text(path, value)
    named = 0 < len(stream.encode()) <= SUBJECT_BYTES_MAX
    if not named or any(letter in ".*>/\\" or not _is_shown(letter) for letter in stream):
        raise _checks.fail(
            path, stream, "the name of a stream: no blanks, dots, slashes, wildcards"
        )
    if stream.startswith("FASTI_EVENTS_"):
        raise _checks.fail(path, stream, "a stream that is not Fasti's own")
    return stream


def _is_shown(letter: str) -> bool:
    return not letter.isspace() and not (ord(letter) < 32 or 127 <= ord(letter) < 160)


#: How the fields of a source are checked.
_TAKEN = {"subject": _subject, "stream": _stream, "key": _checks.name}


def _condition(path: str, value: Any) -> Dict[str, Any]:
    if not isinstance(value, Mapping) or not {"path"} <= set(value) <= {"path", "one_of"}:
        raise _checks.fail(path, value, "dicts with the key path, and perhaps one_of")
    pointer = _checks.text(path, value["path"])
    if pointer and not pointer.startswith("/"):
        raise _checks.fail(path, pointer, "a JSON pointer such as '/order/country'")
    escapes = pointer.split("~")[1:]
    if not all(rest[:1] in ("0", "1") for rest in escapes):
        raise _checks.fail(path, pointer, "a JSON pointer, in which '~' is written '~0', '/' '~1'")
    wanted = _checks.items(path, value.get("one_of"))
    if any(isinstance(item, int) and not -(2**63) <= item < 2**63 for item in wanted):
        raise _checks.fail(path, wanted, "whole numbers of at most 64 bits")
    if len(wanted) > VALUES_MAX or not all(isinstance(item, (str, int)) for item in wanted):
        raise _checks.fail(path, wanted, f"at most {VALUES_MAX} texts, whole numbers and booleans")
    return {"path": pointer, "one_of": wanted} if wanted else {"path": pointer}
