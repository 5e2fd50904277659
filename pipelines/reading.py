"""What has been read into a table already, so that nothing is read where nothing changed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.table import Table
from schemas.contract import as_json
from schemas.receipt import Receipt
from tasks.fingerprint import digest, file_digest, source_digest

NOTE = "_read.json"
"""File beside the tiles that says what they were read from."""


def reading_fingerprint(table: Table, readers: Sequence[str], files: Sequence[Path], *settings: object) -> str | None:
    """Digest of all that decides which tiles come out; None where a file cannot be read, which the reader tells."""
    try:
        contents = [file_digest(file) for file in files]
    except OSError:
        return None
    return digest(source_digest(readers), str(as_json(table.contract)), *contents, repr(settings))


def note_of(table: Table) -> dict[str, Any]:
    """Return the note of the reading that a table holds, empty if there is none."""
    try:
        told = json.loads(table.store.read(NOTE))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def is_read(table: Table, fingerprint: str | None) -> bool:
    """Whether the tiles that such a reading gave lie there, unchanged."""
    told = note_of(table)
    is_same = fingerprint is not None and told.get("fingerprint") == fingerprint
    return is_same and told.get("tiles") == _digests(table.receipts())


def write_note(table: Table, fingerprint: str | None, **told: object) -> None:
    """Write down what the tiles of a table were read from, and their receipts."""
    receipts = table.receipts()
    table.save_manifest(receipts.values())
    note = {"fingerprint": fingerprint, "tiles": _digests(receipts), **told}
    table.store.write(NOTE, json.dumps(note).encode())


def _digests(receipts: Mapping[str, Receipt]) -> dict[str, str]:
    return {tile: receipt.digest for tile, receipt in receipts.items()}
