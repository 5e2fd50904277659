"""Arrow types and fields that tables with a geometry share."""

import pyarrow as pa

from schemas.contract import BBOX, GEOMETRY, field

BOX = pa.struct([pa.field(side, pa.float64(), nullable=False) for side in ("xmin", "ymin", "xmax", "ymax")])
"""West, south, east and north edge in degrees, as in Overture and in GeoParquet's covering."""

BETWEEN = pa.list_(pa.float64())
"""A linear reference: [from, to] as fractions of geodesic length, 0 ≤ from < to ≤ 1."""

GEOMETRY_FIELD = field(GEOMETRY, pa.binary(), "Well-known binary in WGS 84 (OGC:CRS84), x before y.")
BBOX_FIELD = field(BBOX, BOX, "Box around the geometry.", unit="°")
