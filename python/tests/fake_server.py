"""An HTTP server that answers what a test prescribes and remembers what it was asked.

It stands for the wire, not for Fasti: what Fasti itself does is tested in ``live/``.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, List, NamedTuple, Optional, Tuple
from urllib.parse import parse_qs, urlsplit


class Request(NamedTuple):
    method: str
    path: str
    query: Dict[str, str]
    headers: Dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Reply(NamedTuple):
    status: int
    body: bytes
    headers: Dict[str, str]
    #: Close the connection without an answer.
    hang_up: bool = False
    #: Announce more bytes than are sent.
    cut_short: bool = False


class FakeServer:
    def __init__(self) -> None:
        self.requests: List[Request] = []
        self._replies: Dict[Tuple[str, str], List[Reply]] = {}
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> "FakeServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def on(
        self,
        method: str,
        path: str,
        body: Any = None,
        status: int = 200,
        headers: Optional[Dict[str, str]] = None,
        **fault: bool,
    ) -> None:
        """Prescribe an answer; of several for one path each is given once, the last for ever."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        reply = Reply(status, raw, headers or {}, **fault)
        self._replies.setdefault((method, "/api/v1" + path), []).append(reply)

    def page(self, path: str, *items: Any, **more: Any) -> None:
        """Prescribe a list of one page."""
        self.on("GET", path, {"items": list(items), "next_cursor": None, "as_of_seq": 1, **more})

    def sent(self, method: str, path: str) -> List[Request]:
        return [r for r in self.requests if (r.method, r.path) == (method, "/api/v1" + path)]

    def _reply(self, method: str, path: str) -> Reply:
        replies = self._replies.get((method, path))
        if not replies:
            detail = {"detail": f"no answer prescribed for {method} {path}", "code": "not_found"}
            return Reply(404, json.dumps(detail).encode(), {})
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def _handler(self) -> Any:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                query = {key: values[0] for key, values in parse_qs(parts.query).items()}
                headers = {key.lower(): value for key, value in self.headers.items()}
                fake.requests.append(Request(self.command, parts.path, query, headers, body))
                self._answer(fake._reply(self.command, parts.path))

            do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = _serve

            def _answer(self, reply: Reply) -> None:
                if reply.hang_up:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                length = len(reply.body) + (10 if reply.cut_short else 0)
                self.send_header("Content-Length", str(length))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(reply.body)
                if reply.cut_short:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        return Handler
