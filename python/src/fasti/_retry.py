"""How further attempts of a task are spread, and which failures are worth one."""

from __future__ import annotations

from fasti import _checks
from fasti._errors import ValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Optional, Union

    Seconds = Union[int, float]

#: Longest wait between two attempts: a week.
DELAY_SECONDS_MAX = 7 * 86_400
#: Longest wait when a policy names none.
DELAY_SECONDS_DEFAULT_MAX = 3_600.0
BACKOFF_MAX = 10


class Retry:
    """How the ``Retries`` of a task are spread, and which failures are worth one.

    ``delay_seconds`` is the wait before the first further attempt (default: the
    server's setting); each further wait is ``backoff`` times the one before (1 to 10),
    at most ``max_delay_seconds`` (default an hour, or the first wait if that is longer).
    Up to ``jitter`` (0 to 1) of each wait is left out by chance; a replay draws the
    same.  With ``on_exit_codes`` only
    these are tried again, and neither signals nor time limits; ``not_on_exit_codes``
    are not.  A Python function that raises ends with exit code 1.

    >>> Retry(delay_seconds=1, backoff=2, max_delay_seconds=60, jitter=0.2)
    Retry(delay_seconds=1, backoff=2, max_delay_seconds=60, jitter=0.2)
    """

    def __init__(
        self,
        delay_seconds: Optional[Seconds] = None,
        backoff: Optional[Seconds] = None,
        max_delay_seconds: Optional[Seconds] = None,
        jitter: Optional[Seconds] = None,
        on_exit_codes: Optional[Iterable[int]] = None,
        not_on_exit_codes: Optional[Iterable[int]] = None,
    ) -> None:
        self.delay_seconds = _number("delay_seconds", delay_seconds, 0, DELAY_SECONDS_MAX)
        self.backoff = _number("backoff", backoff, 1, BACKOFF_MAX)
        self.max_delay_seconds = _number(
            "max_delay_seconds", max_delay_seconds, 0.001, DELAY_SECONDS_MAX
        )
        self.jitter = _number("jitter", jitter, 0, 1)
        self.on_exit_codes = _codes("on_exit_codes", on_exit_codes)
        self.not_on_exit_codes = _codes("not_on_exit_codes", not_on_exit_codes)
        first, longest = self.delay_seconds, self.max_delay_seconds
        if first is not None and longest is not None and first > longest:
            raise ValidationError(
                "max_delay_seconds must not be less than delay_seconds",
                field="max_delay_seconds",
            )
        for code in self.on_exit_codes:
            if code in self.not_on_exit_codes:
                raise ValidationError(f"{code} is in on_exit_codes too", field="not_on_exit_codes")

    def to_json(self) -> Dict[str, Any]:
        """Return the given arguments by name, as the server takes them."""
        return {field: value for field, value in vars(self).items() if value not in (None, [])}

    def delay_after(self, failed: int, default_seconds: float) -> float:
        """Return the wait after failure number ``failed``, in seconds, without jitter."""
        delay = default_seconds if self.delay_seconds is None else self.delay_seconds
        longest = self.max_delay_seconds
        longest = max(delay, DELAY_SECONDS_DEFAULT_MAX) if longest is None else longest
        # A float to a large power is an error; the longest wait is reached long before.
        factor: float = min((self.backoff or 1.0) ** min(failed - 1, 300), 1e300)
        return min(delay * factor, longest)

    def takes(self, code: int) -> bool:
        """Tell whether a failure with this exit code is worth another attempt."""
        if code in self.not_on_exit_codes:
            return False
        return not self.on_exit_codes or code in self.on_exit_codes

    def __repr__(self) -> str:
        fields = ", ".join(f"{field}={value!r}" for field, value in self.to_json().items())
        return f"Retry({fields})"

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if isinstance(other, Retry) else NotImplemented

    def __hash__(self) -> int:
        return hash(repr(self))


def _number(argument: str, value: Any, least: Seconds, most: Seconds) -> Optional[Seconds]:
    if value is None:
        return None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:
        raise _checks.fail(argument, value, f"a number from {least} to {most}")
    found: Seconds = value
    return found


def _codes(argument: str, value: Any) -> List[int]:
    codes = list(_checks.items(argument, value))
    for index, code in enumerate(codes):
        _checks.integer(f"{argument}[{index}]", code, 1, 255)
    return codes


def optional_retry(argument: str, value: Any) -> Optional[Retry]:
    """Check a policy that may be left out."""
    if value is None or isinstance(value, Retry):
        return value
    raise _checks.fail(argument, value, "a Retry")
