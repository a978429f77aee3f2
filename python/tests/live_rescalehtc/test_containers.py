"""Jobs whose image name stands for a container image, run by a real podman."""

import os
import subprocess
from pathlib import Path
from typing import Iterator

import pytest
from rescalehtc.htcsession import HtcSession
from rescalehtc.htctasks import HtcTask

from live.container_support import IMAGE, Podman, podman
from live.live_support import PATIENCE, Server
from live_rescalehtc.rescale_support import ended, logs, submit

RULES = """
[[rescale.images]]
pattern = "boxed/*"
image = "boxed"
[[rescale.images]]
pattern = "team/*"
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    yield from podman(tmp_path_factory.mktemp("podman"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, engine: Podman) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    config = folder / "config.toml"
    config.write_text(engine.config + RULES, "utf-8")
    server = Server(folder, "--config", str(config))
    yield server
    server.stop()


def test_an_image_name_stands_for_a_container(
    server: Server, engine: Podman, session: HtcSession, task: HtcTask, tmp_path: Path
) -> None:
    command = [os.environ["FASTI_BIN"], "--url", server.url, "image", "add", "boxed"]
    added = subprocess.run(
        [*command, "--container", IMAGE], capture_output=True, text=True, timeout=PATIENCE
    )
    if engine.why_not is not None:
        return  # how Fasti says so is seen in live/test_containers.py
    assert added.returncode == 0, added.stderr
    look = ["sh", "-c", f"ls -d {tmp_path} 2>/dev/null; pwd; exit 3"]
    inside = submit(session, task, look, image_name="boxed/tool:1")
    outside = submit(session, task, look)
    for job, expected in ((inside, ["/fasti/scratch"]), (outside, [str(tmp_path)])):
        job_id = job.json["jobUUID"]
        final = ended(session, task, job_id)
        assert final["failureCode"] == "ErrorNonZeroContainerExitCode", final
        assert final["container"]["exitCode"] == 3, final
        printed = logs(session, task, job_id)
        assert any(expected[0] in line for line in printed), printed
    missing = submit(session, task, ["no-such-program"], image_name="boxed/tool:1")
    final = ended(session, task, missing.json["jobUUID"])
    assert final["failureCode"] == "ErrorStartingContainer", final
