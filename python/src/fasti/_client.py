"""The HTTP client: one kept-alive connection per thread, retries, errors as exceptions.

Every request this client makes may be repeated: reads and deletions by nature,
creations through their idempotency key.  ``http.client``, ``json`` and ``urllib`` are
imported only when something is sent: importing the SDK has a budget of 50 ms.
"""

from __future__ import annotations

import atexit
import os
import time

from fasti import __version__, _config
from fasti._errors import ConnectionFailed, SchedulerError, ServerError, ValidationError
from fasti._problem import error_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    import email.message
    import http.client
    from typing import Any, Dict, Iterator, Mapping, Optional, Union

    from fasti._download import Download

    Params = Mapping[str, Union[str, int, None]]

PREFIX = "/api/v1"

#: How long an unreachable server is tried again before giving up, in seconds.
RETRY_SECONDS = 5.0
#: Longest wait for the next byte of an answer, in seconds.
ANSWER_SECONDS = 120.0
#: Bytes of a streamed body read at a time.
_PIECE_BYTES = 1 << 18
#: Items asked for at a time where a whole list is wanted; the server's maximum.
PAGE_ITEMS = 1000

_PAUSE_FIRST, _PAUSE_MAX = 0.05, 0.5


class Answer:
    """A successful answer whose body was read."""

    __slots__ = ("body", "headers")

    def __init__(self, headers: "email.message.Message", body: bytes) -> None:
        self.headers = headers
        self.body = body


class Client:
    """Speaks with one server on behalf of one user."""

    def __init__(self, config: _config.Config) -> None:
        from urllib.parse import urlsplit

        parts = urlsplit(config.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValidationError(
                f"FASTI_URL must be an http:// or https:// URL, not {config.url!r}"
            )
        #: What the client was made from.
        self.config = config
        self.url = config.url
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port
        self._prefix = parts.path.rstrip("/") + PREFIX
        self._headers = _identity(config)
        # By process and thread: neither a fork nor a thread may share a connection.
        self._connections: Dict[Any, "http.client.HTTPConnection"] = {}

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine."""
        return self._host in ("127.0.0.1", "::1", "localhost")

    def get(self, path: str, params: Optional[Params] = None) -> Any:
        """Return the JSON answer to a GET."""
        return _json(self.send("GET", _with(path, params)))

    def items(self, path: str, params: Optional[Params] = None) -> Iterator[Dict[str, Any]]:
        """Yield the items of a list, page after page."""
        query: Dict[str, Union[str, int, None]] = {**(params or {}), "limit": PAGE_ITEMS}
        while True:
            page = self.get(path, query)
            yield from page["items"]
            if page.get("next_cursor") is None:
                return
            query["cursor"] = page["next_cursor"]

    def post(self, path: str, body: Any, creates: bool = True) -> Any:
        """Return the JSON answer to a POST; ``creates`` gives it an idempotency key."""
        import json

        headers = {"Content-Type": "application/json"}
        if creates:
            headers["Idempotency-Key"] = os.urandom(16).hex()
        data = json.dumps(body, separators=(",", ":"), allow_nan=False).encode("ascii")
        return _json(self.send("POST", path, headers, data))

    def send(
        self,
        method: str,
        path: str,
        headers: Optional[Mapping[str, str]] = None,
        body: Optional[bytes] = None,
        into: Optional["Download"] = None,
    ) -> Answer:
        """Send one request and return its answer, trying again while there is none.

        With ``into`` the body of a success goes there instead of being held.
        Raises :class:`ConnectionFailed` after 5 s without an answer, and the exception
        for whatever else is not a success.
        """
        import http.client

        deadline = time.monotonic() + RETRY_SECONDS
        # The first retry comes at once: a kept-alive connection may just have been closed.
        pause = 0.0
        while True:
            problem: Optional[SchedulerError] = None
            try:
                return self._attempt(method, path, headers or {}, body, into)
            except ServerError as error:
                if error.status != 503:
                    raise
                problem = error  # starting, or handing over: worth waiting for
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, SchedulerError):
                    raise  # an answer after all: some of ours are OSErrors as well
                self._forget()
                problem = self._unreachable(error)
            if time.monotonic() + pause > deadline:
                raise problem
            time.sleep(pause)
            pause = min(max(pause * 2, _PAUSE_FIRST), _PAUSE_MAX)

    def once(self, method: str, path: str, body: bytes, seconds: float) -> bytes:
        """Send JSON and return the answer: over a connection of its own, and never again.

        Connecting, and each wait for more of the answer, takes ``seconds`` at most.
        """
        connection = self._connect(seconds)
        try:
            headers = {**self._headers, "Content-Type": "application/json"}
            connection.request(method, self._prefix + path, body, headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status >= 300:
                raise error_from(response.status, answer)
            return answer
        finally:
            connection.close()

    def _attempt(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Optional[bytes],
        into: Optional["Download"],
    ) -> Answer:
        connection = self._connection()
        connection.request(method, self._prefix + path, body, {**self._headers, **headers})
        response = connection.getresponse()
        if response.status >= 300:
            raise error_from(response.status, response.read())
        if into is None:
            return Answer(response.headers, response.read())
        into.begin(response.headers)
        piece = memoryview(bytearray(_PIECE_BYTES))
        while True:
            length = response.readinto(piece)
            if not length:
                break
            into.write(piece[:length])
        if response.length:
            raise ConnectionResetError(f"the answer ended {response.length} bytes early")
        return Answer(response.headers, b"")

    def _connection(self) -> "http.client.HTTPConnection":
        key = _owner()
        connection = self._connections.get(key)
        if connection is None:
            connection = self._connect(ANSWER_SECONDS)
            self._connections[key] = connection
        return connection

    def _connect(self, seconds: float) -> "http.client.HTTPConnection":
        import http.client

        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=seconds)

    def close(self) -> None:
        """Close every connection; the next request opens a new one."""
        while self._connections:
            self._connections.popitem()[1].close()

    def _forget(self) -> None:
        connection = self._connections.pop(_owner(), None)
        if connection is not None:
            connection.close()

    def _unreachable(self, error: Exception) -> ConnectionFailed:
        return ConnectionFailed(
            f"cannot reach the Fasti server at {self.url}: {error or type(error).__name__} "
            f"(start it with 'fasti serve', or set FASTI_URL to its address)"
        )


_default: Optional[Client] = None


def default() -> Client:
    """Return the client of the configured server; the same one while nothing changed."""
    global _default
    config = _config.load()
    if _default is None or _default.config != config:
        close_default()
        _default = Client(config)
    return _default


def close_default() -> None:
    """Close the connections of the default client, if there is one."""
    global _default
    if _default is not None:
        _default.close()
        _default = None


atexit.register(close_default)


def _owner() -> Any:
    import threading

    return (os.getpid(), threading.get_ident())


def _identity(config: _config.Config) -> Dict[str, str]:
    from urllib.parse import quote

    headers = {"User-Agent": f"fasti-python/{__version__}", "Accept": "application/json"}
    if config.token:
        headers["Authorization"] = f"Bearer {config.token}"
    else:
        headers["X-Fasti-User"] = quote(config.user, safe=" !#$&'()*+,-./:;<=>?@[]^_`{|}~")
    return headers


def _with(path: str, params: Optional[Params]) -> str:
    from urllib.parse import urlencode

    given = {name: value for name, value in (params or {}).items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _json(answer: Answer) -> Any:
    import json

    try:
        return json.loads(answer.body)
    except ValueError as error:
        raise ServerError(f"the server's answer is no JSON: {error}") from error
