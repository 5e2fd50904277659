"""The grammar of `traffic_sign` values, as far as signs tell of speed limits and built-up areas.

Sources: OpenStreetMap wiki, "Key:traffic sign" (words; `CC:number[value]`; `;` between signs, `,` before a plate below
one), its pages of road signs in Austria, Belgium, Czechia, Finland, France, Germany, Italy, the Netherlands, Norway and
"MUTCD/R"; the numbers are those of the national catalogues that `NATIONAL` names.
"""

import re
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from tasks.bracket import split_outside
from tasks.maxspeed import SPELLINGS, UnreadableSpeed, read_maxspeed, shortened
from tasks.speed_code import ALIASES, unit_of


class SignKind(StrEnum):
    """What a sign says of limits."""

    LIMIT = "limit"
    """The highest speed from here on."""
    LIMIT_END = "limit_end"
    """The end of such a limit, or of all prohibitions."""
    ZONE = "zone"
    """A zone with a limit begins."""
    ZONE_END = "zone_end"
    """A zone with a limit ends."""
    CITY_LIMIT = "city_limit"
    """A built-up area begins (`city_limit` without a country: begins one way, ends the other)."""
    CITY_LIMIT_END = "city_limit_end"
    """A built-up area ends."""
    LIVING_STREET = "living_street"
    """A street where people on foot have priority begins."""
    LIVING_STREET_END = "living_street_end"
    """It ends."""
    MOTORWAY = "motorway"
    """A motorway begins."""
    MOTORWAY_END = "motorway_end"
    """A motorway ends."""


class Sign(NamedTuple):
    """One sign that tells of limits."""

    kind: SignKind
    value: float | None
    """The number on it; None where it shows none, or the tag does not say."""
    code: str
    """The sign as the tag names it, without its value: `FI:361`."""
    unit: str | None = None
    """`km/h` or `mph` where there is a number."""
    plates: tuple[str, ...] = ()
    """The plates below it, which may restrict it to hours or vehicles."""


WORDS = {"maxspeed": SignKind.LIMIT, "city_limit": SignKind.CITY_LIMIT}
"""Values without a country."""

KINDS = {
    "limit": SignKind.LIMIT,
    "end": SignKind.LIMIT_END,
    "zone": SignKind.ZONE,
    "zone_end": SignKind.ZONE_END,
    "city": SignKind.CITY_LIMIT,
    "city_end": SignKind.CITY_LIMIT_END,
    "living": SignKind.LIVING_STREET,
    "living_end": SignKind.LIVING_STREET_END,
    "motorway": SignKind.MOTORWAY,
    "motorway_end": SignKind.MOTORWAY_END,
}

NATIONAL: dict[str, str] = {
    # StVO §§ 52, 53
    "AT": "limit 52.10a 10a; end 52.10b 10b; zone 52.11a 11a 53.9e=20; zone_end 52.11b 11b 53.9f; city 53.17a;"
    "city_end 53.17b; living 53.9c; living_end 53.9d; motorway 53.8a; motorway_end 53.8b",
    # AS 1742.4: R4-4 is the shared zone, R4-10 the area, R4-2 and R4-12 end a limit
    "AU": "limit R4-1; end R4-2 R4-12; zone R4-4=10 R4-10; zone_end R4-5 R4-11",
    # Code de la route / Wegcode, 1975; F1 and F3 until 2015
    "BE": "limit C43; end C45; zone F4a=30; zone_end F4b; city F1 F1a F1b; city_end F3 F3a F3b; living F12a;"
    "living_end F12b; motorway F5; motorway_end F7",
    # CONTRAN, R-19
    "BR": "limit R-19",
    # TAC, RB-1
    "CA": "limit RB-1",
    # SSV 1979: 2.59.5 is the Begegnungszone; 4.27 to 4.30 name a place and 2.30.1 sets its limit
    "CH": "limit 2.30 2.30.1=50; end 2.53 2.53.1 2.58; zone 2.59.1 2.59.5=20; zone_end 2.59.2 2.59.6;"
    "city 4.27 4.29; city_end 4.28 4.30; motorway 4.01; motorway_end 4.02",
    # Decree 294/2015; IZ 8 is a zone of any prohibition
    "CZ": "limit B20a; end B20b B26; zone IZ8a; zone_end IZ8b; city IZ4a; city_end IZ4b; living IZ5a; living_end IZ5b;"
    "motorway IZ1a; motorway_end IZ1b",
    # StVO annexes 2 and 3; 325, 326, 330 and 334 until 2009
    "DE": "limit 274; end 278 282; zone 274.1=30; zone_end 274.2; city 310; city_end 311; living 325.1 325;"
    "living_end 325.2 326; motorway 330.1 330; motorway_end 330.2 334",
    # Bekendtgørelse om vejafmærkning
    "DK": "limit C55; end C56; zone E68.4; zone_end E69.4; city E55; city_end E56; living E51; living_end E52;"
    "motorway E42",
    # Reglamento General de Circulación
    "ES": "limit R-301; end R-500 R-501; zone S-30=30; zone_end S-31; city S-500; city_end S-510; living S-28;"
    "living_end S-29; motorway S-1 S-1a; motorway_end S-2 S-2a",
    # Tieliikenneasetus 182/1982 (numbers) and Tieliikennelaki 729/2018 (letters, since June 2020)
    "FI": "limit 361 C32; end 362 C33; zone 363 C34; zone_end 364 C35; city 571 E22; city_end 572 E23; living 573 E24;"
    "living_end 574 E25; motorway 561 E15; motorway_end 562 E16",
    # Arrêté du 24 novembre 1967
    "FR": "limit B14; end B31 B33; zone B30=30 B52=20; zone_end B51 B53; city EB10; city_end EB20; motorway C207;"
    "motorway_end C208",
    # TSRGD 2016; S10-2-… are its places in the schedules
    "GB": "limit 670 S10-2-1; end 671 S10-2-2; zone 674=20 S10-2-5=20; zone_end 675; motorway 2901",
    # Regolamento di attuazione, figures
    "IT": "limit II.50 F50; end II.70 II.71 F70 F71; zone II.323/a II.323a F323a=30; zone_end II.323/b II.323b F323b;"
    "city II.273 F273; city_end II.274 F274; living II.318 F318; living_end II.319 F319",
    # Order on signs: 323
    "JP": "limit 323",
    # RVV 1990
    "NL": "limit A1; end A2; city H1; city_end H2; living G5; living_end G6; motorway G1; motorway_end G2",
    # Skiltforskriften 2005
    "NO": "limit 362; end 364; zone 366; zone_end 368; living 540; living_end 542; motorway 502; motorway_end 504",
    # Rozporządzenie 2002
    "PL": "limit B-33; end B-34 B-42; zone B-43; zone_end B-44; city D-42; city_end D-43; living D-40; living_end D-41;"
    "motorway D-9; motorway_end D-10",
    # GOST R 52290-2004; 5.25 and 5.26 name places where its limit does not hold
    "RU": "limit 3.24; end 3.25 3.31; zone 5.31; zone_end 5.32; city 5.23.1 5.23.2; city_end 5.24.1 5.24.2;"
    "living 5.21; living_end 5.22; motorway 5.1; motorway_end 5.2",
    # Vägmärkesförordningen 2007:90
    "SE": "limit C31; city E5; city_end E6; living E9; living_end E10; motorway E1; motorway_end E2",
    # Rules of the road 1306-2001
    "UA": "limit 3.29; end 3.30; zone 3.31; zone_end 3.32; motorway 5.1; motorway_end 5.2",
    # MUTCD: S4-3P and S5-1 hold at school hours and are no limit for every hour
    "US": "limit R2-1",
}
"""The signs of each country by kind; a number behind `=` is the one that the sign shows where the tag says none."""
NATIONAL["LI"] = NATIONAL["CH"]

PLATES = {
    "AT": r"54\..*",
    "BE": r"M\d.*|TYPE.*",
    "CH": r"5\..*",
    "CZ": r"E\d.*",
    "DE": r"10[1-6]\d.*",
    "ES": r"S8\d\d.*",
    "FI": r"8\d\d.*|H\d.*",
    "FR": r"M\d.*",
    "NL": r"OB.*",
    "NO": r"8\d\d.*",
    "PL": r"T\d.*",
    "RU": r"8\..*",
    "SE": r"T\d.*",
    "US": r".*P",
}
"""What plates are numbered like that may restrict a sign; DE:1000 to 1009 tell distances and dangers alone."""

COUNTRY = re.compile(r"([A-Za-z]{2})(?::([A-Z]{2,3}))?:(.+)", re.DOTALL)
BODY = re.compile(r"([^\[]*)(?:\[(.*)\])?", re.DOTALL)
NUMBER = re.compile(r"0*([1-9][0-9]{0,2})[-_ ]?(zb|ze)?", re.IGNORECASE)
"""A number behind a hyphen (`DE:274-30`); in the Netherlands with `zb` where a zone begins, `ze` where it ends."""

OLD_GERMAN = {"51": 10, "52": 20, "53": 30, "54": 40, "55": 50, "56": 60, "57": 70, "58": 80, "59": 90}
"""Sub-numbers of 274 in the German catalogue until 2017; from 60 on they look like the speeds of the new one."""


@lru_cache(8192)
def read_traffic_sign(text: str) -> tuple[Sign, ...]:
    """Return the signs of a value that tell of limits, in order; other signs tell nothing of them.

    Raises
    ------
    UnreadableSpeed
        If a sign of a limit has a value that is no speed.

    Examples
    --------
    >>> [(sign.kind.value, sign.value, sign.unit) for sign in read_traffic_sign("FI:363[30];FI:372")]
    [('zone', 30.0, 'km/h')]
    >>> read_traffic_sign("DE:274-60,1040-30")[0].plates
    ('DE:1040-30',)
    """
    signs: list[Sign] = []
    country = ""
    for group in _parts(text, ";"):
        found, plates, others = [], [], 0
        for part in _parts(group, ","):
            country, body = _country(part, country)
            if sign := _sign(country, body):
                found.append(sign)
            elif _is_plate(country, body):
                plates.append(f"{country}:{body}")
            else:
                others += 1
        above = [] if found or others else signs[-1:]
        signs[len(signs) - len(above) :] = [_with_plates(sign, plates) for sign in above + found]
    return tuple(signs)


def _with_plates(sign: Sign, plates: list[str]) -> Sign:
    """Return a sign with plates; those that stand alone behind a `;` belong to the sign before it."""
    return sign._replace(plates=(*sign.plates, *plates))


def _parts(text: str, separator: str) -> list[str]:
    """Return the parts of a list; where brackets do not match, as if there were none."""
    try:
        return [part for part in split_outside(text, separator) if part]
    except ValueError:
        return [part.strip() for part in text.split(separator) if part.strip()]


def _country(text: str, before: str) -> tuple[str, str]:
    """Return the country of a sign, that of the one before it where none is written, and the rest."""
    match = COUNTRY.fullmatch(text)
    if not match:
        return before, text
    country = match[1].upper()
    return ALIASES.get(country, country), match[3]


def _sign(country: str, text: str) -> Sign | None:
    """Return a sign that tells of limits, or None."""
    match = BODY.match(text)
    name, inner = (match[1].strip(), match[2]) if match else (text, None)
    if word := WORDS.get(name.lower()):
        return _with_value(Sign(word, None, name), inner, country)
    table = signs_of(country)
    if found := table.get(_plain(name)):
        kind, shown = found
        unit = unit_of(country) if shown else None
        return _with_value(Sign(kind, shown, f"{country}:{name}", unit), inner, country)
    for hyphen in reversed([found.start() for found in re.finditer("-", name)]):
        if found := table.get(_plain(name[:hyphen])):
            return _with_number(Sign(found[0], found[1], f"{country}:{name[:hyphen]}"), name[hyphen + 1 :], country)
    return None


def _with_value(sign: Sign, inner: str | None, country: str) -> Sign:
    """Return a sign with the number in its brackets; of a place they hold the name."""
    if sign.kind not in (SignKind.LIMIT, SignKind.ZONE) or inner is None:
        return sign
    said = read_maxspeed(inner)
    if said.value is None:
        raise UnreadableSpeed(f"{shortened(sign.code)!r} has the value {shortened(inner)!r}, which is no speed")
    has_unit = any(unit and inner.lower().rstrip().endswith(unit) for unit in SPELLINGS)
    return sign._replace(value=said.value, unit=said.unit if has_unit else unit_of(country))


def _with_number(sign: Sign, number: str, country: str) -> Sign:
    """Return a sign with the number behind its hyphen."""
    match = NUMBER.fullmatch(number)
    if sign.kind not in (SignKind.LIMIT, SignKind.ZONE):
        return sign
    if not match:
        raise UnreadableSpeed(f"{shortened(f'{sign.code}-{number}')!r} is a speed sign without a speed")
    suffix = (match[2] or "").lower()
    kind = {"zb": SignKind.ZONE, "ze": SignKind.ZONE_END}.get(suffix, sign.kind)
    return sign._replace(kind=kind, value=_speed(sign, match[1]), unit=unit_of(country))


def _speed(sign: Sign, number: str) -> float:
    """Return the speed that a sub-number means: in Sweden a tenth of it, in Germany until 2017 its rank."""
    if sign.code == "DE:274" and number in OLD_GERMAN:
        return float(OLD_GERMAN[number])
    return float(number) * (10 if sign.code.startswith("SE:") and int(number) <= 13 else 1)


@lru_cache(512)
def signs_of(country: str) -> dict[str, tuple[SignKind, float | None]]:
    """Return the signs of a country that tell of limits: their kind and the number that they show by themselves.

    Examples
    --------
    >>> signs_of("FI")["361"][0].value, signs_of("FR")["B30"][1]
    ('limit', 30.0)
    """
    table = {}
    for entry in NATIONAL.get(country, "").split(";"):
        word, *numbers = entry.split() or [""]
        for number in numbers:
            code, _, shown = number.partition("=")
            table[_plain(code)] = (KINDS[word], float(shown) if shown else None)
    return table


def _plain(code: str) -> str:
    """Return a number of a sign without the signs and zeros that some write and others leave out."""
    return re.sub(r"(?<=[A-Z])0+(?=[0-9])", "", re.sub(r"[§\s-]", "", code.upper()))


def _is_plate(country: str, text: str) -> bool:
    """Whether a sign is a plate that may restrict the one above it; of unknown countries each one may be."""
    pattern = PLATES.get(country)
    return pattern is None or bool(re.fullmatch(pattern, _plain(text)))
