"""How sure the segment and heading chosen for each point are: the forward–backward pass over the lattice."""

import math

import numpy as np

from tasks.kernel import compiled_bare as compiled
from tasks.match_kernel import Records
from tasks.match_lattice import LEAST_ODDS, Lattice

LEAST_NATS = 60.0
"""Ways so much worse than the best between two points are no ways."""


@compiled
def weigh(lattice: Lattice, start: int, end: int, spans: Records) -> None:
    """Write the probability of the segment and heading chosen in columns `start` up to `end` into `confidence`.

    The forward–backward algorithm (Baum et al. 1970), scaled in each column.
    """
    for column in range(start, end):
        _to_odds(lattice, column, column > start)
    _forward(lattice, start, end)
    _backward(lattice, start, end)
    for column in range(start, end):
        edge = lattice.state[lattice.column[column].chosen].edge
        mine, all_of_them = 0.0, 0.0
        for state in range(lattice.column[column].first, lattice.column[column + 1].first):
            both = lattice.state[state].ahead * lattice.state[state].odds * lattice.state[state].behind
            all_of_them += both
            other = lattice.state[state].edge
            if spans[other >> 1].segment == spans[edge >> 1].segment and (other ^ edge) & 1 == 0:
                mine += both
        lattice.column[column].confidence = mine / all_of_them if all_of_them > 0 else 0.0


@compiled
def _to_odds(lattice: Lattice, column: int, has_before: bool) -> None:
    """Make odds out of the costs of a column and of the ways to it, the best of each being 1."""
    low, high = lattice.column[column].first, lattice.column[column + 1].first
    least = np.inf
    for state in range(low, high):
        least = min(least, lattice.state[state].emission)
    for state in range(low, high):
        lattice.state[state].odds = math.exp(least - lattice.state[state].emission)
    if has_before:
        block = lattice.column[column].block
        size = (low - lattice.column[column - 1].first) * (high - low)
        least = np.inf
        for place in range(block, block + size):
            least = min(least, lattice.weight[place])
        for place in range(block, block + size):
            nats = lattice.weight[place] - least
            lattice.weight[place] = math.exp(-nats) if nats < LEAST_NATS else 0.0


@compiled
def _forward(lattice: Lattice, start: int, end: int) -> None:
    """Write what the points before say of each state."""
    states = lattice.state
    for state in range(lattice.column[start].first, lattice.column[start + 1].first):
        states[state].ahead = 1.0
    for column in range(start + 1, end):
        low, high = lattice.column[column - 1].first, lattice.column[column].first
        stop, block = lattice.column[column + 1].first, lattice.column[column].block
        total = 0.0
        for state in range(high, stop):
            mass = 0.0
            for before in range(low, high):
                weight = lattice.weight[block + (before - low) * (stop - high) + state - high]
                mass += states[before].ahead * states[before].odds * weight
            states[state].ahead = mass
            total += mass
        for state in range(high, stop):
            states[state].ahead /= max(total, LEAST_ODDS)


@compiled
def _backward(lattice: Lattice, start: int, end: int) -> None:
    """Write what the points behind say of each state."""
    states = lattice.state
    for state in range(lattice.column[end - 1].first, lattice.column[end].first):
        states[state].behind = 1.0
    for column in range(end - 1, start, -1):
        low, high = lattice.column[column - 1].first, lattice.column[column].first
        stop, block = lattice.column[column + 1].first, lattice.column[column].block
        total = 0.0
        for before in range(low, high):
            mass = 0.0
            for state in range(high, stop):
                weight = lattice.weight[block + (before - low) * (stop - high) + state - high]
                mass += states[state].behind * states[state].odds * weight
            states[before].behind = mass
            total += mass
        for before in range(low, high):
            states[before].behind /= max(total, LEAST_ODDS)
