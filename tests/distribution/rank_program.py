"""What mpiexec starts: trains scenarios under a distribution; every rank writes what it found to FOLDER/RANK.npz.

rank_program.py FOLDER SHARDS (0: none) NAME ...      names: scenarios, or networks as "network:cnn"
"""

from __future__ import annotations

import pickle
import sys
import warnings
from pathlib import Path

import scenarios

import lamina
from lamina import distribution


def main(folder: str, shards: str, *names: str) -> None:
    warnings.simplefilter("error", lamina.CaptureWarning)
    way = distribution.DataParallel(shards=int(shards) or None)
    distribution.set_distribution(way)
    found = {}
    for name in names:
        lamina.random.seed(11)
        lamina.utils.clear_session()
        run = scenarios.SCENARIOS.get(name) or (lambda name=name: scenarios.network(name.partition(":")[2]))
        found[name] = run()
    with open(Path(folder) / f"{way.data_shard_id}.pickle", "wb") as file:
        pickle.dump(found, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
