"""Towns whose country everybody can look up, many of them within sight of a border."""

import json
from pathlib import Path

import pytest

from tasks.borders.place import UnknownJurisdiction, driving_side_of, known_codes, place_named, place_of, speed_unit_of

TOWNS = [
    ("Helsinki", 24.9384, 60.1699, "FI"),
    ("Herrenberg", 8.8697, 48.5949, "DE"),
    ("Bayreuth", 11.5783, 49.9456, "DE"),
    ("Vaduz", 9.5209, 47.1410, "LI"),
    ("Feldkirch", 9.5979, 47.2372, "AT"),
    ("Buchs SG", 9.4785, 47.1674, "CH"),
    ("Andorra la Vella", 1.5218, 42.5063, "AD"),
    ("La Seu d'Urgell", 1.4563, 42.3582, "ES"),
    ("Kehl", 7.8087, 48.5727, "DE"),
    ("Strasbourg", 7.7521, 48.5734, "FR"),
    ("Konstanz", 9.1732, 47.6633, "DE"),
    ("Kreuzlingen", 9.1750, 47.6458, "CH"),
    ("Büsingen, an enclave", 8.6897, 47.6969, "DE"),
    ("Schaffhausen", 8.6349, 47.6959, "CH"),
    ("Baarle-Hertog, an enclave", 4.9305, 51.4410, "BE-VLG"),
    ("Breda", 4.7683, 51.5719, "NL"),
    ("Frankfurt (Oder)", 14.5506, 52.3471, "DE"),
    ("Słubice", 14.5604, 52.3492, "PL"),
    ("Narva", 28.1790, 59.3772, "EE"),
    ("Ivangorod", 28.2167, 59.3760, "RU"),
    ("Haparanda", 24.1369, 65.8355, "SE"),
    ("Kemi", 24.5637, 65.7364, "FI"),
    ("Mariehamn", 19.9348, 60.0973, "AX"),
    ("Kaliningrad, an exclave", 20.5101, 54.7104, "RU"),
    ("Vatican", 12.4534, 41.9029, "VA"),
    ("Monaco", 7.4246, 43.7384, "MC"),
    ("San Marino", 12.4473, 43.9356, "SM"),
    ("Ceuta", -5.3162, 35.8894, "ES"),
    ("Tétouan", -5.3684, 35.5785, "MA"),
    ("Las Palmas", -15.4363, 28.1235, "ES"),
    ("Gibraltar", -5.3536, 36.1408, "GI"),
    ("La Línea", -5.3478, 36.1681, "ES"),
    ("Pristina", 21.1655, 42.6629, "XK"),
    ("Nicosia", 33.3823, 35.1656, "CY"),
    ("Edinburgh", -3.1883, 55.9533, "GB-SCT"),
    ("Gretna", -3.0667, 54.9960, "GB-SCT"),
    ("Carlisle", -2.9329, 54.8925, "GB-ENG"),
    ("Berwick-upon-Tweed", -2.0047, 55.7692, "GB-ENG"),
    ("Chepstow", -2.6731, 51.6410, "GB-WLS"),
    ("Derry", -7.3092, 54.9966, "GB-NIR"),
    ("Letterkenny", -7.7328, 54.9503, "IE"),
    ("Douglas", -4.4821, 54.1523, "IM"),
    ("Saint Anne, Alderney", -2.2050, 49.7150, "GG"),
    ("Brussels", 4.3517, 50.8503, "BE-BRU"),
    ("Leuven", 4.7005, 50.8798, "BE-VLG"),
    ("Wavre", 4.6078, 50.7173, "BE-WAL"),
    ("Liège", 5.5797, 50.6326, "BE-WAL"),
    ("Comines-Warneton, an exclave", 3.0000, 50.7700, "BE-WAL"),
    ("Boulder", -105.2705, 40.0150, "US-CO"),
    ("Baltimore", -76.6122, 39.2904, "US-MD"),
    ("Columbus", -82.9988, 39.9612, "US-OH"),
    ("Harrisburg", -76.8867, 40.2732, "US-PA"),
    ("Washington", -77.0369, 38.9072, "US-DC"),
    ("Arlington", -77.0910, 38.8816, "US-VA"),
    ("Portland", -122.6765, 45.5231, "US-OR"),
    ("Vancouver, Washington", -122.6615, 45.6387, "US-WA"),
    ("Point Roberts, an exclave", -123.0780, 48.9860, "US-WA"),
    ("Kansas City, Missouri", -94.5786, 39.0997, "US-MO"),
    ("Kansas City, Kansas", -94.6275, 39.1141, "US-KS"),
    ("Saint Louis", -90.1994, 38.6270, "US-MO"),
    ("East Saint Louis", -90.1509, 38.6245, "US-IL"),
    ("Detroit", -83.0458, 42.3314, "US-MI"),
    ("Windsor, Ontario", -83.0364, 42.3000, "CA-ON"),
    ("Niagara Falls, New York", -79.0377, 43.0962, "US-NY"),
    ("Niagara Falls, Ontario", -79.0949, 43.0896, "CA-ON"),
    ("El Paso", -106.4850, 31.7719, "US-TX"),
    ("Ciudad Juárez", -106.4245, 31.6904, "MX"),
    ("Anchorage", -149.9003, 61.2181, "US-AK"),
    ("Honolulu", -157.8583, 21.3069, "US-HI"),
    ("San Juan", -66.1057, 18.4655, "PR"),
    ("Ottawa", -75.6972, 45.4115, "CA-ON"),
    ("Gatineau", -75.7013, 45.4765, "CA-QC"),
    ("Whitehorse", -135.0568, 60.7212, "CA-YT"),
    ("Iqaluit", -68.5170, 63.7467, "CA-NU"),
    ("Canberra", 149.1300, -35.2809, "AU-ACT"),
    ("Bungendore", 149.4450, -35.2550, "AU-NSW"),
    ("Jervis Bay Village", 150.6965, -35.1316, "AU-ACT"),
    ("Albury", 146.9135, -36.0737, "AU-NSW"),
    ("Wodonga", 146.8881, -36.1241, "AU-VIC"),
    ("Hobart", 147.3272, -42.8821, "AU-TAS"),
    ("Darwin", 130.8456, -12.4634, "AU-NT"),
    ("Hong Kong", 114.1694, 22.3193, "HK"),
    ("Shenzhen", 114.0579, 22.5431, "CN"),
    ("Macau", 113.5439, 22.1987, "MO"),
    ("Zhuhai", 113.5767, 22.2707, "CN"),
    ("Nassau", -77.3554, 25.0443, "BS-NP"),
    ("Freeport", -78.6959, 26.5333, "BS"),
    ("Weno", 151.8400, 7.4500, "FM-TRK"),
    ("Kolonia", 158.2089, 6.9640, "FM-PNI"),
    ("Tofol", 163.0086, 5.3247, "FM-KSA"),
    ("Colonia", 138.1281, 9.5144, "FM-YAP"),
    ("Kralendijk", -68.2655, 12.1443, "NL-BQ1"),
    ("The Bottom", -63.2493, 17.6276, "NL-BQ2"),
    ("Oranjestad, Sint Eustatius", -62.9826, 17.4811, "NL-BQ3"),
    ("Suva", 178.4419, -18.1416, "FJ"),
    ("Lavrentiya, east of 180°", -171.0000, 65.5800, "RU"),
    ("Longyearbyen", 15.6333, 78.2167, "SJ"),
]
"""Published coordinates of the towns (OpenStreetMap, GeoNames), longitude first."""


@pytest.mark.parametrize(("lon", "lat", "code"), [town[1:] for town in TOWNS], ids=[town[0] for town in TOWNS])
def test_towns(lon: float, lat: float, code: str) -> None:
    place = place_of(lon, lat)
    assert place is not None
    assert place.code == code


@pytest.mark.parametrize(("lon", "lat"), [(-40.0, 30.0), (0.0, 89.0), (123.4, 85.5), (-140.0, -40.0)])
def test_no_land_in_the_ocean(lon: float, lat: float) -> None:
    assert place_of(lon, lat) is None


@pytest.mark.parametrize("lat", [66.5, 71.0, -16.8])
def test_the_antimeridian_is_one_meridian(lat: float) -> None:
    east, west = place_of(180.0, lat), place_of(-180.0, lat)
    assert east is not None
    assert east == west


# Wikipedia, "Speed limits by country" and "Left- and right-hand traffic"
@pytest.mark.parametrize(
    ("code", "unit", "side"),
    [
        ("FI", "km/h", "right"),
        ("US", "mph", "right"),
        ("US-OH", "mph", "right"),
        ("GB", "mph", "left"),
        ("GB-SCT", "mph", "left"),
        ("IE", "km/h", "left"),
        ("IM", "mph", "left"),
        ("JE", "mph", "left"),
        ("CA", "km/h", "right"),
        ("CA-ON", "km/h", "right"),
        ("AU", "km/h", "left"),
        ("AU-NSW", "km/h", "left"),
        ("JP", "km/h", "left"),
        ("HK", "km/h", "left"),
        ("CN", "km/h", "right"),
        ("PR", "mph", "right"),
        ("VI", "mph", "left"),
        ("BS-NP", "mph", "left"),
        ("BE-BRU", "km/h", "right"),
    ],
)
def test_units_and_sides(code: str, unit: str, side: str) -> None:
    assert (speed_unit_of(code), driving_side_of(code)) == (unit, side)
    assert place_named(code).code == code


US_STATES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND "
    "OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY"
)
PROVINCES = "AB BC MB NB NL NS NT NU ON PE QC SK YT"


def test_states_with_laws_of_their_own_are_known() -> None:
    assert {code for code in known_codes() if code.startswith("US-")} == {f"US-{state}" for state in US_STATES.split()}
    assert {code for code in known_codes() if code.startswith("CA-")} == {f"CA-{each}" for each in PROVINCES.split()}
    assert {"US", "CA", "AU", "BE", "GB", "FM", "BS"} <= known_codes()


@pytest.mark.parametrize("code", ["IC", "EA", "AC", "FX", "UN", "EU", "us", "", "US-XX"])
def test_reserved_and_wrong_codes_are_none(code: str) -> None:
    assert code not in known_codes()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("de", "unknown jurisdiction 'de': did you mean DE?"),
        ("DE-BY", "unknown jurisdiction 'DE-BY': did you mean DE?"),
        ("US-ORE", "US-OR"),
        ("GB-SCO", "GB-SCT"),
        ("Germany", "expected an ISO 3166 code such as FI or US-OR"),
    ],
)
def test_an_unknown_code_is_told_with_those_like_it(code: str, words: str) -> None:
    with pytest.raises(UnknownJurisdiction, match="unknown jurisdiction") as told:
        place_named(code)
    assert words in str(told.value)


def test_every_jurisdiction_of_the_law_is_somewhere(shared_data: Path) -> None:
    table = json.loads((shared_data / "tables/legal_default_speeds.json").read_text())
    assert table["speedLimitsByCountryCode"].keys() <= known_codes()
