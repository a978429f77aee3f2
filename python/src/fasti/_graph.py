"""Cycles in a graph of tasks; linear in nodes and edges, without recursion."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Sequence, Tuple


def find_cycle(count: int, edges: Sequence[Tuple[int, int]]) -> Optional[List[int]]:
    """Return the nodes of one cycle in order, or None.  Nodes are 0 to ``count - 1``."""
    after: List[List[int]] = [[] for _ in range(count)]
    waiting_for = [0] * count
    for source, target in edges:
        after[source].append(target)
        waiting_for[target] += 1
    ready = [node for node in range(count) if waiting_for[node] == 0]
    done = 0
    while ready:
        node = ready.pop()
        done += 1
        for target in after[node]:
            waiting_for[target] -= 1
            if waiting_for[target] == 0:
                ready.append(target)
    if done == count:
        return None
    return _walk_cycle(waiting_for, edges)


def _walk_cycle(waiting_for: List[int], edges: Sequence[Tuple[int, int]]) -> List[int]:
    # Every node left waits for another node left, so going backwards never ends before
    # it meets a node again.
    before: Dict[int, int] = {
        target: source for source, target in edges if waiting_for[source] and waiting_for[target]
    }
    node = next(target for target in before)
    seen: Dict[int, int] = {}
    path: List[int] = []
    while node not in seen:
        seen[node] = len(path)
        path.append(node)
        node = before[node]
    return path[seen[node] :][::-1]
