"""What the v6 batch services promise in the small: parameters, methods, forms of values."""

from typing import Any, Dict, Iterator, List

import pytest

from live.live_support import Server
from live.scale_support import Scale, definition, job, sub_recipe

Json = Dict[str, Any]
NUMBER = [("N", "integer")]


@pytest.fixture(scope="module")
def scale(live: Server) -> Iterator[Scale]:
    return Scale(live)


@pytest.fixture(scope="module")
def world(scale: Scale) -> Json:
    """Two recipe types with a batch each, one job that fails and one that does not."""
    scale.job_type("well", "true")
    scale.job_type("badly", "exit 3")
    dataset = scale.dataset([{"json": {"N": 1}}], (), NUMBER)
    types, batches = [], []
    for title, name in (("Alpha", "well"), ("Beta", "badly")):
        made = scale.recipe_type(title, {"only": job(name)}, (), NUMBER)
        types.append(made["id"])
        batches.append(scale.batch(made["id"], {"dataset": dataset}, title=title)["id"])
    for batch in batches:
        scale.settled(batch)
    return {"types": types, "batches": batches, "dataset": dataset}


def test_parameters_may_be_repeated(scale: Scale, world: Json) -> None:
    def ids(path: str) -> List[int]:
        return [it["id"] for it in scale.get(path)["results"]]

    (alpha, beta), (first, second) = world["types"], world["batches"]
    both = f"recipe_type_id={alpha}&recipe_type_id={beta}"
    assert ids(f"/batches/?{both}&order=id") == [first, second]
    assert ids(f"/batches/?{both}&order=is_superseded&order=-id") == [second, first]
    assert ids(f"/batches/?root_batch_id={first}&root_batch_id={second}&order=-id") == [
        second,
        first,
    ]
    statuses = "status=COMPLETED&status=FAILED"
    batches = f"batch_id={first}&batch_id={second}"
    assert scale.get(f"/jobs/?{statuses}&{batches}")["count"] == 2
    categories = "error_category=ALGORITHM&error_category=DATA"
    assert scale.get(f"/jobs/?{categories}&{batches}")["count"] == 1
    assert scale.get("/recipe-types/?keyword=alpha&keyword=beta")["count"] == 2
    assert scale.get("/job-types/?keyword=well&keyword=badly")["count"] == 2
    assert scale.get("/datasets/?id=1&id=2")["count"] >= 1
    assert scale.get("/files/?media_type=a&media_type=b")["count"] == 0
    # What is unknown is passed over, also when our own interface knows it.
    assert ids(f"/batches/?{both}&order=id&x=1&x=2&as_of=1&min_seq=x") == [first, second]
    page = scale.get(f"/batches/?{both}&page_size=1&order=title&order=id")
    assert page["next"].count("recipe_type_id=") == 2
    assert page["next"].count("order=") == 2


def test_known_paths_refuse_other_methods(scale: Scale) -> None:
    for method, path in [
        ("GET", "/batches/validation/"),
        ("GET", "/recipe-types/validation/"),
        ("GET", "/datasets/validation/"),
        ("GET", "/job-types/validation/"),
        ("GET", "/jobs/cancel/"),
        ("GET", "/jobs/requeue/"),
        ("PATCH", "/batches/validation/"),
        ("PATCH", "/recipe-types/validation/"),
    ]:
        body = {} if method == "PATCH" else None
        status, body, headers = scale.ask(method, path, body)
        assert (status, headers["allow"]) == (405, "POST"), (method, path)
        assert body["detail"]
    # What is an id is one still.
    assert scale.ask("GET", "/batches/comparison/")[0] == 404
    assert scale.ask("GET", "/datasets/members/")[0] == 404


def test_a_new_image_is_a_new_revision(scale: Scale) -> None:
    scale.job_type("pictured", "true")
    scale.recipe_type("Pictured", {"only": job("pictured")}, (), NUMBER)
    path = "/job-types/pictured/1.0.0/"
    before = scale.get(path)
    well = {"is_valid": True, "errors": [], "warnings": []}
    assert scale.patch(path, {"docker_image": "other:2"}) == well
    after = scale.get(path)
    assert (after["docker_image"], after["revision_num"]) == ("other:2", 2)
    assert after["manifest"] == before["manifest"]
    images = [it["docker_image"] for it in scale.all(f"{path}revisions/")]
    assert images == ["other:2", before["docker_image"]]
    # It is followed, as any revision.
    node = scale.get("/recipe-types/pictured/")["definition"]["nodes"]["only"]["node_type"]
    assert node["job_type_revision"] == 2
    # The same again is none, and `auto_update` holds here too.
    scale.patch(path, {"docker_image": "other:2"})
    assert scale.get(path)["revision_num"] == 2
    scale.patch(path, {"docker_image": "other:3", "auto_update": False})
    assert scale.get(path)["revision_num"] == 3
    assert scale.get("/recipe-types/pictured/")["revision_num"] == 2


def test_a_new_revision_reaches_inner_recipes_too(scale: Scale) -> None:
    scale.job_type("leaf", "true")
    leaf = {"leaf": job("leaf")}
    scale.recipe_type("Inner", leaf, (), NUMBER)
    nodes = {**leaf, "inner": sub_recipe("inner", (), {"N": "N"})}
    outer = scale.recipe_type("Outer", nodes, (), NUMBER)
    dataset = scale.dataset([{"json": {"N": 5}}], (), NUMBER)
    first = scale.batch(outer["id"], {"dataset": dataset})["id"]
    scale.finished(first)
    manifest = scale.get("/job-types/leaf/1.0.0/")["manifest"]
    scale.patch("/job-types/leaf/1.0.0/", {"manifest": manifest})
    shown = scale.get("/recipe-types/outer/")
    kinds = {name: it["node_type"] for name, it in shown["definition"]["nodes"].items()}
    assert shown["revision_num"] == 2
    assert kinds["leaf"]["job_type_revision"] == 2
    assert kinds["inner"]["recipe_type_revision"] == 2
    # A batch over the first one does both anew.
    second = scale.batch(outer["id"], {"previous_batch": {"root_batch_id": first}})["id"]
    scale.finished(second)
    assert scale.get(f"/jobs/?batch_id={second}")["count"] == 2


def test_forms_of_values(scale: Scale, world: Json) -> None:
    # Names of parameters have no digits.
    for wrong in ("IN2", "2"):
        nodes = {"only": job("well")}
        body = {"title": "Digits", "definition": definition(nodes, (), [(wrong, "integer")])}
        assert wrong in scale.post("/recipe-types/", body, 400)["detail"]
        body = {"definition": {"parameters": {"json": [{"name": wrong, "type": "integer"}]}}}
        assert wrong in scale.post("/datasets/", body, 400)["detail"]
    # Seconds may be left out of an instant.
    assert scale.get("/batches/?started=2020-04-05T06:07Z")["count"] >= 2
    assert scale.get("/batches/?ended=2020-04-05T06:07%2B02:00")["count"] == 0
    # Forced nodes come back as they were; their version may be any.
    forced = {"all": False, "nodes": [], "sub_recipes": {}}
    given = {"dataset": world["dataset"], "forced_nodes": {**forced, "version": "3"}}
    made = scale.batch(world["types"][0], given, configuration={"priority": -7})
    assert made["definition"]["forced_nodes"] == forced
    assert made["configuration"] == {"priority": -7}
    # No process could be given this.
    parameters = {"json": [{"name": "T", "type": "string"}]}
    body = {"definition": {"parameters": parameters}, "data": [{"json": {"T": "a\x00b"}}]}
    assert "NUL" in scale.post("/datasets/", body, 400)["detail"]


def test_lower_than_zero_is_more_urgent(scale: Scale) -> None:
    scale.job_type("queued", "true")
    made = scale.recipe_type("Queued", {"only": job("queued")}, (), NUMBER)
    scale.patch("/job-types/queued/1.0.0/", {"is_paused": True, "max_scheduled": 1})
    dataset = scale.dataset([{"json": {"N": 1}}], (), NUMBER)
    batches = [
        scale.batch(
            made["id"], {"dataset": dataset, "supersedes": False}, configuration={"priority": it}
        )["id"]
        for it in (0, -1, -20)
    ]
    for batch in batches:
        scale.until(f"/batches/{batch}/", lambda it: bool(it["jobs_queued"] == 1))
    scale.patch("/job-types/queued/1.0.0/", {"is_paused": False})
    for batch in batches:
        scale.finished(batch)
    jobs = scale.all("/jobs/?job_type_name=queued&order=started")
    assert [it["batch"]["id"] for it in jobs] == batches[::-1]


def test_recipes_have_a_largest_size(scale: Scale) -> None:
    wide = {f"n{number}": job("well") for number in range(1_001)}
    found = scale.post(
        "/recipe-types/validation/", {"definition": definition(wide, (), NUMBER)}, 200
    )
    assert found["is_valid"] is False
    assert "1000 nodes" in found["errors"][0]["description"]
    body = {"title": "Wide", "definition": definition(wide, (), NUMBER)}
    scale.post("/recipe-types/", body, 400)
    # Two of the one before inside of each, until it is too much.
    scale.recipe_type("Level one", {"only": job("well")}, (), NUMBER)
    name, status, refused = "level-one", 201, {}
    for letter in "abcdefghijklmnopqrstuvwxyz":
        nodes = {
            "left": sub_recipe(name, (), {"N": "N"}),
            "right": sub_recipe(name, (), {"N": "N"}),
        }
        body = {"title": f"Level {letter}", "definition": definition(nodes, (), NUMBER)}
        status, refused, _ = scale.ask("POST", "/recipe-types/", body)
        if status != 201:
            break
        name = refused["name"]
    assert status == 400
    assert "10000 nodes" in refused["detail"]
    body = {"definition": definition(nodes, (), NUMBER)}
    found = scale.post("/recipe-types/validation/", body, 200)
    assert [it["name"] for it in found["errors"]] == ["INVALID_DEFINITION"]
    # The largest that was taken runs: what is inside is counted before anything is made.
    largest = scale.get(f"/recipe-types/{name}/")
    many = scale.dataset([{"json": {"N": it}} for it in range(2_000)], (), NUMBER)
    body = {"recipe_type_id": largest["id"], "definition": {"dataset": many}}
    status, refused, _ = scale.ask("POST", "/batches/", body)
    assert (status, "2000000" in refused["detail"]) == (429, True)
    body["definition"]["forced_nodes"] = {"all": False}
    assert scale.ask("POST", "/batches/", body)[0] == 429
