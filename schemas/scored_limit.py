"""SCORED_LIMIT: what was inferred where the map's own limit was hidden, beside the truth and other ways to guess it."""

import pyarrow as pa

from schemas.contract import Contract, field

SCORED_LIMIT = Contract(
    name="scored_limit",
    version=2,
    key="segment_id",
    fields=(
        field("segment_id", pa.string(), "Hidden segment; only those whose limit the map states as a number, or none."),
        field("extract", pa.string(), "Name of the map file that it is from."),
        field("tile", pa.string(), "Cell at zoom 15 that holds the centre of its box: what is drawn for intervals."),
        field("jurisdiction", pa.string(), "ISO 3166 code of the law that applies.", nullable=True),
        field("class", pa.string(), "Overture road class; `RoadClass` lists them."),
        field("subclass", pa.string(), "Overture road subclass; `RoadSubclass` lists them.", nullable=True),
        field(
            "is_built_up", pa.bool_(), "Whether it more likely than not runs through a built-up area.", nullable=True
        ),
        field("length_m", pa.float64(), "Geodesic length on WGS 84.", unit="m"),
        field("truth_kmh", pa.float64(), "Stated limit, the higher of both directions; inf: unlimited.", unit="km/h"),
        field("step_kmh", pa.float64(), "What lies between neighbouring limits there: 10 km/h or 5 mph.", unit="km/h"),
        field("predicted_kmh", pa.float64(), "Inferred limit, likewise; null: no number.", unit="km/h", nullable=True),
        field("basis", pa.string(), "Strongest ground of the inferred limit; `Basis` lists them.", nullable=True),
        field("confidence", pa.float64(), "Probability that was given to it.", nullable=True),
        field("reason", pa.string(), "Why there is no number; `SpeedReason` lists them.", nullable=True),
        field("traversals", pa.int32(), "Times that GPS probes passed it; null: none were given.", nullable=True),
        field("probed_kmh", pa.float64(), "Limit inferred with probes heard, likewise.", unit="km/h", nullable=True),
        field("probed_basis", pa.string(), "Strongest ground of that one.", nullable=True),
        field("probed_confidence", pa.float64(), "Probability that was given to that one.", nullable=True),
        field("class_mode_kmh", pa.float64(), "Most frequent visible limit of the class.", unit="km/h", nullable=True),
        field(
            "name_mode_kmh",
            pa.float64(),
            "Most frequent visible limit of class and name, else of the class.",
            unit="km/h",
            nullable=True,
        ),
        field("law_kmh", pa.float64(), "What the law alone sets for it.", unit="km/h", nullable=True),
        field("osmnx_kmh", pa.float64(), "Guess of OSMnx, made whole to the next step.", unit="km/h", nullable=True),
        field("valhalla_kmh", pa.float64(), "Guess of Valhalla for a driven speed.", unit="km/h", nullable=True),
        field("graphhopper_kmh", pa.float64(), "Guess of GraphHopper for a driven speed.", unit="km/h", nullable=True),
    ),
)
