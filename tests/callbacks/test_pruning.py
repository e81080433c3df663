"""OptunaPruning, alone and through an estimator that is cloned."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

import lamina


class Trial:
    def __init__(self):
        self.told = []

    def report(self, value, step):
        self.told.append((step, value))

    def should_prune(self):
        return False


def model():
    net = lamina.Sequential([lamina.Input((2,)), lamina.layers.Dense(1)])
    net.compile("sgd", "mse")
    return net


def test_each_epoch_is_told():
    trial = Trial()
    pruning = copy.deepcopy(lamina.callbacks.OptunaPruning(trial, "loss"))
    history = model().fit(np.ones((4, 2)), np.ones((4, 1)), epochs=3, verbose=0, callbacks=[pruning])
    assert trial.told == list(enumerate(history.history["loss"]))
    with pytest.raises(ValueError, match="'val_loss' is not among the logs loss"):
        model().fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0, callbacks=[lamina.callbacks.OptunaPruning(trial)])


def test_optuna_prunes():
    optuna = pytest.importorskip("optuna")
    pytest.importorskip("sklearn")
    from sklearn.base import clone
    from sklearn.datasets import make_classification

    x, y = make_classification(200, random_state=0)
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial):
        rate = 10.0 ** trial.suggest_int("rate", -9, -2)
        pruning = lamina.callbacks.OptunaPruning(trial, "validation_score")
        net = lamina.sklearn.MLPClassifier(
            (8,),
            learning_rate_init=rate,
            early_stopping=True,
            batch_size=8,
            tol=0,
            max_iter=12,
            random_state=0,
            callbacks=[pruning],
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # training still gets on after so few epochs
            return clone(net).fit(x, y).best_validation_score_

    pruner = optuna.pruners.ThresholdPruner(lower=0.7, n_warmup_steps=8)
    sampler = optuna.samplers.GridSampler({"rate": [-9, -2]}, seed=0)
    study = optuna.create_study(direction="maximize", pruner=pruner, sampler=sampler)
    study.optimize(objective, n_trials=2)
    states = {t.params["rate"]: t.state.name for t in study.trials}
    assert states == {-9: "PRUNED", -2: "COMPLETE"}
    assert study.best_params == {"rate": -2}
