from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.plan import Plan
from pipelines.rounds import ROUNDS, Rounds
from pipelines.schedule import Budget, Care, Group, careful
from pipelines.table import Table, open_table
from pipelines.tile_run import Done, StageError, TilePlan
from pipelines.tile_worker import Told
from schemas.receipt import Measured, Receipt
from schemas.road import ROAD_SEGMENT
from tests.roads import random_roads

TILES = tuple(TilePlan(f"q{i}", f"f{i}", 3, 0.0, None, (), {}) for i in range(6))

Outcome = Callable[[TilePlan, Care], Told | None]


def done(plan: TilePlan) -> Told:
    receipt = Receipt(plan.tile, plan.fingerprint, "", 3, 3, 0, 0.0)
    return Told(plan.tile, Done(receipt, Measured(plan.tile, 3, 0.1, 300.0), {}))


def rounds(outcome: Outcome, folder: Path) -> tuple[Rounds, list[tuple[str, Care]]]:
    """Rounds over `TILES` in which workers do what `outcome` says, and a list of what was given out."""
    given: list[tuple[str, Care]] = []

    def give_out(group: Group) -> Iterator[Told]:
        for batch in group.batches:
            for plan in batch:
                given.append((plan.tile, group.care))
                if told := outcome(plan, group.care):
                    yield told

    def schedule(plans: list[TilePlan], care: Care) -> list[Group]:
        return careful(plans, care, Budget(1000, 4000))

    return Rounds(Plan(list(TILES), []), open_table(ROAD_SEGMENT, folder), schedule, give_out), given


def test_what_comes_back_is_given_out_once(tmp_path: Path) -> None:
    made, given = rounds(lambda plan, care: done(plan), tmp_path)
    assert [told.tile for told in made.told()] == [plan.tile for plan in TILES]
    assert len(given) == 6
    assert made.apart == []


def test_what_a_dead_worker_had_is_given_to_a_process_apart(tmp_path: Path) -> None:
    made, given = rounds(lambda plan, care: done(plan) if plan.tile != "q3" or care.is_apart else None, tmp_path)
    assert {told.tile for told in made.told()} == {plan.tile for plan in TILES}
    assert given[6:] == [("q3", Care(is_apart=True))]
    assert made.apart == ["q3"]


def test_what_was_refused_memory_gets_a_machine_of_its_own(tmp_path: Path) -> None:
    refused = Told("q2", None, "", "MemoryError")
    made, given = rounds(lambda plan, care: done(plan) if plan.tile != "q2" or care.is_alone else refused, tmp_path)
    assert {told.tile for told in made.told()} == {plan.tile for plan in TILES}
    assert given[6:] == [("q2", Care(is_alone=True))]


def test_what_needs_both_gets_both(tmp_path: Path) -> None:
    def outcome(plan: TilePlan, care: Care) -> Told | None:
        if plan.tile != "q2" or care == Care(is_apart=True, is_alone=True):
            return done(plan)
        return Told("q2", None, "", "MemoryError") if care.is_apart else None

    made, given = rounds(outcome, tmp_path)
    assert len(list(made.told())) == 6
    assert [care for _, care in given[6:]] == [Care(is_apart=True), Care(is_apart=True, is_alone=True)]


def test_what_even_a_machine_cannot_hold_is_taken_apart_there(tmp_path: Path) -> None:
    refused = Told("q2", None, "", "MemoryError")
    made, given = rounds(lambda plan, care: done(plan) if plan.tile != "q2" or all(care) else refused, tmp_path)
    assert len(list(made.told())) == 6
    assert [care for _, care in given[6:]] == [Care(is_alone=True), Care(is_apart=True, is_alone=True)]


def test_what_never_comes_back_ends_the_stage(tmp_path: Path) -> None:
    made, given = rounds(lambda plan, care: done(plan) if plan.tile in "q0 q1" else None, tmp_path)
    with pytest.raises(StageError, match=f"road_segment: tile q2 and 3 more never came back in {ROUNDS} rounds"):
        list(made.told())
    assert len(given) == 6 + 4 * (ROUNDS - 1)


def test_what_failed_is_told_once_and_not_tried_again(tmp_path: Path) -> None:
    failed = Told("q4", None, "no", "ContractError")
    made, given = rounds(lambda plan, care: done(plan) if plan.tile != "q4" else failed, tmp_path)
    assert [told.kind for told in made.told()] == ["", "", "", "", "ContractError", ""]
    assert len(given) == 6


def test_what_was_committed_by_a_worker_that_died_is_not_computed_again(tmp_path: Path) -> None:
    table = open_table(ROAD_SEGMENT, tmp_path)

    def outcome(plan: TilePlan, care: Care) -> Told | None:
        if plan.tile != "q1":
            return done(plan)
        table.commit(random_roads(3), Receipt("q1", "f1", "", 3, 3, 0, 0.0))
        return None

    made, given = rounds(outcome, tmp_path)
    told = {each.tile: each for each in made.told()}
    assert len(given) == len(told) == 6
    assert told["q1"].done
    assert told["q1"].done.receipt == Table(ROAD_SEGMENT, table.uri).receipt("q1")
