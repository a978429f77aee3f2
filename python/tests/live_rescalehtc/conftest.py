"""A real server for every module, and the published client with its base address set."""

from pathlib import Path
from typing import Iterator

import pytest
from rescalehtc.htcprojects import HtcProject
from rescalehtc.htcsession import HtcSession
from rescalehtc.htctasks import HtcTask, create_task_with_name
from rescalehtc.internals import constants

from live.live_support import Server
from live_rescalehtc.rescale_support import new_project


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def session(server: Server) -> HtcSession:
    constants._RESCALE_API_BASE_URL = f"{server.url}/api/v1"
    return HtcSession(api_key="any key will do")


@pytest.fixture(scope="module")
def project(session: HtcSession) -> HtcProject:
    return new_project(session, "Proof")


@pytest.fixture
def task(session: HtcSession, project: HtcProject, request: pytest.FixtureRequest) -> HtcTask:
    return create_task_with_name(session, project, request.node.name, "made by a test")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path
