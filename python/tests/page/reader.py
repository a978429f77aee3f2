"""A browser window on the page, with everything that it asked for and complained about."""

import time
import urllib.parse
from pathlib import Path
from typing import Any, Callable, List

AXE = Path(__file__).resolve().parents[3] / "ui" / "node_modules" / "axe-core" / "axe.min.js"

#: Longest wait for something to become true, in seconds.
PATIENCE = 30.0


def eventually(check: Callable[[], bool], what: str) -> None:
    """Wait until something is true; asked from here: the page's policy makes no code of text."""
    deadline = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


class Reader:
    """One window; closing it asserts that nothing went wrong that nobody looked for."""

    def __init__(
        self,
        browser: Any,
        url: str,
        patience: float,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
    ) -> None:
        self.url = url
        self.asked: List[str] = []
        self.faults: List[str] = []
        self._context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            timezone_id="Europe/Paris",
            locale="en-GB",
            accept_downloads=True,
        )
        self._context.set_default_timeout(patience * 1000)
        self.page = self._context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._said)

    def _said(self, message: Any) -> None:
        # Chromium tells of every refused request too; those are looked for where they matter.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(message.text)

    def open(self, path: str) -> Any:
        self.page.goto(f"{self.url}{path}")
        return self.page

    def asked_outside(self) -> List[str]:
        """Return addresses that are not the server's own."""
        own = urllib.parse.urlsplit(self.url).netloc
        parts = [(address, urllib.parse.urlsplit(address)) for address in self.asked]
        return [
            a for a, part in parts if part.scheme not in ("data", "blob") and part.netloc != own
        ]

    def complaints(self) -> List[str]:
        """Return what axe finds wrong with what is shown."""
        # Through the debugger, where the content policy of the page does not reach.
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate("() => axe.run(document)")
        # Something was looked at, so that silence means that it is well.
        assert len(found["passes"]) > 10
        return [
            f"{one['id']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
            for one in found["violations"]
        ]

    def is_too_wide(self) -> bool:
        """Whether the page can be scrolled to the side."""
        return bool(
            self.page.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            )
        )

    def close(self) -> None:
        self._context.close()
        assert self.faults == [], self.faults
        assert self.asked_outside() == []
