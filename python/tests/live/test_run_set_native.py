"""Step types, flow types, item sets and files through the native interface alone."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from live.live_support import PATIENCE, Server
from live.scale_support import Scale

Json = Dict[str, Any]
STEP: Json = {
    "argv": ["sh", "-c", 'printf "{\\"twice\\": $((N * 2))}" > "$OUTPUT_DIR/seed.outputs.json"'],
    "inputs": [{"name": "n", "type": "integer"}],
    "outputs": [{"name": "twice", "type": "integer"}],
}
GRAPH: Json = {
    "inputs": [{"name": "n", "type": "integer"}],
    "nodes": {
        "first": {"step": "twice", "inputs": {"n": {"input": "n"}}},
        "second": {"step": "twice", "inputs": {"n": {"node": "first", "output": "twice"}}},
        "big": {
            "decision": {
                "parameters": [{"name": "n", "type": "integer"}],
                "rules": [{"parameter": "n", "type": "integer", "condition": ">", "values": [9]}],
            },
            "inputs": {"n": {"node": "second", "output": "twice"}},
        },
        "third": {
            "step": "twice",
            "after": ["big"],
            "inputs": {"n": {"node": "second", "output": "twice"}},
        },
        "small": {"step": "twice", "unless": ["big"], "inputs": {"n": {"input": "n"}}},
    },
}


class Native:
    """The native interface of one server."""

    def __init__(self, live: Server) -> None:
        self.live = live
        self.scale = Scale(live)

    def ask(self, method: str, path: str, body: Any = None) -> Tuple[int, Any]:
        status, answer, _ = self.scale.ask(method, f"{self.live.url}/api/v1{path}", body)
        return status, answer

    def done(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.ask(method, path, body)
        assert status in (200, 201), (path, status, answer)
        return answer


@pytest.fixture(scope="module")
def native(live: Server) -> Native:
    native = Native(live)
    native.done("PUT", "/step-types/twice/1", STEP)
    native.done("PUT", "/flow-types/quadruple", GRAPH)
    return native


def test_a_set_from_nothing(native: Native) -> None:
    items = [{"n": 1}, {"n": 2}, {"n": 3}]
    item_set = native.done(
        "POST", "/item-sets", {"parameters": GRAPH["inputs"], "items": items, "title": "three"}
    )
    assert (item_set["items_total"], item_set["parameters"][0]["type"]) == (3, "integer")
    listed = native.done("GET", f"/item-sets/{item_set['id']}/items?limit=2")
    more = native.done("GET", f"/item-sets/{item_set['id']}/items?cursor={listed['next_cursor']}")
    assert [it["values"] for it in listed["items"] + more["items"]] == items
    more = native.done("POST", f"/item-sets/{item_set['id']}/items", {"items": [{"n": 4}]})
    assert more["items_total"] == 4
    body = {"flow_type": "quadruple", "item_set_id": item_set["id"]}
    made = native.done("POST", "/flow-sets", body)
    native.scale.finished(made["id"])
    # n = 3 and 4 come to 12 and 16, which is big; for 1 and 2 it is not.
    compared = native.done("GET", f"/flow-sets/{made['id']}/comparison")["nodes"]
    counts = {name: entries[0]["steps"]["completed"] for name, entries in compared.items()}
    assert counts == {"first": 4, "second": 4, "third": 2, "small": 2}


def test_what_is_the_same_makes_no_revision(native: Native) -> None:
    for path, body in (("/step-types/twice/1", STEP), ("/flow-types/quadruple", GRAPH)):
        before = native.done("GET", path)
        # What was read can be written again.
        assert native.done("PUT", path, body)["revision"] == before["revision"]
        if "nodes" in before:
            again = {"inputs": before["inputs"], "nodes": before["nodes"]}
            assert native.done("PUT", path, again)["revision"] == before["revision"]
        assert native.done("GET", path) == before


def test_a_new_revision_is_followed(native: Native) -> None:
    native.done("PUT", "/step-types/once/1", dict(STEP, outputs=[], argv=["true"]))
    graph = {"inputs": GRAPH["inputs"], "nodes": {"it": {"step": "once"}}}
    graph["nodes"]["it"]["inputs"] = {"n": {"input": "n"}}
    before = native.done("PUT", "/flow-types/single", graph)
    seq = native.done("GET", "/flow-types?limit=1")["as_of_seq"]
    changed = native.done("PUT", "/step-types/once/1", dict(STEP, outputs=[], argv=["echo"]))
    assert (changed["revision"], changed["argv"]) == (2, ["echo"])
    after = native.done("GET", "/flow-types/single")
    assert (before["revision"], after["revision"]) == (1, 2)
    assert after["nodes"]["it"]["revision"] == 2
    assert native.done("GET", f"/flow-types/single?as_of={seq}") == before
    # A pause is no revision.
    paused = native.done(
        "PUT", "/step-types/once/1", dict(STEP, outputs=[], argv=["echo"], is_paused=True)
    )
    assert (paused["revision"], paused["is_paused"]) == (2, True)


def test_both_interfaces_show_the_same(native: Native) -> None:
    shown = native.scale.get("/job-types/twice/1/")
    assert shown["manifest"]["job"]["interface"]["outputs"]["json"][0]["name"] == "twice"
    native.scale.job_type("theirs", "echo")
    theirs = native.done("GET", "/step-types/theirs/1.0.0")
    assert theirs["argv"] == ["/bin/sh", "-c", "echo"]


def test_files_are_given_by_id(native: Native) -> None:
    text = native.done("POST", "/files", {"name": "a.txt", "content": "a b", "tags": ["words"]})
    assert (text["size"], text["media_type"]) == (3, "application/octet-stream")
    there = native.done("POST", "/files", {"path": text["path"]})
    assert (there["name"], there["path"]) == ("a.txt", text["path"])
    assert native.done("GET", f"/files/{there['id']}") == there
    ids = [it["id"] for it in native.done("GET", "/files?limit=1000")["items"]]
    assert {text["id"], there["id"]} <= set(ids)
    parameters = [{"name": "one", "type": "file"}, {"name": "many", "type": "files"}]
    values = {"one": text["id"], "many": [text["id"], there["id"]]}
    body = {"parameters": parameters, "items": [values], "common": {"mode": "fast", "level": 2}}
    made = native.done("POST", "/item-sets", body)
    assert made["common"] == {"level": 2, "mode": "fast"}
    assert native.done("GET", f"/item-sets/{made['id']}/items")["items"][0]["values"] == values


def refusals() -> List[Tuple[str, str, Any, str]]:
    node = {"step": "twice", "inputs": {"n": {"input": "n"}}}

    def graph(**changes: Any) -> Json:
        return {"inputs": GRAPH["inputs"], "nodes": {"a": dict(node, **changes)}}

    circle = {"a": {"step": "twice", "after": ["b"]}, "b": {"step": "twice", "after": ["a"]}}
    number = [{"name": "n", "type": "integer"}]
    return [
        ("PUT", "/step-types/x/1", dict(STEP, argv=[]), "argv"),
        ("PUT", "/step-types/x/1", dict(STEP, other=1), "other"),
        ("PUT", "/step-types/x%20y/1", STEP, "name"),
        ("PUT", "/step-types/x/1", dict(STEP, timeout_ms=0), "timeout_ms"),
        ("PUT", "/step-types/x/1", dict(STEP, max_tries=0), "max_tries"),
        ("PUT", "/step-types/x/1", dict(STEP, max_running=0), "max_running"),
        ("PUT", "/step-types/x/1", dict(STEP, image="nowhere"), "image"),
        ("PUT", "/step-types/x/1", dict(STEP, inputs=number * 2), "inputs"),
        ("PUT", "/step-types/x/1", dict(STEP, inputs=[{"name": "n", "type": "text"}]), "inputs[0]"),
        (
            "PUT",
            "/step-types/x/1",
            dict(STEP, outputs=[{"name": "n", "type": "integer", "pattern": "*"}]),
            "outputs[0].pattern",
        ),
        ("PUT", "/flow-types/x", graph(step="nothing"), "nodes.a.step"),
        ("PUT", "/flow-types/x", graph(version="9"), "nodes.a.version"),
        ("PUT", "/flow-types/x", graph(flow="nothing"), "nodes.a"),
        ("PUT", "/flow-types/x", graph(after=["b"]), "b"),
        ("PUT", "/flow-types/x", graph(inputs={"n": {"input": "m"}}), "m"),
        ("PUT", "/flow-types/x", graph(inputs={"n": {}}), "nodes.a.inputs.n"),
        ("PUT", "/flow-types/x", {"nodes": circle}, "circle"),
        ("POST", "/item-sets", {"parameters": number, "items": [{"m": 1}]}, "items[0].m"),
        ("POST", "/item-sets", {"parameters": number, "items": [{"n": "x"}]}, "n"),
        ("POST", "/item-sets", {"parameters": number, "items": [{}]}, "n"),
        ("POST", "/item-sets", {"parameters": number, "common": {"n": 1}}, "common.n"),
        ("POST", "/files", {"name": "a/b", "content": ""}, "name"),
        ("POST", "/files", {"path": "relative"}, "absolute"),
        ("POST", "/files", {"path": "/nowhere/at/all"}, "path"),
        ("POST", "/files", {"name": "a"}, "content"),
    ]


@pytest.mark.parametrize(("method", "path", "body", "named"), refusals())
def test_what_is_wrong_is_named(
    native: Native, method: str, path: str, body: Any, named: str
) -> None:
    status, problem = native.ask(method, path, body)
    assert status in (404, 422), problem
    assert named in f"{problem.get('field')} {problem['detail']} {problem.get('errors')}", problem


def test_what_is_not_there(native: Native) -> None:
    for path in (
        "/step-types/nothing/1",
        "/flow-types/nothing",
        "/item-sets/999",
        "/item-sets/999/items",
        "/files/999",
        "/files/x",
    ):
        assert native.ask("GET", path)[0] == 404, path


def test_what_came_of_each_input(native: Native, tmp_path: Path) -> None:
    switch = tmp_path / "switch"
    fails = f'test "$N" -lt 3 || test -e {switch} || exit 4'
    step = dict(STEP, argv=["sh", "-c", f"{fails}; {STEP['argv'][2]}"])
    step["failures"] = [{"code": 4, "name": "too-big", "description": "is 3 or more"}]
    native.done("PUT", "/step-types/small/1", step)
    first = {"step": "small", "inputs": {"n": {"input": "n"}}}
    inner = {"inputs": GRAPH["inputs"], "nodes": {"deep": first}}
    native.done("PUT", "/flow-types/inner", inner)
    nodes = {
        "first": first,
        "second": {"step": "twice", "inputs": {"n": {"node": "first", "output": "twice"}}},
        "inside": {"flow": "inner", "inputs": {"n": {"input": "n"}}},
    }
    native.done("PUT", "/flow-types/parts", {"inputs": GRAPH["inputs"], "nodes": nodes})
    items = [{"n": it} for it in (1, 2, 3)]
    item_set = native.done("POST", "/item-sets", {"parameters": GRAPH["inputs"], "items": items})
    body = {"flow_type": "parts", "item_set_id": item_set["id"]}
    set_id = native.done("POST", "/flow-sets", body)["id"]
    native.scale.settled(set_id)

    listed = fasti(native.live, "run", "set", "flows", str(set_id))
    assert [it["values"] for it in listed] == items
    assert [it["status"] for it in listed] == ["completed", "completed", "failed"]
    failed = fasti(native.live, "run", "set", "flows", str(set_id), "--status", "failed")
    assert failed == listed[2:]
    page = native.done("GET", f"/flow-sets/{set_id}/flows?limit=2")
    rest = native.done("GET", f"/flow-sets/{set_id}/flows?cursor={page['next_cursor']}")
    assert page["items"] + rest["items"] == listed

    flow = fasti(native.live, "run", "set", "flow", str(failed[0]["id"]))
    found = {it["name"]: it for it in flow["nodes"]}
    assert {name: it["status"] for name, it in found.items()} == {
        "first": "failed",
        "second": "blocked",
        "inside": "failed",
    }
    failure = found["first"]["step"]["failure"]
    assert (failure["name"], failure["category"]) == ("too-big", "program")
    assert found["first"]["step"]["inputs"] == {"n": 3}
    assert native.done("GET", f"/runs/{found['first']['step']['run_id']}")["status"]
    deep = native.done("GET", f"/flows/{found['inside']['flow_id']}/nodes")["items"]
    assert [(it["name"], it["status"]) for it in deep] == [("deep", "failed")]
    done = fasti(native.live, "run", "set", "flow", str(listed[1]["id"]))
    assert done["nodes"][0]["step"]["outputs"] == {"twice": 4}

    for arguments in (["flows", str(set_id)], ["flow", str(failed[0]["id"])]):
        binary = os.environ["FASTI_BIN"]
        command = [binary, "--url", native.live.url, "run", "set", *arguments]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        assert (shown.returncode, "failed" in shown.stdout) == (0, True), shown.stderr

    switch.touch()
    retried = fasti(native.live, "run", "set", "retry", str(set_id), "--node", "deep")
    assert retried == {"set_id": set_id, "steps": 1}
    retried = fasti(native.live, "run", "set", "retry", str(set_id), "--flow", str(failed[0]["id"]))
    assert retried["steps"] >= 1
    native.scale.finished(set_id)
    assert native.done("POST", f"/flow-sets/{set_id}/retry", {})["steps"] == 0
    for wrong, named in (
        ({"nodes": ["nothing"]}, "nothing"),
        ({"flow_ids": [999999]}, "flow_ids[0]"),
        ({"other": 1}, "other"),
    ):
        status, problem = native.ask("POST", f"/flow-sets/{set_id}/retry", wrong)
        assert status == 422, problem
        assert named in str(problem)
    assert native.ask("POST", "/flow-sets/999999/retry", {})[0] == 404
    assert native.ask("GET", f"/flow-sets/{set_id}/flows?status=odd")[0] == 422
    for path in ("/flow-sets/999999/flows", "/flows/999999", "/flows/999999/nodes", "/flows/x"):
        assert native.ask("GET", path)[0] == 404, path


def fasti(live: Server, *arguments: str) -> Any:
    command = [os.environ["FASTI_BIN"], "--url", live.url, "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
