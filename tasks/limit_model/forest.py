"""A forest of trees as one Arrow table: grown by scikit-learn, kept as plain numbers, asked by a compiled loop."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.kernel import compiled

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

TREES = 100
LEAST_IN_LEAF = 3
SHARE_TRIED = 0.4
"""Trees, examples in a leaf at least, and the share of attributes tried for a split."""


@dataclass(frozen=True)
class Forest:
    """Trees one after another; the children of node i are left[i] and right[i], -1 in a leaf."""

    roots: Ints
    left: Ints
    right: Ints
    attribute: Ints
    threshold: Floats
    """Up to this value goes left; attributes are compared in single precision."""
    shares: Floats32
    """Share of each limit in the node; shape (nodes, limits)."""

    def predict(self, attributes: Floats) -> Floats:
        """Return the share of each limit for segments; shape (n, limits), each row adds up to 1."""
        nodes = (self.roots, self.left, self.right, self.attribute, self.threshold, self.shares)
        found: Floats = _predict(*nodes, attributes.astype(np.float32))
        return found

    def to_table(self) -> pa.Table:
        """Return the nodes as rows."""
        is_root = np.zeros(len(self.left), dtype=bool)
        is_root[self.roots] = True
        shares = pa.FixedSizeListArray.from_arrays(pa.array(self.shares.ravel()), self.shares.shape[1])
        columns = [is_root, self.left, self.right, self.attribute, self.threshold]
        names = ["is_root", "left", "right", "attribute", "threshold", "shares"]
        return pa.Table.from_arrays([*map(pa.array, columns), shares], names=names)

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """Return the forest written by `to_table`."""
        whole = table.combine_chunks()
        shares = whole.column("shares").chunk(0)
        columns = {name: whole.column(name).to_numpy() for name in ("left", "right", "attribute", "threshold")}
        values = shares.flatten().to_numpy().reshape(len(whole), -1)
        return cls(np.flatnonzero(whole.column("is_root").to_numpy()).astype(np.int32), **columns, shares=values)


def grow(attributes: Floats, limits: Sequence[int], weights: Floats, *, count: int, seed: int = 0) -> Forest:
    """Return a forest of extremely randomized trees (Geurts, Ernst, Wehenkel 2006) that tells limits by attributes.

    Parameters
    ----------
    attributes
        Shape (n, attributes).
    limits
        Number of the limit of each example, below `count`.
    weights
        How much each example counts.
    """
    from sklearn.ensemble import ExtraTreesClassifier

    trees = ExtraTreesClassifier(
        TREES, min_samples_leaf=LEAST_IN_LEAF, max_features=SHARE_TRIED, random_state=seed, n_jobs=-1
    )
    trees.fit(attributes.astype(np.float32), np.asarray(limits), sample_weight=weights)
    known = trees.classes_.astype(np.int64)
    parts = [each.tree_ for each in trees.estimators_]
    roots = np.cumsum([0, *(part.node_count for part in parts)])[:-1]
    shares = np.zeros((sum(part.node_count for part in parts), count), dtype=np.float32)
    values = np.concatenate([part.value[:, 0, :] for part in parts])
    shares[:, known] = values / values.sum(axis=1, keepdims=True)
    return Forest(
        roots=roots.astype(np.int32),
        left=_children([part.children_left for part in parts], roots),
        right=_children([part.children_right for part in parts], roots),
        attribute=np.concatenate([part.feature for part in parts]).astype(np.int32),
        threshold=np.concatenate([part.threshold for part in parts]),
        shares=shares,
    )


def _children(sides: Sequence[npt.NDArray[np.int64]], roots: npt.NDArray[np.int64]) -> Ints:
    """Return the children of all nodes by their place among all trees, -1 in leaves."""
    moved = [np.where(side >= 0, side + root, -1) for side, root in zip(sides, roots, strict=True)]
    return np.concatenate(moved).astype(np.int32)


@compiled
def _predict(
    roots: Ints, left: Ints, right: Ints, attribute: Ints, threshold: Floats, shares: Floats32, rows: Floats32
) -> Floats:
    found = np.zeros((len(rows), shares.shape[1]))
    for row in range(len(rows)):
        for root in roots:
            node = root
            while left[node] >= 0:
                node = left[node] if rows[row, attribute[node]] <= threshold[node] else right[node]
            found[row] += shares[node]
    return found / len(roots)
