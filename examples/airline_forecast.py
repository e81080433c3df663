"""Forecasts monthly airline passengers with an LSTM, one month ahead, on the last third of the series.

    python examples/airline_forecast.py --data airline-passengers.csv [--epochs N]

144 months from 1949 to 1960 (Box and Jenkins, 1976). The network reads the growth of twelve months against the same
months a year before, and predicts that of the next; the root mean squared error is printed beside that of "the same
month last year", and a figure is drawn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import lamina
from lamina import layers

WINDOW, YEAR = 12, 12


def load(path: Path) -> np.ndarray:
    lines = [line.split(",") for line in path.read_text().splitlines()[1:] if line.strip()]
    return np.array([float(passengers) for _, passengers in lines])


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=150)
    p.add_argument("--out", type=Path, default=Path("out"))
    options = p.parse_args()

    lamina.random.seed(0)
    passengers = load(options.data)
    first = len(passengers) * 2 // 3  # of the months that are forecast
    growth = np.log(passengers[YEAR:] / passengers[:-YEAR])
    trained = growth[: first - YEAR]
    center, spread = trained.mean(), trained.std()
    z = ((growth - center) / spread).astype(np.float32)
    x = np.lib.stride_tricks.sliding_window_view(z[:-1], WINDOW)[..., None]
    y, month = z[WINDOW:, None], np.arange(YEAR + WINDOW, len(passengers))
    train = month < first

    model = lamina.Sequential([lamina.Input((WINDOW, 1)), layers.LSTM(32), layers.Dropout(0.2), layers.Dense(1)])
    model.compile(lamina.optimizers.Adam(3e-3), "mse")
    model.fit(x[train], y[train], epochs=options.epochs, batch_size=8, verbose=0)

    found = model.predict(x[~train], verbose=0)[:, 0] * spread + center
    truth, last_year = passengers[month[~train]], passengers[month[~train] - YEAR]
    forecast = last_year * np.exp(found)
    ours, naive = (float(np.sqrt(np.mean((f - truth) ** 2))) for f in (forecast, last_year))
    print(f"root mean squared error of {len(truth)} months: {ours:.2f} (the same month last year: {naive:.2f})")
    draw(passengers, month[~train], forecast, options.out / "airline_forecast.png")
    assert ours < naive, "expected to beat the same month last year"


def draw(passengers: np.ndarray, months: np.ndarray, forecast: np.ndarray, path: Path) -> None:
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
    ax.plot(1949 + np.arange(len(passengers)) / YEAR, passengers, color="#888888", label="passengers (thousands)")
    ax.plot(1949 + months / YEAR, forecast, color="#c4452f", label="forecast one month ahead")
    ax.set_xlabel("year")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=80)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
