"""How a handler ends when something went wrong."""

from __future__ import annotations

from contract.imports import types


class Failure(Exception):
    """Ends the handler when it is raised: with a retry where time may mend it, else with a dead letter."""

    def __init__(self, contract: types.Failure) -> None:
        retry = isinstance(contract, types.Failure_Retry)
        super().__init__(contract.value.reason if retry else contract.value)
        #: What the host is told.
        self.contract = contract


class Reject(Failure):
    """No attempt can succeed: `raise Reject("what an operator has to mend")` makes a dead letter."""

    def __init__(self, reason: str) -> None:
        super().__init__(types.Failure_Reject(reason))


class Retry(Failure):
    """Time may mend it: the handler runs again after this wait, else when the retry policy says so."""

    def __init__(self, reason: str, after_ms: int | None = None) -> None:
        super().__init__(types.Failure_Retry(types.Retry(reason, after_ms)))
