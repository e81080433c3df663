"""Embedding(sparse=True): gradients and updates of the rows that a batch touches, and of no others."""

from __future__ import annotations

import copy
import functools
import math

import numpy as np
import pytest

import lamina
from lamina import _native, capture, layers, ops, optimizers, reference
from lamina.core.autograd import Tensor
from lamina.core.memory import zero_pages
from lamina.layers.variable import Variable
from lamina.optimizers import SGD, Adam, AdamW, RMSprop
from lamina.optimizers.base import classes

V, D = 40, 6
RULES = {
    **{name: functools.partial(cls, 0.1) for name, cls in classes.items() if cls._rule is not None},
    "momentum": lambda **o: SGD(0.1, momentum=0.9, nesterov=True, **o),
    "amsgrad": lambda **o: Adam(0.1, amsgrad=True, **o),
    "adamw": lambda **o: AdamW(0.1, **{"weight_decay": 0.2, **o}),
    "centered": lambda **o: RMSprop(0.1, momentum=0.5, centered=True, **o),
}
CLIPPING = [{}, {"clipvalue": 0.3}, {"clipnorm": 0.5}, {"global_clipnorm": 0.5}]


def table(sparse=True, dtype="float64", rows=V, features=D):
    lamina.random.seed(0)
    return layers.Embedding(rows, features, sparse=sparse, dtype=dtype)


def batches(n, shape=(3, 4), rows=V, seed=0):
    rng = np.random.default_rng(seed)
    return [(rng.integers(0, rows, shape), rng.standard_normal((*shape, D))) for _ in range(n)]


def deliver(layer, indices, dy):
    layer(Tensor(indices)).backward(np.asarray(dy, layer.embeddings.dtype))


def touched_rows(layer):
    return layer.embeddings.touched.rows.tolist()


def state_of(layer, optimizer):
    return [layer.embeddings.numpy(), *(a for slot in optimizer._slots.values() for a in slot)]


@pytest.mark.parametrize("clipping", CLIPPING, ids=str)
@pytest.mark.parametrize("rule", RULES)
def test_a_step_is_the_rule_on_the_touched_rows(rule, clipping):
    """The twin: each step is that of a dense optimizer of the touched rows alone, for which these are the table."""
    layer, optimizer = table(), RULES[rule](**clipping)
    optimizer.build(layer.trainable_weights)
    want = [a.copy() for a in state_of(layer, optimizer)]
    for step, (indices, dy) in enumerate(batches(5)):
        deliver(layer, indices, dy)
        rows = np.unique(indices)
        gradient = np.zeros((V, D))
        np.add.at(gradient, indices, dy)
        np.testing.assert_allclose(layer.embeddings.grad.numpy(), gradient, rtol=1e-12, atol=1e-14)
        optimizer.step()
        optimizer.zero_grad()
        part = [a[rows] for a in want]
        kept = dict(zip(optimizer._slot_names(), part[1:], strict=True))
        slots = [[kept[name]] if name in kept else None for name, _ in optimizer._state]
        on, rate = np.ones(1, bool), np.array([0.1])
        group = reference.ParameterGroup(part[:1], [gradient[rows]], slots, on, on, rate, np.array([step]))
        reference.optimizer_step(group, *optimizer._step_arguments())
        for a, p in zip(want, part, strict=True):
            a[rows] = p
        for got, w in zip(state_of(layer, optimizer), want, strict=True):
            np.testing.assert_allclose(got, w, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("rule", RULES)
def test_native_steps_are_their_twins(rule):
    seen = []
    for module in (_native, reference):
        rng = np.random.default_rng(1)
        optimizer = RULES[rule]()
        weights = [rng.standard_normal(s) for s in ((V, D), (5,), (V, D))]
        gradients = [np.zeros((V, D)), rng.standard_normal(5), np.zeros((V, D))]
        touched = [module.TouchedRows(V), None, module.TouchedRows(V)]
        for i in (0, 2):
            module.embedding_backward(rng.integers(0, V, 9), rng.standard_normal((9, D)), gradients[i], 0, touched[i])
        module.touch_all(touched[2])
        kept = optimizer._slot_names()
        slots = [[np.full(w.shape, 0.9) for w in weights] if n in kept else None for n, _ in optimizer._state]
        on = np.ones(3, bool)
        group = module.ParameterGroup(weights, gradients, slots, on, on, np.array([0.1]), np.array([3]), touched)
        for clipping in ({}, {"global_clipnorm": 0.5}, {"clipnorm": 0.5}):
            optimizer = RULES[rule](weight_decay=0.1, **clipping)
            module.optimizer_step(group, *optimizer._step_arguments())
        seen.append([touched[0].rows, *weights, *(a for slot in slots if slot for a in slot)])
    for got, want in zip(*seen, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("clipping", [{}, {"clipvalue": 0.3}], ids=str)
def test_sgd_without_momentum_is_that_of_the_dense_table(dtype, clipping):
    seen = []
    for sparse in (False, True):
        layer, optimizer = table(sparse, dtype), SGD(0.1, **clipping)
        optimizer.build(layer.trainable_weights)
        for indices, dy in batches(4):
            deliver(layer, indices, dy)
            optimizer.step()
            optimizer.zero_grad()
        seen.append(layer.embeddings.numpy().tobytes())
    assert seen[0] == seen[1]


def test_is_torchs_sparse_adam():
    torch = pytest.importorskip("torch")
    layer, optimizer = table(), Adam(0.1, epsilon=1e-30)
    optimizer.build(layer.trainable_weights)
    theirs = torch.nn.Embedding(V, D, sparse=True, dtype=torch.float64)
    theirs.weight.data.copy_(torch.tensor(layer.embeddings.numpy()))
    other = torch.optim.SparseAdam(theirs.parameters(), lr=0.1, eps=1e-30)
    for indices, dy in batches(5):
        deliver(layer, indices, dy)
        optimizer.step()
        optimizer.zero_grad()
        theirs(torch.tensor(indices)).backward(torch.tensor(dy))
        other.step()
        other.zero_grad()
    np.testing.assert_allclose(layer.embeddings.numpy(), theirs.weight.detach().numpy(), rtol=1e-10)


def test_the_set_follows_the_gradient():
    layer = table()
    w = layer.embeddings
    assert touched_rows(layer) == []
    deliver(layer, [7, 3, 7], np.ones((3, D)))
    assert touched_rows(layer) == [7, 3]
    deliver(layer, [3, 9], np.ones((2, D)))  # a second micro-batch
    assert touched_rows(layer) == [7, 3, 9]
    np.testing.assert_array_equal(np.flatnonzero(w.grad.numpy().any(1)), [3, 7, 9])
    assert (w.grad.numpy()[3] == 2).all()
    w.zero_grad()
    assert w.grad is None
    deliver(layer, [5], np.ones((1, D)))
    assert touched_rows(layer) == [5]
    np.testing.assert_array_equal(np.flatnonzero(w.grad.numpy().any(1)), [5])
    w.zero_grad()
    deliver(layer, np.zeros((0, 2), np.int32), np.zeros((0, 2, D)))  # an empty batch
    assert touched_rows(layer) == []
    assert not w.grad.numpy().any()


def test_an_empty_batch_changes_nothing():
    layer, optimizer = table(), AdamW(0.1, 0.5)
    optimizer.build(layer.trainable_weights)
    before = [a.copy() for a in state_of(layer, optimizer)]
    deliver(layer, np.zeros(0, np.int64), np.zeros((0, D)))
    optimizer.step()
    for got, want in zip(state_of(layer, optimizer), before, strict=True):
        np.testing.assert_array_equal(got, want)
    assert int(optimizer.iterations) == 1


def test_micro_batches_are_one_batch():
    def train(split):
        layer, optimizer = table(), Adam(0.1)
        optimizer.build(layer.trainable_weights)
        for indices, dy in batches(4, (8,)):
            for part in split:
                deliver(layer, indices[part], dy[part])
            optimizer.step()
            optimizer.zero_grad()
        return layer.embeddings.numpy()

    np.testing.assert_array_equal(train([slice(0, 8)]), train([slice(0, 3), slice(3, 8)]))


def test_several_lookups_in_one_step():
    layer = table()
    w = layer.embeddings
    for _ in range(2):
        y = ops.concatenate([layer(Tensor([1, 2])), layer(Tensor([2, 8])), layer(Tensor([1]))], 0)
        y.backward(np.ones((5, D)))
        assert sorted(touched_rows(layer)) == [1, 2, 8]
        np.testing.assert_array_equal(w.grad.numpy()[:, 0], np.bincount([1, 2, 2, 8, 1], minlength=V))
        w.zero_grad()


@pytest.mark.parametrize("regularizer", [None, "l2"])
def test_other_gradients_make_the_step_dense(regularizer):
    """Tied output weights, or a regularizer: every row has a gradient, whatever comes first."""

    def train(sparse):
        lamina.random.seed(0)
        layer = layers.Embedding(V, D, embeddings_regularizer=regularizer, sparse=sparse, dtype="float64")
        optimizer = Adam(0.01)
        optimizer.build(layer.trainable_weights)
        for i, (indices, _) in enumerate(batches(4)):
            h = layer(Tensor(indices))
            if regularizer is None:
                h = ops.matmul(h, ops.transpose(layer.embeddings))
            loss = ops.sum(ops.square(h))
            for extra in layer.losses:
                loss = extra + loss if i % 2 else loss + extra
            loss.backward()
            assert not sparse or layer.embeddings.touched.all
            optimizer.step()
            optimizer.zero_grad()
        deliver(layer, [3], np.ones((1, D)))
        assert not sparse or touched_rows(layer) == [3]  # a step of lookups alone follows
        np.testing.assert_array_equal(np.flatnonzero(layer.embeddings.grad.numpy().any(1)), [3])
        return layer.embeddings.numpy()

    np.testing.assert_array_equal(train(True), train(False))


def test_a_leaf_of_its_own_backward_is_dense():
    layer = table()
    deliver(layer, [3], np.ones((1, D)))
    layer.embeddings.backward(np.ones((V, D)))
    assert layer.embeddings.touched.all
    np.testing.assert_array_equal(layer.embeddings.grad.numpy()[:, 0], np.where(np.arange(V) == 3, 2, 1))


def test_an_assigned_gradient_is_dense_and_a_given_one_read_only():
    layer, optimizer = table(), SGD(1.0)
    w = layer.embeddings
    optimizer.build(layer.trainable_weights)
    before = w.numpy().copy()
    w.grad = np.ones((V, D))
    optimizer.step()
    np.testing.assert_allclose(w.numpy(), before - 1)
    optimizer.zero_grad()
    deliver(layer, [3], np.ones((1, D)))
    with pytest.raises(ValueError, match="read-only"):
        w.grad.numpy()[5] = 1
    optimizer.apply([w.grad])  # the gradient itself: still of one row
    assert touched_rows(layer) == [3]
    np.testing.assert_allclose(w.numpy()[3], before[3] - 2)
    optimizer.apply([np.full((V, D), 0.5)])
    assert w.touched.all
    np.testing.assert_allclose(w.numpy()[4], before[4] - 1.5)


@pytest.mark.parametrize("clipping", [{}, {"global_clipnorm": 0.1}], ids=str)
def test_same_bits_at_any_thread_count(threads, clipping):
    seen = []
    for n in (1, 2, 3, 4):
        threads(n)
        layer, optimizer = table(dtype="float32", rows=5000, features=70), Adam(0.1, **clipping)
        optimizer.build(layer.trainable_weights)
        rng = np.random.default_rng(0)
        for _ in range(3):
            deliver(layer, rng.integers(0, 5000, 3000), rng.standard_normal((3000, 70)))
            optimizer.step()
            optimizer.zero_grad()
        seen.append([a.tobytes() for a in state_of(layer, optimizer)])
    assert all(s == seen[0] for s in seen)


@pytest.mark.parametrize("tied", [False, True])
def test_captured_steps_have_the_bits_of_eager_ones(tied):
    def train(wrap):
        layer, optimizer = table(dtype="float32"), Adam(0.1, global_clipnorm=0.5)
        optimizer.build(layer.trainable_weights)

        def step(a, b):
            for indices in (a, b):  # two micro-batches
                h = layer(indices)
                loss = ops.sum(ops.square(ops.matmul(h, ops.transpose(layer.embeddings)) if tied else h))
                loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            return loss

        step = wrap(step)
        bits = []
        for shape in ((3, 4), (5,), (3, 4)):
            for a, _ in batches(3, shape, seed=len(shape)):
                bits.append(step(Tensor(a), Tensor(a[::-1].copy() // 2)).numpy().tobytes())
                assert layer.embeddings.touched.all == tied
        return bits, [a.tobytes() for a in state_of(layer, optimizer)]

    assert train(lambda f: f) == train(lambda f: capture(f, strict=True))


def test_lookups_and_dense_steps_take_turns_in_captured_plans():
    def train(wrap):
        layer, optimizer = table(dtype="float32"), Adam(0.1)
        optimizer.build(layer.trainable_weights)

        def step(indices, tied):
            h = layer(indices)
            loss = ops.sum(ops.square(ops.matmul(h, ops.transpose(layer.embeddings)) if tied else h))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            return loss

        step = wrap(step)
        for i, (a, _) in enumerate(batches(12)):
            step(Tensor(a), i % 3 == 1)
        return [a.tobytes() for a in state_of(layer, optimizer)]

    assert train(lambda f: f) == train(lambda f: capture(f, strict=True))


def test_a_wrong_index_leaves_everything_whole():
    layer, optimizer = table(), Adam(0.1)
    w = layer.embeddings
    optimizer.build(layer.trainable_weights)
    deliver(layer, [3, 4], np.ones((2, D)))
    gradient = w.grad.numpy().copy()
    for accumulate in (0, 1):
        with pytest.raises(IndexError, match="index 40 at"):
            _native.embedding_backward(np.array([5, 40]), np.ones((2, D)), w._grad, accumulate, w.touched)
    assert touched_rows(layer) == [3, 4]
    np.testing.assert_array_equal(w.grad.numpy(), gradient)

    step = capture(lambda i: (deliver(layer, i, np.ones((2, D))), optimizer.step(), optimizer.zero_grad())[1])
    for indices in ([1, 2], [2, 3], [6, 7]):
        step(np.array(indices))
    before = [a.copy() for a in state_of(layer, optimizer)]
    with pytest.raises(IndexError, match="index -1 at"):
        step(np.array([9, -1]))
    assert touched_rows(layer) == [6, 7]
    for got, want in zip(state_of(layer, optimizer), before, strict=True):
        np.testing.assert_array_equal(got, want)
    step(np.array([8, 7]))
    assert touched_rows(layer) == [8, 7]


def test_work_and_memory_follow_the_batch():
    """Two million rows: a step that went over the table would write gigabytes here."""
    rows, features = 2_000_000, 64
    touched = Variable("zeros", (1, 1))  # a table of zero pages in place of initialised weights
    touched._array = zero_pages((rows, features), np.dtype("float32"))
    touched.touched = _native.TouchedRows(rows)
    optimizer = Adam(0.1, global_clipnorm=1.0, weight_decay=0.1)
    optimizer.build([touched])
    before = resident()

    @capture
    def step(indices):
        ops.sum(ops.embedding(indices, touched) + 1).backward()
        optimizer.step()
        optimizer.zero_grad()

    rng = np.random.default_rng(0)
    batch = rng.integers(0, rows, 30)
    for _ in range(500):
        step(batch)
    assert resident() - before < 64 << 20
    assert len(touched.touched.rows) == 30
    assert (touched._array[batch] != 0).all()


def resident() -> int:
    try:
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * 4096
    except FileNotFoundError:
        return 0


def test_config_copy_and_saving(tmp_path):
    layer = table()
    assert layer.get_config()["sparse"] is True
    assert layers.Embedding.from_config(layer.get_config()).embeddings.touched is not None
    assert layers.Embedding(3, 2).embeddings.touched is None
    deliver(layer, [3], np.ones((1, D)))
    twin = copy.deepcopy(layer)
    deliver(layer, [4], np.ones((1, D)))
    assert touched_rows(twin) == [3]
    model = lamina.Sequential([lamina.Input((2,), dtype="int32"), layers.Embedding(5, 3, sparse=True)])
    model.save(tmp_path / "m.lamina")
    again = lamina.load_model(tmp_path / "m.lamina")
    assert again.layers[-1].sparse
    assert again.layers[-1].embeddings.touched is not None


def test_fit_trains_a_sparse_table():
    lamina.random.seed(0)
    net = lamina.Sequential([lamina.Input((3,), dtype="int32"), layers.Embedding(50, 4, sparse=True), layers.Flatten()])
    net.add(layers.Dense(2))
    net.compile(optimizers.Adam(0.05), lamina.losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)
    x = rng.integers(0, 20, (200, 3)).astype(np.int32)
    before = net.layers[-3].embeddings.numpy().copy()
    history = net.fit(x, (x[:, 0] > 9).astype(np.int64), epochs=5, verbose=0).history
    assert history["loss"][-1] < 0.3 * math.log(2)
    np.testing.assert_array_equal(net.layers[-3].embeddings.numpy()[20:], before[20:])


def test_messages():
    w, on = np.zeros((4, 2)), np.ones(1, bool)
    with pytest.raises(ValueError, match=r"touched is of 5 rows, the table \(4, 2\)"):
        _native.embedding_backward(np.zeros(1, int), np.ones((1, 2)), w, 0, _native.TouchedRows(5))
    with pytest.raises(TypeError, match="touched: expected a TouchedRows, got str 'rows'"):
        _native.embedding_backward(np.zeros(1, int), np.ones((1, 2)), w, 0, "rows")
    with pytest.raises(ValueError, match="1 weights but 2 touched"):
        _native.ParameterGroup([w], [w.copy()], [], on, on, np.ones(1), np.zeros(1, np.int64), [None, None])
    rows = _native.TouchedRows(4)
    _native.touch_all(rows)
    with pytest.raises(ValueError, match="all rows are touched"):
        _ = rows.rows


@pytest.mark.parametrize("name", ["Lamb", "Adafactor", "Muon"])
def test_optimizers_without_a_native_rule_take_the_whole_gradient(name):
    """Rows of the step before are zero again in the next gradient."""
    tables = [lamina.layers.Embedding(9, 4, sparse=sparse, embeddings_initializer="ones") for sparse in (False, True)]
    for layer in tables:
        optimizer = getattr(lamina.optimizers, name)(0.1)
        for rows in ([1, 2, 2], [5], [1, 8]):
            loss = lamina.ops.sum(lamina.ops.square(layer(np.array(rows))) * 0.5)
            optimizer.build(layer.trainable_weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    np.testing.assert_array_equal(tables[0].weights[0].numpy(), tables[1].weights[0].numpy())
