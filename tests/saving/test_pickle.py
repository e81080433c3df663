"""Pickle, deep copies, joblib, cloudpickle and other processes: models and their parts go on as they were."""

from __future__ import annotations

import copy
import inspect
import io
import multiprocessing
import pickle
import subprocess
import sys
import textwrap
import threading

import cloudpickle
import joblib
import numpy as np
import pytest

import lamina
from lamina import callbacks, constraints, initializers, layers, losses, metrics, ops, optimizers, regularizers
from lamina.optimizers.base import classes as known

RNG = np.random.default_rng(0)
X = RNG.standard_normal((16, 4)).astype("float32")
Y = RNG.standard_normal((16, 2)).astype("float32")


def by_pickle(thing):
    return pickle.loads(pickle.dumps(thing))


def by_cloudpickle(thing):
    return pickle.loads(cloudpickle.dumps(thing))


def by_joblib(thing):
    file = io.BytesIO()
    joblib.dump(thing, file, compress=3)
    file.seek(0)
    return joblib.load(file)


def by_old_protocol(thing):
    return pickle.loads(pickle.dumps(thing, protocol=2))


def out_of_band(thing):
    """Protocol 5: the arrays travel beside the pickle, and are read-only where they arrive."""
    buffers = []
    data = pickle.dumps(thing, protocol=5, buffer_callback=buffers.append)
    return pickle.loads(data, buffers=[bytes(b) for b in buffers])


WAYS = [by_pickle, copy.deepcopy, by_cloudpickle, by_joblib, by_old_protocol, out_of_band]


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def way(request):
    return request.param


class Net(lamina.Model):
    """A model of a user's own, with attributes of all kinds and a tied weight."""

    def __init__(self, width, note=None):
        super().__init__()
        self.inside = layers.Dense(width, activation="tanh")
        self.blocks = [layers.Dense(width, "relu"), layers.Dropout(0.3)]
        self.heads = {"a": layers.Dense(2), "b": layers.Dense(2)}
        self.note = note
        self.table = np.arange(3)

    def build(self, input_shape):
        self.scale = self.add_weight((1,), lambda shape, dtype: np.full(shape, 1.5, dtype), name="scale")
        super().build(input_shape)

    def call(self, inputs, training=False):
        x = self.inside(inputs)
        for block in self.blocks:
            x = block(x)
        return (self.heads["a"](x) + self.heads["b"](x)) * self.scale


def sequential():
    return lamina.Sequential([
        lamina.Input((4,)), layers.Dense(8, "relu", kernel_regularizer="l2"), layers.BatchNormalization(),
        layers.Dropout(0.2), layers.Dense(2, kernel_constraint="max_norm"),
    ])  # fmt: skip


def unbuilt():
    return lamina.Sequential([layers.Dense(3), layers.Dense(2)])


def functional():
    inputs = lamina.Input((4,))
    shared = layers.Dense(4, name="shared")
    x = ops.relu(shared(shared(inputs))) + inputs * 2.0
    inner = lamina.Sequential([lamina.Input((4,)), layers.Dense(2)])
    return lamina.Model(inputs, inner(x))


def fitted(make, optimizer="adam"):
    lamina.random.seed(0)
    model = make()
    model.compile(optimizer, "mse", metrics=["mae", metrics.R2Score()])
    model.fit(X, Y, epochs=2, batch_size=8, verbose=0, shuffle=False)
    return model


def more(model):
    history = model.fit(X, Y, epochs=3, batch_size=8, verbose=0, shuffle=False).history
    return history, model.get_weights()


@pytest.mark.parametrize("make", [sequential, unbuilt, functional, lambda: Net(5, note={"by": "me"})])
def test_training_goes_on_alike(make, way):
    model = fitted(make)
    again = way(model)
    assert again.predict(X, verbose=0).tobytes() == model.predict(X, verbose=0).tobytes()
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    assert again.history.history == model.history.history
    assert again.history.model is again
    assert [v.path for v in again.weights] == [v.path for v in model.weights]
    a, b = more(again), more(model)
    assert a[0] == b[0]
    for one, other in zip(a[1], b[1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_attributes_of_a_users_own(way):
    model = Net(3, note={"by": ["me"]})
    model(X)
    again = way(model)
    assert again.note == {"by": ["me"]}
    assert again.table.tolist() == [0, 1, 2]
    assert again.get_config() == model.get_config()
    assert again.heads["a"].kernel.path.endswith("/kernel")


def test_a_fresh_model_is_built_later(way):
    again = way(unbuilt())
    assert not again.built
    assert again(X).shape == (16, 2)


@pytest.mark.parametrize(
    "make",
    [
        *(pytest.param(kind, id=kind.__name__) for kind in (optimizers.SGD, optimizers.Adam, optimizers.Lamb)),
        pytest.param(lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True, use_ema=True), id="ema"),
        pytest.param(lambda: optimizers.Adam(0.05, gradient_accumulation_steps=3, clipnorm=0.1), id="accumulation"),
        pytest.param(lambda: optimizers.LossScaleOptimizer(optimizers.Adam(0.01)), id="loss scale"),
        pytest.param(optimizers.Muon, id="muon"),
        pytest.param(lambda: optimizers.AdamW(optimizers.schedules.CosineDecay(0.1, 100)), id="schedule"),
        pytest.param(lambda: optimizers.MultiOptimizer(optimizers.OptimizerMap(optimizers.Adam(0.1))), id="multi"),
    ],
)
def test_optimizers_go_on_alike(make, way):
    model = fitted(sequential, make())
    again, optimizer, kernel = way((model, model.optimizer, model.layers[0].kernel))
    assert optimizer is again.optimizer
    assert kernel is again.layers[0].kernel
    assert more(again)[0] == more(model)[0]


CLASSES = sorted(n for n in optimizers.__all__ if n.lower() in known and n not in ("LossScaleOptimizer",))


@pytest.mark.parametrize("name", [n for n in CLASSES if n != "MultiOptimizer"])
def test_every_optimizer_goes_on_alike(name):
    model = fitted(sequential, getattr(optimizers, name)())
    for again in (by_pickle(model), copy.deepcopy(model)):
        twin = by_pickle(model)
        assert more(again)[0] == more(twin)[0]
    assert more(by_pickle(model))[0] == more(model)[0]


@pytest.mark.parametrize("room", [losses, metrics, initializers, optimizers.schedules, constraints, regularizers])
def test_every_part_that_needs_no_arguments(room, way):
    tried = 0
    for name in room.__all__:
        kind = getattr(room, name)
        needed = [p for p in inspect.signature(kind).parameters.values() if p.default is p.empty and p.kind < 2]
        if isinstance(kind, type) and not needed and hasattr(kind, "get_config"):
            made = kind()
            again = way(made)
            assert type(again) is kind
            assert repr(vars(again).keys()) == repr(vars(made).keys())
            tried += 1
    assert tried or room is optimizers.schedules


def test_models_of_onnx_files(tmp_path, way):
    pytest.importorskip("onnx", reason="models of ONNX files need onnx")
    fitted(sequential).export(tmp_path / "m.onnx")
    model = lamina.onnx.load(tmp_path / "m.onnx")
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0, shuffle=False)
    again = way(model)
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert more(again)[0] == more(model)[0]


def test_an_optimizer_alone_takes_its_variables_along(way):
    w = lamina.Variable(np.ones(3, np.float32), name="w")
    optimizer = optimizers.AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay([w])
    fresh = way(optimizer)
    optimizer.build([w])
    (w * w).sum().backward()
    optimizer.step()
    again = way(optimizer)
    v = again._variables[0]
    for variable, one in ((w, optimizer), (v, again)):
        variable.zero_grad()
        (variable * variable).sum().backward()
        one.step()
    np.testing.assert_array_equal(v.numpy(), w.numpy())
    assert int(again.iterations) == 2
    assert not again._decays(v, 0)
    assert fresh.weight_decay == 0.5
    if way is not copy.deepcopy:
        rate = way(optimizer.learning_rate)
        assert float(rate.assign(0.25)._optimizer.learning_rate) == 0.25


def test_what_is_shared_stays_shared(way):
    shared = layers.Dense(4)
    tied = layers.Dense(4)
    for layer in (shared, tied):
        layer(X)
    tied.kernel = shared.kernel
    one, two, other, pair = way((shared, shared, tied, {"again": shared.kernel}))
    assert one is two
    assert other.kernel is one.kernel is pair["again"]
    assert one.kernel is not shared.kernel
    generator = lamina.random.SeedGenerator(7)
    drops = layers.Dropout(0.5, seed=generator), layers.Dropout(0.5, seed=generator)
    drops[0](X, training=True)
    a, b, same = way((*drops, generator))
    assert a.seed_generator is b.seed_generator is same
    assert same.state.tolist() == generator.state.tolist()
    np.testing.assert_array_equal(b(X, training=True), drops[1](X, training=True))


def test_layers_of_a_functional_model_know_their_calls(way):
    model = functional()
    again = way(model)
    assert len(again.get_layer("shared")._nodes) == 2
    part = lamina.Model(again.input, again.get_layer("shared").output)
    assert part(X).shape == (16, 4)
    alone = way(model.get_layer("shared"))
    np.testing.assert_array_equal(alone(X), model.get_layer("shared")(X))


def test_deep_models_are_no_deep_recursion(way):
    inputs = x = lamina.Input((2,))
    for _ in range(400):
        x = layers.Activation("relu")(x)
    model = lamina.Model(inputs, x)
    part = lamina.Model(model.layers[200].output, model.output)
    for one in (model, part):
        np.testing.assert_array_equal(way(one)(X[:, :2]), np.maximum(X[:, :2], 0))


@pytest.mark.parametrize(
    "thing",
    [
        lamina.Tensor(X), lamina.Tensor(X, requires_grad=True), lamina.Variable(3), losses.MeanSquaredError(),
        losses.Huber(delta=0.5), losses.get(losses.mean_squared_error), metrics.AUC(curve="PR"),
        metrics.MeanMetricWrapper(losses.mean_squared_error), initializers.GlorotUniform(3), initializers.Constant(2.0),
        regularizers.L1L2(0.1, 0.2), constraints.MaxNorm(1.5), callbacks.EarlyStopping(patience=3),
        callbacks.History(), optimizers.schedules.ExponentialDecay(0.1, 3, 0.5), lamina.random.SeedGenerator(3),
        lamina.Input((3, None), name="in"), layers.KeyValueCache(4),
    ],
    ids=lambda thing: type(thing).__name__,
)  # fmt: skip
def test_parts(thing, way):
    again = way(thing)
    assert type(again) is type(thing)
    if hasattr(thing, "get_config"):
        assert again.get_config() == thing.get_config()
    if isinstance(thing, lamina.Tensor):
        np.testing.assert_array_equal(again.numpy(), thing.numpy())
        assert (again.dtype, again.requires_grad) == (thing.dtype, thing.requires_grad)
        again.data[...] = 1
        assert not np.shares_memory(again.numpy(), thing.numpy())


def test_metrics_go_on(way):
    metric = metrics.AUC(num_thresholds=20)
    metric.update_state([0, 1, 1], [0.1, 0.4, 0.8])
    again = way(metric)
    for one in (metric, again):
        one.update_state([0, 1], [0.7, 0.6])
    assert float(again.result()) == float(metric.result())


def test_a_gradient_that_is_there_goes_along(way):
    w = lamina.Variable(np.arange(3.0))
    assert way(w).grad is None
    (w * w).sum().backward()
    assert way(w).grad.tolist() == [0, 2, 4]
    table = layers.Embedding(5, 2, sparse=True)
    table([1, 3])
    table([1, 3]).sum().backward()
    again = way(table)
    np.testing.assert_array_equal(again.embeddings.grad, table.embeddings.grad)
    again.embeddings.zero_grad()
    again([2]).sum().backward()
    assert again.embeddings.grad.numpy()[:, 0].tolist() == [0, 0, 1, 0, 0]


def test_a_computed_tensor_says_what_to_do():
    x = lamina.Tensor([1.0], requires_grad=True)
    with pytest.raises(TypeError, match=r"has its place on the tape.*t\.detach\(\)"):
        pickle.dumps(x * 2.0)
    assert by_pickle((x * 2.0).detach()).tolist() == [2]


def test_a_cache_keeps_its_steps(way):
    attention = layers.MultiHeadAttention(2, 4)
    x = RNG.standard_normal((1, 3, 8)).astype("float32")
    cache = layers.KeyValueCache(6)
    with lamina.no_grad():
        attention(x, x, use_causal_mask=True)
        with cache:
            attention(x[:, :2], x[:, :2], use_causal_mask=True)
        twin, kept = way((attention, cache))
        assert kept.length == 2
        results = []
        for layer, one in ((attention, cache), (twin, kept)):
            with one:
                results.append(layer(x[:, 2:], x[:, 2:], use_causal_mask=True).numpy())
    np.testing.assert_array_equal(*results)


def double(x):
    return x * 2.0


def test_captured_steps_are_recorded_again(way):
    step = lamina.capture(double, max_plans=3, name="twice")
    step(X)
    again = way(step)
    assert (again.plans, again.__name__, again._max_plans) == ([], "twice", 3)
    np.testing.assert_array_equal(again(X), X * 2)
    assert len(again.plans) == 1


def test_shallow_copies_share_the_parts():
    model = fitted(sequential)
    again = copy.copy(model)
    assert again.layers[0] is model.layers[0]
    np.testing.assert_array_equal(again(X), model(X))


def test_a_layer_inside_of_itself(way):
    class_ = Loop
    model = class_()
    model(X)
    again = way(model)
    assert again.inner.around is again
    assert again.inner.kernel.owner() is again.inner


class Inner(layers.Dense):
    around = None


class Loop(lamina.Model):
    """Its part refers to it."""

    def __init__(self):
        super().__init__()
        self.inner = Inner(2)
        self.inner.__dict__["around"] = self

    def call(self, inputs):
        return self.inner(inputs)


def test_what_cannot_be_written_is_named():
    model = Net(3)
    model.lock = threading.Lock()
    with pytest.raises(TypeError, match="lock"):
        pickle.dumps(model)


def train(model):
    model.fit(X, Y, epochs=1, batch_size=8, verbose=0, shuffle=False)
    return model


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_other_processes_train(start):
    models = [fitted(sequential), fitted(functional, "sgd")]
    with multiprocessing.get_context(start).Pool(2) as pool:
        trained = pool.map(train, models)
    for here, there in zip(models, trained, strict=True):
        train(here)
        for a, b in zip(here.get_weights(), there.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_joblib_runs_and_files(tmp_path):
    model = fitted(sequential)
    joblib.dump(model, tmp_path / "m.joblib")
    for mode in (None, "r"):
        again = joblib.load(tmp_path / "m.joblib", mmap_mode=mode)
        assert more(again)[0] == more(copy.deepcopy(model))[0]
    results = joblib.Parallel(n_jobs=2)(joblib.delayed(train)(model) for _ in range(2))
    assert results[0].history.history == results[1].history.history


MAIN = """
    import pickle, sys
    import cloudpickle
    import numpy as np
    import lamina
    from lamina import layers

    class Own(lamina.Layer):
        def build(self, input_shape):
            self.w = self.add_weight((input_shape[-1], 2), name="w")
        def call(self, inputs):
            return inputs @ self.w

    def make():
        class Local(lamina.Model):
            def __init__(self):
                super().__init__()
                self.own = Own()
                self.act = layers.Lambda(lambda x: x * 3.0)
            def call(self, inputs, training=False):
                return self.act(self.own(inputs))
        return Local()

    model = make()
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    cloudpickle.dump((model, model.predict(np.ones((1, 3)), verbose=0)), open(sys.argv[1], "wb"))
"""


def test_classes_of_a_script_by_cloudpickle(tmp_path):
    file = tmp_path / "m.pickle"
    subprocess.run([sys.executable, "-c", textwrap.dedent(MAIN), str(file)], check=True)
    with open(file, "rb") as opened:
        model, want = pickle.load(opened)
    np.testing.assert_array_equal(model.predict(np.ones((1, 3)), verbose=0), want)
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    again = by_cloudpickle(model)
    assert again.own.built


def text_vectorization():
    layer = layers.TextVectorization(output_mode="int", output_sequence_length=4)
    layer.adapt(["a b c", "b c", "c"])
    return layer, np.array(["c b x"])


def feature_space():
    space = lamina.utils.FeatureSpace({"age": "float_normalized", "job": "string_categorical"}, output_mode="concat")
    space.adapt({"age": np.array([1.0, 2.0, 4.0]), "job": np.array(["x", "y", "x"])})
    return space, {"age": np.array([2.0]), "job": np.array(["y"])}


@pytest.mark.parametrize(
    "make",
    [
        text_vectorization, feature_space,
        lambda: (layers.Hashing(5), np.array(["a", "b"])),
        lambda: (layers.AugMix(seed=3), RNG.uniform(0, 255, (2, 8, 8, 3)).astype("float32")),
        lambda: (layers.Lambda(double), X),
        lambda: (layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)]), RNG.standard_normal((2, 3, 4)).astype("float32")),
    ],
)  # fmt: skip
def test_layers_that_the_table_leaves_out(make, way):
    layer, given = make()
    layer(given)
    again = way(layer)
    np.testing.assert_array_equal(np.asarray(again(given)), np.asarray(layer(given)))
