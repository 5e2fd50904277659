"""Probe files read into the tables of points and of pieces of traces, on the grid of the roads."""

import os
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from pipelines.reading import is_read, note_of, reading_fingerprint, write_note
from pipelines.road_segments import grid_of
from pipelines.row_spill import RowSpill
from pipelines.table import Rejects, Table, open_table
from pipelines.tile_run import StageError
from schemas.contract import BBOX
from schemas.probe import PROBE_POINT, TRACE_PIECE
from schemas.receipt import Receipt
from schemas.reject import REJECT
from schemas.vocabulary import PointReason
from tasks.clean_trace import CleanParams
from tasks.fingerprint import digest
from tasks.readers.probe_format import POINT, ProbeBatch, ProbeFormat
from tasks.readers.probes import read_probes, sources
from tasks.tiling import Grid, box_centres, cell_codes, grid_by_weight
from tasks.trace_piece import PieceParams
from tasks.trace_rows import TraceRows, trace_rows

READERS = ("tasks.readers.probes", "tasks.trace_rows", "tasks.tiling")
"""Modules whose sources decide what a reading gives."""

HEAP_BYTES = 128_000_000
"""Points that are held at once, in bytes of Arrow; the rest of the work takes some three times as much."""

BUCKETS = 64
"""Parts that traces are put into by a digest of their ids: each is cleaned at once."""

POINTS_PER_TILE = 1_000_000
"""Most points in a tile, unless they have one middle: some 200 MB while they are matched."""

LISTED = 100
"""Points dropped in cleaning that are listed for each reason; the others are counted."""

Ints = npt.NDArray[np.int64]


class PointCounts(NamedTuple):
    """What became of the points that were read."""

    read: int
    kept: int
    traces: int
    """Traces that points were kept of."""
    pieces: int
    dropped: Mapping[str, int]
    """How many were dropped, by `PointReason`, the most frequent first."""
    notes: tuple[str, ...] = ()
    """What a user should know of the files, one line each."""

    def in_words(self) -> str:
        """Return the counts in one line.

        Examples
        --------
        >>> PointCounts(12_345, 11_900, 7, 9, {"stop": 400, "jump": 45}).in_words()
        '12,345 points: 11,900 kept, 400 stop, 45 jump'
        """
        told = [f"{self.kept:,} kept", *(f"{count:,} {reason}" for reason, count in self.dropped.items())]
        return f"{self.read:,} points: {', '.join(told)}"


@task(name="probe_point", task_run_name="probe_point", cache_policy=NO_CACHE)
def probe_points(
    files: Sequence[Path],
    segments: Table,
    into: str,
    format: ProbeFormat = ProbeFormat(),
    clean: CleanParams = CleanParams(),
    pieces: PieceParams = PieceParams(),
    salt: str | None = None,
    heap_bytes: int = HEAP_BYTES,
) -> tuple[Table, Table]:
    """Read probe files, clean their traces and cut them into pieces; nothing is read where nothing changed.

    Points and pieces lie in the tile that owns the centre of the box of the piece. Points of one trace may stand
    anywhere in the files: they are brought together on local disk, so that memory is needed for `heap_bytes` some
    four times, for a sixty-fourth of all points, for the longest trace and for the largest tile.

    Parameters
    ----------
    segments
        Table of the roads, whose grid cuts the pieces too.
    salt
        With it trace ids become digests of salt and id, which cannot be told back without the salt.

    Raises
    ------
    ReadError
        If no file can be read, or something must be said of their format first.
    StageError
        If points got lost.
    TableError
        If the folder of temporary files or a table cannot be written.
    """
    points, cut = open_table(PROBE_POINT, into), open_table(TRACE_PIECE, into)
    grid = grid_of(segments)
    named = [(each.prefix, each.trace) for each in sources(files, format)]
    settings = (named, format, clean, pieces, digest(salt or ""), grid.tiles)
    fingerprints = [reading_fingerprint(table, READERS, files, *settings) for table in (points, cut)]
    if all(is_read(table, told) for table, told in zip((points, cut), fingerprints, strict=True)):
        return points, cut
    with TemporaryDirectory(prefix="waysmith-") as folder:
        reading = _Reading(Path(folder), grid, clean, pieces, salt, heap_bytes)
        reading.read(read_probes(files, format))
        counts = reading.commit(points, cut, Rejects(into))
    write_note(points, fingerprints[0], counts=counts._asdict())
    write_note(cut, fingerprints[1])
    return points, cut


def point_counts(points: Table) -> PointCounts:
    """Return what became of the points that the table PROBE_POINT was read from."""
    told = note_of(points)["counts"]
    return PointCounts(**{**told, "notes": tuple(told["notes"])})


class _Reading:
    """The points of one reading, on their way from files to buckets of traces to tiles."""

    def __init__(
        self, folder: Path, grid: Grid, clean: CleanParams, pieces: PieceParams, salt: str | None, heap_bytes: int
    ) -> None:
        self.grid, self.clean, self.cut, self.salt = grid, clean, pieces, salt
        self.buckets = partial(RowSpill, folder, "bucket", BUCKETS, POINT, heap_bytes)
        self.points = RowSpill(folder, "point", len(grid.tiles), PROBE_POINT.schema, heap_bytes)
        self.pieces = RowSpill(folder, "piece", len(grid.tiles), TRACE_PIECE.schema, heap_bytes)
        self.given = self.kept = self.traces = self.cuts = 0
        self.dropped: Counter[PointReason] = Counter()
        self.rejects = [REJECT.empty()]
        self.notes: list[str] = []
        self.tiles: set[int] = set()

    def read(self, batches: Iterable[ProbeBatch]) -> None:
        """Take in all batches, then clean the traces bucket by bucket."""
        buckets = self.buckets()
        for batch in batches:
            self.given += batch.read
            self.dropped.update(batch.dropped)
            self.rejects.append(batch.rejects)
            self.notes += batch.notes
            points, owners = _in_buckets(batch.points, self.salt)
            buckets.add(points, owners)
        buckets.close()
        listed: Counter[PointReason] = Counter()
        for bucket in range(BUCKETS):
            self._clean(trace_rows(buckets.of(bucket), self.clean, self.cut, LISTED, listed))
        del buckets  # what it holds is wanted for the tiles
        self.points.close()
        self.pieces.close()

    def _clean(self, rows: TraceRows) -> None:
        """Put the points and pieces of a bucket into tiles."""
        tiles = self.grid.owners(*box_centres(rows.pieces.column(BBOX)))
        self.pieces.add(rows.pieces, tiles)
        self.points.add(rows.points, tiles[rows.owner])
        self.tiles.update(np.unique(tiles).tolist())
        self.kept += rows.points.num_rows
        self.cuts += rows.pieces.num_rows
        self.traces += rows.traces
        self.dropped.update(rows.dropped)
        self.rejects.append(rows.rejects)

    def commit(self, points: Table, pieces: Table, rejects: Rejects) -> PointCounts:
        """Write all tiles and what was refused, and return the counts, which add up."""
        rejects.prepare()
        rejects.commit(PROBE_POINT.name, "q", pa.concat_tables(self.rejects))
        committed = list(self._committed(points, pieces))
        given, cut = sum(each.points for each in committed), sum(each.pieces for each in committed)
        for table in (points, pieces):
            table.keep_only({name for each in committed for name in each.names})
        if not self.given == given + self.dropped.total() or given != self.kept or cut != self.cuts:
            raise StageError(
                f"{PROBE_POINT.name}: {self.given} points read, but {given} in tiles and {self.dropped.total()} "
                f"dropped; {self.cuts} pieces, but {cut} in tiles"
            )
        dropped = {str(reason): count for reason, count in self.dropped.most_common()}
        return PointCounts(given + self.dropped.total(), given, self.traces, cut, dropped, tuple(self.notes))

    def _committed(self, points: Table, pieces: Table) -> Iterator["_Committed"]:
        """Commit the rows of each tile of the roads, several at once; one with many points is split."""

        def commit(tile: int) -> _Committed:
            cut = self.pieces.of(tile)
            homes = _homes(self.grid.tiles[tile], cut, POINTS_PER_TILE)
            count = cut.column("own_to").to_numpy() - cut.column("own_from").to_numpy()
            kept = _commit(self.points.of(tile), np.repeat(homes, count), points)
            return _Committed(kept, _commit(cut, homes, pieces), set(homes.tolist()))

        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            yield from pool.map(commit, sorted(self.tiles))


class _Committed(NamedTuple):
    """What was written of one tile of the roads."""

    points: int
    pieces: int
    names: set[str]


def _homes(tile: str, pieces: pa.Table, most: int) -> npt.NDArray[np.str_]:
    """Return for each piece the cell that it lies in: the tile, or a cell of it where it holds more points than `most`.

    Roads are seen by place, so pieces need not lie in the tiles of roads.
    """
    lon, lat = box_centres(pieces.column(BBOX))
    count = (pieces.column("own_to").to_numpy() - pieces.column("own_from").to_numpy()).astype(np.float64)
    cells = grid_by_weight(cell_codes(lon, lat), count, most=most)
    names = np.array([cell if cell.startswith(tile) else tile for cell in cells.tiles])
    return names[cells.owners(lon, lat)]


def _commit(rows: pa.Table, homes: npt.NDArray[np.str_], target: Table) -> int:
    """Commit rows, each in the cell named for it, and return how many there are."""
    target.contract.validate(rows)
    for name in np.unique(homes).tolist():
        here = rows.filter(pa.array(homes == name)).combine_chunks()
        target.commit(here, Receipt(name, "", "", here.num_rows, here.num_rows, 0, 0.0))
    return len(homes)


def _in_buckets(points: pa.Table, salt: str | None) -> tuple[pa.Table, Ints]:
    """Return points with the bucket of each; their ids are digests if there is a salt."""
    ids = points.column("trace_id").combine_chunks().dictionary_encode()
    names = ids.dictionary.to_pylist()
    if salt is not None:
        names = [blake2b(name.encode(), key=_key(salt), digest_size=16).hexdigest() for name in names]
        hidden = pa.DictionaryArray.from_arrays(ids.indices, pa.array(names, pa.string())).dictionary_decode()
        points = points.set_column(0, POINT.field("trace_id"), hidden)
    buckets = np.array([zlib.crc32(name.encode()) % BUCKETS for name in names], dtype=np.int64)
    return points, buckets[ids.indices.to_numpy(zero_copy_only=False)]


def _key(salt: str) -> bytes:
    """Return a salt of any length as a key of BLAKE2b."""
    return blake2b(salt.encode(), digest_size=64).digest()
