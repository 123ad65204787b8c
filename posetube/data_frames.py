"""Makes data frames of pandas and polars from columns; imports these libraries only then."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from posetube.optional_library import optional_library

Columns = Mapping[str, np.ndarray]
"""Names and (R,) arrays, all of one length."""


def pandas_frame(columns: Columns) -> Any:
    """The columns as a ``pandas.DataFrame``.

    Raises:
        MissingExtraError: If pandas is not installed.
    """
    pandas = optional_library("pandas", purpose="to_pandas", install="pandas")
    return pandas.DataFrame(dict(columns))


def polars_frame(columns: Columns) -> Any:
    """The columns as a ``polars.DataFrame``.

    Raises:
        MissingExtraError: If polars is not installed.
    """
    polars = optional_library("polars", purpose="to_polars", install="polars")
    return polars.DataFrame(dict(columns))
