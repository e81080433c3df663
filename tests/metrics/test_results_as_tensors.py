"""Results of metrics answer ``.numpy()``, as Keras's tensors do, and stay numbers and arrays."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest

from lamina import metrics

YES = np.float32([[0, 1], [1, 0]])
NO = np.float32([[0.2, 0.7], [0.4, 0.1]])


@pytest.mark.parametrize(
    "name", ["Mean", "Sum", "Precision", "AUC", "BinaryAccuracy", "RootMeanSquaredError", "R2Score"]
)
def test_numbers(name):
    metric = getattr(metrics, name)()
    value = metric(YES) if name in ("Mean", "Sum") else metric(YES, NO)
    assert isinstance(value, float)
    assert value.shape == ()
    assert value.ndim == 0
    assert value.numpy() == value == value.item() == np.asarray(value)
    assert type(value.item()) is float
    assert isinstance(value.numpy(), np.floating)
    assert f"{value:.3f}" == f"{float(value):.3f}"
    assert repr(value) == repr(float(value))
    assert type(pickle.loads(pickle.dumps(value))) is float
    assert json.loads(json.dumps(value)) == value
    assert copy.deepcopy(value) == value


def test_arrays():
    value = metrics.F1Score(threshold=0.5)(YES, NO)
    assert type(value.numpy()) is np.ndarray
    assert value.numpy().tolist() == value.tolist()
    assert repr(value) == repr(value.numpy())
    assert type(pickle.loads(pickle.dumps(value))) is np.ndarray


def test_metrics_of_ones_own():
    class Own(metrics.Mean):
        def result(self):
            return 2 * super().result()

    class Dict(metrics.Metric):
        def result(self):
            return {"a": 1.0}

    assert Own()([1.0, 2.0]).numpy() == 3
    assert Dict().result() == {"a": 1.0}


def test_functions_of_ones_own_get_lists_as_arrays():
    metric = metrics.MeanMetricWrapper(lambda y_true, y_pred: abs(y_true - y_pred), name="distance")
    assert metric([1.0, 2.0], (3.0, 5.0)) == 2.5
