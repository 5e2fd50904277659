"""Arrays of records, which the matcher's loops work on."""

from typing import Any

import numpy as np
import numpy.typing as npt

Records = npt.NDArray[Any]
"""An array of records: one array for all that is known of a thing, since every call hands on each."""


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
