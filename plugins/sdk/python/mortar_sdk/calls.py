"""Calls to the ERP, made as durable steps."""

from __future__ import annotations

from typing import Callable

from componentize_py_types import Err
from contract.imports import connection, types
from contract.imports.types import Delivery

from .failure import Failure, Reject
from .response import Response

_REJECTED = {
    connection.CallError_Denied: "a call was denied",
    connection.CallError_TooLarge: "a call is too large",
    connection.CallError_Diverged: "a step was answered before, with another request",
    connection.CallError_InDoubt: "a step is in doubt",
}


class CallError(Failure):
    """Why a call has no answer.

    Not caught, it ends the handler well: what was not applied is tried again, the rest is for an
    operator.
    """

    def __init__(self, error: connection.CallError) -> None:
        if isinstance(error, connection.CallError_Unavailable):
            unavailable = error.value
            super().__init__(types.Failure_Retry(types.Retry(unavailable.reason, unavailable.after_ms)))
        else:
            super().__init__(types.Failure_Reject(f"{_REJECTED[type(error)]}: {error.value}"))
        #: What the host said.
        self.error = error


def call(step: str, request: connection.Request) -> Response:
    """Makes a call as the step of that name, or answers from the journal where it was answered before."""
    try:
        return Response(connection.call(step, request))
    except Err as error:
        raise CallError(error.value) from None


def call_or_settle(
    step: str, request: connection.Request, look: Callable[[str], connection.Settlement]
) -> Response:
    """Makes a call; where the step is in doubt, `look` finds out in the ERP what became of it.

    `look` is given the host's words, and makes its own calls under `fresh` names: an old answer would
    not settle anything.
    """
    try:
        return call(step, request)
    except CallError as error:
        if not isinstance(error.error, connection.CallError_InDoubt):
            raise
        doubt = error.error.value
    settle(step, look(doubt))
    return call(step, request)


def settle(step: str, settlement: connection.Settlement) -> None:
    """Says what became of a step that is in doubt."""
    try:
        connection.settle(step, settlement)
    except Err as error:
        raise Reject(f"step `{step}` cannot be settled: {error.value}") from None


def fresh(delivery: Delivery, step: str) -> str:
    """A step name that is asked afresh on each attempt: `state` becomes `state#2` on the second.

    Only for reads: a write under such a name would be repeated by each retry.
    """
    return f"{step}#{delivery.attempt}"
