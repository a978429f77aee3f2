"""Predictors: registered programs, and one that really predicts."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from live_datature.datature_support import Receiver, Server, until, write_items

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "digits"

ODD = """
import json, os, sys, time
item = json.load(open("item.json"))
what = item["what"]
if what == "text":
    print("a cat")
elif what == "fail":
    print("first line", file=sys.stderr)
    print("it is too dark", file=sys.stderr)
    sys.exit(3)
elif what == "see":
    names = ["FASTI_PROJECT_ID", "FASTI_RUN_ID", "FASTI_ITEM_INDEX", "FASTI_ITEM_URL"]
    seen = {name: os.environ[name] for name in names}
    seen["files"] = sorted(os.listdir("."))
    seen["secrets"] = [name for name in os.environ if "TOKEN" in name or "SECRET" in name]
    print(json.dumps(seen))
elif what == "hang":
    open(item["mark"], "w").write(str(os.getpid()))
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "digits.joblib"
    subprocess.run([sys.executable, str(EXAMPLE / "train.py"), str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("predictors")
    (folder / "odd.py").write_text(ODD)
    programs = {
        "digits": [sys.executable, str(EXAMPLE / "predict.py"), str(model)],
        "odd": [sys.executable, str(folder / "odd.py")],
        "nowhere": ["/nowhere/at/all"],
    }
    config = "".join(
        f"[predictions.programs.{name}]\ncommand = {json.dumps(command)}\n"
        for name, command in programs.items()
    )
    server = Server(folder, config=f'[predictions]\nprojects = ["second"]\n{config}')
    yield server
    server.stop()


class Site:
    """A project of the server with a receiver."""

    def __init__(self, server: Server, receiver: Receiver, folder: Path) -> None:
        from datature.nexus import Client

        self.client = Client("any", endpoint=server.url)
        self.project = self.client.get_project("second")
        self.receiver, self.folder = receiver, folder

    def start(self, artifact: str, items: List[Dict[str, Any]]) -> Any:
        file = write_items(self.folder / "x.ndjson", items)
        made = self.project.batch.datasets.create("d", str(file))
        self.project.batch.datasets.wait_until_done(made.id, interval=1)
        hook = self.project.batch.webhooks.create("w", {"endpoint": f"{self.receiver.url}/hook"})
        options = {
            "dataset_id": made.id,
            "webhook_id": hook.id,
            "artifact_id": artifact,
            "deployment_metadata": {"instance_id": "instance_x1cpu-standard"},
        }
        return self.project.batch.jobs.create("j", options)

    def done(self, job: Any) -> Any:
        return self.project.batch.jobs.wait_until_done(job.id, interval=1)


@pytest.fixture
def site(own: Server, receiver: Receiver, tmp_path: Path) -> Site:
    return Site(own, receiver, tmp_path)


def test_real_pictures_are_really_predicted(site: Site) -> None:
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    wanted = {}
    for n in range(4):
        picture = Image.fromarray((digits.images[n] * 255 / 16).astype("uint8")).resize((32, 32), 0)
        file = io.BytesIO()
        picture.save(file, "PNG")
        site.receiver.files[f"/digit-{n}.png"] = file.getvalue()
        wanted[n] = int(digits.target[n])
    site.receiver.files["/text.png"] = b"this is a text"
    paths = [f"/digit-{n}.png" for n in range(4)] + ["/text.png"]
    job = site.start("artifact_digits", [{"url": site.receiver.url + path} for path in paths])
    counts = site.done(job).status.items
    assert (counts.gathered, counts.predicted, counts.failed_predict) == (5, 4, 1)
    assert (counts.delivered, counts.failed_deliver) == (4, 1)
    found = {body["item"]["index"]: body["predictions"]["label"] for body in site.receiver.bodies()}
    assert found == wanted
    entries = site.project.batch.jobs.get_logs(job.id).entries
    reasons = [entry.reason for entry in entries if entry.level == "Error"]
    assert reasons == ["this is no picture"]


def test_the_contract_of_a_program(site: Site) -> None:
    url = f"{site.receiver.url}/x.JPG?a=b.c"
    items = [{"url": url, "what": what} for what in ("text", "fail", "see")]
    job = site.start("artifact_odd", items)
    counts = site.done(job).status.items
    assert (counts.predicted, counts.failed_predict) == (2, 1)
    found = {body["item"]["what"]: body["predictions"] for body in site.receiver.bodies()}
    assert found["text"] == {"text": "a cat"}
    seen = found["see"]
    assert seen["FASTI_PROJECT_ID"] == "proj_second"
    assert (seen["FASTI_ITEM_INDEX"], seen["FASTI_ITEM_URL"]) == ("2", url)
    assert seen["files"] == ["item.jpg", "item.json"]
    assert seen["secrets"] == []
    failed = [e for e in site.project.batch.jobs.get_logs(job.id).entries if e.level == "Error"]
    assert [(e.status, e.reason) for e in failed] == [("FailedPredict", "it is too dark")]


def test_a_program_that_is_not_there_fails_its_items(site: Site) -> None:
    job = site.start("artifact_nowhere", [{"url": f"{site.receiver.url}/x"}])
    counts = site.done(job).status.items
    assert (counts.failed_predict, counts.failed_deliver) == (1, 1)
    assert "/nowhere/at/all" in site.project.batch.jobs.get_logs(job.id).entries[0].reason


def test_a_cancel_ends_the_program(site: Site, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    url = f"{site.receiver.url}/x"
    job = site.start("artifact_odd", [{"url": url, "what": "hang", "mark": str(mark)}])
    until("the program runs", lambda: mark.exists() and mark.read_text())
    pid = mark.read_text()
    assert site.project.batch.jobs.cancel(job.id).status.overview == "Failed"
    until("it is gone", lambda: not Path(f"/proc/{pid}").exists())


def test_projects_of_the_configuration_are_listed(site: Site) -> None:
    assert [project.project_id for project in site.client.list_projects()] == [
        "proj_default",
        "proj_second",
    ]
    first = site.client.get_project("default")
    assert first.batch.jobs.list({"limit": 1000}).data == []
