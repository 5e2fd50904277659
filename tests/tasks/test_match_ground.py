import pyarrow as pa
import pytest

from tasks.match_graph import match_graph
from tasks.match_ground import ground_of
from tests.tasks.match_town import town


def edges(roads: pa.Table) -> list[object]:
    with ground_of(roads) as ground:
        return ground.graph.edges.edge.tolist()


def test_the_ground_of_equal_roads_is_used_again() -> None:
    with ground_of(town(1)) as one:
        pass
    with ground_of(town(1)) as other:
        assert other is one


def test_other_roads_have_a_ground_of_their_own() -> None:
    for seed in (1, 2, 1):
        assert edges(town(seed)) == match_graph(town(seed)).edges.edge.tolist()
    closed = town(1).set_column(town(1).column_names.index("one_way"), "one_way", pa.array(["forward"] * len(town(1))))
    assert edges(closed) == match_graph(closed).edges.edge.tolist()


def test_nobody_else_has_a_ground_that_is_in_use() -> None:
    with ground_of(town(1)) as one, ground_of(town(1)) as other:
        assert other.room.slots is not one.room.slots


def test_a_ground_on_which_something_failed_is_gone() -> None:
    with pytest.raises(ZeroDivisionError), ground_of(town(1)) as failed:
        raise ZeroDivisionError
    with ground_of(town(1)) as other:
        assert other is not failed
