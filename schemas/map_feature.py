"""MAP_FEATURE: what lies beside the roads and tells of them: buildings, land use, places, lamps, signs, boundaries."""

import pyarrow as pa

from schemas.contract import Contract, field
from schemas.geometry import BBOX_FIELD, GEOMETRY_FIELD

MAP_FEATURE = Contract(
    name="map_feature",
    version=1,
    key="feature_id",
    geometry_types=("Point", "LineString", "Polygon", "MultiPolygon"),
    fields=(
        field("feature_id", pa.string(), "Stable id: `n1`, `w1` or `r1` of OSM with the kind, or Overture's GERS id."),
        GEOMETRY_FIELD,
        BBOX_FIELD,
        field("kind", pa.string(), "What it is; `FeatureKind` lists them."),
        field("value", pa.string(), "Which of its kind: the value of the tag that says so."),
        field("area_m2", pa.float64(), "Geodesic area; 0 for points and lines.", unit="m²"),
        field("tags", pa.map_(pa.string(), pa.string()), "Its tags, sorted by key; empty for buildings and land use."),
    ),
)
