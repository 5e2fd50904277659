"""CONTINUITY: which limits the roads around a segment have, as far as the map states them."""

import pyarrow as pa

from schemas.contract import Contract, field

WITNESS = pa.struct(
    [
        pa.field("limit", pa.string()),
        pa.field("near", pa.float32()),
        pa.field("far", pa.float32()),
        pa.field("named", pa.float32()),
        pa.field("alike", pa.float32()),
        pa.field("around", pa.float32()),
    ]
)
"""One limit that stands around a segment, and how much speaks for it; each segment that has it adds up to 1.

`near` and `far`: along the roads, damped by 150 m and 600 m, by turns and by changes of name, class and built-up area.
`named`: on roads of the same name or number within 2 km. `alike`: on roads of the same class within 800 m.
`around`: on any road within 800 m.
"""

CONTINUITY = Contract(
    name="continuity",
    version=1,
    key="segment_id",
    fields=(
        field("segment_id", pa.string(), "Segment that was looked around from."),
        field("witnesses", pa.list_(WITNESS), "Limits around, by their text (`50 km/h`, `none`); empty: none stated."),
        field("nearest_id", pa.string(), "Segment whose limit carries on most surely.", nullable=True),
        field("nearest_limit", pa.string(), "Its limit.", nullable=True),
        field("nearest_m", pa.float64(), "Distance to it along the roads, from middle to middle.", unit="m"),
        field("start_roads", pa.int32(), "How many segments meet at its first connector, itself not counted."),
        field("end_roads", pa.int32(), "How many segments meet at its last connector, itself not counted."),
        field("highest_neighbour", pa.int32(), "Rank of the most important class that it meets; 0 is a motorway."),
    ),
)
