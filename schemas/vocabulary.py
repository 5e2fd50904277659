"""The closed lists of words that columns hold, each with its meaning."""

from enum import StrEnum


class RoadClass(StrEnum):
    """Road classes of Overture's transportation schema on which cars drive."""

    MOTORWAY = "motorway"
    """Divided road with grade-separated crossings, for motor traffic alone."""
    TRUNK = "trunk"
    """The most important roads that are no motorway."""
    PRIMARY = "primary"
    """Links large towns."""
    SECONDARY = "secondary"
    """Links towns."""
    TERTIARY = "tertiary"
    """Links villages, or the quarters of a town."""
    UNCLASSIFIED = "unclassified"
    """Minor through road."""
    RESIDENTIAL = "residential"
    """Gives access to homes."""
    LIVING_STREET = "living_street"
    """People on foot have priority over cars."""
    SERVICE = "service"
    """Gives access to one place: driveway, alley, parking aisle."""
    TRACK = "track"
    """Farm or forest road."""
    UNKNOWN = "unknown"
    """A road of unknown kind (OSM `highway=road`)."""


class RoadSubclass(StrEnum):
    """Overture's subclasses of car roads."""

    LINK = "link"
    """Slip road or ramp between two roads."""
    ALLEY = "alley"
    """Narrow service road behind or between buildings."""
    DRIVEWAY = "driveway"
    """Leads to one house or business."""
    PARKING_AISLE = "parking_aisle"
    """Between the rows of a car park."""


class OneWay(StrEnum):
    """In which drawing direction cars may drive a segment."""

    NO = "no"
    """Both directions."""
    FORWARD = "forward"
    """In drawing direction alone."""
    BACKWARD = "backward"
    """Against drawing direction alone."""
    REVERSIBLE = "reversible"
    """One direction at a time, by the hour or by turns."""


class SpeedUnit(StrEnum):
    """Units of a posted limit, as Overture writes them."""

    KMH = "km/h"
    """Kilometres an hour."""
    MPH = "mph"
    """Statute miles an hour: 1.609344 km/h each."""


class Heading(StrEnum):
    """Direction of travel along a segment."""

    FORWARD = "forward"
    """From first to last vertex."""
    BACKWARD = "backward"
    """From last to first vertex."""


class Basis(StrEnum):
    """What a speed limit rests on, strongest first."""

    POSTED = "posted"
    """The map states the limit: an OSM `maxspeed` tag or an Overture `speed_limits` rule."""
    SIGN = "sign"
    """A mapped traffic sign on or beside the segment shows the limit."""
    ZONE = "zone"
    """The map states a zone with this limit (`zone:maxspeed=DE:30`)."""
    IMPLICIT = "implicit"
    """The map names the law that holds (`maxspeed=DE:urban`), and the law names the limit."""
    PROBE = "probe"
    """Vehicles drive as they do where this limit is posted."""
    CONTINUITY = "continuity"
    """The same road has this limit before or behind the segment."""
    LAW = "law"
    """The law of the place sets this limit for such a road, told by its tags without doubt."""
    LEARNED = "learned"
    """Such roads mostly have this limit where the map states one."""
    FUZZY = "fuzzy"
    """The law sets this limit for a kind of road that the segment only seems to be."""


class SpeedReason(StrEnum):
    """Why a segment has no number."""

    NOT_POSTED = "not_posted"
    """The map states no limit here and nothing else was asked."""
    UNLIMITED = "unlimited"
    """The map states that there is no limit (`maxspeed=none`). This is knowledge, not a gap."""
    VARIABLE = "variable"
    """Electronic signs show the limit (`signals`, `variable`), and the map states no highest one."""
    WALKING_PACE = "walking_pace"
    """Walking pace is prescribed (`walk`): a duty whose number courts and countries read differently."""
    UNREADABLE = "unreadable"
    """The map states something that is not a speed; the evidence quotes it."""
    NO_LAW = "no_law"
    """No law is known for the place (at sea, unknown jurisdiction), and nothing else tells a limit."""
    PARTLY_POSTED = "partly_posted"
    """Rules hold for some vehicles, hours or purposes, or for a part of the segment, but none for every car."""


class FeatureKind(StrEnum):
    """What a map feature beside the road is, as far as it tells of the road's limit."""

    BUILDING = "building"
    """A building; the value is its use, `yes` where nothing is said."""
    LAND_USE = "land_use"
    """An area of one use; the value is that of `landuse` (residential, retail, farmland …)."""
    PLACE = "place"
    """A settlement or a part of one; the value is that of `place` (city, town, village, hamlet …)."""
    STREET_LAMP = "street_lamp"
    """A street light."""
    TRAFFIC_SIGN = "traffic_sign"
    """A traffic sign; the value is that of `traffic_sign`, or `maxspeed` where the node states just that."""
    TRAFFIC_CALMING = "traffic_calming"
    """A hump, chicane, island or the like; the value is that of `traffic_calming`."""
    CROSSING = "crossing"
    """A place where people cross the road on foot; the value is that of `crossing`."""
    BOUNDARY = "boundary"
    """An administrative area with an ISO 3166 code, which is the value (`FI`, `US-OR`)."""


class RejectReason(StrEnum):
    """Why a row was refused."""

    TOO_FEW_NODES = "too_few_nodes"
    """A way with fewer than two nodes is no line."""
    MISSING_NODES = "missing_nodes"
    """Nodes of the way are not in the extract; what lies between two of them is lost, the rest is kept."""
    BAD_COORDINATE = "bad_coordinate"
    """A coordinate is not a number, or lies outside ±180° or ±90°."""
    ZERO_LENGTH = "zero_length"
    """All vertices lie at one place."""
    CROSSES_ANTIMERIDIAN = "crosses_antimeridian"
    """The line jumps between 180° E and 180° W."""
    BAD_GEOMETRY = "bad_geometry"
    """The geometry is missing, cannot be read, or is not a line."""
    BAD_VALUE = "bad_value"
    """A column holds a value that its contract does not allow."""
    DUPLICATE_KEY = "duplicate_key"
    """Another row has the same key; the first one is kept."""
    FAILED = "failed"
    """The task raised an exception; the message quotes it."""
    KILLED = "killed"
    """The process that ran the task on this row ended: a crash in compiled code, an exit, too much memory."""
    TOO_SLOW = "too_slow"
    """The task had not come back from this row when its time was up."""
    TOGETHER = "together"
    """The tile's task broke down, but on none of its rows alone; all rows of the tile are refused."""


class Unmatched(StrEnum):
    """Why a point of a trace is on no segment."""

    NO_ROAD = "no_road"
    """No road is near enough."""
    NO_WAY = "no_way"
    """Roads are near, but no drive leads from the points before to the points behind by any of them."""
    TOO_SHORT = "too_short"
    """The trace has too few points near roads that connect: one point tells no direction."""


class SpeedKind(StrEnum):
    """What an observed speed was taken from."""

    ROUTE = "route"
    """Metres driven over the time between entering and leaving."""
    DEVICE = "device"
    """Speeds that the device itself gave."""


class PointReason(StrEnum):
    """Why a point of a trace was dropped before matching."""

    NO_TIME = "no_time"
    """It has no time, and order alone tells no speed."""
    FUTURE = "future"
    """Its time lies ahead of the clock, or before 1980, when no satellite could be heard."""
    BAD_COORDINATE = "bad_coordinate"
    """A coordinate is not a number, or lies outside ±180° or ±90°."""
    NULL_ISLAND = "null_island"
    """It lies at 0° N 0° E, which receivers say when they know nothing."""
    DUPLICATE = "duplicate"
    """Another point of the trace has the same time."""
    CLOCK_STEP = "clock_step"
    """The clock of the device jumped back."""
    JUMP = "jump"
    """It lies farther off than any car drives in the time, and the points behind do not."""
    STOP = "stop"
    """The vehicle stood: the point repeats the place of those around it."""
    LONELY = "lonely"
    """Too few points are left of its stretch of trace."""
    UNREADABLE = "unreadable"
    """A value cannot be read; the message quotes it."""
