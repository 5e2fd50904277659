"""The speed limit of one segment where probes are heard beside all else."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.limit_evidence import Around, Evidence
from tasks.speed_limit import SpeedLimit, Stated, weighed
from tasks.speed_rule import Rule

Row = Mapping[str, Any]


def probed_limit(
    *,
    rules: Sequence[Rule],
    forward: Row | None,
    backward: Row | None,
    reason: str | None,
    evidence: Sequence[Evidence],
    jurisdictions: Sequence[Row],
    built_up: float,
    built_up_note: str,
    signs: Sequence[Row],
    legal: Sequence[Row],
    implied: Sequence[Row],
    nearest_id: str | None,
    nearest_limit: str | None,
    nearest_m: float,
    odds: Sequence[Row],
    probes: Sequence[Row] | None,
) -> SpeedLimit:
    """Return the limit of a segment, what it rests on and how sure it is, as `speed_limit` does, with probes heard.

    They multiply the odds of each limit by how likely the observed speeds are under it. What is stated of the segment
    still decides; where they make it more likely wrong than right the evidence says so.

    Parameters
    ----------
    probes
        As in PROBE_LIMIT; all else as in `speed_limit`.

    Examples
    --------
    >>> odds = [{"limit": f"{kmh} km/h", "probability": 0.5, "learned": 0.5, "along": 0.0} for kmh in (30, 50)]
    >>> likelihood = [{"limit": "50 km/h", "likelihood": 1.0}, {"limit": "30 km/h", "likelihood": 0.05}]
    >>> found = probed_limit(
    ...     rules=[], forward=None, backward=None, reason="not_posted", evidence=[],
    ...     jurisdictions=[{"code": "FI", "between": None}], built_up=0.9, built_up_note="for: buildings within 60 m",
    ...     signs=[], legal=[], implied=[], nearest_id=None, nearest_limit=None, nearest_m=0.0, odds=odds,
    ...     probes=[{"heading": "forward", "traces": 20, "free_flow_kmh": 48.0, "likelihood": likelihood}],
    ... )
    >>> found.max_speed_forward_kmh, found.basis, round(found.confidence, 2)
    (50.0, 'probe', 0.95)
    """
    beside = (built_up, built_up_note, signs, legal, implied, nearest_id, nearest_limit, nearest_m, odds)
    around = Around(*beside, probes or ())
    return weighed(Stated(rules, forward, backward, reason, evidence), jurisdictions, around)
