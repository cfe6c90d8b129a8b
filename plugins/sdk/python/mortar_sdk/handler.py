"""What the handlers of a plugin have in common, and how they end well."""

from __future__ import annotations

import functools
import traceback
from typing import Any, Callable

from componentize_py_types import Err
from contract.imports.types import Outcome, Outcome_Done, Outcome_Ignored

from . import log
from .failure import Failure


class Handler:
    """The base of a plugin's classes: `OrderEvents`, `InventoryEvents` and so on.

    What is raised in them ends the delivery well; a mistake is logged with its traceback before the
    host sees it as a trap.
    """

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        for name in ("handle", "confirm"):
            if name in vars(cls):
                setattr(cls, name, _guarded(vars(cls)[name]))


def done() -> Outcome:
    """Ends a handler: the ERP now says what the event said."""
    return Outcome_Done()


def ignored(reason: str) -> Outcome:
    """Ends a handler: nothing had to be done. Operators can list the reason."""
    return Outcome_Ignored(reason)


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def guarded(*event: Any) -> Any:
        try:
            end = method(*event)
            if end is None:
                raise TypeError("a handler ended without an outcome: return done() or ignored(why)")
            return end
        except Failure as failure:
            raise Err(failure.contract) from None
        except Exception:
            log.error(traceback.format_exc())
            raise

    return guarded
