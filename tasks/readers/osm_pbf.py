"""OSM PBF files into `Raw`: each block decoded to arrays, and only what roads need kept of it.

The format: https://wiki.openstreetmap.org/wiki/PBF_Format
"""

import lzma
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from os import SEEK_CUR
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from pyrosm.exceptions import InvalidOSMFileError
from pyrosm.primitive_block_decoder import BLOCK_COUNTS, decode_batch_nogil, decode_primitive_block
from pyrosm.proto.fileformat_pb2 import Blob, BlobHeader
from pyrosm.proto.osmformat_pb2 import HeaderBlock
from pyrosm.zlib_blob import zlib_decompress

from tasks.readers.osm_raw import (
    DEGREE,
    Ints,
    Nodes,
    Raw,
    Records,
    fixed_point,
    joined_raw,
    metadata_versions,
    offsets_of,
    road_routes,
    roads,
)
from tasks.readers.reading import ReadError

MAX_HEADER_BYTES = 64 * 1024
MAX_BLOB_BYTES = 32 * 1024 * 1024
FEATURES = ("OsmSchema-V0.6", "DenseNodes")
"""What a file may require of its reader; histories and node places on ways are none of it."""
WAY_MEMBER = 1
NANODEGREES = 10**9
"""In one degree."""
BATCH = 4
"""Blocks decoded in one go."""


class Block(NamedTuple):
    """One blob of a file: where its data stand, still packed, and what they are."""

    kind: str
    offset: int
    size: int


def read_pbf(path: Path) -> Raw:
    """Return the roads, road routes and nodes of an OSM PBF file, decoded on all cores.

    Raises
    ------
    ReadError
        If the file is cut off, damaged, or no OSM PBF. A cut exactly between two blocks leaves a sound file.
    """
    header, *blocks = _index(path)
    _check_features(path, header)
    data = [block for block in blocks if block.kind == "OSMData"]
    batches = [data[start : start + BATCH] for start in range(0, len(data), BATCH)]
    with ThreadPoolExecutor() as threads:
        return joined_raw(threads.map(partial(_decoded, path), batches))


def _index(path: Path) -> list[Block]:
    """Return the blobs of a file in order; the first one must be the header."""
    size = path.stat().st_size
    blocks: list[Block] = []
    with path.open("rb") as file:
        while file.tell() < size or not blocks:
            block = _next_block(path, file, size)
            if not blocks and block.kind != "OSMHeader":
                raise ReadError(f"{path}: first block is {block.kind[:40]!r}, expected 'OSMHeader' of an OSM PBF file")
            blocks.append(block)
    return blocks


def _next_block(path: Path, file: BinaryIO, size: int) -> Block:
    offset = file.tell()
    (length,) = struct.unpack(">I", _read(path, file, 4))
    if length > MAX_HEADER_BYTES:
        raise _not_pbf(path, offset, f"a block header of {length} bytes, expected at most {MAX_HEADER_BYTES}")
    header = BlobHeader()
    try:
        header.ParseFromString(_read(path, file, length))
    except DecodeError as error:
        raise _not_pbf(path, offset, f"no block header ({error})") from None
    if not 0 <= header.datasize <= MAX_BLOB_BYTES:
        raise _not_pbf(path, offset, f"a block of {header.datasize} bytes, expected at most {MAX_BLOB_BYTES}")
    block = Block(header.type, file.tell(), header.datasize)
    if block.offset + block.size > size:
        raise _cut_off(path, block.offset, block.size)
    file.seek(block.size, SEEK_CUR)
    return block


def _read(path: Path, file: BinaryIO, count: int) -> bytes:
    offset = file.tell()
    data = file.read(count)
    if len(data) < count:
        raise _cut_off(path, offset, count)
    return data


def _cut_off(path: Path, offset: int, count: int) -> ReadError:
    size = path.stat().st_size
    return ReadError(f"{path}: cut off at byte {size}, expected {count} bytes from byte {offset} on of an OSM PBF file")


def _not_pbf(path: Path, offset: int, found: str) -> ReadError:
    return ReadError(f"{path}: byte {offset} starts {found}; the file is damaged or no OSM PBF file")


def _content(path: Path, block: Block) -> bytes:
    """Return the unpacked content of a blob."""
    with path.open("rb") as file:
        file.seek(block.offset)
        data = _read(path, file, block.size)
    try:
        return _unpacked(data)
    except (DecodeError, ValueError) as error:
        raise _not_pbf(path, block.offset, f"a damaged block ({error})") from None


def _unpacked(data: bytes) -> bytes:
    blob = Blob.FromString(data)
    if blob.HasField("zlib_data"):
        return _inflated(blob.zlib_data, blob.raw_size)
    if blob.HasField("raw"):
        return bytes(blob.raw)
    if blob.HasField("lzma_data"):
        return _unlzma(blob.lzma_data)
    raise ValueError("packed in an unknown way, expected zlib, lzma or nothing")


def _inflated(data: bytes, size: int) -> bytes:
    """Return zlib data of a known size, by the fast way if the size is right."""
    content = zlib_decompress(data, size) if size else None
    if content is not None:
        return bytes(content)
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(data, MAX_BLOB_BYTES)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not unpacker.eof:
        raise ValueError(f"zlib data is cut off or larger than {MAX_BLOB_BYTES} bytes")
    return content


def _unlzma(data: bytes) -> bytes:
    unpacker = lzma.LZMADecompressor()
    try:
        content = unpacker.decompress(data, MAX_BLOB_BYTES)
    except lzma.LZMAError as error:
        raise ValueError(str(error)) from None
    if not unpacker.eof:
        raise ValueError(f"lzma data is cut off or larger than {MAX_BLOB_BYTES} bytes")
    return content


def _check_features(path: Path, header: Block) -> None:
    try:
        required = HeaderBlock.FromString(_content(path, header)).required_features
    except DecodeError as error:
        raise _not_pbf(path, header.offset, f"a damaged header ({error})") from None
    for feature in required:
        if feature not in FEATURES:
            known = " and ".join(FEATURES)
            raise ReadError(f"{path}: the file requires the PBF feature {feature[:40]!r}, expected {known} only")


def _decoded(path: Path, blocks: list[Block]) -> Raw:
    """Return what blocks hold for roads: nodes and ways decoded without the interpreter's lock, the rest with it."""
    contents = [_content(path, block) for block in blocks]
    starts = offsets_of(np.array([len(content) for content in contents]))
    found = decode_batch_nogil(b"".join(contents), starts, keys=[b"highway"], way_strings=True)
    is_left = found["counts"][:, BLOCK_COUNTS.index("status")] != 0
    left = [_slowly_decoded(path, blocks[place], contents[place]) for place in np.flatnonzero(is_left)]
    nodes = Nodes(found["node_id"], *(fixed_point(found[axis] * DEGREE) for axis in ("node_lon", "node_lat")))
    return joined_raw([Raw([_highways(found)], [], [nodes]), *left])


def _highways(found: dict[str, Any]) -> Records:
    data, ends = found["string_data"].tobytes(), found["string_off"].tolist()
    return Records(
        strings=[data[start:end] for start, end in pairwise(ends)],
        ids=found["way_id"],
        versions=np.maximum(found["way_meta"][:, 0], 0),
        refs=found["way_refs"],
        ref_offsets=found["way_refs_off"],
        keys=found["way_keys"],
        values=found["way_vals"],
        tag_offsets=found["way_tags_off"],
    )


def _slowly_decoded(path: Path, block: Block, content: bytes) -> Raw:
    """Return what one block holds for roads: one with relations, nodes that are not dense, or damage."""
    try:
        strings, header, nodes, ways, relations = decode_primitive_block(content)
        return Raw(
            [roads(_records(strings, ways, ways["refs"], ways["refs_off"]))] if ways else [],
            [_routes(strings, relations)] if relations else [],
            [_nodes(header, nodes)] if nodes else [],
        )
    except (InvalidOSMFileError, IndexError, OverflowError, ValueError) as error:
        raise _not_pbf(path, block.offset, f"a damaged block ({error})") from None


def _routes(strings: list[bytes], relations: Any) -> Records:
    is_way = relations["types"] == WAY_MEMBER
    before = np.concatenate(([0], np.cumsum(is_way)))
    return road_routes(_records(strings, relations, relations["memids"][is_way], before[relations["members_off"]]))


def _records(strings: list[bytes], elements: Any, refs: Ints, offsets: Ints) -> Records:
    for name in ("keys", "vals"):
        numbers = elements[name]
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(strings):
            raise ValueError(f"a tag with string {numbers.max()}, expected at most {len(strings) - 1}")
    return Records(
        strings=strings,
        ids=elements["id"],
        versions=metadata_versions(elements["version"], len(elements["id"])),
        refs=refs,
        ref_offsets=offsets,
        keys=elements["keys"],
        values=elements["vals"],
        tag_offsets=elements["tags_off"],
    )


def _nodes(header: dict[str, int], nodes: Any) -> Nodes:
    axes = ((nodes[axis], header["granularity"], header[f"{axis}_offset"]) for axis in ("lon", "lat"))
    degrees = ((steps * granularity + offset) / NANODEGREES for steps, granularity, offset in axes)
    return Nodes(nodes["id"], *(fixed_point(each * DEGREE) for each in degrees))
