"""Prophet: a trend that may bend, and what comes again each day and each week."""

import logging
import tempfile
from importlib.metadata import version

from apps.forecast.history import HOUR, WEEK, History
from apps.forecast.model import Model


def prophet(history: History, hours: int) -> list[float]:
    """Return the next hours. Raises RuntimeError and ValueError for a history that it cannot be fitted to."""
    # They say of each start that nothing can be drawn, and of each fit that it began and ended; what fails is raised.
    for name in ("prophet.plot", "cmdstanpy"):
        logging.getLogger(name).disabled = True
    # Here: they take seconds, which a series that keeps its baseline need not wait for.
    import pandas as pd
    from prophet import Prophet

    model = Prophet(
        daily_seasonality=True,
        # Of less than two weeks nobody can say what comes again each week.
        weekly_seasonality=len(history.values) >= 2 * WEEK,
        yearly_seasonality=False,
        # The band is of errors that were measured (backtest.py), not of what the model believes of itself.
        uncertainty_samples=0,
    )
    # Prophet's times have no zone: all are UTC.
    first, end = (pd.Timestamp(at).tz_convert(None) for at in (history.first, history.end))
    known = pd.DataFrame({"ds": pd.date_range(first, periods=len(history.values), freq=HOUR), "y": history.values})
    # Each fit leaves its files behind: thousands would fill a pod's small /tmp.
    with tempfile.TemporaryDirectory() as scratch:
        model.fit(known.dropna(), seed=1, output_dir=scratch)
    future = pd.DataFrame({"ds": pd.date_range(end, periods=hours, freq=HOUR)})
    return [float(value) for value in model.predict(future)["yhat"]]


PROPHET = Model("prophet", version("prophet"), prophet)
