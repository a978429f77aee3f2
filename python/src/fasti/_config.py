"""Where the server is and who we are: environment first, then the user's config file."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Optional

DEFAULT_URL = "http://127.0.0.1:7450"

#: ``key = "value"`` or ``key = 'value'`` of TOML, with a comment after it or not.
_ENTRY = r"""\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)')\s*(?:#.*)?"""


class Config:
    """How to reach the server.  Equal to another one when all of it is."""

    __slots__ = ("token", "url", "user")

    def __init__(self, url: str, token: Optional[str], user: str) -> None:
        #: Without a slash at the end.
        self.url = url
        self.token = token
        #: Sent only without a token.
        self.user = user

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Config):
            return NotImplemented
        return (self.url, self.token, self.user) == (other.url, other.token, other.user)

    def __hash__(self) -> int:
        return hash((self.url, self.token, self.user))


def load() -> Config:
    """Read the configuration as it is now; cheap, so it is read for every new client."""
    file = _read(config_path())
    url = os.environ.get("FASTI_URL") or file.get("url") or DEFAULT_URL
    token = os.environ.get("FASTI_TOKEN") or file.get("token")
    return Config(url.rstrip("/"), token, os.environ.get("FASTI_USER") or os_user())


def config_path() -> str:
    """Return where the user's config file is, whether it exists or not."""
    if sys.platform == "darwin":
        folder = os.path.expanduser("~/Library/Application Support")
    elif sys.platform == "win32":
        folder = os.environ.get("APPDATA") or os.path.expanduser("~/AppData/Roaming")
    else:
        folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(folder, "fasti", "config.toml")


def os_user() -> str:
    """Return the name of the user this process runs as."""
    import getpass

    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return getpass.getuser()


def _read(path: str) -> Dict[str, str]:
    """Return the string values at the top level of a TOML file; nothing if it is absent."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError:
        return {}
    import re

    found: Dict[str, str] = {}
    for line in text.splitlines():
        if line.lstrip().startswith("["):
            break  # a table begins: no more keys of the top level
        match = re.fullmatch(_ENTRY, line)
        if match is not None:
            key, basic, literal = match.groups()
            found[key] = literal if basic is None else re.sub(r"\\(.)", r"\1", basic)
    return found
