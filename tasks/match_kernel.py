"""How the matcher's loops are compiled, and the arrays of records that they work on."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from tasks.kernel import _kept_apart

F = TypeVar("F", bound=Callable[..., Any])

Records = npt.NDArray[Any]
"""An array of records: one array for all that is known of a thing, since every call hands on each."""


def compiled(function: F) -> F:
    """Return a function that Numba compiles without counts of references to arrays.

    A count is an atomic addition, and every call takes one for each array that it is given: they took half of all
    time. Neither such a function nor what it calls may make an array, or a view of one.
    """
    njit: Any = numba.njit  # whose published types do not know `_nrt`
    with _kept_apart():
        return cast(F, njit(cache=True, nogil=True, error_model="numpy", _nrt=False)(function))


def kind(**types: str) -> np.dtype[Any]:
    """Return the type of a record whose fields lie where a processor wants them.

    Examples
    --------
    >>> kind(stretch="i4", metres="f8").itemsize
    16
    """
    return np.dtype(list(types.items()), align=True)


def records(form: np.dtype[Any], **columns: Any) -> Records:
    """Return records out of columns of one length, one for each field of `form`.

    Examples
    --------
    >>> records(kind(stretch="i4", metres="f8"), stretch=[1, 2], metres=[3.5, 4.0])["metres"].tolist()
    [3.5, 4.0]
    """
    made = np.empty(len(next(iter(columns.values()))), dtype=form)
    for name in form.names or ():
        made[name] = columns[name]
    return made
