"""Tasks that misbehave, in a module that workers can import."""

import ctypes
import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from schemas.vocabulary import RejectReason
from tasks.lift import Refused


class Length(NamedTuple):
    value: float


class Lengths(NamedTuple):
    value: list[float]


def picky(*, segment_id: str, length_m: float) -> Length:
    """Refuse every third segment."""
    if int(segment_id.partition(":")[0][1:]) % 3 == 0:
        raise Refused(RejectReason.BAD_VALUE, f"{segment_id} is a third one")
    return Length(length_m)


class Ill(StrEnum):
    """What a row may do to the process that runs its task."""

    SEGFAULT = "segfault"
    EXIT = "exit"
    SYSTEM_EXIT = "system_exit"
    ALLOCATE = "allocate"
    HANG = "hang"
    HANG_IN_C = "hang_in_c"


@dataclass(frozen=True)
class Illness:
    """Which segments are ill, and of what."""

    segment_ids: tuple[str, ...]
    ill: Ill


def ill_length(*, segment_id: str, length_m: float, params: Illness) -> Length:
    """Return the length, but of a segment that is ill."""
    if segment_id in params.segment_ids:
        fall_ill(params.ill)
    return Length(length_m)


def ill_lengths(*, segment_id: list[str], length_m: np.ndarray, params: Illness) -> Lengths:
    """Return all lengths, unless one segment in sight is ill."""
    if set(segment_id) & set(params.segment_ids):
        fall_ill(params.ill)
    return Lengths(list(length_m))


def fall_ill(ill: Ill) -> None:
    """End this process, or never come back."""
    if ill == Ill.SEGFAULT:
        ctypes.string_at(0)
    elif ill == Ill.EXIT:
        os._exit(7)
    elif ill == Ill.SYSTEM_EXIT:
        sys.exit(3)
    elif ill == Ill.ALLOCATE:
        taken = []
        while True:
            taken.append(np.ones(10_000_000))
    elif ill == Ill.HANG:
        while True:
            pass
    else:
        ctypes.PyDLL(None).sleep(100_000)  # holds the interpreter's lock


def metres_within_sight(*, length_m: np.ndarray, bbox: list[dict[str, float]], is_own: np.ndarray) -> Lengths:
    """Metres of road whose box lies within 0.01° of the own box: naive, the same for any tiling."""
    sides = np.array([[box[side] for side in ("xmin", "ymin", "xmax", "ymax")] for box in bbox])
    values = []
    for west, south, east, north in sides:
        near = (sides[:, 0] <= east + 0.01) & (sides[:, 2] >= west - 0.01)
        near &= (sides[:, 1] <= north + 0.01) & (sides[:, 3] >= south - 0.01)
        values.append(round(float(np.sort(length_m[near]).sum()), 6))
    assert is_own.any()
    return Lengths(values)
