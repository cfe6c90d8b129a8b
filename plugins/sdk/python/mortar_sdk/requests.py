"""Building a request."""

from __future__ import annotations

import json as _json
from typing import Any, Mapping
from urllib.parse import quote

from contract.imports.connection import Request

_ABSENT: Any = object()


def request(
    method: str,
    connection: str,
    path: str,
    *,
    json: Any = _ABSENT,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Request:
    """A request through a connection, with a JSON body or another one.

    `path` is below the connection's base URL and starts with `/`; `encode` what you put into it.
    Credentials and the idempotency key are the host's: a header that names one is denied.
    """
    all_headers = list((headers or {}).items())
    if json is not _ABSENT:
        all_headers.append(("content-type", "application/json"))
        body = _json.dumps(json, ensure_ascii=False, separators=(",", ":")).encode()
    return Request(connection, method, path, all_headers, body)


def get(connection: str, path: str, **options: Any) -> Request:
    """A GET request."""
    return request("GET", connection, path, **options)


def post(connection: str, path: str, **options: Any) -> Request:
    """A POST request."""
    return request("POST", connection, path, **options)


def put(connection: str, path: str, **options: Any) -> Request:
    """A PUT request."""
    return request("PUT", connection, path, **options)


def patch(connection: str, path: str, **options: Any) -> Request:
    """A PATCH request."""
    return request("PATCH", connection, path, **options)


def delete(connection: str, path: str, **options: Any) -> Request:
    """A DELETE request."""
    return request("DELETE", connection, path, **options)


def encode(value: str) -> str:
    """Percent-encodes a value for one segment of a path, or for a query."""
    return quote(value, safe="")
