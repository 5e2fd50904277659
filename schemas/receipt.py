"""What a stage says of one tile it has committed."""

import json
from dataclasses import asdict, dataclass

RECEIPT_KEY = b"waysmith_receipt"
"""Key of the receipt in the metadata of a tile's Parquet file."""


@dataclass(frozen=True)
class Receipt:
    """One committed tile. All of it follows from input, code and parameters: a repeated run writes the same bytes."""

    tile: str
    """Name of the quadkey cell."""
    fingerprint: str
    """Digest of what the tile was made from: inputs, task, parameters."""
    digest: str
    """Digest of the rows, as Parquet holds them."""
    rows_in: int
    """Rows that the stage was given for this tile, halo not counted."""
    rows_out: int
    """Rows in the file."""
    rows_rejected: int
    """Rows refused; they stand in the reject table."""
    metres: float
    """Geodesic length of the road given; 0 for tables without a length."""
    bbox: tuple[float, float, float, float] | None = None
    """West, south, east, north of all geometries in the file (°); they may reach beyond the cell."""

    def to_json(self) -> str:
        """Return the receipt as it stands in the Parquet footer."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Receipt":
        """Return the receipt written by `to_json`."""
        told = json.loads(text)
        told["bbox"] = tuple(told["bbox"]) if told["bbox"] else None
        return cls(**told)


@dataclass(frozen=True)
class Measured:
    """What one tile cost in one run; kept beside the tables, since no two runs cost the same."""

    tile: str
    rows: int
    seconds: float
    peak_mb: float
    """Highest resident memory of the worker while it was at this tile."""
    base_mb: float = 0.0
    """Resident memory of the worker before it read anything of this tile."""
    read_mb: float = 0.0
    """Size of the files that the tile was read from."""
