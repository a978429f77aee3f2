"""Getting the database: from a copy beside this file, as if from a mirror that has its moods."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

#: The copy, and what it has to be.
COPY = Path(__file__).parent / "tzdata.zi"
SHA256 = "a776cd2d31eb319c34c1d07c69991e7c9020e17b63f4adb72839440bd7c7afa3"


def fetch() -> str:
    """Return the text of the database, checked against its digest.

    This is a simulation on purpose: the first attempt of a task run fails the way a download does,
    so that a retry can be seen. It asks FASTI_ATTEMPT_NUMBER, which Fasti gives to every task.
    """
    attempt = int(os.environ.get("FASTI_ATTEMPT_NUMBER", "2"))
    if attempt == 1:
        raise ConnectionError("simulated: the mirror closed the connection after 3 of 112 KiB")
    data = COPY.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != SHA256:
        raise ValueError(f"{COPY.name} is damaged: its SHA-256 is {digest}, not {SHA256}")
    return data.decode("ascii")
