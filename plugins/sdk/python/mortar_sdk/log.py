"""Lines for the operator, kept with the attempt. What is printed comes here too.

Never log credentials or a customer's personal data.
"""

import io
import sys

from contract.imports import log
from contract.imports.log import Level


def debug(message: str) -> None:
    """Detail for the author."""
    log.log(Level.DEBUG, message)


def info(message: str) -> None:
    """What the plugin did."""
    log.log(Level.INFO, message)


def warn(message: str) -> None:
    """Something odd that did not stop the plugin."""
    log.log(Level.WARN, message)


def error(message: str) -> None:
    """Something that an operator has to look at."""
    log.log(Level.ERROR, message)


class Lines(io.TextIOBase):
    """A stream whose lines go to the log."""

    def __init__(self, level: Level) -> None:
        self._level = level
        self._rest = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            log.log(self._level, line)
        return len(text)


# Only inside a component, where nothing else would see what is printed.
if sys.platform == "wasi":
    sys.stdout = Lines(Level.INFO)
    sys.stderr = Lines(Level.WARN)
