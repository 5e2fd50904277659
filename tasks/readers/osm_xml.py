"""OSM XML files, plain or packed by gzip or bzip2, into `Raw`, element by element.

The standard library's parser takes about twice as long as libosmium, and earns it: it tells the line of an error, and
lets one node with an unreadable coordinate be refused where libosmium gives up the file. Large files come as PBF.
The format: https://wiki.openstreetmap.org/wiki/OSM_XML
"""

import bz2
import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from tasks.readers.osm_raw import DEGREE, Nodes, Raw, Records, fixed_point, road_routes, roads
from tasks.readers.reading import ReadError

Attributes = dict[str, str]
LARGEST_ID = 2**63


def read_xml(path: Path) -> Raw:
    """Return the roads, road routes and nodes of an OSM XML file.

    Raises
    ------
    ReadError
        If the file is cut off, damaged, or no OSM XML.
    """
    document = _Document()
    try:
        with _open(path) as file:
            document.parser.ParseFile(file)
        return document.raw()
    except expat.ExpatError as error:
        what = f"line {error.lineno}, column {error.offset}: {expat.ErrorString(error.code)}"
        raise ReadError(f"{path}: {what}; expected OSM XML") from None
    except (EOFError, OSError, zlib.error) as error:
        raise ReadError(f"{path}: cannot be unpacked ({error}), expected OSM XML packed by gzip or bzip2") from None
    except (KeyError, OverflowError, ValueError) as error:
        line = document.parser.CurrentLineNumber
        raise ReadError(f"{path}: line {line}: {_in_words(error)}, expected an element of OSM XML") from None


def _open(path: Path) -> IO[bytes]:
    """Return the file, unpacked as its first bytes tell."""
    with path.open("rb") as file:
        head = file.read(2)
    if head == b"\x1f\x8b":
        return cast(IO[bytes], gzip.open(path))
    return bz2.open(path) if head == b"BZ" else path.open("rb")


def _in_words(error: Exception) -> str:
    return f"no attribute {error}" if isinstance(error, KeyError) else str(error)


class _Table:
    """Ways or relations as they are read: flat lists, and where each row starts in them."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.versions: list[int] = []
        self.refs: list[int] = []
        self.ref_offsets: list[int] = []
        self.keys: list[int] = []
        self.values: list[int] = []
        self.tag_offsets: list[int] = []

    def start(self, attributes: Attributes) -> None:
        self.ids.append(_integer(attributes["id"]))
        self.versions.append(_integer(attributes.get("version", "0")))
        self.ref_offsets.append(len(self.refs))
        self.tag_offsets.append(len(self.keys))

    def records(self, strings: list[bytes]) -> Records:
        columns = (self.ids, self.versions, self.refs, [*self.ref_offsets, len(self.refs)])
        tags = (self.keys, self.values, [*self.tag_offsets, len(self.keys)])
        return Records(strings, *(np.array(column, dtype=np.int64) for column in (*columns, *tags)))


class _Document:
    """What was read so far, filled by the parser's calls."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._first
        self.ways, self.relations = _Table(), _Table()
        self.open = self.ways
        self.is_node = True
        self.strings: dict[str, int] = {}
        self.ids: list[int] = []
        self.lon: list[float] = []
        self.lat: list[float] = []
        self.calls: dict[str, Callable[[Attributes], None]] = {
            "node": self._node,
            "way": self._way,
            "relation": self._relation,
            "nd": self._nd,
            "member": self._member,
            "tag": self._tag,
        }

    def _first(self, name: str, _: Attributes) -> None:
        if name != "osm":
            raise ValueError(f"first element is <{name[:40]}> and not <osm>")
        self.parser.StartElementHandler = self._start

    def _start(self, name: str, attributes: Attributes) -> None:
        call = self.calls.get(name)
        if call is not None:
            call(attributes)

    def _node(self, attributes: Attributes) -> None:
        self.is_node = True
        self.ids.append(_integer(attributes["id"]))
        self.lon.append(_degrees(attributes.get("lon", "nan")))
        self.lat.append(_degrees(attributes.get("lat", "nan")))

    def _way(self, attributes: Attributes) -> None:
        self.is_node, self.open = False, self.ways
        self.ways.start(attributes)

    def _relation(self, attributes: Attributes) -> None:
        self.is_node, self.open = False, self.relations
        self.relations.start(attributes)

    def _nd(self, attributes: Attributes) -> None:
        self.ways.refs.append(_integer(attributes["ref"]))

    def _member(self, attributes: Attributes) -> None:
        if attributes["type"] == "way":
            self.relations.refs.append(_integer(attributes["ref"]))

    def _tag(self, attributes: Attributes) -> None:
        if not self.is_node:
            self.open.keys.append(self._string(attributes["k"]))
            self.open.values.append(self._string(attributes["v"]))

    def _string(self, text: str) -> int:
        return self.strings.setdefault(text, len(self.strings))

    def raw(self) -> Raw:
        """Return what was read as arrays."""
        strings = [text.encode() for text in self.strings]
        nodes = Nodes(np.array(self.ids, dtype=np.int64), _fixed(self.lon), _fixed(self.lat))
        return Raw([roads(self.ways.records(strings))], [road_routes(self.relations.records(strings))], [nodes])


def _integer(text: str) -> int:
    number = int(text)
    if not -LARGEST_ID < number < LARGEST_ID:
        raise ValueError(f"{text[:40]!r} is no number of 64 bits")
    return number


def _degrees(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _fixed(degrees: list[float]) -> NDArray[np.int32]:
    return fixed_point(np.array(degrees, dtype=np.float64) * DEGREE)
