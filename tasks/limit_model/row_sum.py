"""Sums over limits that do not depend on which other limits stand between."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def row_sums(values: Floats) -> Floats:
    """Return the sum of each row as a column, added up from left to right; shape (n, 1).

    NumPy adds several numbers at once, in an order that zeros between them change, and so the last digit.

    Examples
    --------
    >>> row_sums(np.array([[1.0, 2.0], [0.0, 3.0]])).tolist()
    [[3.0], [3.0]]
    """
    total = np.zeros((len(values), 1))
    for column in values.T:
        total[:, 0] += column
    return total
