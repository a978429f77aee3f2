"""From a problem document of the server (RFC 9457) to an exception of this package."""

from __future__ import annotations

from fasti._errors import (
    Conflict,
    NotFound,
    PermissionDenied,
    ResultNotAvailable,
    SchedulerError,
    ServerError,
    ValidationError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

_BY_STATUS = {
    400: ValidationError,
    401: PermissionDenied,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    413: ValidationError,
    422: ValidationError,
}


def error_from(status: int, body: bytes) -> SchedulerError:
    """Return the exception for an answer that is not a success."""
    problem = _parse(body)
    code = problem.get("code")
    field = problem.get("field")
    kind = _BY_STATUS.get(status, ServerError)
    if status == 409 and code == "result_unavailable":
        kind = ResultNotAvailable
    message = problem.get("detail") or problem.get("title")
    if not message:
        message = f"the server answered {status}: {body[:200].decode('utf-8', 'replace')!r}"
    if field and field not in message:
        message = f"{field}: {message}"
    return kind(str(message), code=code, status=status, field=field)


def _parse(body: bytes) -> Dict[str, Any]:
    import json

    try:
        problem = json.loads(body)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
