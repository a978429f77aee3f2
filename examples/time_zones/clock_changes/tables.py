"""Plain-text tables."""

from __future__ import annotations

from typing import List, Sequence


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table under a title; columns of numbers are flush right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *cells)]
    numbers = [all(isinstance(row[at], int) for row in rows) for at in range(len(heads))]
    lines = [title, _line(heads, widths, numbers), "  ".join("-" * width for width in widths)]
    lines.extend(_line(row, widths, numbers) for row in cells)
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: List[int], numbers: List[bool]) -> str:
    padded = [
        cell.rjust(width) if number else cell.ljust(width)
        for cell, width, number in zip(cells, widths, numbers)
    ]
    return "  ".join(padded).rstrip()


def offset(seconds: int) -> str:
    """Return an offset from UTC as people write it: ``+05:30``."""
    sign = "-" if seconds < 0 else "+"
    hours, rest = divmod(abs(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    return f"{sign}{hours:02}:{minutes:02}" + (f":{rest:02}" if rest else "")
