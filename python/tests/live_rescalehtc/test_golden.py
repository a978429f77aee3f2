"""One request and its answer for every JSON form of the dialect, held against files.

``FASTI_BLESS=1`` writes the files. What differs from run to run (instants, ids, tokens, the user
and the host) is replaced by a word for it.
"""

import json
import os
import re
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest
import requests

from live.live_support import Server
from live_rescalehtc.rescale_support import FINAL, element, wait

FOLDER = Path(__file__).with_name("golden")
Json = Dict[str, Any]

PATTERNS = [
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"), "<instant>"),
    (re.compile(r"^http://[^/]+/"), "<server>/"),
    (re.compile(r"^eyJ[\w-]+\.[\w-]+\.[\w-]+$"), "<token>"),
    (re.compile(r"^local-.*$"), "<runner>"),
    (re.compile(r"\):[0-9a-f]{8}$"), "):<digest>"),
    (re.compile(r"(?<=pageIndex=)[0-9]+-[0-9]+$"), "<place>"),
    # Ids that are in no other answer of these, such as that of a run's task.
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>"),
]
#: Members that tell of the user, the host or the moment.
VARYING = ("createdBy", "updatedBy", "userId", "sub", "userFullName", "fullName", "userEmail")
VARYING += ("email", "iat", "exp")
#: Those of the host, below this name.
OF_HOST = ("derived", ("architecture", "vCPUs", "memory"))
ARRAY = element(
    ["sh", "-c", "echo one; echo two >&2; test $AWS_BATCH_JOB_ARRAY_INDEX = 0"],
    batchSize=2,
    tags=[{"key": "team", "value": "quants"}],
    region="AWS_US_EAST_1",
    cloudProvider="AWS",
    retryStrategy={"maxRetries": 0},
    definition={
        "envs": [{"name": "FOO", "value": "bar"}],
        "claims": [{"name": "colour", "value": "blue"}],
        "tags": {"of": "job"},
        "maxVCpus": 1,
        "maxMemory": 64,
        "maxDiskGiB": 1,
        "maxSwap": 0,
        "execTimeoutSeconds": 60,
        "architecture": "X86",
        "priority": "ON_DEMAND_PRIORITY",
    },
)


class World:
    """A project with a task whose two jobs have ended: one well, one not."""

    def __init__(self, server: Server) -> None:
        self.base = f"{server.url}/api/v1"
        self.bearer = ""
        self.names: Dict[str, str] = {}
        _, token = self.ask("GET", "/auth/token", None, "Token any key will do")
        self.bearer = f"Bearer {token['tokenValue']}"
        made = self.made("/htc/projects", {"projectName": "shapes", "projectDescription": "d"})
        self.names[made["projectId"]] = "<project>"
        self.project = f"/htc/projects/{made['projectId']}"
        made = self.made(f"{self.project}/tasks", {"taskName": "folder", "taskDescription": "d"})
        self.names[made["taskId"]] = "<task>"
        self.task = f"{self.project}/tasks/{made['taskId']}"
        [made] = self.made(f"{self.task}/jobs/batch?group=night", [ARRAY])
        self.names[made["parentJobId"]] = "<parent>"
        self.job = f"{self.task}/jobs/{made['parentJobId']}"
        wait("both end", lambda: all(self.has_ended(part) for part in range(2)))
        self.made(f"{self.project}/limits", {"vCPUs": 8, "modifierRole": "WORKSPACE_ADMIN"})

    def has_ended(self, part: int) -> bool:
        return self.get(f"{self.job}:{part}")["status"] in FINAL

    def ask(self, method: str, path: str, body: Any, authorization: str = "") -> Tuple[int, Any]:
        headers = {"Authorization": authorization or self.bearer}
        answer = requests.request(method, f"{self.base}{path}", json=body, headers=headers)
        return answer.status_code, answer.json() if answer.content else None

    def made(self, path: str, body: Any) -> Any:
        status, answer = self.ask("POST", path, body)
        assert status in (200, 201), answer
        return answer

    def get(self, path: str) -> Any:
        return self.ask("GET", path, None)[1]

    def filled(self, text: str) -> str:
        for name in ("project", "task", "job"):
            text = text.replace(f"{{{name}}}", getattr(self, name))
        return text

    def plain(self, value: Any, key: str = "", inside: str = "") -> Any:
        if key in VARYING or (inside == OF_HOST[0] and key in OF_HOST[1]):
            return f"<{key}>"
        if isinstance(value, dict):
            return {name: self.plain(item, name, key) for name, item in sorted(value.items())}
        if isinstance(value, list):
            return [self.plain(item) for item in value]
        if isinstance(value, str):
            for name, word in self.names.items():
                value = value.replace(name, word)
            for pattern, word in PATTERNS:
                value = pattern.sub(word, value)
        return value


@pytest.fixture(scope="module")
def world(server: Server) -> World:
    return World(server)


Case = Tuple[str, str, str, Any, Optional[str]]
CASES: List[Case] = [
    ("token", "GET", "/auth/token", None, "Token any key"),
    ("token-refused", "GET", "/auth/token", None, "Basic x"),
    ("whoami", "GET", "/auth/whoami", None, "Token any key"),
    ("token-whoami", "GET", "/auth/token/whoami", None, None),
    ("jwks", "GET", "/.well-known/jwks.json", None, None),
    ("bearer-refused", "GET", "/htc/projects", None, "Bearer x.y.z"),
    ("projects", "GET", "/htc/projects", None, None),
    ("project", "GET", "{project}", None, None),
    ("project-not-there", "GET", "/htc/projects/none", None, None),
    ("project-refused", "POST", "/htc/projects", {"projectName": ""}, None),
    ("project-region", "PATCH", "{project}", {"regions": ["AWS_US_EAST_1"]}, None),
    ("limits", "GET", "{project}/limits", None, None),
    ("limit", "GET", "{project}/limits/1", None, None),
    (
        "limit-made",
        "POST",
        "{project}/limits",
        {"vCPUs": 8, "modifierRole": "WORKSPACE_ADMIN"},
        None,
    ),
    ("limit-changed", "PATCH", "{project}/limits/1", {"vCPUs": 8}, None),
    ("tasks", "GET", "{project}/tasks", None, None),
    ("task", "GET", "{task}", None, None),
    ("task-archived", "PATCH", "{task}", {"lifecycleStatus": "ARCHIVED"}, None),
    ("jobs-to-an-archived-task", "POST", "{task}/jobs/batch", [ARRAY], None),
    ("task-active-again", "PATCH", "{task}", {"lifecycleStatus": "ACTIVE"}, None),
    ("summary", "GET", "{task}/summary-statistics", None, None),
    ("group-summaries", "GET", "{task}/group-summary-statistics", None, None),
    ("groups", "GET", "{task}/groups", None, None),
    ("jobs", "GET", "{task}/jobs", None, None),
    ("jobs-first-page", "GET", "{task}/jobs?pageSize=1&viewType=SIMPLE", None, None),
    ("job-succeeded", "GET", "{job}:0", None, None),
    ("job-failed", "GET", "{job}:1", None, None),
    ("job-not-there", "GET", "{job}:2", None, None),
    ("logs", "GET", "{job}:0/logs", None, None),
    ("events", "GET", "{job}:1/events", None, None),
    ("images", "GET", "{project}/container-registry/images", None, None),
    ("image", "GET", "{project}/container-registry/images/team/tool:1.0", None, None),
    ("image-refused", "GET", "{project}/container-registry/images/Team/Tool", None, None),
    ("repository", "POST", "{project}/container-registry/repo/team/tool", None, None),
    ("regions", "GET", "/htc/regions", None, None),
    ("region", "GET", "/htc/regions/AWS_US_EAST_1", None, None),
    ("dimensions", "GET", "{project}/dimensions", None, None),
    ("dimensions-of-workspace", "GET", "/htc/workspaces/fasti/dimensions", None, None),
    ("retention-unset", "GET", "{project}/task-retention-policy", None, None),
    (
        "retention-set",
        "PUT",
        "{project}/task-retention-policy",
        {"deleteAfter": 24, "archiveAfter": 0},
        None,
    ),
    ("retention", "GET", "{project}/task-retention-policy", None, None),
    ("retention-deleted", "DELETE", "{project}/task-retention-policy", None, None),
    ("workspace-limits", "GET", "/htc/workspaces/fasti/limits", None, None),
    ("storage", "GET", "/htc/storage", None, None),
    ("storage-of-project", "GET", "{project}/storage/token", None, None),
    ("clusters", "GET", "/htc/gcp/clusters/fasti", None, None),
    ("jobs-made", "POST", "{task}/jobs/batch?group=night", [ARRAY], None),
    ("jobs-refused", "POST", "{task}/jobs/batch", [], None),
    ("cancel", "POST", "{task}/jobs/cancel", {}, None),
    ("limit-deleted", "DELETE", "{project}/limits/1", None, None),
    ("task-deleted", "DELETE", "{task}", None, None),
]


@pytest.mark.parametrize(
    ("name", "method", "path", "body", "authorization"), CASES, ids=[case[0] for case in CASES]
)
def test_pair(
    world: World, name: str, method: str, path: str, body: Any, authorization: Optional[str]
) -> None:
    filled = world.filled(path)
    status, answer = world.ask(method, filled, body, authorization or "")
    request = {"method": method, "path": world.plain(f"/api/v1{filled}"), "body": body}
    found = {"request": request, "status": status, "response": world.plain(answer)}
    file = FOLDER / f"{name}.json"
    if os.environ.get("FASTI_BLESS") == "1":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")
    assert found == json.loads(file.read_text("utf-8"))


def test_every_file_has_its_pair() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == {case[0] for case in CASES}
