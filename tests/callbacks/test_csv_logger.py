"""The lines of CSVLogger."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamina.callbacks import CSVLogger


def write(logger, *logs, validation=False, first=0):
    logger.set_params({"validation": validation})
    logger.on_train_begin()
    for epoch, each in enumerate(logs, first):
        logger.on_epoch_end(epoch, each)
    logger.on_train_end()
    return Path(logger.filename).read_text().splitlines()


def test_lines(tmp_path):
    path = tmp_path / "log.csv"
    assert write(CSVLogger(path), {"loss": 1.0, "acc": 0.5}, {"loss": 0.5, "acc": 1}) == [
        "epoch,acc,loss", "0,0.5,1.0", "1,1,0.5",
    ]  # fmt: skip
    assert write(CSVLogger(path), {"loss": 2.0}) == ["epoch,loss", "0,2.0"]  # anew
    logger = CSVLogger(path, ";", append=True)
    path.write_text("")
    assert write(logger, {"loss": 3.0}, None) == ["epoch;loss", "0;3.0", "1;NA"]
    assert write(logger, {"loss": 4.0, "more": 1}, first=2)[-1] == "2;4.0"
    (tmp_path / "log.csv").unlink()
    assert write(logger, {"loss": 5.0}) == ["epoch;loss", "0;5.0"]


def test_columns_of_a_validation_that_comes_later(tmp_path):
    """In an epoch without one there stands NA; names of the first epoch that has one are not doubled."""
    later = write(CSVLogger(tmp_path / "a.csv"), {"loss": 1.0}, {"loss": 2.0, "val_loss": 3.0}, validation=True)
    assert later == ["epoch,loss,val_loss", "0,1.0,NA", "1,2.0,3.0"]
    at_once = write(CSVLogger(tmp_path / "b.csv"), {"loss": 2.0, "val_loss": 3.0}, validation=True)
    assert at_once == ["epoch,loss,val_loss", "0,2.0,3.0"]
    assert write(CSVLogger(tmp_path / "c.csv"), {"loss": 2.0}) == ["epoch,loss", "0,2.0"]


@pytest.mark.parametrize("separator", ["", ",,", None, 3])
def test_separators_are_one_character(separator):
    with pytest.raises((ValueError, TypeError), match="separator must be"):
        CSVLogger("log.csv", separator)


def test_an_epoch_outside_of_training_is_left_out(tmp_path):
    logger = CSVLogger(tmp_path / "log.csv")
    logger.on_epoch_end(0, {"loss": 1.0})
    logger.on_train_end()
    assert not (tmp_path / "log.csv").exists()
