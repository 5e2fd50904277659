import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.maxspeed import UnreadableSpeed
from tasks.traffic_sign import KINDS, NATIONAL, SignKind, read_traffic_sign, signs_of

# The national catalogues and the pages of the OpenStreetMap wiki that the module names; more in speed_tag_corpus.csv
FACTS = [
    ("FI:361[40]", "limit", 40.0, "km/h"),
    ("FI:362[40]", "limit_end", None, None),
    ("FI:363[30]", "zone", 30.0, "km/h"),
    ("FI:364[30]", "zone_end", None, None),
    ("FI:571", "city_limit", None, None),
    ("FI:572", "city_limit_end", None, None),
    ("FI:C32[80]", "limit", 80.0, "km/h"),
    ("FI:C33[80]", "limit_end", None, None),
    ("FI:C34[40]", "zone", 40.0, "km/h"),
    ("FI:C35[40]", "zone_end", None, None),
    ("FI:E22", "city_limit", None, None),
    ("FI:E23", "city_limit_end", None, None),
    ("DE:274-30", "limit", 30.0, "km/h"),
    ("DE:274[30]", "limit", 30.0, "km/h"),
    ("DE:274-53", "limit", 30.0, "km/h"),
    ("DE:274.1", "zone", 30.0, "km/h"),
    ("DE:274.1-20", "zone", 20.0, "km/h"),
    ("DE:274.2", "zone_end", None, None),
    ("DE:278[60]", "limit_end", None, None),
    ("DE:282", "limit_end", None, None),
    ("DE:310[Herrenberg]", "city_limit", None, None),
    ("DE:311", "city_limit_end", None, None),
    ("DE:325.1", "living_street", None, None),
    ("DE:325.2", "living_street_end", None, None),
    ("US:R2-1[35]", "limit", 35.0, "mph"),
    ("US:OR:R2-1[35]", "limit", 35.0, "mph"),
    ("GB:670[30]", "limit", 30.0, "mph"),
    ("GB:674", "zone", 20.0, "mph"),
    ("NL:A1-50", "limit", 50.0, "km/h"),
    ("NL:A01-050", "limit", 50.0, "km/h"),
    ("NL:A01-30zb", "zone", 30.0, "km/h"),
    ("NL:A1-60-zb", "zone", 60.0, "km/h"),
    ("NL:A01-30ze", "zone_end", None, None),
    ("SE:C31-5", "limit", 50.0, "km/h"),
    ("CH:2.30[60]", "limit", 60.0, "km/h"),
    ("AT:53.17a[Graz]", "city_limit", None, None),
    ("PL:B-33-40", "limit", 40.0, "km/h"),
    ("CZ:B 20a[30]", "limit", 30.0, "km/h"),
    ("maxspeed", "limit", None, None),
    ("city_limit", "city_limit", None, None),
    ("DE:274", "limit", None, None),
    ("DE:274[30 mph]", "limit", 30.0, "mph"),
]


@pytest.mark.parametrize(("text", "kind", "value", "unit"), FACTS)
def test_signs(text: str, kind: str, value: float | None, unit: str | None) -> None:
    (sign,) = read_traffic_sign(text)
    assert (sign.kind.value, sign.value if kind in ("limit", "zone") else None) == (kind, value)
    assert sign.unit == unit or kind not in ("limit", "zone")


@pytest.mark.parametrize(
    "text",
    ["", "stop", "hazard", "DE:240", "DE:239,1022-10", "FI:855b[9-21 (9-18)]", "FI:632[left][FI:674 FI:667[4] X]",
     "FI:511;FI:511", "XX:274-30", "274-30", "DE:", "FI:871[← Lippuautomaatti]", "DE:260;DE:1026-36"],
)  # fmt: skip
def test_signs_of_other_meaning_tell_nothing(text: str) -> None:
    assert read_traffic_sign(text) == ()


@pytest.mark.parametrize("text", ["DE:274[x]", "DE:274-x", "FI:361[none]", "FI:361[0]", "maxspeed[fast]", "NL:A1-30xx"])
def test_speed_signs_without_a_readable_number_are_refused(text: str) -> None:
    with pytest.raises(UnreadableSpeed):
        read_traffic_sign(text)


def test_several_signs_keep_their_order_and_their_plates() -> None:
    signs = read_traffic_sign("DE:310;DE:274-70,1040-30;DE:274.1")
    assert [(sign.kind, sign.value, sign.plates) for sign in signs] == [
        (SignKind.CITY_LIMIT, None, ()),
        (SignKind.LIMIT, 70.0, ("DE:1040-30",)),
        (SignKind.ZONE, 30.0, ()),
    ]


def test_a_plate_that_stands_alone_belongs_to_the_sign_before_it() -> None:
    (sign,) = read_traffic_sign("FI:C32[80];FI:H24[22-6]")
    assert sign.plates == ("FI:H24[22-6]",)
    (sign,) = read_traffic_sign("FI:361[30];FI:372")
    assert sign.plates == ()


@pytest.mark.parametrize("country", NATIONAL)
def test_each_country_has_a_limit_and_no_number_twice(country: str) -> None:
    entries = [entry.split() for entry in NATIONAL[country].split(";")]
    numbers = [number for _, *numbers in entries for number in numbers]
    assert len(signs_of(country)) == len(numbers)
    assert {word for word, *_ in entries} <= set(KINDS)
    assert SignKind.LIMIT in {kind for kind, _ in signs_of(country).values()}


@given(st.sampled_from(["FI:361", "DE:274", "FR:B14", "NO:362", "PL:B-33"]), st.integers(1, 26).map(lambda n: 5 * n))
def test_the_number_in_brackets_is_read(code: str, value: int) -> None:
    assert read_traffic_sign(f"{code}[{value}]")[0].value == value


@given(st.text(alphabet="DEFI:274[]();,-. x0361", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        signs = read_traffic_sign(text)
    except UnreadableSpeed:
        return
    assert all(sign.value is None or 1 <= sign.value <= 350 for sign in signs)
