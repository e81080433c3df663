"""Trains a language model of characters on a text and lets it write.

    python examples/char_lm.py --data PATH [--model gpt|lstm] [--steps N] [--sample N]

PATH is a text file, packed with gzip or not; its first 90 % are the training part. The validation loss is the mean
over the whole last tenth, in nats a character. `gpt` is a Transformer of 4 layers, 4 heads, width 128 and context 64,
`lstm` an LSTM of 256 units on the same windows. Of tiny Shakespeare (Karpathy, 2015) `gpt` reaches 1.75 nats, `lstm`
2.06. Last, a Transformer of context 1,024 writes as many characters with kept keys and values and without.
"""

from __future__ import annotations

import argparse
import gzip
import time
from pathlib import Path

import numpy as np

import lamina
from lamina import layers

CONTEXT = 64


def load(path: Path) -> tuple[np.ndarray, np.ndarray, str]:
    """Training and validation characters as indices, and the symbols in order."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = raw.decode("utf-8")
    symbols = "".join(sorted(set(text)))
    place = {c: i for i, c in enumerate(symbols)}
    codes = np.array([place[c] for c in text], np.int64)
    cut = len(codes) * 9 // 10
    return codes[:cut], codes[cut:], symbols


def build_gpt(symbols: int, width: int = 128, heads: int = 4, depth: int = 4, context: int = CONTEXT) -> lamina.Model:
    """A decoder-only Transformer, normalized in front of every part."""
    inputs = lamina.Input((None,), dtype="int64")
    x = layers.Embedding(symbols, width)(inputs)
    x = layers.Add()([x, layers.PositionEmbedding(context)(x)])
    for _ in range(depth):
        h = layers.LayerNormalization()(x)
        h = layers.MultiHeadAttention(heads, width // heads)(h, h, use_causal_mask=True)
        x = layers.Add()([x, h])
        h = layers.LayerNormalization()(x)
        h = layers.Dense(4 * width, activation="gelu")(h)
        x = layers.Add()([x, layers.Dense(width)(h)])
    return lamina.Model(inputs, layers.Dense(symbols)(layers.LayerNormalization()(x)))


def build_lstm(symbols: int, units: int = 256) -> lamina.Model:
    inputs = lamina.Input((CONTEXT,), dtype="int64")
    x = layers.Embedding(symbols, 64)(inputs)
    x = layers.LSTM(units, return_sequences=True)(x)
    return lamina.Model(inputs, layers.Dense(symbols)(x))


def windows(codes: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and, one character later, targets."""
    index = starts[:, None] + np.arange(CONTEXT)
    return codes[index], codes[index + 1]


def validation_loss(evaluate, codes: np.ndarray, batch: int = 64) -> float:
    """Mean loss over all windows of the part, side by side."""
    starts = np.arange(0, len(codes) - CONTEXT - 1, CONTEXT)
    total = 0.0
    for i in range(0, len(starts), batch):
        part = starts[i : i + batch]
        total += float(evaluate(*windows(codes, part))) * len(part)
    return total / len(starts)


def write(model: lamina.Model, symbols: str, length: int, use_cache: bool) -> str:
    """Characters drawn one after the other; the Transformer keeps keys and values of those before."""
    start = [symbols.index("\n") if "\n" in symbols else 0]
    codes = lamina.models.generate(model, start, length, temperature=0.8, context=CONTEXT, use_cache=use_cache, seed=0)
    return "".join(symbols[c] for c in codes[1:])


def times_as_fast(symbols: int, length: int) -> float:
    """How many times as fast a model of that context, not trained, writes with the cache as without."""
    model, seconds = build_gpt(symbols, context=length), []
    for use_cache in (True, False):
        start = time.perf_counter()
        lamina.models.generate(model, [0], length - 1, use_cache=use_cache, seed=0)
        seconds.append(time.perf_counter() - start)
    return seconds[1] / seconds[0]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--model", choices=["gpt", "lstm"], default="gpt")
    p.add_argument("--steps", type=int, default=2000)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--sample", type=int, default=500, help="characters to write at the end")
    p.add_argument("--long", type=int, default=1024, help="characters to write with the cache and without")
    options = p.parse_args()

    lamina.random.seed(0)
    rng = np.random.default_rng(0)
    train, validation, symbols = load(options.data)
    print(f"{len(train):,} characters to train, {len(validation):,} to validate, {len(symbols)} symbols")
    model = build_gpt(len(symbols)) if options.model == "gpt" else build_lstm(len(symbols))
    model.summary()

    loss_fn = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)
    rate = 1e-3 if options.model == "gpt" else 4e-3
    warmup = min(100, options.steps // 10)
    schedule = lamina.optimizers.schedules.CosineDecay(
        rate / 10, options.steps - warmup, alpha=0.05, warmup_target=rate, warmup_steps=warmup
    )
    optimizer = lamina.optimizers.Adam(schedule, beta_2=0.99, global_clipnorm=1.0)
    optimizer.build(model.trainable_weights)

    @lamina.capture
    def step(x: lamina.Tensor, y: lamina.Tensor) -> lamina.Tensor:
        loss = loss_fn(y, model(x, training=True))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    @lamina.capture
    def evaluate(x: lamina.Tensor, y: lamina.Tensor) -> lamina.Tensor:
        with lamina.no_grad():
            return loss_fn(y, model(x, training=False))

    start, recent = time.perf_counter(), []
    for i in range(1, options.steps + 1):
        recent.append(float(step(*windows(train, rng.integers(0, len(train) - CONTEXT, options.batch)))))
        if i % 250 == 0 or i == options.steps:
            loss = validation_loss(evaluate, validation)
            seconds = time.perf_counter() - start
            print(f"step {i:5d}  loss {np.mean(recent):.3f}  validation loss {loss:.3f}  {seconds:.0f} s", flush=True)
            recent = []
    print(f"\nvalidation loss: {loss:.3f} nats a character\n")
    start = time.perf_counter()
    text = write(model, symbols, options.sample, use_cache=options.model == "gpt")
    print(f"{text}\n\n{options.sample / (time.perf_counter() - start):.0f} characters a second")
    if options.model == "gpt":
        faster = times_as_fast(len(symbols), options.long)
        print(f"{options.long:,} characters are written {faster:.1f} times as fast with the cache as without")
        assert faster >= 10 or options.long < 1024, "expected to be 10 times as fast"
    reached = {"gpt": 1.75, "lstm": 2.06}[options.model]
    assert loss < reached or options.steps < 2000, f"expected a validation loss below {reached}"


if __name__ == "__main__":
    main()
