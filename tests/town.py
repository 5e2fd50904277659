"""A random town: streets with names, classes, tags, signs and houses, over a border between two laws and two units."""

from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from schemas.map_feature import MAP_FEATURE
from tests.roads import road_row, road_table

WEST, SOUTH = -6.75, 54.20
STEP = 0.0055
"""Degrees of longitude between streets; of latitude it is half of that: some 360 m by 300 m."""

CLASSES = ("primary", "residential", "residential", "tertiary", "service", "unclassified")
LIMITS = ("50", "30", "60", "80", "30 mph", "60 mph", "20 mph", "none", "5 mph", "fast", "signals", "walk")
OTHER_TAGS: tuple[dict[str, str], ...] = (
    {"source:maxspeed": "IE:urban"},
    {"maxspeed": "GB:nsl_single"},
    {"zone:maxspeed": "30", "maxspeed": "50"},
    {"maxspeed:forward": "50", "maxspeed:backward": "30"},
    {"maxspeed": "80", "maxspeed:hgv": "60"},
    {"maxspeed:conditional": "30 @ (Mo-Fr 08:00-16:00)"},
    {"lit": "yes", "sidewalk": "both"},
    {"surface": "gravel"},
    {"lanes": "4"},
)


def town(columns: int = 24, rows: int = 14, *, seed: int = 0, stated: float = 0.35) -> tuple[pa.Table, pa.Table]:
    """Return segments and features; `stated` is the share of segments with a limit among their tags."""
    rng = np.random.default_rng(seed)
    jitter = rng.normal(0, STEP / 12, (columns, rows, 2))
    places = np.stack(np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij"), axis=2) * (STEP, STEP / 2)
    nodes = places + jitter + (WEST, SOUTH)
    segments = []
    for kind, (across, up) in enumerate(((1, 0), (0, 1))):
        for i in range(columns - across):
            for j in range(rows - up):
                if rng.random() < 0.93:
                    street, along = (j, i) if kind == 0 else (i, j)
                    segments.append(_segment(rng, nodes, (i, j), (i + across, j + up), (kind, street, along), stated))
    return road_table(segments), _features(rng, nodes)


def _segment(
    rng: np.random.Generator,
    nodes: np.ndarray,
    start: tuple[int, int],
    end: tuple[int, int],
    street: tuple[int, int, int],
    stated: float,
) -> dict[str, Any]:
    kind, number, along = street
    line = [
        tuple(nodes[start]),
        tuple((nodes[start] + nodes[end]) / 2 + rng.normal(0, STEP / 30, 2)),
        tuple(nodes[end]),
    ]
    if rng.random() < 0.3:
        line, start, end = line[::-1], end, start
    tags = {"highway": CLASSES[(number + kind) % len(CLASSES)]}
    if rng.random() < stated:
        tags["maxspeed"] = LIMITS[min(int(rng.exponential(2.0)), len(LIMITS) - 1)]
    if rng.random() < 0.2:
        tags |= OTHER_TAGS[rng.integers(len(OTHER_TAGS))]
    record = f"w{kind}{number:02}{along // 12}"
    return road_row(
        f"{record}:n{start[0]}.{start[1]}-n{end[0]}.{end[1]}",
        line,
        class_=tags["highway"],
        tags=tags,
        name=f"Street {kind}.{number}" if number % 4 else None,
        ref=f"R{number}" if tags["highway"] == "primary" else None,
        one_way=str(rng.choice(["no", "no", "no", "forward", "backward"])),
        connectors=[{"connector_id": f"n{x}.{y}", "at": at} for (x, y), at in ((start, 0.0), (end, 1.0))],
        sources=[{"property": "", "dataset": "OpenStreetMap", "record_id": f"{record}@1", "between": None}],
    )


def _features(rng: np.random.Generator, nodes: np.ndarray) -> pa.Table:
    (west, south), (east, north) = nodes.min(axis=(0, 1)) - 0.02, nodes.max(axis=(0, 1)) + 0.02
    middle = (west + east) / 2
    shapes: list[tuple[str, str, shapely.Geometry, dict[str, str]]] = [
        ("boundary", "IE", shapely.box(west, south, middle, north), {}),
        ("boundary", "GB-NIR", shapely.Polygon([(middle, south), (east, south), (east, north), (middle, north)]), {}),
    ]
    spots = nodes.reshape(-1, 2)
    for spot in spots[rng.random(len(spots)) < 0.6]:
        shapes += [
            ("building", "house", shapely.Point(spot + rng.normal(0, STEP / 8, 2)), {}) for _ in range(rng.integers(9))
        ]
    for spot in spots[rng.random(len(spots)) < 0.15]:
        shapes.append(("land_use", "residential", shapely.Point(spot).buffer(STEP / 3), {}))
        shapes.append(("street_lamp", "street_lamp", shapely.Point(spot + rng.normal(0, 1e-4, 2)), {}))
    for spot in spots[rng.random(len(spots)) < 0.2]:
        text = str(rng.choice(["maxspeed", "city_limit", "IE:30"]))
        tags = {"traffic_sign": text, "maxspeed": str(rng.choice(["30", "50", "80"]))}
        shapes.append(("traffic_sign", text, shapely.Point(spot + rng.normal(0, 5e-5, 2)), tags))
    return feature_table(shapes)


def feature_table(shapes: list[tuple[str, str, shapely.Geometry, dict[str, str]]]) -> pa.Table:
    """Rows of MAP_FEATURE from kind, value, shape and tags."""
    rows = [
        {
            "feature_id": f"n{number}/{kind}",
            "geometry": shape.wkb,
            "bbox": dict(zip(("xmin", "ymin", "xmax", "ymax"), shape.bounds, strict=True)),
            "kind": kind,
            "value": value,
            "area_m2": shape.area * 7e9,
            "tags": sorted(tags.items()),
        }
        for number, (kind, value, shape, tags) in enumerate(shapes)
    ]
    table = pa.Table.from_pylist(rows, schema=MAP_FEATURE.schema).sort_by("feature_id")
    return MAP_FEATURE.conform(table)
