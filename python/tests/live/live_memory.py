"""How much private memory the processes of a server have, watched while they work."""

import re
import threading
from pathlib import Path
from typing import Dict, Iterator, List


class Peaks:
    """The most private memory of every process from one down, looked at again and again."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.bytes: Dict[int, int] = {}

    def __enter__(self) -> "Peaks":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.005):
            for pid in [self._root, *below(self._root)]:
                self.bytes[pid] = max(self.bytes.get(pid, 0), private(pid))


def private(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(found.group(1)) * 1024 if found else 0


def below(root: int) -> Iterator[int]:
    parents: Dict[int, List[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    waiting = [root]
    while waiting:
        for child in parents.get(waiting.pop(), []):
            yield child
            waiting.append(child)
