"""Tasks that take their time, and tasks with a row that ends its process or never comes back."""

import ctypes
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from schemas.contract import Contract, field
from schemas.vocabulary import RejectReason
from tasks.lift import Refused

VALUE = Contract(
    "value", 1, "segment_id", (field("segment_id", pa.string(), "Id."), field("value", pa.float64(), "Value."))
)

MOST_BYTES = 6_000_000_000
"""Where a greedy row stops by itself, if nothing stops it: the machine of the tests has other things to do."""


class Value(NamedTuple):
    value: float


@dataclass(frozen=True)
class Pace:
    """Seconds that each row takes."""

    seconds: float


@dataclass(frozen=True)
class Trap:
    """What befalls some rows."""

    kind: str
    segment_ids: tuple[str, ...]


def slow_metres(*, segment_id: str, length_m: float, params: Pace) -> Value:
    """Return the length (m) after a while; every thirtieth row is refused."""
    time.sleep(params.seconds)
    if number(segment_id) % 30 == 0:
        raise Refused(RejectReason.BAD_VALUE, f"{segment_id} is a thirtieth one")
    return Value(length_m)


def trapped_metres(*, segment_id: str, length_m: float, params: Trap) -> Value:
    """Return the length (m) of every row that is no trap."""
    if segment_id in params.segment_ids:
        TRAPS[params.kind]()
    return Value(length_m)


def number(segment_id: str) -> int:
    """Return the number of a made segment: 7 of `w7:n7-n8`."""
    return int(segment_id.partition(":")[0][1:])


def read_nowhere() -> None:
    """Read at address 0, as a bug in compiled code does."""
    ctypes.string_at(0)


def leave() -> None:
    """End the process without a word."""
    os._exit(3)


def ask_to_leave() -> None:
    """Do what a script does that ends."""
    raise SystemExit(4)


def eat_memory() -> None:
    """Ask for memory, and use it, without end."""
    held: list[bytes] = []
    while len(held) < MOST_BYTES // 50_000_000:
        held.append(b"x" * 50_000_000)
    raise AssertionError("took 6 GB and nobody minded")


def turn_for_ever() -> None:
    """Never return, in Python."""
    while True:
        pass


def sleep_in_c() -> None:
    """Never return, in compiled code that holds the interpreter's lock and looks at no signal."""
    while True:
        ctypes.PyDLL(None).sleep(1_000_000)


TRAPS: dict[str, Callable[[], None]] = {
    "segfault": read_nowhere,
    "exit": leave,
    "SystemExit": ask_to_leave,
    "memory": eat_memory,
    "loop": turn_for_ever,
    "sleep": sleep_in_c,
}
