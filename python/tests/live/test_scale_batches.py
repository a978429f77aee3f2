"""The worked examples of the v6 batch services, on a real server with real processes."""

from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from live.live_support import Server
from live.scale_support import Scale, condition, definition, job, sub_recipe

Json = Dict[str, Any]
TEXT = {"files": [{"name": "IN"}]}


@pytest.fixture(scope="module")
def scale(live: Server) -> Iterator[Scale]:
    return Scale(live)


def results(page: Json) -> List[Json]:
    found: List[Json] = page["results"]
    return found


@pytest.fixture(scope="module")
def press(scale: Scale) -> Json:
    """A recipe type with three jobs, a dataset of four files, and its first batch."""
    scale.job_type(
        "scan",
        'cp "$IN" "$OUTPUT_DIR/scanned.txt"',
        inputs=TEXT,
        outputs={"files": [{"name": "OUT", "pattern": "*.txt", "mediaType": "text/plain"}]},
    )
    for version in ("1.0.0", "1.1.0"):
        scale.job_type(
            "ink",
            'printf \'{"size": %d}\' $(wc -c < "$PAGE") > "$OUTPUT_DIR/seed.outputs.json"',
            version,
            inputs={"files": [{"name": "PAGE"}]},
            outputs={"json": [{"name": "size", "type": "integer"}]},
        )
    scale.job_type("log", 'echo "logged $IN"', inputs=TEXT)
    scale.job_type("frame", "true")
    nodes = {
        "scan": job("scan", inputs={"IN": "SRC"}),
        "ink": job("ink", ["scan"], {"PAGE": ("scan", "OUT")}),
        "log": job("log", inputs={"IN": "SRC"}),
    }
    made = scale.recipe_type("Press", nodes, ["SRC"])
    ids = scale.files("a", "bb", "ccc", "dddd")
    dataset = scale.dataset([{"files": {"SRC": [file]}} for file in ids], ["SRC"])
    status, batch, headers = scale.ask(
        "POST",
        "/batches/",
        {"title": "first", "recipe_type_id": made["id"], "definition": {"dataset": dataset}},
    )
    assert status == 201
    assert headers["location"] == f"{scale.server.url}/v6/batches/{batch['id']}/"
    assert batch["recipes_estimated"] == 4
    assert sorted(batch["job_metrics"]) == ["ink", "log", "scan"]
    assert all(metrics["min_seed_duration"] is None for metrics in batch["job_metrics"].values())
    return {
        "type": made["id"],
        "dataset": dataset,
        "batch": batch["id"],
        "nodes": nodes,
        "chain": [batch["id"]],
    }


def validate(scale: Scale, press: Json, **given: Any) -> Json:
    body = {"recipe_type_id": press["type"], **given}
    answer: Json = scale.post("/batches/validation/", body, 200)
    return answer


def test_counting(scale: Scale, press: Json) -> None:
    done = scale.finished(press["batch"])
    assert (done["recipes_total"], done["jobs_total"], done["jobs_completed"]) == (4, 12, 12)
    assert done["root_batch"]["id"] == done["id"]
    assert done["superseded_batch"] is None
    assert done["event"]["description"] == {"user": "Anonymous"}
    assert done["definition"] == {"supersedes": True, "dataset": press["dataset"]}
    assert done["configuration"] == {}
    scan = done["job_metrics"]["scan"]
    assert scan["jobs_completed"] == 4
    assert scan["min_seed_duration"] == "PT0S"


def test_files_travel_from_job_to_job(scale: Scale, press: Json) -> None:
    scale.finished(press["batch"])
    jobs = scale.all(f"/jobs/?batch_id={press['batch']}&job_type_name=ink&order=id")
    details = [scale.get(f"/jobs/{it['id']}/") for it in jobs]
    assert [it["output"]["json"] for it in details] == [{"size": size} for size in (1, 2, 3, 4)]
    products = scale.all(f"/files/?batch_id={press['batch']}")
    assert {it["file_name"] for it in products} == {"scanned.txt"}
    assert {it["file_type"] for it in products} == {"PRODUCT"}
    assert {it["recipe_node"] for it in products} == {"scan"}
    assert Path(products[0]["file_path"]).read_text("utf-8") in ("a", "bb", "ccc", "dddd")
    execution = results(scale.get(f"/jobs/{jobs[0]['id']}/executions/"))[0]
    assert (execution["status"], execution["exe_num"]) == ("COMPLETED", 1)
    logged = scale.all(f"/jobs/?batch_id={press['batch']}&job_type_name=log")[0]
    execution = results(scale.get(f"/jobs/{logged['id']}/executions/"))[0]
    _, text, _ = scale.ask("GET", f"/job-executions/{execution['id']}/logs/stdout/")
    assert text.startswith(b"logged /")


def test_a_chain_of_revisions(scale: Scale, press: Json) -> None:
    first = press["batch"]
    scale.finished(first)
    nodes = dict(press["nodes"])
    nodes["ink"] = job("ink", ["scan"], {"PAGE": ("scan", "OUT")}, "1.1.0")
    answer = scale.patch("/recipe-types/press/", {"definition": definition(nodes, ["SRC"])})
    assert answer == {"is_valid": True, "errors": [], "warnings": [], "diff": {}}

    found = validate(scale, press, definition={"previous_batch": {"root_batch_id": first}})
    assert (found["is_valid"], found["recipes_estimated"]) == (True, 4)
    diff = found["prev_batch"]["diff"]["nodes"]
    assert (diff["scan"]["status"], diff["log"]["status"]) == ("UNCHANGED", "UNCHANGED")
    assert [it["name"] for it in diff["ink"]["changes"]] == ["JOB_TYPE_VERSION_CHANGE"]
    assert diff["ink"]["node_type"]["prev_job_type_version"] == "1.0.0"
    assert "prev_job_type_name" not in diff["ink"]["node_type"]

    second = scale.batch(press["type"], {"previous_batch": {"root_batch_id": first}})["id"]
    done = scale.finished(second)
    assert (done["root_batch"]["id"], done["superseded_batch"]["id"]) == (first, first)
    assert done["jobs_total"] == 12
    assert {it["job_type"]["version"] for it in scale.all(f"/jobs/?batch_id={second}")} == {"1.1.0"}
    assert len(scale.all(f"/jobs/?batch_id={second}")) == 4
    old = scale.get(f"/batches/{first}/")
    assert old["is_superseded"]
    assert old["superseded"] is not None
    assert done["job_metrics"]["scan"] == old["job_metrics"]["scan"]
    replaced = scale.all(f"/jobs/?batch_id={first}&is_superseded=true")
    assert [it["job_type"]["name"] for it in replaced] == ["ink"] * 4
    pairs = zip(
        scale.all(f"/recipes/?batch_id={first}&order=id"),
        scale.all(f"/recipes/?batch_id={second}&order=id"),
    )
    for before, after in pairs:
        assert after["superseded_recipe"] == {"id": before["id"]}
        of_old = scale.get(f"/recipes/{before['id']}/")
        of_new = scale.get(f"/recipes/{after['id']}/")
        assert of_old["superseded_by_recipe"]["id"] == after["id"]
        for node in ("scan", "log"):
            old_job = of_old["details"]["nodes"][node]["node_type"]["job_id"]
            assert of_new["details"]["nodes"][node]["node_type"]["job_id"] == old_job

    # The root is the first batch of the chain, not its end.
    wrong = validate(scale, press, definition={"previous_batch": {"root_batch_id": second}})
    assert wrong["errors"][0]["name"] == "PREV_BATCH_NOT_FOUND"
    assert "prev_batch" not in wrong

    forced = {
        "previous_batch": {
            "root_batch_id": first,
            "forced_nodes": {"all": False, "nodes": ["scan"]},
        }
    }
    diff = validate(scale, press, definition=forced)["prev_batch"]["diff"]["nodes"]
    assert {it["status"] for it in diff.values()} == {"UNCHANGED"}
    assert [diff[name]["force_reprocess"] for name in ("scan", "ink", "log")] == [True, True, False]
    third = scale.batch(press["type"], forced)["id"]
    assert scale.finished(third)["jobs_completed"] == 12
    assert len(scale.all(f"/jobs/?batch_id={third}")) == 8

    nodes = {"scan": nodes["scan"], "ink": nodes["ink"], "frame": job("frame")}
    scale.patch("/recipe-types/press/", {"definition": definition(nodes, ["SRC"])})
    fourth = scale.batch(press["type"], {"previous_batch": {"root_batch_id": first}})["id"]
    assert scale.finished(fourth)["jobs_total"] == 12
    assert {it["job_type"]["name"] for it in scale.all(f"/jobs/?batch_id={fourth}")} == {"frame"}

    compared = scale.get(f"/batches/comparison/{first}/")
    assert [it["id"] for it in compared["batches"]] == [first, second, third, fourth]
    metrics = compared["metrics"]
    assert metrics["jobs_total"] == [12, 12, 12, 12]
    assert metrics["job_metrics"]["log"]["jobs_total"] == [4, 4, 4, None]
    for values in metrics["job_metrics"]["frame"].values():
        assert values[:3] == [None, None, None]
        assert values[3] is not None
    empty = scale.get("/batches/comparison/999999/")
    assert (empty["batches"], empty["metrics"]["jobs_total"], empty["metrics"]["job_metrics"]) == (
        [],
        [],
        {},
    )

    # The same dataset again: everything is reused, and the batch supersedes none.
    again = scale.batch(press["type"], {"dataset": press["dataset"]})["id"]
    done = scale.finished(again)
    assert (done["recipes_total"], done["jobs_total"], done["superseded_batch"]) == (4, 12, None)
    assert scale.get(f"/jobs/?batch_id={again}")["count"] == 0
    assert not scale.get(f"/batches/{fourth}/")["is_superseded"]
    assert all(it["is_superseded"] for it in scale.all(f"/recipes/?batch_id={fourth}"))
    fresh = scale.batch(press["type"], {"dataset": press["dataset"], "supersedes": False})["id"]
    scale.finished(fresh)
    assert scale.get(f"/jobs/?batch_id={fresh}")["count"] == 12


def test_conditions(scale: Scale) -> None:
    scale.job_type(
        "probe",
        'printf \'{"value": %s}\' "$N" > "$OUTPUT_DIR/seed.outputs.json"',
        inputs={"json": [{"name": "N", "type": "integer"}]},
        outputs={"json": [{"name": "value", "type": "integer"}]},
    )
    scale.job_type(
        "big", 'test "$VALUE" -ge 70', inputs={"json": [{"name": "value", "type": "integer"}]}
    )
    scale.job_type("small", "true")
    filters = [{"name": "value", "type": "integer", "condition": ">=", "values": [70]}]
    nodes = {
        "probe": job("probe", inputs={"N": "ITEM"}),
        "gate": condition(
            ["probe"], {"value": ("probe", "value")}, [("value", "integer")], filters
        ),
        "big": job("big", ["gate"], {"value": ("gate", "value")}),
        "small": job("small", [("gate", False)]),
    }
    made = scale.recipe_type("Gated", nodes, (), [("ITEM", "integer")])
    dataset = scale.dataset(
        [{"json": {"ITEM": item}} for item in (7, 70, 700)], (), [("ITEM", "integer")]
    )
    done = scale.finished(scale.batch(made["id"], {"dataset": dataset})["id"])
    assert done["jobs_total"] == 6
    counts = {name: it["jobs_completed"] for name, it in done["job_metrics"].items()}
    assert counts == {"big": 2, "small": 1, "probe": 3}
    recipes = [
        scale.get(f"/recipes/{it['id']}/")
        for it in scale.all(f"/recipes/?batch_id={done['id']}&order=id")
    ]
    names = [sorted(it["details"]["nodes"]) for it in recipes]
    assert names == [["gate", "probe", "small"], ["big", "gate", "probe"], ["big", "gate", "probe"]]
    gates = [it["details"]["nodes"]["gate"]["node_type"] for it in recipes]
    assert [it["is_accepted"] for it in gates] == [False, True, True]


def test_sub_recipes(scale: Scale) -> None:
    for name in ("prep", "one", "two", "aside"):
        scale.job_type(name, "true")
    scale.recipe_type("Inner", {"one": job("one"), "two": job("two", ["one"])})
    scale.recipe_type("Side", {"aside": job("aside")})
    nodes = {
        "prep": job("prep"),
        "inner": sub_recipe("inner", ["prep"]),
        "side": sub_recipe("side"),
    }
    outer = scale.recipe_type("Outer", nodes, (), [("ITEM", "integer")])
    dataset = scale.dataset(
        [{"json": {"ITEM": item}} for item in (1, 2)], (), [("ITEM", "integer")]
    )
    for forced, estimate in [
        (None, 6),
        ({"all": True}, 6),
        ({"all": False, "nodes": ["prep"]}, 4),
        ({"all": False, "sub_recipes": {"side": {"all": True}}}, 4),
        ({"all": False}, 2),
        ({}, 2),
    ]:
        given: Json = {"dataset": dataset}
        if forced is not None:
            given["forced_nodes"] = forced
        body = {"recipe_type_id": outer["id"], "definition": given}
        assert scale.post("/batches/validation/", body, 200)["recipes_estimated"] == estimate, (
            forced
        )
    first = scale.batch(outer["id"], {"dataset": dataset})["id"]
    done = scale.finished(first)
    assert (done["recipes_total"], done["jobs_total"]) == (6, 8)
    assert list(done["job_metrics"]) == ["prep"]
    inner = {"inner": {"all": False, "nodes": ["two"]}}
    second = scale.batch(
        outer["id"],
        {
            "previous_batch": {
                "root_batch_id": first,
                "forced_nodes": {"all": False, "sub_recipes": inner},
            }
        },
    )["id"]
    done = scale.finished(second)
    assert (done["recipes_estimated"], done["recipes_total"], done["jobs_total"]) == (6, 6, 8)
    assert {it["job_type"]["name"] for it in scale.all(f"/jobs/?batch_id={second}")} == {"two"}
    assert scale.get(f"/jobs/?batch_id={second}")["count"] == 2
    new = scale.all(f"/recipes/?batch_id={second}&order=id")
    assert sorted(it["recipe_type"]["name"] for it in new) == ["inner", "inner", "outer", "outer"]
    # A node that is only named gets a new sub-recipe whose own nodes are all reused.
    named = {
        "previous_batch": {
            "root_batch_id": first,
            "forced_nodes": {"all": False, "nodes": ["side"]},
        }
    }
    third = scale.batch(outer["id"], named)["id"]
    assert scale.finished(third)["jobs_total"] == 8
    assert scale.get(f"/jobs/?batch_id={third}")["count"] == 0
    assert scale.get(f"/recipes/?batch_id={third}")["count"] == 4


def test_failure_block_requeue(scale: Scale, live: Server) -> None:
    marker = live.folder / "mended"
    scale.job_type(
        "flaky",
        f"test -e {marker} || exit 3",
        errors=[
            {
                "code": 3,
                "name": "unripe",
                "title": "Unripe",
                "description": "not yet",
                "category": "data",
            }
        ],
    )
    scale.job_type("after", "true")
    made = scale.recipe_type(
        "Flaky",
        {"flaky": job("flaky"), "after": job("after", ["flaky"])},
        (),
        [("ITEM", "integer")],
    )
    dataset = scale.dataset(
        [{"json": {"ITEM": item}} for item in (1, 2)], (), [("ITEM", "integer")]
    )
    first = scale.batch(made["id"], {"dataset": dataset})["id"]
    settled = scale.settled(first)
    assert (settled["jobs_failed"], settled["jobs_blocked"], settled["recipes_completed"]) == (
        2,
        2,
        0,
    )
    failed = scale.all(f"/jobs/?batch_id={first}&status=FAILED")
    assert [it["num_exes"] for it in failed] == [1, 1]
    assert (failed[0]["error"]["name"], failed[0]["error"]["category"]) == ("unripe", "DATA")
    second = scale.batch(made["id"], {"previous_batch": {"root_batch_id": first}})["id"]
    settled = scale.settled(second)
    assert (settled["jobs_failed"], settled["jobs_blocked"]) == (2, 2)
    assert scale.get(f"/jobs/?batch_id={second}")["count"] == 0
    marker.write_text("", "utf-8")
    assert scale.post("/jobs/requeue/", {"batch_ids": [first]}, 202) == b""
    assert scale.finished(second)["jobs_completed"] == 4
    assert scale.get(f"/batches/{first}/")["jobs_completed"] == 4
    flaky = scale.all(f"/jobs/?batch_id={first}&job_type_name=flaky")
    assert [(it["num_exes"], it["status"]) for it in flaky] == [(2, "COMPLETED")] * 2
    executions = results(scale.get(f"/jobs/{flaky[0]['id']}/executions/"))
    assert [(it["exe_num"], it["status"]) for it in executions] == [(2, "COMPLETED"), (1, "FAILED")]


def test_cancelled_jobs_block_what_waits_for_them(scale: Scale) -> None:
    scale.job_type("sleeper", "sleep 600")
    scale.job_type("next", "true")
    made = scale.recipe_type(
        "Sleepy",
        {"sleeper": job("sleeper"), "next": job("next", ["sleeper"])},
        (),
        [("ITEM", "integer")],
    )
    dataset = scale.dataset([{"json": {"ITEM": 1}}], (), [("ITEM", "integer")])
    batch = scale.batch(made["id"], {"dataset": dataset})["id"]
    scale.until(f"/batches/{batch}/", lambda it: bool(it["jobs_running"] == 1))
    scale.post(
        "/jobs/cancel/",
        {"batch_ids": [batch], "job_types": [{"name": "sleeper", "version": "1.0.0"}]},
        202,
    )
    settled = scale.settled(batch)
    assert (settled["jobs_canceled"], settled["jobs_blocked"]) == (1, 1)
    for wrong in (
        {"job_types": [{"name": "sleeper"}]},
        {"job_types": [{"name": "no", "version": "1.0.0"}]},
    ):
        scale.post("/jobs/cancel/", wrong, 400)
    scale.post("/jobs/cancel/", {"batch_ids": [batch]}, 202)
    assert scale.settled(batch)["jobs_canceled"] == 2


def test_urgent_jobs_go_first_and_paused_ones_wait(scale: Scale) -> None:
    scale.job_type(
        "turn",
        'date +%s%N > "$OUTPUT_DIR/at"',
        outputs={"files": [{"name": "AT", "pattern": "at"}]},
    )
    made = scale.recipe_type("Turns", {"turn": job("turn")}, (), [("ITEM", "integer")])
    dataset = scale.dataset(
        [{"json": {"ITEM": item}} for item in range(3)], (), [("ITEM", "integer")]
    )
    scale.patch("/job-types/turn/1.0.0/", {"is_paused": True, "max_scheduled": 1})
    late = scale.batch(
        made["id"], {"dataset": dataset, "supersedes": False}, configuration={"priority": 50}
    )["id"]
    soon = scale.batch(
        made["id"], {"dataset": dataset, "supersedes": False}, configuration={"priority": 5}
    )["id"]
    for batch in (late, soon):
        scale.until(f"/batches/{batch}/", lambda it: bool(it["jobs_queued"] == 3))
    scale.patch("/job-types/turn/1.0.0/", {"is_paused": False})
    scale.finished(late)
    scale.finished(soon)
    jobs = scale.all("/jobs/?job_type_name=turn&order=started")
    assert [it["batch"]["id"] for it in jobs] == [soon] * 3 + [late] * 3
    assert scale.get("/job-types/turn/1.0.0/")["revision_num"] == 1


def test_paging_and_order(scale: Scale, press: Json) -> None:
    scale.job_type("noop", "true")
    made = scale.recipe_type("Paged", {"noop": job("noop")}, (), [("ITEM", "integer")])
    dataset = scale.dataset([{"json": {"ITEM": 1}}], (), [("ITEM", "integer")])
    titles = ["b", "A", "c", None, "a"]
    ids = [scale.batch(made["id"], {"dataset": dataset}, title=title)["id"] for title in titles]
    base = f"/batches/?recipe_type_id={made['id']}"
    first = scale.get(f"{base}&page_size=2")
    assert first["previous"] is None
    assert (
        first["next"]
        == f"{scale.server.url}/v6/batches/?page=2&page_size=2&recipe_type_id={made['id']}"
    )
    second = scale.get(first["next"])
    assert (
        second["previous"]
        == f"{scale.server.url}/v6/batches/?page_size=2&recipe_type_id={made['id']}"
    )
    third = scale.get(second["next"])
    assert (len(third["results"]), third["next"], third["count"]) == (1, None, 5)
    status, body, _ = scale.ask("GET", f"{base}&page_size=2&page=4")
    assert (status, body) == (404, {"detail": "Invalid page."})
    for size in ("0", "-1", "x", ""):
        assert len(results(scale.get(f"{base}&page_size={size}"))) == 5
    by_title = [it["title"] for it in scale.all(f"{base}&order=title")]
    assert by_title == ["A", "a", "b", "c", None]
    assert [it["title"] for it in scale.all(f"{base}&order=-title")] == [None, "c", "b", "A", "a"]
    assert [it["id"] for it in scale.all(f"{base}&order=-id")] == ids[::-1]
    modified = [it["last_modified"] for it in scale.all("/batches/")]
    assert modified == sorted(modified)
    assert scale.ask("GET", "/batches/?order=nonsense")[0] == 400
    assert scale.ask("GET", "/batches/?recipe_type_id=x")[0] == 400
    assert scale.ask("GET", "/batches/?is_superseded=perhaps")[0] == 400
    assert scale.ask("GET", "/batches/?started=yesterday")[0] == 400
    assert scale.get("/batches/?started=PT1H&is_creation_done=TRUE")["count"] >= 5
    assert scale.get("/batches/?ended=P1D")["count"] == 0


def test_editing(scale: Scale, press: Json) -> None:
    batch = scale.batch(
        press["type"],
        {"dataset": press["dataset"], "supersedes": False},
        title="old",
        configuration={"priority": 7},
    )["id"]
    path = f"/batches/{batch}/"
    scale.finished(batch)
    before = scale.get(path)
    assert scale.patch(path, {"title": "new", "definition": {}, "recipe_type_id": 99}, 204) == b""
    after = scale.get(path)
    assert (after["title"], after["configuration"]) == ("new", {"priority": 7})
    assert after["last_modified"] > before["last_modified"]
    scale.patch(path, {"configuration": {}}, 204)
    assert scale.get(path)["configuration"] == {"priority": 7}
    mapped = {"inputMap": [{"input": "SRC", "datasetParameter": "SRC"}]}
    scale.patch(path, {"configuration": mapped}, 204)
    assert scale.get(path)["configuration"] == mapped
    wrong = {"inputMap": [{"input": "SRC", "datasetParameter": "NOWHERE"}]}
    scale.patch(path, {"title": "never", "configuration": wrong}, 400)
    scale.patch(path, {"title": "never", "configuration": {"other": 1}}, 400)
    assert scale.get(path)["title"] == "new"
    scale.patch("/batches/999999/", {"configuration": {"other": 1}}, 404)
    for method in ("PUT", "DELETE"):
        status, body, headers = scale.ask(method, path, {})
        assert status == 405
        assert body["detail"]
        assert "PATCH" in headers["allow"]
