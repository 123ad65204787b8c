"""Makes data frames of pandas and polars from columns; imports these libraries only then."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from posetube.errors import MissingExtraError

Columns = Mapping[str, np.ndarray]
"""Names and (R,) arrays, all of one length."""


def pandas_frame(columns: Columns) -> Any:
    """The columns as a ``pandas.DataFrame``.

    Raises:
        MissingExtraError: If pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise MissingExtraError("to_pandas needs pandas; run: pip install pandas") from None
    return pandas.DataFrame(dict(columns))


def polars_frame(columns: Columns) -> Any:
    """The columns as a ``polars.DataFrame``.

    Raises:
        MissingExtraError: If polars is not installed.
    """
    try:
        import polars
    except ImportError:
        raise MissingExtraError("to_polars needs polars; run: pip install polars") from None
    return polars.DataFrame(dict(columns))
