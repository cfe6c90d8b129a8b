"""What the plugin remembers between events: small JSON values under keys of its own.

Writes are committed together with the delivery, and only where the handler ends with an outcome.
"""

from __future__ import annotations

import json
from typing import Any, Callable

from componentize_py_types import Err
from contract.imports import state as contract

from .failure import Reject, Retry

#: Tries of a write, each after reading the key again.
_TRIES = 8


def get(key: str) -> Any:
    """Reads a key; None where it is absent."""
    return _read(key, contract.get(key))


def update(key: str, change: Callable[[Any], Any]) -> Any:
    """Writes what `change` makes of the key's value, and answers it. `change` may run more than once."""
    for _ in range(_TRIES):
        entry = contract.get(key)
        value = change(_read(key, entry))
        try:
            contract.put(key, json.dumps(value).encode(), entry.version if entry else 0)
            return value
        except Err as error:
            if isinstance(error.value, contract.PutError_TooLarge):
                raise Reject(f"state `{key}`: {error.value.value}") from None
    raise _contended(key)


def remove(key: str) -> None:
    """Deletes a key, whatever its value."""
    for _ in range(_TRIES):
        entry = contract.get(key)
        if entry is None:
            return
        try:
            return contract.delete(key, entry.version)
        except Err:
            continue
    raise _contended(key)


def _read(key: str, entry: contract.Entry | None) -> Any:
    try:
        return None if entry is None else json.loads(entry.value)
    except ValueError as error:
        raise Reject(f"state `{key}` is not what was expected: {error}") from error


def _contended(key: str) -> Retry:
    return Retry(f"other deliveries keep changing the state `{key}`")
