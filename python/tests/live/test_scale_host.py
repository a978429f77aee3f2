"""What a job finds when its command begins, and what becomes of what it leaves."""

from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

from live.live_support import Server
from live.scale_support import Scale, job

Json = Dict[str, Any]


@pytest.fixture(scope="module")
def scale(live: Server) -> Iterator[Scale]:
    return Scale(live)


def only_job(
    scale: Scale, title: str, node: Json, members: Any, files: Any = (), values: Any = ()
) -> Json:
    """A recipe type with one node, run once; the detail of its job."""
    made = scale.recipe_type(title, {"only": node}, files, values)
    dataset = scale.dataset(members, files, values)
    batch = scale.batch(made["id"], {"dataset": dataset})["id"]
    scale.settled(batch)
    found = scale.all(f"/jobs/?batch_id={batch}")
    assert len(found) == 1
    detail: Json = scale.get(f"/jobs/{found[0]['id']}/")
    return detail


def test_what_a_command_finds(scale: Scale) -> None:
    command = "; ".join(
        [
            'test "$(ls "$PAGES" | tr "\\n" " ")" = "page-0.txt page-1.txt "',
            'test "$(cat "$PAGES"/*)" = "onetwo"',
            'test "$TEXT_VALUE" = "a \\"b\\""',
            'test "$LIST" = "[1,2]"',
            'test -z "${MAYBE+set}"',
            'test "$MODE" = fast',
            'test "$ALLOCATED_CPUS" = 1.5',
            'test -z "$(ls)"',
            'test -z "$(ls "$OUTPUT_DIR")"',
        ]
    ).replace("; ", " && ")
    scale.job_type(
        "finder",
        command,
        inputs={
            "files": [{"name": "PAGES", "multiple": True}],
            "json": [
                {"name": "text-value", "type": "string"},
                {"name": "LIST", "type": "array"},
                {"name": "MAYBE", "type": "integer", "required": False},
            ],
        },
        settings=[{"name": "MODE"}],
        configuration={"settings": {"MODE": "fast"}},
        resources={"scalar": [{"name": "cpus", "value": 1.5}]},
    )
    ids = scale.files("one", "two")
    parameters = {
        "files": [{"name": "PAGES", "multiple": True}],
        "json": [{"name": "TEXT", "type": "string"}, {"name": "LIST", "type": "array"}],
    }
    node = job("finder", inputs={"PAGES": "PAGES", "text-value": "TEXT", "LIST": "LIST"})
    made = scale.post(
        "/recipe-types/",
        {"title": "Find", "definition": {"input": parameters, "nodes": {"only": node}}},
    )
    data = {"files": {"PAGES": ids}, "json": {"TEXT": 'a "b"', "LIST": [1, 2]}}
    dataset = scale.post("/datasets/", {"definition": {"parameters": parameters}, "data": data})[
        "id"
    ]
    batch = scale.batch(made["id"], {"dataset": dataset})["id"]
    scale.settled(batch)
    found = scale.all(f"/jobs/?batch_id={batch}")[0]
    assert found["status"] == "COMPLETED", scale.get(f"/jobs/{found['id']}/")
    detail = scale.get(f"/jobs/{found['id']}/")
    assert detail["input"] == {
        "files": {"PAGES": ids},
        "json": {"text-value": 'a "b"', "LIST": [1, 2]},
    }
    assert detail["resources"] == {"resources": {"cpus": 1.5}}


def test_outputs_that_are_not_what_they_should_be(scale: Scale) -> None:
    out = {"files": [{"name": "OUT", "pattern": "*.txt"}]}
    value = {"json": [{"name": "n", "type": "integer"}]}
    for name, command, outputs, error in [
        ("none", "true", out, "missing-required-output"),
        ("many", 'touch "$OUTPUT_DIR/a.txt" "$OUTPUT_DIR/b.txt"', out, "too-many-outputs"),
        ("novalue", "true", value, "missing-required-output"),
        ("text", 'echo \'{"n": "x"}\' > "$OUTPUT_DIR/seed.outputs.json"', value, "invalid-outputs"),
        ("broken", 'echo "{" > "$OUTPUT_DIR/seed.outputs.json"', value, "invalid-outputs"),
        ("folder", 'mkdir "$OUTPUT_DIR/seed.outputs.json"', value, "invalid-outputs"),
        (
            "bytes",
            'printf "\\377\\376" > "$OUTPUT_DIR/seed.outputs.json"',
            value,
            "invalid-outputs",
        ),
        (
            "large",
            'head -c 65537 /dev/zero | tr "\\000" " " > "$OUTPUT_DIR/seed.outputs.json"',
            value,
            "invalid-outputs",
        ),
    ]:
        scale.job_type(name, command, outputs=outputs)
        found = only_job(scale, name, job(name), [{"json": {"N": 1}}], (), [("N", "integer")])
        assert (found["status"], found["error"]["name"]) == ("FAILED", error), name
        assert (found["error"]["category"], found["num_exes"]) == ("ALGORITHM", 1)
        assert not found["error"]["should_be_retried"]
    optional = {"files": [{"name": "OUT", "pattern": "*.txt", "required": False}]}
    scale.job_type("optional", 'touch "$OUTPUT_DIR/other.bin"', outputs=optional)
    found = only_job(
        scale, "optional", job("optional"), [{"json": {"N": 1}}], (), [("N", "integer")]
    )
    assert (found["status"], found["output"]) == ("COMPLETED", {"files": {}, "json": {}})


def test_a_command_that_takes_too_long(scale: Scale) -> None:
    scale.job_type("slow", "sleep 600", timeout=1)
    found = only_job(scale, "slow", job("slow"), [{"json": {"N": 1}}], (), [("N", "integer")])
    assert (found["status"], found["error"]["name"]) == ("FAILED", "timeout")
    assert found["error"]["is_builtin"]
    assert not found["error"]["should_be_retried"]


def test_an_input_that_is_gone_is_the_algorithms_affair(scale: Scale, tmp_path: Path) -> None:
    source = tmp_path / "gone.txt"
    source.write_text("x", "utf-8")
    file = scale.post("/files/", {"file_name": "gone.txt", "host_path": str(source)})["id"]
    source.unlink()
    scale.job_type("reader", 'cat "$IN"', inputs={"files": [{"name": "IN"}]})
    node = job("reader", inputs={"IN": "SRC"})
    found = only_job(scale, "reader", node, [{"files": {"SRC": [file]}}], ["SRC"])
    assert (found["status"], found["error"]["name"]) == ("FAILED", "algorithm-unknown")
    execution = scale.get(f"/jobs/{found['id']}/executions/")["results"][0]
    _, text, _ = scale.ask("GET", f"/job-executions/{execution['id']}/logs/stderr/")
    assert b"gone.txt" in text


def test_files_of_one_name_have_links_of_their_own(scale: Scale) -> None:
    names = ["a.txt", "a.txt", "2-a.txt", "a.txt"]
    ids = [
        scale.post("/files/", {"file_name": name, "content": str(number)})["id"]
        for number, name in enumerate(names)
    ]
    parameters = {"files": [{"name": "PAGES", "multiple": True}]}
    scale.job_type(
        "linker",
        'cd "$PAGES" && for it in *; do echo "$it $(cat "$it")"; done > "$OUTPUT_DIR/all.txt"',
        inputs=parameters,
        outputs={"files": [{"name": "ALL", "pattern": "*.txt"}]},
    )
    body = {"input": parameters, "nodes": {"only": job("linker", inputs={"PAGES": "PAGES"})}}
    made = scale.post("/recipe-types/", {"title": "Link", "definition": body})
    dataset = scale.post(
        "/datasets/", {"definition": {"parameters": parameters}, "data": {"files": {"PAGES": ids}}}
    )["id"]
    batch = scale.batch(made["id"], {"dataset": dataset})["id"]
    scale.settled(batch)
    found = scale.get(f"/jobs/{scale.all(f'/jobs/?batch_id={batch}')[0]['id']}/")
    assert (found["status"], found["num_exes"]) == ("COMPLETED", 1)
    product = scale.get(f"/files/{found['output']['files']['ALL'][0]}/")
    lines = Path(product["file_path"]).read_text("utf-8").splitlines()
    assert lines == ["2-a.txt 2", "3-a.txt 1", "4-a.txt 3", "a.txt 0"]


def test_values_are_no_product(scale: Scale) -> None:
    scale.job_type(
        "both",
        'echo "[]" > "$OUTPUT_DIR/made.json"; echo \'{"n": 7}\' > "$OUTPUT_DIR/seed.outputs.json"',
        outputs={
            "files": [{"name": "OUT", "pattern": "*.json"}],
            "json": [{"name": "n", "type": "integer"}],
        },
    )
    found = only_job(scale, "both", job("both"), [{"json": {"N": 1}}], (), [("N", "integer")])
    assert (found["status"], found["output"]["json"]) == ("COMPLETED", {"n": 7})
    product = scale.get(f"/files/{found['output']['files']['OUT'][0]}/")
    assert product["file_name"] == "made.json"
    scale.job_type(
        "none-left",
        'echo \'{"n": 7}\' > "$OUTPUT_DIR/seed.outputs.json"',
        outputs={"files": [{"name": "OUT", "pattern": "*.json"}]},
    )
    node = job("none-left")
    found = only_job(scale, "none left", node, [{"json": {"N": 1}}], (), [("N", "integer")])
    assert found["error"]["name"] == "missing-required-output"


def test_a_job_begins_when_it_is_dispatched(scale: Scale) -> None:
    scale.job_type("begun", "true")
    found = only_job(scale, "begun", job("begun"), [{"json": {"N": 1}}], (), [("N", "integer")])
    execution = scale.get(f"/jobs/{found['id']}/executions/")["results"][0]
    assert execution["started"] == found["started"]
    began, command, over = (execution[it] for it in ("started", "command_started", "ended"))
    assert execution["created"] <= began <= command <= execution["command_ended"] <= over
