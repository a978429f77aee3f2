"""What the v6 batch services refuse, and how they say so."""

from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

from live.live_support import Server
from live.scale_support import Scale, definition, job

Json = Dict[str, Any]

# Name of the job type that most tests use.
WORK = "work"


@pytest.fixture(scope="module")
def scale(live: Server) -> Iterator[Scale]:
    return Scale(live)


@pytest.fixture(scope="module")
def world(scale: Scale) -> Json:
    scale.job_type("work", "true", inputs={"json": [{"name": "N", "type": "integer"}]})
    nodes = {"work": job("work", inputs={"N": "N"})}
    made = scale.recipe_type("World", nodes, (), [("N", "integer")])
    other = scale.recipe_type("Other", nodes, (), [("N", "integer")])
    dataset = scale.dataset([{"json": {"N": item}} for item in (1, 2, 2)], (), [("N", "integer")])
    named = scale.dataset([{"json": {"M": 1}}], (), [("M", "integer")])
    batch = scale.batch(made["id"], {"dataset": dataset})["id"]
    assert scale.finished(batch)["recipes_total"] == 2
    return {
        "type": made["id"],
        "other": other["id"],
        "dataset": dataset,
        "named": named,
        "batch": batch,
    }


def test_every_error_has_its_place(scale: Scale, world: Json) -> None:
    empty = scale.dataset([], (), [("N", "integer")])
    previous = {"previous_batch": {"root_batch_id": world["batch"]}}
    swapped = [{"input": "N", "datasetParameter": "M"}]
    for name, flow_type, given, configuration in [
        ("INVALID_BATCH_DEFINITION", "type", {"unknown": 1}, None),
        ("INVALID_BATCH_DEFINITION", "type", {"dataset": 1, "forced_nodes": {"nodes": []}}, None),
        ("INVALID_BATCH_CONFIGURATION", "type", {}, {"priority": "high"}),
        ("PREV_BATCH_NOT_FOUND", "type", {"previous_batch": {"root_batch_id": 999999}}, None),
        ("MISMATCHED_RECIPE_TYPE", "other", previous, None),
        ("DATASET_NOT_FOUND", "type", {"dataset": 999999}, None),
        ("INVALID_INPUT_MAP", "type", {"dataset": world["dataset"]}, {"inputMap": swapped}),
        (
            "INVALID_INPUT_MAP",
            "type",
            {"dataset": world["named"]},
            {"inputMap": [{"input": "X", "datasetParameter": "M"}]},
        ),
        ("MISMATCHED_PARAMS", "type", {"dataset": world["named"]}, None),
        ("NO_RECIPES", "type", {}, None),
        ("NO_RECIPES", "type", {"dataset": empty}, None),
    ]:
        body = {"recipe_type_id": world[flow_type], "definition": given}
        if configuration is not None:
            body["configuration"] = configuration
        before = scale.get("/batches/")["count"]
        found = scale.post("/batches/validation/", body, 200)
        assert (found["is_valid"], [it["name"] for it in found["errors"]]) == (False, [name]), given
        is_form = name.startswith("INVALID_BATCH")
        assert found["recipes_estimated"] == (None if is_form else 0)
        assert (found["recipe_type"] is None) == is_form
        assert ("prev_batch" in found) == (name == "MISMATCHED_RECIPE_TYPE")
        assert "diff" not in found.get("prev_batch", {})
        refused = scale.post("/batches/", body, 400)
        assert isinstance(refused["detail"], str)
        assert scale.get("/batches/")["count"] == before
    assert not scale.get(f"/batches/{world['batch']}/")["is_superseded"]


def test_what_is_mapped_has_its_new_name_only(scale: Scale, world: Json) -> None:
    mapped = {"inputMap": [{"input": "N", "datasetParameter": "M"}]}
    batch = scale.batch(
        world["type"], {"dataset": world["named"], "supersedes": False}, configuration=mapped
    )
    assert scale.finished(batch["id"])["recipes_total"] == 1
    recipe = scale.all(f"/recipes/?batch_id={batch['id']}")[0]
    assert scale.get(f"/recipes/{recipe['id']}/")["input"] == {"files": {}, "json": {"N": 1}}


def test_forced_nodes_that_are_unknown_only_warn(scale: Scale, world: Json) -> None:
    given = {
        "previous_batch": {
            "root_batch_id": world["batch"],
            "forced_nodes": {"all": False, "nodes": ["no"]},
        }
    }
    body = {"recipe_type_id": world["type"], "definition": given}
    found = scale.post("/batches/validation/", body, 200)
    assert found["is_valid"]
    assert [it["name"] for it in found["warnings"]] == ["UNKNOWN_FORCED_NODE"]


def test_a_required_input_breaks_a_chain(scale: Scale) -> None:
    scale.job_type("chained", "true")
    nodes = {"chained": job("chained")}
    made = scale.recipe_type("Chained", nodes, (), [("N", "integer")])
    dataset = scale.dataset([{"json": {"N": 1}}], (), [("N", "integer")])
    first = scale.batch(made["id"], {"dataset": dataset})["id"]
    scale.finished(first)
    wider = definition(nodes, (), [("N", "integer")])
    wider["input"]["json"].append({"name": "L", "type": "integer", "required": False})
    scale.patch("/recipe-types/chained/", {"definition": wider})
    body = {
        "recipe_type_id": made["id"],
        "definition": {"previous_batch": {"root_batch_id": first}},
    }
    assert scale.post("/batches/validation/", body, 200)["is_valid"]
    wider["input"]["json"][1]["required"] = True
    scale.patch("/recipe-types/chained/", {"definition": wider})
    found = scale.post("/batches/validation/", body, 200)
    assert found["errors"][0]["name"] == "PREV_BATCH_NO_REPROCESS"
    diff = found["prev_batch"]["diff"]
    assert not diff["can_be_reprocessed"]
    assert [it["name"] for it in diff["reasons"]] == ["INPUT_CHANGE"]
    assert not any(node["reprocess_new_node"] for node in diff["nodes"].values())
    scale.post("/batches/", body, 400)
    assert not scale.get(f"/batches/{first}/")["is_superseded"]
    checked = scale.post(
        "/recipe-types/validation/", {"name": "chained", "definition": definition(nodes)}, 200
    )
    assert checked["is_valid"]
    assert checked["diff"]["can_be_reprocessed"]


def test_bodies_that_are_none(scale: Scale, world: Json) -> None:
    for path in ("/batches/", "/batches/validation/"):
        for body, part in [
            (b"{", "JSON parse error"),
            (b"", "JSON parse error"),
            (b"[]", "object"),
            (b"7", "object"),
            ({}, 'Missing required parameter: "recipe_type_id"'),
            ({"recipe_type_id": None}, 'Missing required parameter: "recipe_type_id"'),
            ({"recipe_type_id": "x", "definition": {}}, "recipe_type_id"),
            ({"recipe_type_id": [], "definition": {}}, "recipe_type_id"),
            ({"recipe_type_id": world["type"]}, 'Missing required parameter: "definition"'),
            ({"recipe_type_id": world["type"], "definition": 1}, "definition"),
            ({"recipe_type_id": 999999, "definition": {}}, "999999"),
            (
                {"recipe_type_id": world["type"], "definition": {}, "configuration": []},
                "configuration",
            ),
        ]:
            refused = scale.post(path, body, 400)
            assert part in refused["detail"], (path, body, refused)
    # Digits in text are a number at the top of a body.
    body = {"recipe_type_id": str(world["type"]), "definition": {"dataset": world["dataset"]}}
    assert scale.post("/batches/validation/", body, 200)["is_valid"]


def test_what_is_not_there(scale: Scale, world: Json) -> None:
    for path in (
        "/batches/999999/",
        "/batches/x/",
        "/recipes/999999/",
        "/jobs/999999/",
        "/jobs/999999/executions/",
        "/files/999999/",
        "/datasets/999999/",
        "/datasets/999999/members/",
        "/datasets/members/999999/",
        "/recipe-types/nothing/",
        "/recipe-types/nothing/revisions/",
        "/recipe-types/world/revisions/9/",
        f"/job-types/{WORK}/9.9.9/",
        f"/job-types/{WORK}/1.0.0/revisions/9/",
        "/job-executions/999999/logs/stdout/",
    ):
        status, body, _ = scale.ask("GET", path)
        assert (status, body) == (404, {"detail": "Not found."}), path
    for path in ("/nothing/", "/batches/1/2/3/"):
        status, body, _ = scale.ask("GET", path)
        assert (status, bool(body["detail"])) == (404, True), path
    status, body, _ = scale.ask("GET", f"{scale.server.url}/v1/batches/")
    assert status == 404
    assert scale.ask("GET", f"{scale.server.url}/v7/batches/")[0] == 200
    assert scale.ask("GET", f"{scale.server.url}/v6/batches")[0] == 200


def test_job_types(scale: Scale, world: Json) -> None:
    manifest = scale.get(f"/job-types/{WORK}/1.0.0/")["manifest"]
    body = {"manifest": manifest, "docker_image": "work"}
    well = {"is_valid": True, "errors": [], "warnings": []}
    assert scale.post("/job-types/", body, 200) == well
    detail = scale.get(f"/job-types/{WORK}/1.0.0/")
    assert (detail["revision_num"], detail["max_tries"], detail["is_active"]) == (2, 3, True)
    assert [it["name"] for it in detail["recipe_types"]] == ["other", "world"]
    numbers = [it["revision_num"] for it in scale.all(f"/job-types/{WORK}/1.0.0/revisions/")]
    assert numbers == [2, 1]
    assert scale.get(f"/job-types/{WORK}/1.0.0/revisions/1/")["manifest"] == manifest
    # Recipe types that use it have followed.
    world_type = scale.get("/recipe-types/world/")
    node = world_type["definition"]["nodes"]["work"]["node_type"]
    assert (world_type["revision_num"], node["job_type_revision"]) == (2, 2)
    assert scale.patch(f"/job-types/{WORK}/1.0.0/", {"max_scheduled": 3}) == well
    assert scale.get(f"/job-types/{WORK}/1.0.0/")["max_scheduled"] == 3
    for wrong in (
        {},
        {"manifest": manifest},
        {"manifest": manifest, "docker_image": "x", "other": 1},
        {"manifest": {**manifest, "seedVersion": "2"}, "docker_image": "x"},
        {"manifest": {**manifest, "job": {**manifest["job"], "name": "a_b"}}, "docker_image": "x"},
        {
            "manifest": {**manifest, "job": {**manifest["job"], "name": "validation"}},
            "docker_image": "x",
        },
        {"manifest": manifest, "docker_image": "x", "configuration": {"priority": 0}},
        {"manifest": manifest, "docker_image": "x", "configuration": {"more": 0}},
    ):
        scale.post("/job-types/", wrong, 400)
    other = {**manifest, "job": {**manifest["job"], "jobVersion": "1.0.1"}}
    scale.patch(f"/job-types/{WORK}/1.0.0/", {"manifest": other}, 400)
    scale.patch("/job-types/no/1.0.0/", {}, 404)
    assert scale.post("/job-types/validation/", {"manifest": {}}, 200)["is_valid"] is False
    assert scale.get("/job-types/?keyword=WORK")["count"] >= 1


def test_recipe_types(scale: Scale, world: Json) -> None:
    good = scale.get("/recipe-types/world/")["definition"]
    assert good["nodes"]["work"]["dependencies"] == []
    assert "version" not in good
    for name, change in [
        ("INVALID_DEFINITION", {"more": 1}),
        ("INVALID_DEFINITION", {"nodes": {"a": {"node_type": {"node_type": "other"}}}}),
        ("UNKNOWN_NODE", {"nodes": {"a": job("work", ["b"], {"N": "N"})}}),
        ("UNKNOWN_INPUT", {"nodes": {"a": job("work", [], {"N": "M"})}}),
        (
            "CIRCULAR_DEPENDENCY",
            {"nodes": {"a": job("work", ["b"], {"N": "N"}), "b": job("work", ["a"], {"N": "N"})}},
        ),
        ("NODE_INTERFACE", {"nodes": {"a": job("work")}}),
        ("JOB_TYPE_DOES_NOT_EXIST", {"nodes": {"a": job("no")}}),
        (
            "RECIPE_TYPE_DOES_NOT_EXIST",
            {
                "nodes": {
                    "a": {
                        "node_type": {
                            "node_type": "recipe",
                            "recipe_type_name": "no",
                            "recipe_type_revision": 1,
                        }
                    }
                }
            },
        ),
        (
            "RECURSIVE_SUBRECIPES",
            {
                "nodes": {
                    "a": {
                        "input": {"N": {"type": "recipe", "input": "N"}},
                        "node_type": {
                            "node_type": "recipe",
                            "recipe_type_name": "world",
                            "recipe_type_revision": 1,
                        },
                    }
                }
            },
        ),
    ]:
        changed = {**good, **change}
        found = scale.post(
            "/recipe-types/validation/", {"name": "world", "definition": changed}, 200
        )
        assert [it["name"] for it in found["errors"]][:1] == [name], found
        scale.patch("/recipe-types/world/", {"definition": changed}, 400)
    scale.post("/recipe-types/", {"title": "World", "definition": good}, 400)
    scale.post("/recipe-types/", {"title": "Validation", "definition": good}, 400)
    scale.post("/recipe-types/", {"definition": good}, 400)
    scale.patch("/recipe-types/nothing/", {"definition": good}, 404)
    number = scale.get("/recipe-types/world/")["revision_num"]
    scale.patch("/recipe-types/world/", {"title": "The World"})
    scale.patch("/recipe-types/world/", {"definition": good})
    now = scale.get("/recipe-types/world/")
    assert (now["title"], now["name"], now["revision_num"]) == ("The World", "world", number + 1)
    # The batch keeps the revision it was made with.
    batch = scale.get(f"/batches/{world['batch']}/")
    assert batch["recipe_type"]["revision_num"] == number + 1
    assert batch["recipe_type_rev"]["revision_num"] == 1


def test_datasets_and_files(scale: Scale, world: Json) -> None:
    file = scale.files("text")[0]
    made = scale.get(f"/files/{file}/")
    assert (made["file_type"], made["file_size"], made["media_type"]) == ("SOURCE", 4, "text/plain")
    assert Path(made["file_path"]).read_text("utf-8") == "text"
    again = scale.post("/files/", {"file_name": "linked.txt", "host_path": made["file_path"]})
    assert again["file_path"] == made["file_path"]
    for wrong in (
        {},
        {"file_name": "x"},
        {"file_name": "x", "content": "a", "host_path": made["file_path"]},
        {"file_name": "x", "host_path": "/no/such/file"},
        {"file_name": "x", "host_path": "relative"},
        {"file_name": "../x", "content": "a"},
        {"file_name": 7, "content": "a"},
    ):
        scale.post("/files/", wrong, 400)
    parameters = {
        "files": [{"name": "A"}],
        "json": [{"name": "B", "type": "string", "required": False}],
    }
    dataset = scale.post("/datasets/", {"title": "d", "definition": {"parameters": parameters}})
    path = f"/datasets/{dataset['id']}/"
    members = scale.post(
        path, {"data": [{"files": {"A": [file]}, "json": {"C": 1}}, {"files": {"A": [file]}}]}
    )
    assert [it["data"] for it in members] == [{"files": {"A": [file]}, "json": {}}] * 2
    assert members[0]["file_ids"] == [file]
    assert scale.get(path)["files"][0]["parameter_name"] == "A"
    assert scale.get(f"/datasets/members/{members[0]['id']}/")["dataset"] == {"id": dataset["id"]}
    assert scale.get(f"{path}members/")["count"] == 2
    dry = scale.post(path, {"data": [{"files": {"A": [file]}}], "dry_run": True}, 200)
    assert dry == [{"files": {"A": [file]}, "json": {}}]
    for wrong in (
        {},
        {"data": [{}]},
        {"data": [{"files": {"A": [999999]}}]},
        {"data": [{"files": {"A": [file, file]}}]},
        {"data": [{"files": {"A": [file]}}, {"json": {"A": 1}}]},
        {"data": [{"files": {"A": [file]}, "json": {"B": 1}}]},
        {"data": 7},
    ):
        scale.post(path, wrong, 400)
    assert scale.get(f"{path}members/")["count"] == 2
    scale.post("/datasets/999999/", {"data": []}, 404)
    scale.post("/datasets/", {"title": "d"}, 400)
    assert scale.post("/datasets/validation/", {"definition": {"x": 1}}, 200)["errors"][0][
        "name"
    ] == ("INVALID_DATASET_DEFINITION")
    collision = {"parameters": parameters, "global_parameters": parameters}
    found = scale.post("/datasets/validation/", {"definition": collision}, 200)
    assert found["errors"][0]["name"] == "NAME_COLLISION_ERROR"
    scale.post("/datasets/validation/", {}, 400)
    assert scale.get(f"/datasets/?id={dataset['id']}")["results"][0]["files"] == 1


def test_single_recipes_are_reprocessed(scale: Scale, world: Json) -> None:
    recipe = scale.all("/recipes/?recipe_type_name=world&is_superseded=false")[0]["id"]
    path = f"/recipes/{recipe}/reprocess/"
    scale.post(path, {}, 400)
    scale.post(path, {"forced_nodes": {"nodes": []}}, 400)
    scale.post(path, {"forced_nodes": {"all": False, "nodes": ["no"]}}, 400)
    scale.post(path, {"forced_nodes": {"all": True}, "revision_num": 99}, 404)
    scale.post("/recipes/999999/reprocess/", {"forced_nodes": {"all": True}}, 404)
    scale.post(path, {"forced_nodes": {"all": True}}, 202)
    new = scale.get(f"/recipes/{recipe}/")["superseded_by_recipe"]["id"]
    scale.until(f"/recipes/{new}/", lambda it: bool(it["is_completed"]))
    scale.post(path, {"forced_nodes": {"all": True}}, 400)
