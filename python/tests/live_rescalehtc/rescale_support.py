"""Ways to make jobs and to wait for them with the published client."""

import time
from typing import Any, Callable, Dict, List, Optional

from rescalehtc import api
from rescalehtc.htcjobs import HtcJob, create_single_job, get_job_with_id
from rescalehtc.htcprojects import HtcProject, get_project_with_id
from rescalehtc.htcsession import HtcSession
from rescalehtc.htctasks import HtcTask

#: Longest wait for anything, in seconds.
PATIENCE = 60.0

FINAL = ("SUCCEEDED", "FAILED")


def new_project(session: HtcSession, name: str) -> HtcProject:
    payload = {"projectName": name, "projectDescription": "made by a test"}
    made = api.post_htc_projects(session, payload)
    return get_project_with_id(session, made["projectId"])


def wait(what: str, condition: Callable[[], Any]) -> Any:
    """Wait until the condition gives something that is true."""
    deadline = time.monotonic() + PATIENCE
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)


def submit(session: HtcSession, task: HtcTask, commands: List[str], **more: Any) -> HtcJob:
    settings: Dict[str, Any] = {
        "priority": "ON_DEMAND_ECONOMY",
        "image_name": "team/tool:1.0",
        "exec_timeout_seconds": 60,
        **more,
    }
    return create_single_job(session, task, commands=commands, **settings)


def element(commands: List[str], **more: Any) -> Dict[str, Any]:
    """One element of a raw request."""
    definition = {"imageName": "team/tool:1.0", "commands": commands, **more.pop("definition", {})}
    return {"jobName": "raw", "htcJobDefinition": definition, **more}


def ended(session: HtcSession, task: HtcTask, job_id: str) -> Dict[str, Any]:
    """Wait for the end of a job. A new object each time: the client asks seldom with an old one."""

    def look() -> Optional[Dict[str, Any]]:
        job = get_job_with_id(session, task, job_id)
        assert job is not None
        return job.json if job.json["status"] in FINAL else None

    return wait(f"the end of {job_id}", look)


def status(session: HtcSession, task: HtcTask, job_id: str) -> str:
    return str(get_job_with_id(session, task, job_id).json["status"])


def logs(session: HtcSession, task: HtcTask, job_id: str, last: Optional[int] = None) -> List[str]:
    return list(get_job_with_id(session, task, job_id).get_logs(session, last))


def summary(session: HtcSession, task: HtcTask) -> Dict[str, int]:
    ids = (task.json["projectId"], task.json["taskId"])
    return api.get_htc_projects_tasks_summary_statistics(session, *ids)["jobStatuses"]


def path(task: HtcTask) -> str:
    return f"/htc/projects/{task.json['projectId']}/tasks/{task.json['taskId']}"
