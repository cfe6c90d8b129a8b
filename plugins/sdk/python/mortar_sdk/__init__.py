"""Write a Mortar plugin in Python. README.md shows how.

The module `contract`, with the types of the events, is made of the contract for each plugin:
by `componentize-py`, as the README shows.
"""

from contract.imports.connection import Request, Settlement, Settlement_Answered, Settlement_Resend
from contract.imports.types import Delivery, Outcome

from . import log, mail, state
from .calls import CallError, call, call_or_settle, fresh, settle
from .config import config
from .failure import Failure, Reject, Retry
from .handler import Handler, done, ignored
from .requests import delete, encode, get, patch, post, put, request
from .response import Response

__all__ = [
    "CallError",
    "Delivery",
    "Failure",
    "Handler",
    "Outcome",
    "Reject",
    "Request",
    "Response",
    "Retry",
    "Settlement",
    "Settlement_Answered",
    "Settlement_Resend",
    "call",
    "call_or_settle",
    "config",
    "delete",
    "done",
    "encode",
    "fresh",
    "get",
    "ignored",
    "log",
    "mail",
    "patch",
    "post",
    "put",
    "request",
    "settle",
    "state",
]
