"""What the ERP answered."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from contract.imports import connection

from .failure import Reject

#: How much of an answer's body goes into a rejection, in characters.
EXCERPT = 300


class Response:
    """An answer of any status: the plugin decides what a status means."""

    def __init__(self, answer: connection.Response) -> None:
        self.status: int = answer.status
        #: Names are in lower case.
        self.headers: list[tuple[str, str]] = answer.headers
        self.body: bytes = answer.body

    @property
    def is_success(self) -> bool:
        """True for a status from 200 to 299."""
        return 200 <= self.status < 300

    def ok(self) -> Response:
        """Goes on with a 2xx answer, and refuses any other."""
        if not self.is_success:
            raise self.refusal("a call failed")
        return self

    def refusal(self, what: str) -> Reject:
        """The rejection that this answer deserves: what was called, the status, the beginning of the body."""
        return Reject(f"{what}: the ERP answered {self.status}: {self._excerpt()}")

    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body as JSON; a rejection says what does not fit."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Reject(f"the ERP's answer is not what was expected ({error}): {self._excerpt()}") from error

    def header(self, name: str) -> str | None:
        """The value of a header, by its name in lower case."""
        return next((value for known, value in self.headers if known == name), None)

    def _excerpt(self) -> str:
        # A character has at most four bytes, so this much of the body holds the excerpt.
        text = self.body[: 4 * EXCERPT + 4].decode(errors="replace").strip()
        excerpt = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text[:EXCERPT])
        return excerpt + "…" * (len(text) > EXCERPT) or "(no body)"
