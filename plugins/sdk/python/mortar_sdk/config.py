"""The `[config]` table of `plugin.toml`."""

from __future__ import annotations

import json
from typing import Any

from contract.imports import config as contract

from .failure import Reject


def config(*required: str) -> dict[str, Any]:
    """Reads the whole table; a rejection names a required field that is missing."""
    table = json.loads(contract.json())
    for field in required:
        if field not in table:
            raise Reject(f"[config] in plugin.toml: missing field `{field}`")
    return table
