"""What happens to gradients between backward and update: accumulation, clipping behind it, and where they stand."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import lamina
from lamina import _native, layers, losses, optimizers, reference

rng = np.random.default_rng(0)
X = rng.standard_normal((48, 6)).astype(np.float32)
Y = rng.standard_normal((48, 3)).astype(np.float32)
RULES = {
    "sgd": lambda **k: optimizers.SGD(0.1, momentum=0.9, **k),
    "adam": lambda **k: optimizers.Adam(0.01, **k),
    "adamw": lambda **k: optimizers.AdamW(0.01, global_clipnorm=0.5, **k),
    "rmsprop": lambda **k: optimizers.RMSprop(0.01, clipnorm=0.1, **k),
    "nadam": lambda **k: optimizers.Nadam(0.01, clipvalue=0.05, **k),
}


def net(dtype="float32"):
    lamina.random.seed(0)
    return lamina.Sequential(
        [layers.Input((6,), dtype=dtype), layers.Dense(5, "tanh", dtype=dtype), layers.Dense(3, dtype=dtype)]
    )


def backward(model, i):
    part = slice(8 * i, 8 * i + 8)
    loss = losses.MeanSquaredError()(Y[part], model(X[part], training=True))
    for v in model.weights:
        v.zero_grad()
    loss.backward()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", RULES)
def test_accumulated_steps_are_one_step_of_the_mean_gradient(rule, dtype):
    model, other = net(dtype), net(dtype)
    optimizer, plain = RULES[rule](gradient_accumulation_steps=3), RULES[rule]()
    optimizer.build(model.trainable_weights)
    plain.build(other.trainable_weights)
    for cycle in range(2):
        gradients = []
        before = model.get_weights()
        for i in range(3):
            for a, b in zip(model.get_weights(), before, strict=True):
                np.testing.assert_array_equal(a, b)
            assert int(optimizer.iterations) == cycle
            backward(model, 3 * cycle + i)
            gradients.append([v.grad.numpy().copy() for v in model.trainable_weights])
            optimizer.step()
        plain.apply([(a + b + c) / a.dtype.type(3) for a, b, c in zip(*gradients, strict=True)])
        assert int(optimizer.iterations) == cycle + 1
        for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("rule", ["adam", "rmsprop"])
def test_fit_accumulates_the_same_captured_and_eagerly(rule):
    weights = []
    for eagerly in (False, True):
        model = net()
        model.compile(RULES[rule](gradient_accumulation_steps=2), "mse", run_eagerly=eagerly)
        model.fit(X, Y, batch_size=16, epochs=3, shuffle=False, verbose=0)  # an update spans two epochs
        assert int(model.optimizer.iterations) == 4
        weights.append(model.get_weights())
        if not eagerly:
            assert model._steps["train"].reason is None
            assert len(model._steps["train"].plans) == 1
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_variables_without_a_gradient_in_some_of_the_batches():
    a, b, c = (lamina.Variable(np.ones(3, np.float32), name=name) for name in "abc")
    optimizer = optimizers.SGD(1.0, gradient_accumulation_steps=2)
    optimizer.build([a, b, c])
    for cycle in range(2):
        for given in ({a: 2.0} if cycle == 0 else {a: 2.0, b: 4.0}, {b: 6.0}):
            optimizer.zero_grad()
            for v, value in given.items():
                v.grad = np.full(3, value, np.float32)
            optimizer.step()
    assert a.numpy().tolist() == [-1.0] * 3  # 2 / 2 in each cycle
    assert b.numpy().tolist() == [1.0 - 3.0 - 5.0] * 3
    assert c.numpy().tolist() == [1.0] * 3


def test_a_gradient_that_is_not_finite_ends_with_its_cycle():
    v = lamina.Variable(np.ones(2, np.float32))
    optimizer = optimizers.SGD(1.0, gradient_accumulation_steps=2)
    optimizer.build([v])
    optimizer.apply([np.array([np.nan, 1.0])])
    optimizer.apply([np.ones(2)])
    assert np.isnan(v.numpy()[0])
    v.assign(np.ones(2, np.float32))
    optimizer.apply([np.ones(2)])
    optimizer.apply([np.ones(2)])
    assert v.numpy().tolist() == [0.0, 0.0]


def test_schedules_count_steps_not_updates():
    schedule = optimizers.schedules.PiecewiseConstantDecay([2, 4], [1.0, 0.5, 0.25])
    v = lamina.Variable(np.zeros(1, np.float32))
    optimizer = optimizers.SGD(schedule, gradient_accumulation_steps=2)
    optimizer.build([v])
    rates = []
    for _ in range(6):
        rates.append(float(optimizer.learning_rate))
        optimizer.apply([np.ones(1)])
    assert rates == [float(schedule(i)) for i in range(6)]


def test_the_state_goes_on_in_the_middle_of_a_cycle(tmp_path):
    model = net()
    model.compile(optimizers.Adam(0.01, gradient_accumulation_steps=4), "mse")
    model.fit(X, Y, batch_size=8, shuffle=False, verbose=0)  # six steps
    model.save(tmp_path / "m.lamina")
    again, copied = lamina.load_model(tmp_path / "m.lamina"), copy.deepcopy(model)
    assert again.optimizer.gradient_accumulation_steps == 4
    for each in (model, again, copied):
        each.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
        assert int(each.optimizer.iterations) == 3
        for a, b in zip(each.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    names = [v.name for v in model.optimizer.variables]
    assert sum(name.endswith("gradient_accumulator") for name in names) == 4


def test_only_the_rows_of_all_batches_change():
    table = layers.Embedding(50, 4, sparse=True)
    table(np.zeros((1, 1), np.int64))
    before = table.embeddings.numpy().copy()
    optimizer = optimizers.Adam(0.1, gradient_accumulation_steps=2)
    optimizer.build(table.trainable_weights)
    plain = layers.Embedding(50, 4)
    plain(np.zeros((1, 1), np.int64))
    plain.embeddings.assign(before)
    other = optimizers.Adam(0.1)
    other.build(plain.trainable_weights)
    for cycle, batches in enumerate([([1, 2], [2, 7]), ([9], [1])]):
        sums = 0
        for rows in batches:
            for layer in (table, plain):
                layer.embeddings.zero_grad()
                lamina.ops.sum(lamina.ops.square(layer(np.array([rows])))).backward()
            sums = sums + plain.embeddings.grad.numpy()
            optimizer.step()
        if cycle == 0:
            other.apply([sums / np.float32(2)])
            np.testing.assert_array_equal(table.embeddings.numpy(), plain.embeddings.numpy())
    changed = np.flatnonzero((table.embeddings.numpy() != before).any(1))
    assert changed.tolist() == [1, 2, 7, 9]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_accumulation_as_its_twin(dtype):
    shapes = [(5, 3), (70000,), (9, 2)]
    given = [[rng.standard_normal(s).astype(dtype) for s in shapes] for _ in range(4)]
    flags = [[True, True, True], [False, True, True], [True, False, True], [False, True, False]]
    rows = [[0, 3], [3, 8], [1], [2]]
    results = []
    for module in (_native, reference):
        sums, gradients = ([np.full(s, np.nan, dtype) for s in shapes] for _ in range(2))
        gradients[2][...] = 0
        active, received, due = np.ones(3, np.bool_), np.ones(3, np.bool_), np.ones(1, np.bool_)
        of, union = [None, None, module.TouchedRows(9)], [None, None, module.TouchedRows(9)]
        module.touch_all(union[2])
        rest = np.ones(1), np.zeros(1, np.int64)
        source = module.ParameterGroup(sums, gradients, [], active, active, *rest, of)
        weights, rest = [a.copy() for a in sums], (np.ones(1), np.zeros(1, np.int64))
        target = module.ParameterGroup(weights, sums, [], active, received, *rest, union, due)
        found = []
        for arrays, on, touched in zip(given, flags, rows, strict=True):
            for g, a in zip(gradients[:2], arrays, strict=False):
                g[...] = a
            module.embedding_backward(np.array(touched), arrays[2][touched], gradients[2], 0, of[2])
            active[:] = on
            module.accumulate_gradients(source, target, 2)
            found += [a.copy() for a in sums] + [received.copy(), due.copy()]
        results.append(found)
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_gradients_and_slots_stand_side_by_side():
    model = net()
    frozen = model.layers[0]
    optimizer = optimizers.Adam(gradient_accumulation_steps=2)
    optimizer.build(model.layers[1].trainable_weights)
    optimizer.build(frozen.trainable_weights)  # later ones get a block of their own
    arenas = [optimizer._gradients, *optimizer._slots.values(), optimizer._accumulation.sums]
    assert len(arenas) == 4
    for arena in arenas:
        assert [len(block) for block in arena.blocks] == [16 + 16, 32 + 16]
        assert all(a.ctypes.data % 64 == 0 for a in arena)
        for i, block in zip((0, 0, 1, 1), arena.blocks[:1] * 2 + arena.blocks[1:] * 2, strict=True):
            assert np.may_share_memory(arena.views[2 * i], block)
    backward(model, 0)
    for v in model.weights:
        assert any(np.may_share_memory(v._grad, block) for block in optimizer._gradients.blocks)
    copied = copy.deepcopy(optimizer)
    for name, arena in copied._slots.items():
        assert [b.shape for b in arena.blocks] == [b.shape for b in optimizer._slots[name].blocks]
        assert all(any(np.may_share_memory(a, b) for b in arena.blocks) for a in arena)


def test_a_gradient_from_before_build_is_kept():
    model, other = net(), net()
    for each, early in ((model, True), (other, False)):
        optimizer = optimizers.Adam(0.1)
        if early:
            backward(each, 0)
        optimizer.build(each.trainable_weights)
        if not early:
            backward(each, 0)
        optimizer.step()
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("steps", [0, 1, -2, 2.5, True, "2"])
def test_numbers_of_accumulated_steps_that_make_no_sense(steps):
    message = r"Adam: gradient_accumulation_steps must be an integer >= 2 or None, got"
    with pytest.raises(ValueError, match=message):
        optimizers.Adam(gradient_accumulation_steps=steps)
    optimizer = optimizers.Adam()
    optimizer.gradient_accumulation_steps = steps
    with pytest.raises(ValueError, match=message):
        optimizer.build(net().trainable_weights)
