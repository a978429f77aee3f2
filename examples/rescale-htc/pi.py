"""Pi from darts: a batch of jobs through the `rescalehtc` client, as it is, against a Fasti server.

    pip install rescalehtc==1.1.0
    python pi.py [http://127.0.0.1:7450 [API key]]

The jobs run this file, too: each throws its own darts and prints how many hit.
"""

import os
import random
import sys
import time

JOBS = 20
DARTS = 50_000


def throw() -> None:
    """What a job does. Its index is the seed, so that the same darts fly every time."""
    dice = random.Random(int(os.environ["AWS_BATCH_JOB_ARRAY_INDEX"]))
    print(sum(dice.random() ** 2 + dice.random() ** 2 <= 1 for _ in range(DARTS)))


def main(server: str, api_key: str) -> None:
    """Submit the jobs, wait for them, and count what they print."""
    # The one line that points the client at Fasti, before the first session.
    from rescalehtc.internals import constants

    constants._RESCALE_API_BASE_URL = f"{server}/api/v1"

    from rescalehtc import api
    from rescalehtc.htcjobs import create_job_batch, get_jobs
    from rescalehtc.htcprojects import get_project_with_id
    from rescalehtc.htcsession import HtcSession
    from rescalehtc.htctasks import create_task_with_name, get_task_with_id

    session = HtcSession(api_key=api_key)
    # The client finds projects and has no function of its own that makes one.
    made = api.post_htc_projects(session, {"projectName": "darts", "projectDescription": ""})
    project = get_project_with_id(session, made["projectId"])
    project.set_vcpu_limit(session, "PROJECT_ADMIN", 4)
    task = create_task_with_name(session, project, "pi", "how many darts hit")
    create_job_batch(
        session,
        task,
        JOBS,
        priority="ON_DEMAND_ECONOMY",
        image_name="python",
        exec_timeout_seconds=60,
        commands=[sys.executable, os.path.abspath(__file__), "throw"],
    )
    # A new object each time: an old one asks the server every 15 seconds at most.
    while get_task_with_id(session, project, task.json["taskId"]).is_still_running(session):
        time.sleep(0.1)
    counts = task.get_task_summary(session)["jobStatuses"]
    print(f"{counts['SUCCEEDED']} of {sum(counts.values())} jobs succeeded")
    hits = sum(
        int(line) for job in get_jobs(session, task, "SUCCEEDED") for line in job.get_logs(session)
    )
    print(f"pi is about {4 * hits / (JOBS * DARTS):.4f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["throw"]:
        throw()
    else:
        main(*(sys.argv[1:] + ["http://127.0.0.1:7450", "any text"][len(sys.argv) - 1 :]))
