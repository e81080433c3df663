"""Programs: calls of everything public and native, half of them plausible and half of them wrong."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import lamina
from lamina import layers, losses, metrics, ops, optimizers, schedules

from . import checks, source
from .arguments import Arguments, is_keyword, split
from .surface import (
    LAYERS,
    LOSS_FUNCTIONS,
    LOSSES,
    METRIC_FUNCTIONS,
    METRICS,
    NATIVE,
    OPS,
    OPTIMIZERS,
    OTHERS,
    SCHEDULES,
)  # fmt: skip

SEEDS = [p.strip() for p in (Path(__file__).parent / "seeds.txt").read_text().split("\n\n") if p.strip()]
ENDLESS = re.compile(r"(epochs|steps|per_epoch)=[^,)]*(\*\*|\d{3})")  # as long as it is told to
BY_VALUE = ("bincount",)  # values decide the shape of the result
RANDOM = ("dropout", "empty", "empty_like")  # another result at every call
OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "^", "<", "<=", ">", "==", "!=", "<<", "and")
OF_NUMPY = ("sum", "mean", "max", "prod", "std", "argmax", "cumsum", "reshape", "transpose", "squeeze", "clip", "all")


def _ranks(layer: str) -> tuple[int, ...]:
    """Ranks of the input of a layer, from its name; most of them right."""
    if "2D" in layer:
        return (4, 4, 4, 3, 5)
    sequences = ("LSTM", "GRU", "RNN", "Bidirectional", "TimeDistributed", "Masking", "Position", "Attention", "1D")
    return (3, 3, 3, 2, 4) if any(word in layer for word in sequences) else (2, 2, 3, 4)


class Programs(Arguments):
    """Draws programs; ``make(kind)`` gives one of a kind in ``KINDS``."""

    def make(self, kind: str) -> str:
        """A program of this kind; of another shape at every call."""
        self.huge = kind in ("ops", "native")
        while True:
            program = getattr(self, f"_{kind}")()
            if not ENDLESS.search(program):
                return program

    def _ops(self) -> str:
        if self.chance(0.35):
            return self._seed("ops.")
        self.base = self.shape()
        name = self.pick(OPS)
        args = self.arguments(getattr(ops, name))
        lines, names = [], []
        for i, argument in enumerate(split(args)):
            if not is_keyword(argument):
                lines.append(f"a{i} = {argument}")
                argument = f"a{i}"
            names.append(argument)
        call, tensors = ", ".join(names), ", ".join(n for n in names if not is_keyword(n))
        kind = self.rng.randrange(10)
        comma = ", " if call else ""
        if kind < 2 and name not in RANDOM:
            lines.append(f"r = check.layouts(ops.{name}{comma}{call})")
        elif kind == 2 and tensors and name not in (*RANDOM, *BY_VALUE):
            lines.append(f"r = check.drawn(ops.{name}, {call})")
        elif kind < 6:
            lines += [f"r = ops.{name}({call})", f"check.backward(r{', ' if tensors else ''}{tensors})"]
        else:
            lines.append(f"r = ops.{name}({call})")
        return "\n".join(lines)

    def _tensor(self) -> str:
        """Operators and methods of tensors, NumPy's functions on them, indexing."""
        self.base = self.shape()
        first = f"Tensor({self.array(self.base)}, requires_grad=True)" if self.chance(0.5) else self.operand()
        kind = self.rng.randrange(5)
        if kind == 0:
            operator = self.pick(OPERATORS)
            two = (f"Tensor({self.array(self.base)})", self.operand() if self.chance(0.7) else self.junk())
            one, other = two if self.chance(0.5) else two[::-1]
            return f"a0 = {one}\na1 = {other}\nr = a0 {operator} a1\ncheck.backward(r, a0, a1)"
        if kind == 1:
            keys = [self._index() for _ in range(self.rng.choice((0, 1, 1, 1, 2, 2, 3)))]
            key = keys[0] if len(keys) == 1 else f"({', '.join(keys)})"
            return f"a0 = {first}\na1 = {key}\nr = ops.convert_to_tensor(a0)[a1]\ncheck.backward(r, a0)"
        if kind == 2:
            methods = [n for n in vars(lamina.Tensor) if n[0] != "_" and callable(getattr(lamina.Tensor, n))]
            values = ", ".join(
                self.integer() if self.chance(0.5) else self.junk() for _ in range(self.rng.randrange(3))
            )
            return f"a0 = Tensor({self.array(self.base)})\nr = a0.{self.pick(sorted(methods))}({values})"
        name = self.pick(OF_NUMPY)
        values = ", ".join(self.integer() if self.chance(0.8) else self.junk() for _ in range(self.rng.randrange(3)))
        return f"a0 = Tensor({self.array(self.base)})\nr = np.{name}(a0{', ' if values else ''}{values})"

    def _index(self) -> str:
        kind = self.rng.randrange(8)
        if kind < 2:
            return self.integer()
        if kind < 4:
            parts = [self.integer() if self.chance(0.5) else "None" for _ in range(3)]
            return f"slice({', '.join(parts)})"
        if kind == 4:
            return self.pick(("None", "...", "True", "slice(None)"))
        if kind == 5:
            return f"np.array({self.integers()})"
        if kind == 6:
            return f"{self.array(self.base, 'f4')} > 0"
        return self.junk()

    def _layers(self) -> str:
        if self.chance(0.3):
            return self._seed("layers.")
        name = self.pick(LAYERS)
        lines = [f"layer = layers.{name}({self.arguments(getattr(layers, name).__init__)})"]
        rank = self.rng.choice(_ranks(name))
        self.base = self.shape(rank if self.chance(0.9) else None, 512)
        several = name in ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract", "Concatenate", "Dot")
        value = self.tensor(self.base, "i4" if name == "Embedding" and self.chance(0.7) else None)
        if several if self.chance(0.9) else self.chance(0.1):
            value = f"[{', '.join(self.operand() for _ in range(self.rng.choice((1, 2, 2, 3))))}]"
        elif self.chance(0.05):
            value = self.junk()
        lines.append(f"a0 = {value}")
        lines.reverse()
        training = self.pick(("", ", training=True", ", training=False", f", mask={self.tensor(self.base[:2], '?')}"))
        kind = self.rng.randrange(8)
        if kind == 0:
            return "\n".join([*lines, "again = check.round_trip(layer)", "r = again(a0)", "check.round_trip(again)"])
        if kind == 1:
            return "\n".join([*lines, "r = check.drawn(layer, a0)"])
        if kind == 2:
            return "\n".join([*lines, f"m = check.model(layer, shape={self.base[1:]})", "m(a0)", "check.saved(m, a0)"])
        if kind == 3:
            return "\n".join([*lines, f"r = layer.compute_output_shape({self.base})"])
        more = ["r = layer(a0)", f"w = lamina.Tensor({self.array()})"] if kind == 4 else []
        more = more[:1] + ["layer.set_weights([w * 0.5 for w in layer.get_weights()])"] if more else more
        return "\n".join([*lines, *more, f"r = layer(a0{training})", "check.backward(r, a0, *layer.weights)"])

    def _losses(self) -> str:
        self.base = self.shape(self.rng.choice((1, 2, 2, 2, 3)), 256)
        true = self.operand()
        if self.chance(0.4):
            true = f"np.zeros({self.base[:-1]}, 'i4') + {self.integer()}"
        weight = self.pick(
            ("", "", f", sample_weight={self.tensor(self.base[:-1])}", f", sample_weight={self.operand()}")
        )
        lines = [f"a0 = {true}", f"a1 = {self.operand()}"]
        if self.chance(0.3):
            name = self.pick(LOSS_FUNCTIONS)
            options = self.arguments(getattr(losses, name), first=False)
            lines.append(f"r = losses.{name}(a0, a1{', ' + options if options else ''})")
        else:
            name = self.pick(LOSSES)
            lines.append(f"loss = losses.{name}({self.arguments(getattr(losses, name).__init__)})")
            lines += [f"r = loss(a0, a1{weight})", "again = check.round_trip(loss)"]
        return "\n".join([*lines, "check.backward(r, a0, a1)"])

    def _metrics(self) -> str:
        self.base = self.shape(self.rng.choice((1, 2, 2, 2, 3)), 256)
        true = f"np.zeros({self.base[:-1]}, 'i4')" if self.chance(0.3) else self.operand()
        lines = [f"a0 = {true}", f"a1 = {self.operand()}"]
        if self.chance(0.2):
            return "\n".join([*lines, f"r = metrics.{self.pick(METRIC_FUNCTIONS)}(a0, a1)"])
        name = self.pick(METRICS)
        weight = self.pick(
            ("", "", f", sample_weight={self.tensor(self.base[:-1])}", f", sample_weight={self.operand()}")
        )
        values = "a1" if name == "Mean" else "a0, a1"
        lines.append(f"metric = metrics.{name}({self.arguments(getattr(metrics, name).__init__)})")
        lines += [f"metric.update_state({values}{weight})", "r = metric.result()", "metric.reset_state()"]
        return "\n".join([*lines, "check.round_trip(metric)"])

    def _optimizers(self) -> str:
        if self.chance(0.25):
            name = self.pick(SCHEDULES)
            line = f"schedule = schedules.{name}({self.arguments(getattr(schedules, name).__init__)})"
            return f"{line}\nr = [schedule({self.integer()}), schedule({self.junk()})]\ncheck.round_trip(schedule)"
        self.base = self.shape(None, 64)
        name = self.pick(OPTIMIZERS)
        common = self.pick(("", "clipnorm", "clipvalue", "global_clipnorm", "weight_decay", "use_ema", "learning_rate"))
        args = self.arguments(getattr(optimizers, name).__init__)
        if common and f"{common}=" not in args:
            args = f"{args}{', ' if args else ''}{common}={self.option(common, 'float', None)}"
        lines = [
            f"a0 = {self.operand()}",
            f"v = lamina.Variable({self.array(self.base)})",
            f"o = optimizers.{name}({args})",
        ]
        lines.append(f"o.{self.pick(('apply_gradients([(a0, v)])', 'apply([a0], [v])', 'apply([a0])', 'build([v])'))}")
        return "\n".join([*lines, "r = [v, o.iterations, o.learning_rate]", "check.round_trip(o)"])

    def _training(self) -> str:
        if self.chance(0.6):
            return self._seed("m.fit")
        n = self.rng.choice((0, 1, 2, 5, 33))
        layer = self.pick(LAYERS)
        inner = f"layers.{layer}({self.arguments(getattr(layers, layer).__init__)})"
        shape = self.shape(self.rng.choice((1, 1, 2, 3)), 64)
        lines = [f"a0 = {self.tensor((n, *shape))}", f"a1 = {self.tensor((n, 2) if self.chance(0.8) else None)}"]
        lines += [f"m = check.model({self.pick((inner, ''))}{', ' if inner else ''}shape={shape})".replace("(, ", "(")]
        optimizer = f"optimizers.{self.pick(OPTIMIZERS)}()" if self.chance(0.8) else self.junk()
        metric = f"[metrics.{self.pick(METRICS)}()]" if self.chance(0.8) else self.junk()
        loss = f"losses.{self.pick(LOSSES)}()" if self.chance(0.8) else self.junk()
        lines.append(f"m.compile({optimizer}, {loss}, metrics={metric})")
        options = [
            f"epochs={self.integer()}", f"batch_size={self.integer()}", f"validation_split={self.junk()}",
            f"sample_weight={self.tensor((n,))}", f"class_weight={{0: {self.integer()}, 1: {self.junk()}}}",
            f"validation_data=(a0, {self.operand()})", "shuffle=False", f"initial_epoch={self.integer()}",
            f"steps_per_epoch={self.integer()}", f"callbacks={self.junk()}", f"validation_batch_size={self.junk()}",
        ]  # fmt: skip
        chosen = self.rng.sample(options, self.rng.randrange(4))
        lines += [f"m.fit(a0, a1, verbose=0{''.join(', ' + o for o in chosen)})"]
        lines += [
            self.pick(("m.evaluate(a0, a1, verbose=0)", f"m.evaluate(a0, a1, verbose=0, batch_size={self.junk()})"))
        ]
        return "\n".join([*lines, "r = m.predict(a0, verbose=0)"])

    def _files(self) -> str:
        return f"check.load({self.pick(list(checks.NAMES))!r}, {self.rng.randrange(10**6)})"

    def _others(self) -> str:
        self.base = self.shape(None, 256)
        name = self.pick(OTHERS)
        value: Any = lamina
        for part in name.split(".")[1:]:
            value = getattr(value, part)
        lines = [f"f = {name}({self.arguments(value)})"]
        if ".initializers." in name:
            lines.append(f"r = f({self.integers() if self.chance(0.8) else self.junk()})")
        elif ".regularizers." in name:
            lines.append(f"r = f({self.operand()})")
        elif name in ("lamina.data.batches", "lamina.data.split"):
            lines.append("r = list(f)")
        return "\n".join(lines)

    def _native(self) -> str:
        name = self.pick(NATIVE)
        if name not in checks.native_cases() or self.chance(0.1):
            count = self.rng.randrange(9)
            self.base = self.shape()
            args = [self.rng.choice((self.array, self.integer, self.junk, self.integers))() for _ in range(count)]
            if self.chance(0.6) and args:
                args[0] = self.array(self.base)
            return f"r = native.{name}({', '.join(args)})"
        dtype = self.pick(("f4", "f4", "f8"))
        index = self.rng.randrange(len(checks.native_cases()[name]))
        lines = [f"b = check.native_arguments({name!r}, {index}, {dtype!r})"]
        count = checks.native_count(name, index)
        for _ in range(self.rng.choice((0, 1, 1, 1, 2, 3))):
            lines.append(
                f"b[{(i := self.rng.randrange(count))}] = {self._changed(f'b[{i}]', f'b[{self.rng.randrange(count)}]')}"
            )
        return "\n".join([*lines, f"r = native.{name}(*b)"])

    def _changed(self, x: str, other: str) -> str:
        """Another value for one of a native function's good arguments."""
        if self.chance(0.25):
            return self.junk()
        if self.chance(0.1):
            return self.array()
        return self.pick((
            other, "None", self.integer(), self.integers(), f"{x}[:0]", f"{x}[..., :-1]", f"{x}[1:]", f"{x}[None]",
            f"{x}[0]", f"{x}.reshape(-1)", f"{x}.T", f"{x}.astype('f4')", f"{x}.astype('f8')", f"{x}.astype('i4')",
            f"{x}.astype('>f4')", f"{x}[::-1]", f"np.concatenate([{x}, {x}])", f"np.repeat({x}, 2, -1)", f"-{x}",
            f"np.broadcast_to({x}[:1], {x}.shape)", f"check.unaligned({x})", f"{x}[..., None]", f"list({x})",
            f"{x} * 0 + {self.pick(('np.nan', '1e30', '-1', '2**31-1', '2**62', 'np.inf'))}", f"{x} + 1", f"{x}.shape",
            f"{x}.astype('?')", f"({x}, {x})", f"np.zeros({x}.shape)", f"np.broadcast_to({x}, (2**40, *{x}.shape))",
        ))  # fmt: skip

    def _seed(self, word: str) -> str:
        """A good program with one to three of its expressions changed."""
        program = self.pick([s for s in SEEDS if word in s])
        for _ in range(self.rng.choice((0, 1, 1, 1, 2, 3))):
            places = source.places(program)
            which = self.rng.randrange(len(places))
            old = places[which][3]
            if isinstance(old, (ast.Name, ast.Attribute)) and not self.chance(0.15):
                continue
            program = source.replaced(program, which, self._instead(old))
        return program

    def _instead(self, old: ast.expr) -> str | None:
        kind = self.rng.randrange(10)
        if kind == 0:
            return None
        if kind < 3:
            return self.junk()
        if isinstance(old, ast.Constant) and isinstance(old.value, bool):
            return str(not old.value)
        if isinstance(old, ast.Constant) and isinstance(old.value, int):
            return self.integer() if kind < 9 else self.pick(("100", "2**31", "2**63", "-1"))
        if isinstance(old, ast.Constant) and isinstance(old.value, float):
            return self.pick(("0.0", "1.0", "-1.0", "1e30", "np.nan", "np.inf", "1e-30"))
        if isinstance(old, ast.Constant) and isinstance(old.value, str):
            return repr(self.dtype()) if len(old.value) == 2 else self.junk()
        if isinstance(old, (ast.Tuple, ast.List)):
            return self.integers() if kind < 7 else str(self.shape())
        if isinstance(old, ast.Call):
            return self.operand() if kind < 8 else f"({ast.unparse(old)}, {ast.unparse(old)})"
        return self.junk() if self.chance(0.5) else ast.unparse(old)


KINDS = tuple(n[1:] for n in vars(Programs) if n[0] == "_" and n[1:] in {
    "native", "ops", "tensor", "layers", "losses", "metrics", "optimizers", "training", "files", "others"
})  # fmt: skip
