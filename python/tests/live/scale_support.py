"""The v6 batch services over HTTP, as a script would use them."""

import json
import time
import urllib.error
import urllib.request
from typing import Any, Callable, Dict, List, Optional, Tuple

from live.live_support import PATIENCE, Server

Json = Dict[str, Any]


class Scale:
    """A client of one server."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def ask(self, method: str, path: str, body: Any = None) -> Tuple[int, Any, Dict[str, str]]:
        """Send one request; returns status, body and headers."""
        data = (
            body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        )
        address = path if path.startswith("http") else f"{self.server.url}/v6{path}"
        request = urllib.request.Request(
            address, method=method, data=data, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                raw, status, headers = answer.read(), answer.status, dict(answer.headers)
        except urllib.error.HTTPError as refusal:
            with refusal:
                raw, status, headers = refusal.read(), refusal.code, dict(refusal.headers)
        is_json = "json" in headers.get("content-type", headers.get("Content-Type", ""))
        return status, (json.loads(raw) if is_json else raw), headers

    def get(self, path: str) -> Any:
        status, body, _ = self.ask("GET", path)
        assert status == 200, (path, status, body)
        return body

    def post(self, path: str, body: Any, expected: int = 201) -> Any:
        status, answer, _ = self.ask("POST", path, body)
        assert status == expected, (path, status, answer)
        return answer

    def patch(self, path: str, body: Any, expected: int = 200) -> Any:
        status, answer, _ = self.ask("PATCH", path, body)
        assert status == expected, (path, status, answer)
        return answer

    def all(self, path: str) -> List[Json]:
        """Every item of a list, over its pages."""
        found: List[Json] = []
        page = self.get(path)
        while True:
            found += page["results"]
            if page["next"] is None:
                assert len(found) == page["count"]
                return found
            page = self.get(page["next"])

    def until(self, path: str, done: Callable[[Json], bool]) -> Json:
        deadline = time.monotonic() + PATIENCE
        while True:
            value: Json = self.get(path)
            if done(value):
                return value
            assert time.monotonic() < deadline, f"{path} goes on and on: {value}"
            time.sleep(0.02)

    # What tests need again and again.

    def job_type(self, name: str, command: str, version: str = "1.0.0", **more: Any) -> Json:
        interface = {
            "command": command,
            **{k: more.pop(k) for k in ("inputs", "outputs", "settings") if k in more},
        }
        job = {
            "name": name,
            "jobVersion": version,
            "packageVersion": version,
            "title": name.title(),
            "description": f"does {name}",
            "maintainer": {"name": "Zoe", "email": "zoe@example.org"},
            "timeout": more.pop("timeout", 60),
            "interface": interface,
            **{k: more.pop(k) for k in ("errors", "resources") if k in more},
        }
        body = {
            "manifest": {"seedVersion": "1.0.0", "job": job},
            "docker_image": f"{name}:{version}",
            **more,
        }
        _, answer, _ = self.ask("POST", "/job-types/", body)
        return answer

    def recipe_type(self, title: str, nodes: Json, files: Any = (), values: Any = ()) -> Json:
        made: Json = self.post(
            "/recipe-types/", {"title": title, "definition": definition(nodes, files, values)}
        )
        return made

    def files(self, *contents: str) -> List[int]:
        def register(number: int, content: str) -> int:
            body = {
                "file_name": f"page-{number}.txt",
                "media_type": "text/plain",
                "content": content,
            }
            made: Json = self.post("/files/", body)
            return int(made["id"])

        return [register(number, content) for number, content in enumerate(contents)]

    def dataset(self, members: List[Json], files: Any = (), values: Any = ()) -> int:
        body = {
            "title": "a dataset",
            "definition": {"parameters": interface(files, values)},
            "data": members,
        }
        return int(self.post("/datasets/", body)["id"])

    def batch(self, recipe_type: int, definition: Json, **more: Any) -> Json:
        body = {"recipe_type_id": recipe_type, "definition": definition, **more}
        made: Json = self.post("/batches/", body)
        return made

    def finished(self, batch: int) -> Json:
        def done(it: Json) -> bool:
            return bool(it["is_creation_done"] and it["recipes_completed"] == it["recipes_total"])

        return self.until(f"/batches/{batch}/", done)

    def settled(self, batch: int) -> Json:
        """Until nothing of it waits for anything but somebody's help."""

        def done(it: Json) -> bool:
            going = it["jobs_pending"] + it["jobs_queued"] + it["jobs_running"]
            return bool(it["is_creation_done"] and going == 0)

        return self.until(f"/batches/{batch}/", done)


def interface(files: Any = (), values: Any = ()) -> Json:
    return {
        "files": [{"name": name} for name in files],
        "json": [{"name": name, "type": kind} for name, kind in values],
    }


def definition(nodes: Json, files: Any = (), values: Any = ()) -> Json:
    return {"input": interface(files, values), "nodes": nodes}


def job(
    name: str,
    after: Any = (),
    inputs: Optional[Json] = None,
    version: str = "1.0.0",
    revision: int = 1,
) -> Json:
    """A node with a job; ``after`` are names, or pairs with the wanted acceptance."""
    return {
        "dependencies": dependencies(after),
        "input": {key: connection(value) for key, value in (inputs or {}).items()},
        "node_type": {
            "node_type": "job",
            "job_type_name": name,
            "job_type_version": version,
            "job_type_revision": revision,
        },
    }


def sub_recipe(
    name: str, after: Any = (), inputs: Optional[Json] = None, revision: int = 1
) -> Json:
    return {
        "dependencies": dependencies(after),
        "input": {key: connection(value) for key, value in (inputs or {}).items()},
        "node_type": {
            "node_type": "recipe",
            "recipe_type_name": name,
            "recipe_type_revision": revision,
        },
    }


def condition(after: Any, inputs: Json, values: Any, filters: Any) -> Json:
    return {
        "dependencies": dependencies(after),
        "input": {key: connection(value) for key, value in inputs.items()},
        "node_type": {
            "node_type": "condition",
            "interface": interface((), values),
            "data_filter": {"filters": filters},
        },
    }


def dependencies(after: Any) -> List[Json]:
    pairs = [(it, True) if isinstance(it, str) else it for it in after]
    return [{"name": name, "acceptance": acceptance} for name, acceptance in pairs]


def connection(source: Any) -> Json:
    """A name is an input of the recipe, a pair an output of a node."""
    if isinstance(source, str):
        return {"type": "recipe", "input": source}
    node, output = source
    return {"type": "dependency", "node": node, "output": output}
