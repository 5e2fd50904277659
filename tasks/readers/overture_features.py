"""What lies beside the roads in Overture's themes: buildings, land use, divisions, and parts of infrastructure.

The schema: https://docs.overturemaps.org/schema/
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from schemas.vocabulary import FeatureKind, RejectReason
from tasks.readers.feature_rows import Feature, Lost, Tags
from tasks.readers.reading import ReadError
from tasks.readers.reject import Refusal

Row = dict[str, Any]
Said = tuple[FeatureKind, str]
"""What a row is, and which of its kind."""

COLUMNS = {
    "building": ("subtype", "class"),
    "land_use": ("subtype", "class", "names"),
    "infrastructure": ("subtype", "class"),
    "division": ("subtype", "class", "names", "population"),
    "division_area": ("subtype", "class", "names", "country", "region"),
}
"""Columns read of each feature type beside id, version and geometry, where the release has them."""

MARKS = {
    "building": {"has_parts", "facade_color", "roof_shape", "num_floors"},
    "division": {"hierarchies", "parent_division_id"},
    "division_area": {"division_id", "is_territorial"},
}
"""Columns of which one alone tells the type of a file that does not name it."""
OTHERS = {"connectors", "building_id", "division_ids", "categories", "postal_city"}
"""Columns of segments, building parts, boundaries, places and addresses."""

LAND_USES = frozenset(
    {
        *("agriculture", "airport", "aquaculture", "campground", "cemetery", "construction", "developed"),
        *("education", "entertainment", "golf", "grass", "horticulture", "landfill", "managed", "medical", "military"),
        *("park", "pedestrian", "protected", "public", "recreation", "religious", "residential"),
        *("resource_extraction", "structure", "transportation", "winter_sports"),
    }
)
"""Subtypes of land use; they tell its files from those of land and water, which have the same columns."""

INFRASTRUCTURE = {
    "street_lamp": (FeatureKind.STREET_LAMP, "street_lamp"),
    "pedestrian_crossing": (FeatureKind.CROSSING, "yes"),
    "crossing": (FeatureKind.CROSSING, "yes"),
}
"""What a class of infrastructure is to a road."""

PLACES = {"macrohood": "suburb", "neighborhood": "neighbourhood", "microhood": "quarter", "locality": "locality"}
"""The value of OSM's `place` for a subtype of division; a locality that has a class is that."""
BORDERED = {"country": "country", "dependency": "country", "region": "region"}
"""Column of the ISO 3166 code of a division's area."""


def overture_features(path: Path) -> Iterator[Feature | Lost]:
    """Yield the features of an Overture Parquet file, or of a folder of them at any depth, and those that are broken.

    The type of a file is what a column `type` or a folder `type=…` says, else what its columns show. Files of other
    types, and of other formats, give nothing.

    Raises
    ------
    ReadError
        If a Parquet file is damaged.
    """
    for file in sorted(path.rglob("*.parquet")) if path.is_dir() else [path]:
        if _is_parquet(file):
            yield from _of_file(file)


def _is_parquet(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(4) == b"PAR1"


def _of_file(file: Path) -> Iterator[Feature | Lost]:
    try:
        data = ds.dataset(file, format="parquet")
        names = data.schema.names
        told = type_of(names, file)
        if told is None or not {"id", "geometry"} <= set(names):
            return
        wanted = [name for name in ("id", "geometry", "version", "type", *_columns(told)) if name in names]
        for batch in data.to_batches(columns=wanted, filter=_filter(told, names)):
            yield from _of_rows(batch, told)
    except (pa.ArrowException, OSError) as error:
        first_line = str(error).splitlines()[0]
        raise ReadError(f"{file}: {first_line}; expected a Parquet file of Overture features") from error


def type_of(names: list[str], file: Path) -> str | None:
    """Return the type of a file's features; `base` where rows must tell, None where no row matters.

    Examples
    --------
    >>> type_of(["id", "geometry", "class", "has_parts"], Path("a.parquet"))
    'building'
    >>> type_of(["id", "geometry", "subtype", "class", "surface"], Path("theme=base/type=land_use/a.parquet"))
    'land_use'
    >>> type_of(["id", "geometry", "subtype", "class", "connectors"], Path("a.parquet"))
    """
    folders = [part.removeprefix("type=") for part in file.parts if part.startswith("type=")]
    if folders:
        return folders[-1] if folders[-1] in COLUMNS else None
    if OTHERS & set(names):
        return None
    marked = [told for told, marks in MARKS.items() if marks & set(names)]
    if marked:
        return marked[0]
    return "base" if {"subtype", "class"} <= set(names) else None


def _columns(told: str) -> tuple[str, ...]:
    return COLUMNS.get(told, COLUMNS["land_use"])


def _filter(told: str, names: list[str]) -> ds.Expression | None:
    """Return which rows matter, where the file can tell before they are read."""
    if told == "infrastructure":
        return ds.field("class").isin(list(INFRASTRUCTURE))
    if told == "division_area" and "subtype" in names:
        return ds.field("subtype").isin(list(BORDERED))
    return None


def _of_rows(batch: pa.RecordBatch, told: str) -> Iterator[Feature | Lost]:
    says = SAYS[told]
    columns = [batch.column(name).to_pylist() for name in batch.schema.names]
    for values in zip(*columns, strict=True):
        row = dict(zip(batch.schema.names, values, strict=True))
        said = says(row)
        if said is None:
            continue
        name = row["id"]
        if name is None:
            yield Lost("", Refusal("", RejectReason.BAD_VALUE, f"id of a {said[0]} is null, expected a GERS id"))
        else:
            yield Feature(name, name, row.get("version") or 0, *said, row["geometry"], _tags(row, said[0]))


def _building(row: Row) -> Said:
    return FeatureKind.BUILDING, row.get("class") or row.get("subtype") or "yes"


def _base(row: Row) -> Said | None:
    """Return what a row of land use or infrastructure is; rows of land and water are nothing."""
    if row["class"] in INFRASTRUCTURE:
        return INFRASTRUCTURE[row["class"]]
    return (FeatureKind.LAND_USE, row["class"] or row["subtype"]) if row["subtype"] in LAND_USES else None


def _division(row: Row) -> Said | None:
    subtype = row.get("subtype")
    return (FeatureKind.PLACE, row.get("class") or PLACES[subtype]) if subtype in PLACES else None


def _division_area(row: Row) -> Said | None:
    """Return the code of a country or a region, on land or at sea; smaller divisions are nothing."""
    code = row.get(BORDERED.get(row.get("subtype") or "", ""))
    return (FeatureKind.BOUNDARY, code) if code else None


def _tags(row: Row, kind: FeatureKind) -> Tags:
    if kind not in (FeatureKind.PLACE, FeatureKind.BOUNDARY):
        return ()
    name, population = (row.get("names") or {}).get("primary"), row.get("population")
    tags = {"name": name, "population": None if population is None else str(population)}
    return sorted((key, value) for key, value in tags.items() if value)


SAYS: dict[str, Callable[[Row], Said | None]] = {
    "building": _building,
    "land_use": _base,
    "infrastructure": _base,
    "base": _base,
    "division": _division,
    "division_area": _division_area,
}
