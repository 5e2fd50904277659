"""Tasks that misbehave, in a module that workers can import."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from schemas.vocabulary import RejectReason
from tasks.lift import Refused


class Length(NamedTuple):
    value: float


class Lengths(NamedTuple):
    value: list[float]


@dataclass(frozen=True)
class Attempts:
    """File that counts how often the task was called."""

    file: str


def picky(*, segment_id: str, length_m: float) -> Length:
    """Refuse every third segment."""
    if int(segment_id.partition(":")[0][1:]) % 3 == 0:
        raise Refused(RejectReason.BAD_VALUE, f"{segment_id} is a third one")
    return Length(length_m)


def kill_worker(*, length_m: float, params: Attempts) -> Length:
    """End the process that runs it, as a crash in compiled code would."""
    with Path(params.file).open("a") as stream:
        stream.write("x")
    os._exit(1)


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
