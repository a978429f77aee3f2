"""One request and its answer for every JSON form of the v6 batch services, held against files.

``FASTI_BLESS=1`` writes the files. What differs from run to run (instants, durations, paths,
numbers of events and runs) is replaced by a word for it.
"""

import json
import os
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest

from live.live_support import Server
from live.scale_support import Scale, condition, definition, job, sub_recipe

FOLDER = Path(__file__).with_name("golden_scale")
Json = Dict[str, Any]

PATTERNS = [
    (re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"), "<instant>"),
    (re.compile(r"^P(\d+D)?T(\d+H)?(\d+M)?\d+S$"), "<duration>"),
    (re.compile(r"^/.*/([^/]+)$"), r"<folder>/\1"),
    (re.compile(r"^http://[^/]+/"), "<server>/"),
    (re.compile(r"^local-.*$"), "<runner>"),
]
#: Members that differ from run to run, below these names.
NUMBERS = {("event", "id"), ("execution", "id"), ("execution", "run_id")}


def plain(value: Any, inside: str = "") -> Any:
    if isinstance(value, dict):
        return {
            key: "<number>" if (inside, key) in NUMBERS else plain(item, key)
            for key, item in sorted(value.items())
        }
    if isinstance(value, list):
        return [plain(item, inside) for item in value]
    if isinstance(value, str):
        for pattern, word in PATTERNS:
            value = pattern.sub(word, value)
    return value


@pytest.fixture(scope="module")
def scale(live: Server) -> Iterator[Scale]:
    """A small world: job types, an inner and an outer recipe type, a chain of two batches."""
    scale = Scale(live)
    scale.job_type(
        "read",
        'cp "$TEXT" "$OUTPUT_DIR/copy.txt"; '
        'printf \'{"size": %d}\' $(wc -c < "$TEXT") > "$OUTPUT_DIR/seed.outputs.json"',
        inputs={"files": [{"name": "TEXT"}]},
        outputs={
            "files": [{"name": "COPY", "pattern": "*.txt", "mediaType": "text/plain"}],
            "json": [{"name": "size", "type": "integer"}],
        },
        errors=[
            {
                "code": 3,
                "name": "unripe",
                "title": "Unripe",
                "description": "not yet",
                "category": "data",
            }
        ],
        resources={"scalar": [{"name": "cpus", "value": 1.0}]},
        # One after the other, so that what they leave is numbered in the same order every time.
        max_scheduled=1,
    )
    scale.job_type("fail", "exit 9", max_scheduled=1)
    scale.recipe_type("Inner", {"fail": job("fail")})
    filters = [{"name": "size", "type": "integer", "condition": ">", "values": [3]}]
    nodes = {
        "read": job("read", inputs={"TEXT": "SRC"}),
        "gate": condition(["read"], {"size": ("read", "size")}, [("size", "integer")], filters),
        "inner": sub_recipe("inner", ["gate"]),
        "other": job("fail", [("gate", False)]),
    }
    made = scale.recipe_type("Outer", nodes, ["SRC"])
    ids = scale.files("ab", "abcdef")
    dataset = scale.dataset([{"files": {"SRC": [file]}} for file in ids], ["SRC"])
    first = scale.batch(
        made["id"], {"dataset": dataset}, title="first", configuration={"priority": 7}
    )
    assert first["id"] == 1
    settled = scale.settled(1)
    scale.until("/batches/1/", lambda it: bool(it["jobs_failed"] == 2))
    assert settled["recipes_estimated"] == 4
    nodes["gate"]["node_type"]["data_filter"]["filters"][0]["values"] = [100]
    scale.patch("/recipe-types/outer/", {"definition": definition(nodes, ["SRC"])})
    forced = {"root_batch_id": 1, "forced_nodes": {"all": False, "nodes": []}}
    scale.batch(made["id"], {"previous_batch": forced})
    scale.until("/batches/2/", lambda it: bool(it["jobs_failed"] == 2))
    return scale


CASES: List[Tuple[str, str, str, Optional[Json]]] = [
    ("batches", "GET", "/batches/?order=id", None),
    ("batch", "GET", "/batches/1/", None),
    ("batch-over-another", "GET", "/batches/2/", None),
    ("comparison", "GET", "/batches/comparison/1/", None),
    ("comparison-of-none", "GET", "/batches/comparison/99/", None),
    (
        "validation",
        "POST",
        "/batches/validation/",
        {
            "recipe_type_id": 2,
            "definition": {"previous_batch": {"root_batch_id": 1, "forced_nodes": {"all": True}}},
        },
    ),
    (
        "validation-of-form",
        "POST",
        "/batches/validation/",
        {"recipe_type_id": 2, "definition": {"previous_batch": {}}},
    ),
    (
        "validation-of-meaning",
        "POST",
        "/batches/validation/",
        {"recipe_type_id": 2, "definition": {}},
    ),
    ("batch-refused", "POST", "/batches/", {"recipe_type_id": 2, "definition": {}}),
    ("batch-missing", "POST", "/batches/", {"definition": {}}),
    ("batch-not-there", "GET", "/batches/99/", None),
    ("files", "GET", "/files/?order=id&page_size=3", None),
    ("file", "GET", "/files/1/", None),
    ("job-types", "GET", "/job-types/", None),
    ("job-type-versions", "GET", "/job-types/read/", None),
    ("job-type", "GET", "/job-types/read/1.0.0/", None),
    ("job-type-revisions", "GET", "/job-types/read/1.0.0/revisions/", None),
    ("job-type-revision", "GET", "/job-types/read/1.0.0/revisions/1/", None),
    ("job-type-validation", "POST", "/job-types/validation/", {"manifest": {}}),
    ("recipe-types", "GET", "/recipe-types/", None),
    ("recipe-type", "GET", "/recipe-types/outer/", None),
    ("recipe-type-revisions", "GET", "/recipe-types/outer/revisions/", None),
    ("recipe-type-revision", "GET", "/recipe-types/outer/revisions/1/", None),
    (
        "recipe-type-validation",
        "POST",
        "/recipe-types/validation/",
        {
            "name": "inner",
            "definition": definition({"fail": job("fail"), "again": job("fail", ["fail"])}),
        },
    ),
    ("datasets", "GET", "/datasets/", None),
    ("dataset", "GET", "/datasets/1/", None),
    ("members", "GET", "/datasets/1/members/", None),
    ("member", "GET", "/datasets/members/1/", None),
    ("dataset-validation", "POST", "/datasets/validation/", {"definition": {"other": 1}}),
    ("recipes", "GET", "/recipes/?batch_id=1&order=id", None),
    ("recipe", "GET", "/recipes/1/", None),
    ("recipe-with-a-sub-recipe", "GET", "/recipes/2/", None),
    ("jobs", "GET", "/jobs/?batch_id=1&order=id", None),
    ("job", "GET", "/jobs/1/", None),
    ("job-failed", "GET", "/jobs/?status=FAILED&batch_id=2&order=id", None),
    ("executions", "GET", "/jobs/1/executions/", None),
]


@pytest.mark.parametrize(("name", "method", "path", "body"), CASES, ids=[case[0] for case in CASES])
def test_pair(scale: Scale, name: str, method: str, path: str, body: Optional[Json]) -> None:
    status, answer, _ = scale.ask(method, path, body)
    if name == "executions":
        answer["results"] = [{"execution": it} for it in answer["results"]]
    request = {"method": method, "path": f"/v6{path}", "body": body}
    found = {"request": request, "status": status, "response": plain(answer)}
    file = FOLDER / f"{name}.json"
    if os.environ.get("FASTI_BLESS") == "1":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")
    assert found == json.loads(file.read_text("utf-8"))
