"""Charts of metrics as SVG: a line over time, with what was allocated beside the title."""

from __future__ import annotations

from html import escape
from typing import Any, Dict, List, Sequence

from fasti import _times

#: Measures in pixels.
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 372, 170, 44, 26, 22

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def charts(metrics: Dict[str, Any]) -> str:
    """Return the charts of an answer of ``GET /task-runs/{id}/metrics``; '' without points."""
    if not metrics["timestamps"]:
        return ""
    times = [_times.parse(at).timestamp() for at in metrics["timestamps"]]
    seconds = [at - times[0] for at in times]
    cpu = chart(
        f"CPU, % of {metrics['total_allocated_cpu']} MHz",
        seconds,
        metrics["cpu_metrics_percentage"],
    )
    memory = chart(
        f"Memory, MB ({metrics['total_allocated_memory']} MB allocated)",
        seconds,
        metrics["memory_metrics_absolute"],
    )
    return f'<div class="fasti-charts">{cpu}{memory}</div>'


def chart(title: str, xs: Sequence[float], ys: Sequence[float]) -> str:
    """Return one chart."""
    x_step, y_step = _step(max(xs), 5), _step(max(ys), 4)
    x_top, y_top = _ceil(max(xs), x_step), _ceil(max(ys), y_step)

    def x_of(value: float) -> float:
        return _LEFT + value / x_top * (_WIDTH - _LEFT - 12)

    def y_of(value: float) -> float:
        return _HEIGHT - _BOTTOM - value / y_top * (_HEIGHT - _BOTTOM - _TOP)

    lines = [
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img">'
        f'<text class="title" x="0" y="13">{escape(title)}</text>'
    ]
    for at in _ticks(y_top, y_step):
        y = y_of(at)
        lines.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - 12}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{at:g}</text>'
        )
    for at in _ticks(x_top, x_step):
        lines.append(
            f'<text x="{x_of(at):.1f}" y="{_HEIGHT - 6}" text-anchor="middle">{at:g} s</text>'
        )
    points = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in zip(xs, ys))
    floor = y_of(0)
    lines.append(
        f'<polygon class="area" points="{x_of(xs[0]):.1f},{floor:.1f} {points} '
        f'{x_of(xs[-1]):.1f},{floor:.1f}"/><polyline class="line" points="{points}"/></svg>'
    )
    return "".join(lines)


def _step(top: float, count: int) -> float:
    """Return a round distance so that about ``count`` of them reach ``top``."""
    if top <= 0:
        return 1.0
    rough, size = top / count, 1.0
    while size * 10 <= rough:
        size *= 10
    while size > rough:
        size /= 10
    return next(size * step for step in _STEPS if size * step >= rough)


def _ceil(top: float, step: float) -> float:
    times = 1
    while step * times < top * 0.999:
        times += 1
    return step * times


def _ticks(top: float, step: float) -> List[float]:
    return [round(step * number, 9) for number in range(int(top / step + 0.5) + 1)]
