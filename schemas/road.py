"""ROAD_SEGMENT: a stretch of car road between two places where roads meet."""

import pyarrow as pa

from schemas.contract import Contract, field
from schemas.geometry import BBOX_FIELD, BETWEEN, GEOMETRY_FIELD
from schemas.speed_rule import SPEED_RULE

CONNECTOR = pa.struct([pa.field("connector_id", pa.string()), pa.field("at", pa.float64())])
"""A place where roads meet and where along the segment it lies, as a fraction of geodesic length."""

SOURCE = pa.struct(
    [
        pa.field("property", pa.string()),
        pa.field("dataset", pa.string()),
        pa.field("record_id", pa.string()),
        pa.field("between", BETWEEN),
    ]
)
"""Where data came from, in Overture's shape: property "" is the whole segment, record_id is `w123@4` in OSM."""

ROUTE = pa.struct(
    [
        pa.field("network", pa.string()),
        pa.field("ref", pa.string()),
        pa.field("name", pa.string()),
        pa.field("record_id", pa.string()),
        pa.field("between", BETWEEN),
    ]
)
"""A signed road route (OSM relation type=route, route=road) that runs over the segment."""

ROAD_SEGMENT = Contract(
    name="road_segment",
    version=1,
    key="segment_id",
    fields=(
        field("segment_id", pa.string(), "Stable id: `w123:n4-n5` in OSM (way, first, last node), GERS in Overture."),
        GEOMETRY_FIELD,
        BBOX_FIELD,
        field("class", pa.string(), "Overture road class; `RoadClass` lists them."),
        field("subclass", pa.string(), "Overture road subclass; `RoadSubclass` lists them.", nullable=True),
        field("length_m", pa.float64(), "Geodesic length on WGS 84.", unit="m"),
        field("one_way", pa.string(), "Directions open to cars; `OneWay` lists them."),
        field("name", pa.string(), "Primary name.", nullable=True),
        field("ref", pa.string(), "Road numbers as signed, `;` between several.", nullable=True),
        field("routes", pa.list_(ROUTE), "Road routes over the segment, by network, ref and record."),
        field("connectors", pa.list_(CONNECTOR), "Places where roads meet, in order; both ends among them."),
        field("sources", pa.list_(SOURCE), "Records that the segment was made from."),
        field("speed_limits", pa.list_(SPEED_RULE), "Rules that the source states (Overture); empty for OSM."),
        field("tags", pa.map_(pa.string(), pa.string()), "OSM tags of the way, sorted by key."),
    ),
)
