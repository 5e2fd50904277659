"""How the packaged borders are made: squares instead of countries."""

import pytest
import shapely

from infra.borders.build import SEED_STEP, Area, code_of, cover, divide

ASSIGNED = frozenset({"FI", "GB", "GG", "SH", "ES", "EA", "NL", "BQ", "SJ", "NO", "UM", "US", "CY"})


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"wikidata": "Q35", "country": "DK"}, "DK"),
        ({"wikidata": "Q33", "iso1A2": "FI"}, "FI"),
        ({"wikidata": "Q22", "aliases": ["GB-SCT"], "country": "GB", "groups": ["Q23666"]}, "GB-SCT"),
        ({"wikidata": "Q25396", "aliases": ["BQ-BO", "NL-BQ1"], "country": "NL", "groups": ["BQ"]}, "NL-BQ1"),
        ({"wikidata": "Q179313", "country": "GB", "groups": ["GG", "830"]}, "GG"),
        ({"wikidata": "Q5823", "aliases": ["ES-CE"], "country": "ES", "groups": ["EA", "EU"]}, "ES"),
        ({"wikidata": "Q46197", "iso1A2": "AC", "country": "GB", "groups": ["SH"]}, "SH"),
        ({"wikidata": "Q797", "aliases": ["US-AK"], "country": "US", "groups": ["Q35657", "021"]}, "US"),
        ({"wikidata": "Q23681", "groups": ["Q644636"]}, "CY"),
    ],
)
def test_codes_of_features(properties: dict[str, object], code: str) -> None:
    assert code_of(properties, ASSIGNED) == code


def test_the_sea_goes_to_the_nearest_state() -> None:
    whole = shapely.box(0, 0, 4, 2)
    shares = divide(whole, {"A": shapely.box(0, 1, 2, 2), "B": shapely.box(2, 1, 4, 2)})
    assert shares["A"].symmetric_difference(shapely.box(0, 0, 2, 2)).area <= SEED_STEP
    assert shares["B"].symmetric_difference(shapely.box(2, 0, 4, 2)).area <= SEED_STEP
    assert shapely.union_all(list(shares.values())).equals(whole)


def test_an_island_that_no_map_of_states_shows_goes_to_the_nearest_state() -> None:
    whole = shapely.MultiPolygon([shapely.box(0, 0, 4, 1), shapely.box(6, 0, 7, 1)])
    shares = divide(whole, {"A": shapely.box(0, 0, 2, 1), "B": shapely.box(2, 0, 4, 1)})
    assert shares["B"].equals(shapely.MultiPolygon([shapely.box(2, 0, 4, 1), shapely.box(6, 0, 7, 1)]))


def test_states_end_at_the_border_of_their_country() -> None:
    shares = divide(shapely.box(0, 0, 2, 1), {"A": shapely.box(-1, 0, 1, 2), "B": shapely.box(1, 0, 3, 1)})
    assert shapely.union_all(list(shares.values())).equals(shapely.box(0, 0, 2, 1))


def test_a_cover_draws_every_border_once() -> None:
    west = Area("A", "A", "km/h", "right", shapely.box(0, 0, 1, 1))
    east = Area("B", "B", "mph", "left", shapely.Polygon([(1, 0), (2, 0), (2, 1), (1, 1), (1, 0.33333333)]))
    covered = cover([west, east])
    assert [area.code for area in covered] == ["A", "B"]
    assert shapely.coverage_is_valid([area.shape for area in covered])
    assert (1, 0.333333) in {tuple(xy) for xy in shapely.get_coordinates(covered[0].shape)}
