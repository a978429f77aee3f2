"""Datasets: announced, uploaded, checked."""

import base64
import json
import time
from pathlib import Path
from typing import Any, Callable, Tuple

import pytest

from live_datature.datature_support import PROJECT, Receiver, Server, whole_numbers

DATASETS = f"{PROJECT}/batch/datasets"


def crc32c(data: bytes) -> str:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return base64.b64encode((crc ^ 0xFFFFFFFF).to_bytes(4, "big")).decode()


def announce(server: Server, size: int, crc: str) -> Any:
    source = {"kind": "UploadedNewlineDelimitedJsonFile", "sizeBytes": size, "crc32c": crc}
    status, made = server.raw("POST", DATASETS, {"name": "d", "spec": {"source": source}})
    assert status == 200, made
    return made


def send(server: Server, made: Any, data: bytes) -> Tuple[int, Any]:
    target = made["status"]["source"]["uploadUrl"]
    return server.raw(
        target["method"], target["url"], data, {**target["headers"], "Secret-Key": ""}
    )


def uploaded(server: Server, data: bytes) -> Any:
    made = announce(server, len(data), crc32c(data))
    send(server, made, data)
    return server.raw("GET", f"{DATASETS}/{made['id']}")[1]


def test_a_dataset_waits_for_its_file(server: Server) -> None:
    data = b'{"url": "http://x/1"}\n\n  {"kind": "Video", "url": "http://x/2"}  \r\n'
    made = announce(server, len(data), crc32c(data))
    whole_numbers(made)
    assert (made["status"]["overview"], made["status"]["itemCount"]) == ("Waiting", 0)
    assert made["expiryTime"] > time.time() * 1000 + 9 * 24 * 3600 * 1000
    target = made["status"]["source"]["uploadUrl"]
    assert target["url"].startswith(server.url), "absolute, by the address of the request"
    assert all(isinstance(value, str) for value in target["headers"].values())
    status, _ = send(server, made, data)
    assert status == 200
    done = server.raw("GET", f"{DATASETS}/{made['id']}")[1]
    assert (done["status"]["overview"], done["status"]["itemCount"]) == ("Uploaded", 2)
    assert done["status"]["source"]["uploadUrl"]["url"] == ""
    # The right to upload is for once.
    assert send(server, made, data)[0] == 403


@pytest.mark.parametrize(
    ("data", "overview", "says"),
    [
        (b"", "FailedProcessing", "no items"),
        (b"\n \n", "FailedProcessing", "no items"),
        (b'{"url": "u"}\nnonsense\n', "FailedProcessing", "line 2"),
        (b'{"url": "u"}\n[1]\n', "FailedProcessing", "line 2"),
        (b'{"url": "u"}\n\n{"url": 7}\n', "FailedProcessing", "line 3"),
        (b'{"kind": "Image"}\n', "FailedProcessing", "line 1"),
        (b'{"url": " "}\n', "FailedProcessing", "line 1"),
        (b'\xff{"url": "u"}\n', "FailedProcessing", "line 1"),
    ],
)
def test_a_file_that_is_none_says_where(
    server: Server, data: bytes, overview: str, says: str
) -> None:
    status = uploaded(server, data)["status"]
    assert (status["overview"], status["itemCount"]) == (overview, 0)
    assert says in status["message"]


def test_size_and_checksum_must_be_those_announced(server: Server) -> None:
    data = b'{"url": "u"}\n'
    for size, crc in ((len(data) + 1, crc32c(data)), (3, crc32c(data)), (len(data), crc32c(b"x"))):
        made = announce(server, size, crc)
        assert send(server, made, data)[0] == 400
        status = server.raw("GET", f"{DATASETS}/{made['id']}")[1]["status"]
        assert status["overview"] == "FailedUpload"


def test_the_client_raises_when_the_file_is_bad(project: Any, tmp_path: Path) -> None:
    from datature.nexus import error

    (tmp_path / "bad.ndjson").write_text('{"url": "u"}\n{\n')
    made = project.batch.datasets.create("bad", str(tmp_path / "bad.ndjson"))
    with pytest.raises(error.BadRequestError):
        project.batch.datasets.wait_until_done(made.id, interval=1)
    assert "line 2" in project.batch.datasets.get(made.id).status.message


def test_nobody_uploads_without_the_address(server: Server) -> None:
    data = b'{"url": "u"}\n'
    made = announce(server, len(data), crc32c(data))
    url = made["status"]["source"]["uploadUrl"]["url"]
    assert server.raw("PUT", url[:-4] + "0000", data)[0] == 403
    assert server.raw("GET", f"{DATASETS}/{made['id']}")[1]["status"]["overview"] == "Waiting"


def test_datasets_are_listed_and_removed(project: Any, dataset: Callable) -> None:
    from datature.nexus import error

    made = dataset(["/a"])
    assert made.id in [known.id for known in project.batch.datasets.list({"limit": 1000}).data]
    answer = project.batch.datasets.delete(made.id)
    assert (answer.id, answer.deleted) == (made.id, True)
    for ask in (project.batch.datasets.get, project.batch.datasets.delete):
        with pytest.raises(error.NotFoundError):
            ask(made.id)


def test_an_unfinished_job_keeps_its_dataset(
    project: Any, receiver: Receiver, dataset: Callable, start: Callable
) -> None:
    from datature.nexus import error

    items = dataset(["/a"])
    job = start(items, start_at_time=int(time.time() * 1000) + 3_600_000)
    with pytest.raises(error.BadRequestError, match=job.id):
        project.batch.datasets.delete(items.id)
    project.batch.jobs.cancel(job.id)
    assert project.batch.datasets.delete(items.id).deleted


def test_announcements_are_checked(server: Server) -> None:
    good = {"kind": "UploadedNewlineDelimitedJsonFile", "sizeBytes": 1, "crc32c": "AAAAAA=="}
    for change in (
        {"kind": "Other"},
        {"sizeBytes": -1},
        {"sizeBytes": 1.5},
        {"sizeBytes": 1 << 40},
        {"crc32c": "x"},
        {"crc32c": "AAAA"},
        {"crc32c": 7},
    ):
        body = {"name": "d", "spec": {"source": {**good, **change}}}
        status, refusal = server.raw("POST", DATASETS, body)
        assert status == 400, change
        assert isinstance(refusal["message"], str)
    assert json.dumps(good)
