import logging
import os
from typing import NamedTuple

import pyarrow as pa
import pytest

from pipelines.apart import lifted_without_killers
from pipelines.tile_log import LogLine, TileLog
from pipelines.tile_run import StageError
from pipelines.tile_worker import Limits
from schemas.contract import Contract, field
from schemas.road import ROAD_SEGMENT
from tasks.lift import PerRow
from tasks.tile_lift import PerTile
from tests.pipelines.odd_tasks import Ill, Illness, ill_length, ill_lengths
from tests.roads import random_roads

ROADS = random_roads(60).sort_by("segment_id")
IDS = ROADS.column("segment_id").to_pylist()
LIMITS = Limits(seconds=3.0, memory_mb=500.0, is_most=True)

VALUE = Contract(
    "value", 1, "segment_id", (field("segment_id", pa.string(), "Id."), field("value", pa.float64(), "Value."))
)


@pytest.mark.parametrize(
    ("ill", "reason", "words"),
    [
        (Ill.SEGFAULT, "killed", "ended its process by SIGSEGV"),
        (Ill.EXIT, "killed", "ended its process with exit code 7"),
        (Ill.SYSTEM_EXIT, "killed", "ended its process with exit code 3"),
        (Ill.ALLOCATE, "killed", "asked for more than 500 MB of memory"),
    ],
)
def test_rows_that_end_their_process_are_found_and_the_rest_is_as_if_they_were_not_there(
    ill: Ill, reason: str, words: str
) -> None:
    sick = (IDS[0], IDS[17], IDS[59])
    lift = PerRow(ill_length, reads=ROAD_SEGMENT, writes=VALUE, params=Illness(sick, ill))
    lifted, killers = lifted_without_killers(lift, {"road_segment": ROADS}, LIMITS, TileLog("value", "q"))
    assert killers == sick
    rejects = lifted.rejects.to_pylist()
    assert tuple(each["key"] for each in rejects) == sick
    assert {each["reason"] for each in rejects} == {reason}
    assert {each["message"].partition(", in fall_ill (odd_tasks.py:")[0] for each in rejects} == {words}
    well = [key for key in IDS if key not in sick]
    assert lifted.rows.column("segment_id").to_pylist() == well
    assert lifted.rows.column("value").to_pylist() == [
        row["length_m"] for row in ROADS.to_pylist() if row["segment_id"] in well
    ]


@pytest.mark.parametrize("ill", [Ill.HANG, Ill.HANG_IN_C])
def test_a_row_that_never_comes_back_is_found(ill: Ill) -> None:
    lift = PerRow(ill_length, reads=ROAD_SEGMENT, writes=VALUE, params=Illness((IDS[2],), ill))
    few = ROADS.slice(0, 4)
    limits = LIMITS._replace(seconds=0.5)
    lifted, killers = lifted_without_killers(lift, {"road_segment": few}, limits, TileLog("value", "q"))
    assert killers == (IDS[2],)
    assert lifted.rejects.to_pylist()[0]["reason"] == "too_slow"
    assert "had not come back after 0.5 s, in fall_ill (odd_tasks.py:" in lifted.rejects.to_pylist()[0]["message"]
    assert lifted.rows.num_rows == 3


def test_a_row_that_ends_the_task_of_a_whole_tile_is_found_in_the_halo_too() -> None:
    is_own = pa.array([number >= 10 for number in range(60)])
    sight = ROADS.append_column("is_own", is_own)
    lift = PerTile(
        ill_lengths, reads=ROAD_SEGMENT, writes=VALUE, halo_m=100.0, params=Illness((IDS[4], IDS[30]), Ill.SEGFAULT)
    )
    lifted, killers = lifted_without_killers(lift, {"road_segment": sight}, LIMITS, TileLog("value", "q"))
    assert killers == (IDS[30],)  # that of the halo is refused in its own tile
    assert lifted.rows.num_rows == 49
    assert lifted.rejects.column("key").to_pylist() == [IDS[30]]


def test_a_tile_that_comes_through_is_given_back_as_it_is() -> None:
    lift = PerRow(ill_length, reads=ROAD_SEGMENT, writes=VALUE, params=Illness((), Ill.EXIT))
    lifted, killers = lifted_without_killers(lift, {"road_segment": ROADS}, LIMITS, TileLog("value", "q"))
    assert killers == ()
    assert lifted.rows.equals(lift({"road_segment": ROADS}).rows)


def test_a_tile_that_wants_memory_is_given_back_before_any_row_is_blamed() -> None:
    lift = PerRow(ill_length, reads=ROAD_SEGMENT, writes=VALUE, params=Illness((IDS[2],), Ill.ALLOCATE))
    with pytest.raises(MemoryError, match="500 MB"):
        lifted_without_killers(lift, {"road_segment": ROADS}, LIMITS._replace(is_most=False), TileLog("value", "q"))


def test_an_error_of_the_lift_is_an_error_and_no_death() -> None:
    lift = PerRow(ill_length, reads=ROAD_SEGMENT, writes=VALUE, params=Illness((), Ill.EXIT))
    with pytest.raises(StageError, match="KeyError"):
        lifted_without_killers(lift, {"road_segment": ROADS.drop_columns(["length_m"])}, LIMITS, TileLog("value", "q"))


class Said(NamedTuple):
    value: float


def talkative(*, segment_id: str, length_m: float) -> Said:
    """Say each id; the first one ends the process."""
    logging.getLogger("talk").info("at %s", segment_id)
    if segment_id == IDS[0]:
        os._exit(9)
    return Said(length_m)


def test_what_a_fork_says_is_heard_once_for_each_row_that_came_through() -> None:
    log = TileLog("value", "q03")
    lift = PerRow(talkative, reads=ROAD_SEGMENT, writes=VALUE)
    lifted_without_killers(lift, {"road_segment": ROADS.slice(0, 8)}, LIMITS, log)
    assert log.records == [LogLine(logging.INFO, "talk", f"at {key}", "q03", "value") for key in IDS[1:8]]
