"""What OSMnx guesses: its own function, run on a graph of these segments. OSMnx is looked for when it is asked."""

from collections.abc import Sequence
from importlib.util import find_spec
from math import nan

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
EPSG_4326 = "epsg:4326"


def osmnx_speeds(highways: Sequence[str], maxspeeds: Sequence[str | None]) -> Floats | str:
    """Return the speed in km/h that `osmnx.add_edge_speeds` gives each segment, or why it cannot be had.

    Parameters
    ----------
    highways
        Value of `highway` of each segment.
    maxspeeds
        Visible value of `maxspeed` in the words of OSM; None where hidden or not stated: these are imputed from those.
    """
    if find_spec("osmnx") is None:
        return "OSMnx is not installed (pip install osmnx)"
    import networkx as nx
    import osmnx

    # its guess looks at the attributes of edges alone, so that two nodes carry them all
    graph = nx.MultiDiGraph(crs=EPSG_4326)
    graph.add_node(0, x=0.0, y=0.0)
    graph.add_node(1, x=0.0, y=0.001)
    for row, (highway, maxspeed) in enumerate(zip(highways, maxspeeds, strict=True)):
        stated = {} if maxspeed is None else {"maxspeed": maxspeed}
        graph.add_edge(0, 1, key=row, osmid=row, highway=highway, **stated)
    try:
        done = osmnx.add_edge_speeds(graph)
    except ValueError as error:
        return f"OSMnx has no answer: {error}"
    return np.array([done.edges[0, 1, row].get("speed_kph", nan) for row in range(len(highways))], dtype=float)


def rounded(speeds: Floats, step: Floats) -> Floats:
    """Return speeds made whole to the next limit that signs show: means of limits are none themselves.

    Examples
    --------
    >>> rounded(np.array([46.3, 46.3]), np.array([10.0, 8.04672])).round(1).tolist()
    [50.0, 48.3]
    """
    whole: Floats = np.round(speeds / step) * step
    return whole
