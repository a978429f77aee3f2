"""The ends of all runs, from the first one on: ``subscriber.py nats://127.0.0.1:4222``."""

import asyncio
import json
import sys

import nats


async def main(url: str) -> None:
    """Print the ends as they come."""
    connection = await nats.connect(url)
    subject = "fasti.v1.default.run.finished.>"
    ends = await connection.jetstream().subscribe(subject, ordered_consumer=True)
    async for event in ends.messages:
        run = json.loads(event.data)
        print(event.headers["ce-sequence"], run["run"], run["status"], flush=True)


asyncio.run(main(sys.argv[1]))
