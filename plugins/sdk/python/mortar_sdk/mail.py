"""E-mail through a connection that is a mail server."""

from __future__ import annotations

from componentize_py_types import Err
from contract.imports import mail as contract

from .calls import CallError


def send(
    step: str,
    connection: str,
    *,
    to: list[str],
    subject: str,
    text: str,
    html: str | None = None,
    reply_to: str | None = None,
) -> None:
    """Sends an e-mail as the step of that name: a retry of the handler never mails twice."""
    try:
        contract.send(step, contract.Message(connection, to, reply_to, subject, text, html))
    except Err as error:
        raise CallError(error.value) from None
