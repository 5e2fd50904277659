import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.maxspeed import UnreadableSpeed
from tasks.speed_code import MPH_JURISDICTIONS, find_code, is_built_up, read_code, unit_of

# OpenStreetMap wiki, Key:source:maxspeed, Key:maxspeed:type, Key:zone:maxspeed, Key:zone:traffic
FACTS = [
    ("DE:urban", "DE", "urban", None, None, True),
    ("DE:rural", "DE", "rural", None, None, False),
    ("DE:motorway", "DE", "motorway", None, None, None),
    ("DE:living_street", "DE", "living_street", None, None, True),
    ("DE:bicycle_road", "DE", "bicycle_road", None, None, None),
    ("RO:trunk", "RO", "trunk", None, None, None),
    ("GB:nsl_single", "GB", "nsl_single", None, None, False),
    ("GB:nsl_restricted", "GB", "nsl_restricted", None, None, True),
    ("UK:nsl_dual", "GB", "nsl_dual", None, None, False),
    ("CZ:urban_motorway", "CZ", "urban_motorway", None, None, True),
    ("BE-VLG:rural", "BE-VLG", "rural", None, None, False),
    ("US-OR:urban", "US-OR", "urban", None, None, True),
    ("US:NY:urban", "US-NY", "urban", None, None, True),
    ("AT:zone30", "AT", "zone", 30, "km/h", None),
    ("DE:zone:30", "DE", "zone", 30, "km/h", None),
    ("DE-BY:zone:30", "DE-BY", "zone", 30, "km/h", None),
    ("DE:30", "DE", "", 30, "km/h", None),
    ("GB:zone20", "GB", "zone", 20, "mph", None),
    ("GB:20", "GB", "", 20, "mph", None),
    ("US:25 mph", "US", "", 25, "mph", None),
    ("AT:Begegnungszone:20", "AT", "begegnungszone", 20, "km/h", None),
    ("AT:Wohnstraße", "AT", "wohnstraße", None, None, None),
    ("de:urban", "DE", "urban", None, None, True),
    (" DE:urban ", "DE", "urban", None, None, True),
]


@pytest.mark.parametrize(("text", "jurisdiction", "zone", "value", "unit", "built_up"), FACTS)
def test_codes(
    text: str, jurisdiction: str, zone: str, value: int | None, unit: str | None, built_up: bool | None
) -> None:
    code = read_code(text)
    assert code == (jurisdiction, zone, value, unit)
    assert is_built_up(code) is built_up


OTHERS = ["", "urban", "DE", "DE:", ":urban", "bing", "at:survey", "local knowledge", "http://x", "DE:274", "DE:274.1"]


@pytest.mark.parametrize("text", [*OTHERS, "DE:a word", "DEU:urban", "DE:urban;FR:urban", "D:urban"])
def test_what_is_no_code_is_refused(text: str) -> None:
    assert find_code(text) is None
    with pytest.raises(UnreadableSpeed, match="no reference to a law"):
        read_code(text)


@pytest.mark.parametrize("text", ["DE:zone:0", "DE:0", "DE:zone:351"])
def test_numbers_out_of_range_are_refused(text: str) -> None:
    with pytest.raises(UnreadableSpeed, match="outside"):
        read_code(text)


# Wikipedia, Miles per hour: the US and its territories, the UK with the Crown dependencies, most overseas territories
@pytest.mark.parametrize("code", ["US", "US-OR", "GB", "GB-SCT", "GG", "JE", "IM", "PR", "GU", "BS", "KY"])
def test_miles(code: str) -> None:
    assert unit_of(code) == "mph"


@pytest.mark.parametrize("code", ["DE", "IE", "CA-ON", "AU", "GI", "MX", "FI"])
def test_kilometres(code: str) -> None:
    assert unit_of(code) == "km/h"


@given(st.sampled_from(["DE", "FR", "US", "GB-SCT"]), st.integers(1, 100), st.sampled_from(["zone{}", "zone:{}", "{}"]))
def test_the_number_of_a_zone_is_the_one_that_is_written(jurisdiction: str, value: int, form: str) -> None:
    code = read_code(f"{jurisdiction}:{form.format(value)}")
    assert (code.jurisdiction, code.value) == (jurisdiction, value)
    assert (code.unit == "mph") == (jurisdiction[:2] in MPH_JURISDICTIONS)


@given(st.text(max_size=30))
def test_any_text_is_a_code_or_none(text: str) -> None:
    code = find_code(text)
    assert code is None or len(code.jurisdiction) >= 2


def test_units_are_those_of_the_borders() -> None:
    """The packaged borders carry the unit of each place, from the same source; the two lists must not drift apart."""
    place = pytest.importorskip("tasks.borders.place")
    assert [code for code in place.known_codes() if place.speed_unit_of(code) != unit_of(code)] == []
