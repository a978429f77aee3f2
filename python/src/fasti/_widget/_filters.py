"""The line of filters: one rundate, or a range of due times."""

from __future__ import annotations

from typing import Any, Callable, Dict

import ipywidgets

from fasti import _results


class Filters:
    """Three fields and their buttons; ``changed`` is called with what they say."""

    def __init__(self, changed: Callable[[Dict[str, str]], None]) -> None:
        self._changed = changed
        self._rundate = _field("Rundate", "YYYY-MM-DD", "190px")
        self._start = _field("Due from", "YYYY-MM-DD HH:MM", "240px")
        self._end = _field("until", "YYYY-MM-DD HH:MM", "220px")
        self._fields = (self._rundate, self._start, self._end)
        self._apply = _button("Apply", "Show the runs that fit")
        self._clear = _button("Clear", "Show all runs")
        self.box = ipywidgets.HBox([*self._fields, self._apply, self._clear])
        self.box.add_class("fasti-filters")

    def connect(self, guarded: Callable[[Callable[..., None]], Callable[..., None]]) -> None:
        """Listen to the buttons, and to the end of typing in a field."""
        self._apply.on_click(guarded(self.apply))
        self._clear.on_click(guarded(self.clear))
        for field in self._fields:
            field.observe(guarded(self.apply), "value")

    def apply(self, _: Any = None) -> None:
        """Say what is asked for; :class:`ValidationError` for what makes no sense."""
        texts = [field.value.strip() or None for field in self._fields]
        self._changed(_results.filters_of(*texts))

    def clear(self, _: Any = None) -> None:
        """Empty the fields."""
        for field in self._fields:
            with field.hold_trait_notifications():
                field.value = ""
        self._changed({})


def _field(label: str, hint: str, width: str) -> Any:
    return ipywidgets.Text(
        description=label,
        placeholder=hint,
        continuous_update=False,
        layout={"width": width, "margin": "0"},
        style={"description_width": "auto"},
    )


def _button(text: str, tooltip: str) -> Any:
    return ipywidgets.Button(description=text, tooltip=tooltip, layout={"width": "72px"})
