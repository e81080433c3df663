"""Reads digits by a network in a scikit-learn pipeline, whose width and dropout a grid search chooses.

    pip install ".[sklearn]" && python examples/digits_search.py [--jobs N]

The data are scikit-learn's 1,797 handwritten digits, 8 x 8 greys each. The search tries each choice by three-fold
cross-validation, in several processes; the best one is tried on a quarter held out, beside logistic regression. The
same random_state gives the same network in any number of processes.
"""

from __future__ import annotations

import argparse
import warnings

from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from lamina.sklearn import MLPClassifier

warnings.filterwarnings("ignore", "MLPClassifier: max_iter")  # a fixed number of passes is meant


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1, help="processes of the search")
    parser.add_argument("--passes", type=int, default=40, help="passes over the data of each training")
    args = parser.parse_args()
    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.25, stratify=y, random_state=0)
    network = MLPClassifier(batch_size=32, max_iter=args.passes, dtype="float32", random_state=0)
    grid = {
        "mlpclassifier__hidden_layer_sizes": [(32,), (256, 256)],
        "mlpclassifier__dropout": [0.0, 0.4],
    }
    search = GridSearchCV(make_pipeline(MinMaxScaler(), network), grid, cv=3, n_jobs=args.jobs).fit(x, y)
    for name, value in search.best_params_.items():
        print(f"{name.partition('__')[2]}: {value}")
    regression = make_pipeline(MinMaxScaler(), LogisticRegression(max_iter=1000)).fit(x, y)
    found, simple = search.score(x_test, y_test), regression.score(x_test, y_test)
    print(f"digits held out: {found:.3f} (logistic regression {simple:.3f})")
    assert found >= 0.97


if __name__ == "__main__":
    main()
