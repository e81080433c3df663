"""Times training from JPEG files (decode, augment, batch) against training from arrays in memory.

    python benchmarks/input_pipeline.py [--size 32] [--files 1280] [--epochs 4] [--threads N ...] [--folder]

Writes gray JPEG files of random smooth pictures to a temporary folder, and trains the CNN of benchmarks/models.py
(batch 64 of 28 x 28) by fit, epochs from memory and from files in turn. Files are decoded, cropped at random to
28 x 28, mirrored at random, batched and prefetched by one thread (--folder: by image_dataset_from_directory, without
augmentation).

Decoding takes a core for a part of each step. With N cores, all of which train, a step of s ms and decoding of d ms a
batch can't take less than s + d / N, which is printed as the bound. Decoding "fits one core" where d is not longer than
the step of the threads that train, and a core is left to it: the line of N - 1 threads, where the ratio should be 0.9
or more. "cached": decoded in the first epoch and kept in memory, augmented in every one.

In front, a check whether the machine has the cores it shows: a loop in N processes against one. Times are minima.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import Any

import harness

SIDE, BATCH = 28, 64


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--size", type=int, default=32, help="height and width of the files' pictures, from 28")
    p.add_argument("--files", type=int, default=1280)
    p.add_argument("--epochs", type=int, default=4, help="epochs of each kind that are timed")
    p.add_argument("--threads", type=int, nargs="*", help="threads that train; all, and all but one")
    p.add_argument("--folder", action="store_true", help="read by image_dataset_from_directory")
    return p.parse_args()


def write(folder: str, n: int, size: int) -> tuple[list[str], Any]:
    """Smooth pictures of ten classes, a folder each; their paths and labels."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    paths, labels = [], rng.integers(0, 10, n)
    for i, label in enumerate(labels.tolist()):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 6), np.uint8))
        path = Path(folder) / str(label) / f"{i}.jpg"
        path.parent.mkdir(exist_ok=True)
        coarse.resize((size, size), Image.Resampling.BICUBIC).save(path, quality=90)
        paths.append(str(path))
    return paths, labels


def pipeline(folder: str, paths: list[str], labels: Any, use_folder: bool) -> dict[str, Any]:
    """Batches of the files, by what is done with them."""
    import numpy as np
    from PIL import Image

    import lamina

    def load(path: str, label: Any) -> Any:
        with Image.open(path) as image:
            return np.asarray(image), label

    def augment(pixels: Any, label: Any, rng: Any) -> Any:
        top, left = (rng.integers(size - SIDE + 1) for size in pixels.shape)
        pixels = pixels[top : top + SIDE, left : left + SIDE]
        return (pixels[:, ::-1] if rng.random() < 0.5 else pixels), label

    def scale(pixels: Any, label: Any) -> Any:
        return pixels[..., None] * np.float32(1 / 255), label

    files = lamina.data.Dataset.from_tensor_slices((paths, labels))

    def batches(images: Any) -> Any:
        return images.random_map(augment, seed=2).batch(BATCH, drop_remainder=True).map(scale)

    made = {
        "files": batches(files.shuffle(len(paths), seed=1).map(load)).prefetch(lamina.data.AUTOTUNE),
        "cached": batches(files.map(load).cache().shuffle(len(paths), seed=1)).prefetch(lamina.data.AUTOTUNE),
        "decode": batches(files.map(load)),
    }
    if use_folder:
        read = lamina.utils.image_dataset_from_directory(
            folder, color_mode="grayscale", batch_size=BATCH, image_size=(SIDE, SIDE), seed=1, verbose=False
        )
        made["files"] = read.map(lambda x, y: (x * np.float32(1 / 255), y))
    return made


def network() -> Any:
    import lamina
    import networks

    model = networks.cnn(lamina)
    model.compile("adam", lamina.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def compare(
    folder: str, paths: list[str], labels: Any, options: argparse.Namespace, threads: int, everything: int
) -> None:
    import numpy as np

    import lamina

    lamina.set_num_threads(threads)
    steps = len(paths) // BATCH
    x, y = np.random.default_rng(0).random((steps * BATCH, SIDE, SIDE, 1), np.float32), labels[: steps * BATCH]
    made = pipeline(folder, paths, labels, options.folder)
    model = network()
    kinds: dict[str, tuple[Any, ...]] = {"memory": (x, y), "files": (made["files"],), "cached": (made["cached"],)}
    times: dict[str, list[float]] = {kind: [] for kind in (*kinds, "decode")}

    def timed(kind: str, work: Any) -> None:
        begin = time.perf_counter()
        work()
        times[kind].append(1e3 * (time.perf_counter() - begin) / steps)

    for _ in range(options.epochs + 1):
        for kind, data in kinds.items():
            timed(kind, lambda d=data, k=kind: model.fit(*d, batch_size=BATCH if k == "memory" else None, verbose=0))
        timed("decode", lambda: list(made["decode"]))
    best = {kind: min(found[1:]) for kind, found in times.items()}  # the first epoch captures the step, fills the cache
    bound = best["memory"] / (best["memory"] + best["decode"] / threads) if threads == everything else 1.0
    row = [best[kind] for kind in ("decode", "memory", "files", "cached")]
    row += [best["memory"] / best["files"], best["memory"] / best["cached"]]
    print(f"{threads:7}" + "".join(f"{value:10.2f}" for value in row) + f"{bound:10.2f}")


def cores() -> int:
    return int(harness.machine()["threads"])


def loop(times: Any, together: Any) -> None:
    together.wait()
    begin = time.perf_counter()
    for _ in range(5_000_000):
        pass
    times.put(time.perf_counter() - begin)


def slowest_of(n: int) -> float:
    context = multiprocessing.get_context("spawn")
    times, together = context.Queue(), context.Barrier(n)
    processes = [context.Process(target=loop, args=(times, together)) for _ in range(n)]
    for process in processes:
        process.start()
    slowest = max(times.get() for _ in processes)
    for process in processes:
        process.join()
    return slowest


def has_its_cores(n: int) -> float:
    """How much of its speed each of n loops keeps beside the others."""
    return min(slowest_of(1) for _ in range(3)) / min(slowest_of(n) for _ in range(3))


def main() -> None:
    harness.clean_environment()
    options = arguments()
    everything = cores()
    print(f"loops in {everything} processes keep {has_its_cores(everything):.2f} of their speed")
    with tempfile.TemporaryDirectory() as folder:
        paths, labels = write(folder, options.files, options.size)
        print(f"{options.files} files of {options.size} x {options.size}; milliseconds a batch of {BATCH}")
        print("threads    decode    memory     files    cached     ratio    cached     bound")
        for threads in options.threads or dict.fromkeys([everything, max(1, everything - 1)]):
            compare(folder, paths, labels, options, threads, everything)


if __name__ == "__main__":
    main()
