"""The same sets of flows through the native interface and the command line."""

import json
import os
import subprocess
from typing import Any

import pytest

from live.live_support import PATIENCE, Server
from live.scale_support import Scale, definition, job


def fasti(live: Server, *arguments: str) -> Any:
    binary = os.environ["FASTI_BIN"]
    command = [binary, "--url", live.url, "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def scale(live: Server) -> Scale:
    scale = Scale(live)
    for name in ("one", "two"):
        scale.job_type(name, "true")
    nodes = {"one": job("one"), "two": job("two", ["one"])}
    made = scale.recipe_type("Pair", nodes, (), [("N", "integer")])
    dataset = scale.dataset([{"json": {"N": 1}}, {"json": {"N": 2}}], (), [("N", "integer")])
    scale.finished(scale.batch(made["id"], {"dataset": dataset})["id"])
    scale.patch(
        "/recipe-types/pair/",
        {"definition": definition({"one": job("one")}, (), [("N", "integer")])},
    )
    return scale


def test_a_chain_on_the_command_line(scale: Scale, live: Server) -> None:
    plan = fasti(live, "run", "set", "start", "pair", "--over", "1", "--force", "one", "--dry-run")
    assert (plan["is_valid"], plan["flows_estimated"], plan["superseded_set_id"]) == (True, 2, 1)
    assert plan["diff"]["nodes"]["one"]["is_forced"]
    assert plan["diff"]["nodes"]["two"]["status"] == "deleted"
    made = fasti(live, "run", "set", "start", "pair", "--over", "1", "--title", "again")
    assert (made["root_id"], made["superseded_set_id"], made["title"]) == (1, 1, "again")
    scale.finished(made["id"])
    shown = fasti(live, "run", "set", "show", str(made["id"]))
    assert (shown["flows_completed"], shown["steps"]["completed"]) == (2, 2)
    assert [it["id"] for it in fasti(live, "run", "set", "list")] == [1, made["id"]]
    compared = fasti(live, "run", "set", "compare", str(made["id"]))
    assert [it["id"] for it in compared["sets"]] == [1, made["id"]]
    assert compared["nodes"]["two"][1] is None
    assert compared["nodes"]["one"][0]["steps"]["completed"] == 2
    found = fasti(live, "batch", "compare", "pair")
    assert {name: it["status"] for name, it in found["nodes"].items()} == {
        "one": "unchanged",
        "two": "deleted",
    }


def test_tables_for_people(scale: Scale, live: Server) -> None:
    binary = os.environ["FASTI_BIN"]
    for arguments in (
        ["run", "set", "list"],
        ["run", "set", "show", "1"],
        ["run", "set", "compare", "1"],
        ["batch", "compare", "pair"],
    ):
        command = [binary, "--url", live.url, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        assert "one" in done.stdout or "pair" in done.stdout


def refusal(live: Server, *arguments: str) -> str:
    command = [os.environ["FASTI_BIN"], "--url", live.url, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode != 0, done.stdout
    return done.stderr


def test_what_is_forced_has_to_be_there(scale: Scale, live: Server) -> None:
    sets = fasti(live, "run", "set", "list")
    for more in (["--dry-run"], []):
        said = refusal(live, "run", "set", "start", "pair", "--over", "1", "--force", "onne", *more)
        assert "forced.nodes" in said
        assert "no node `onne`; it has one" in said
    assert fasti(live, "run", "set", "list") == sets


def test_refusals_speak_of_sets(scale: Scale, live: Server) -> None:
    last = str(fasti(live, "run", "set", "list")[-1]["id"])
    other = scale.recipe_type("Else", {"one": job("one")}, (), [("N", "integer")])["name"]
    for more, graph, field in (
        (["--over", "99"], "pair", "previous_root_id"),
        (["--over", "1"], other, "previous_root_id"),
        (["--items", "99"], "pair", "item_set_id"),
    ):
        said = refusal(live, "run", "set", "start", graph, *more)
        assert said.count(field) == 1, said
        plan = fasti(live, "run", "set", "start", graph, *more, "--dry-run")
        for text in (said, plan["problem"]):
            for word in ("batch", "recipe", "dataset", "PREV_", "MISMATCHED"):
                assert word not in text, text
    assert last


def test_what_is_wrong_is_said(scale: Scale, live: Server) -> None:
    for path, body, status in (
        ("/flow-sets", {"flow_type": "nothing"}, 404),
        ("/flow-sets", {"flow_type": "pair"}, 422),
        ("/flow-sets", {"flow_type": "pair", "item_set_id": 99}, 422),
        ("/flow-sets", {"flow_type": "pair", "other": 1}, 422),
    ):
        assert scale.ask("POST", f"{live.url}/api/v1{path}", body)[0] == status, body
    for path in ("/flow-sets/99", "/flow-sets/99/comparison", "/flow-types/nothing/diff"):
        assert live.call_for_status("GET", path) == 404
