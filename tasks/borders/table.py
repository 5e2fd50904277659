"""BORDERS: the table of packaged borders, and where it lies."""

from pathlib import Path

import pyarrow as pa

from schemas.contract import Contract, field
from schemas.geometry import GEOMETRY_FIELD

BORDERS = Contract(
    name="borders",
    version=1,
    key="code",
    geometry_types=("Polygon", "MultiPolygon"),
    fields=(
        field("code", pa.string(), "ISO 3166-1 or -2 code, the most specific one that the law of a place goes by."),
        GEOMETRY_FIELD,
        field("country", pa.string(), "ISO 3166-1 code of the state that the place belongs to."),
        field("speed_unit", pa.string(), "Unit on the signs there; `SpeedUnit`."),
        field("driving_side", pa.string(), "`right` or `left`."),
    ),
)
BORDERS_FILE = Path(__file__).with_name("borders.parquet")
"""Written by `infra/borders/build.py`; areas of different codes never overlap and leave no gap between them."""
BORDERS_SHA256 = "16a06788630e724c75f9e31d5e9150da1d3505d07a21e0363ee5b6e3ea001fd0"
"""Digest of that file. Standing here, it makes new borders count in the fingerprint of what is made with them."""
