"""Probe files for tests, written in every form that is read, and what a reader makes of them."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from tasks.readers.probe_format import POINT, ProbeFormat
from tasks.readers.probes import read_probes

START = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
NOW = datetime(2025, 1, 1, tzinfo=UTC)


class Read(NamedTuple):
    """All batches of a reading, put together."""

    points: list[dict[str, Any]]
    dropped: dict[str, int]
    rejects: list[dict[str, str]]
    read: int
    notes: list[str]

    @property
    def ids(self) -> list[str]:
        return list(dict.fromkeys(point["trace_id"] for point in self.points))


def read(files: Path | Sequence[Path], **told: Any) -> Read:
    batches = list(read_probes([files] if isinstance(files, Path) else files, ProbeFormat(**told), now=NOW))
    assert all(batch.points.schema.equals(POINT) for batch in batches)
    dropped: Counter[str] = Counter()
    for batch in batches:
        dropped.update({str(reason): count for reason, count in batch.dropped.items()})
        assert batch.read == batch.points.num_rows + sum(batch.dropped.values())
    return Read(
        pa.concat_tables([batch.points for batch in batches]).to_pylist(),
        dict(dropped),
        [row for batch in batches for row in batch.rejects.to_pylist()],
        sum(batch.read for batch in batches),
        [note for batch in batches for note in batch.notes],
    )


def drive(count: int = 5, trace: str = "a", lon: float = 24.9) -> list[dict[str, Any]]:
    """Points of one trace, as POINT has them."""
    return [
        {
            "trace_id": trace,
            "time": START + timedelta(seconds=2 * i),
            "lon": round(lon + i * 1e-4, 7),
            "lat": 60.17,
            "speed_kmh": 36.0 + i,
            "heading_deg": 90.0,
            "accuracy_m": 4.0,
        }
        for i in range(count)
    ]


def csv_of(rows: list[dict[str, Any]], delimiter: str = ",") -> str:
    lines = [delimiter.join(rows[0])]
    lines += [delimiter.join("" if value is None else str(value) for value in row.values()) for row in rows]
    return "\n".join(lines) + "\n"


def gpx_point(point: dict[str, Any]) -> str:
    time = f"<time>{point['time'].isoformat()}</time>" if point.get("time") else ""
    speed = f"<speed>{point['speed_kmh'] / 3.6}</speed><course>{point['heading_deg']}</course>"
    return f'<trkpt lat="{point["lat"]}" lon="{point["lon"]}"><ele>12</ele>{time}{speed}<hdop>3</hdop></trkpt>\n'


def gpx_of(*tracks: tuple[str | None, list[dict[str, Any]]]) -> str:
    told = ""
    for name, points in tracks:
        title = f"<name>{name}</name>" if name is not None else ""
        told += f"<trk>{title}<trkseg>{''.join(gpx_point(point) for point in points)}</trkseg></trk>\n"
    return f'<?xml version="1.0"?>\n<gpx version="1.0" xmlns="http://www.topografix.com/GPX/1/0">\n{told}</gpx>\n'


def collection_of(*features: dict[str, Any]) -> str:
    return json.dumps({"type": "FeatureCollection", "name": "features", "features": list(features)})


def line_of(points: list[dict[str, Any]], **properties: Any) -> dict[str, Any]:
    places = [[point["lon"], point["lat"]] for point in points]
    return {"type": "Feature", "geometry": {"type": "LineString", "coordinates": places}, "properties": properties}
