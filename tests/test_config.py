"""keras.config, backend, tree, saving, dtype_policies and the like: what they set has effect everywhere."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque, namedtuple

import numpy as np
import pytest

import lamina
from lamina import backend, config, distribution, layers, losses, metrics, ops, preprocessing, saving, tree
from lamina.testing.layer_table import layer_checks

Point = namedtuple("Point", ["x", "y"])


@pytest.fixture(autouse=True)
def as_it_was():
    yield
    config.set_floatx("float32")
    config.set_dtype_policy("float32")
    lamina.core.defaults.Defaults.policy = None
    config.set_epsilon(1e-7)
    config.set_image_data_format("channels_last")
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)
    config.enable_interactive_logging()
    distribution.set_distribution(None)


# ---- nests ----


def test_dicts_go_by_their_keys_and_keep_their_order():
    nest = {"b": 1, "a": [2, Point(3, None)]}
    assert tree.flatten(nest) == [2, 3, None, 1]
    assert list(tree.map_structure(lambda x: x, nest)) == ["b", "a"]
    assert tree.flatten(OrderedDict(b=1, a=2)) == [1, 2]
    assert tree.flatten_with_path(nest)[1] == (("a", 1, 0), 3)
    assert tree.pack_sequence_as(nest, [1, 2, 3, 4]) == {"b": 4, "a": [1, Point(2, 3)]}
    assert tree.map_structure(str, deque([1], 3)) == deque(["1"], 3)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tree.map_structure(lambda a, b: a, [1], [1, 2]), ValueError, "length 2 in place of 1"),
        (lambda: tree.map_structure(5, [1]), TypeError, "must be a function"),
        (lambda: tree.map_structure(len), ValueError, "at least one"),
        (lambda: tree.pack_sequence_as([1, 2], [1]), ValueError, "has 2 leaves, flat_sequence 1"),
        (lambda: tree.pack_sequence_as([1], 1), TypeError, "must be a list"),
        (lambda: tree.assert_same_structure([1], (1,)), ValueError, "expected a list"),
        (lambda: tree.assert_same_structure({"a": 1}, {"b": 1}), ValueError, "keys"),
        (lambda: tree.assert_same_structure(1, [1]), ValueError, "a leaf"),
        (lambda: tree.assert_same_paths([1], [1, 2]), ValueError, r"\(1,\) is a leaf of the second alone"),
        (lambda: tree.map_structure(str, [None], [1], none_is_leaf=False), ValueError, "None stands beside"),
        (lambda: tree.map_shape_structure(len, "text"), ValueError, "nest of shapes"),
        (lambda: tree.flatten({1: 2, "a": 3}), TypeError, "must have an order"),
    ],
)
def test_nests_that_do_not_fit_are_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_nests_of_one_structure_pass():
    assert tree.assert_same_structure({"a": [1]}, OrderedDict(a=["x"])) is None
    assert tree.assert_same_paths([0, (1,)], (2, [3])) is None
    assert tree.map_structure(lambda a, b: a, [None], [None], none_is_leaf=False) == [None]
    assert tree.lists_to_tuples([1, {"a": [2]}]) == (1, {"a": (2,)})


# ---- types ----


def test_a_policy_is_the_type_of_new_layers():
    config.set_dtype_policy("float64")
    layer = layers.Dense(2)
    assert layer(np.ones((1, 3), "f4")).dtype == np.float64
    assert layer.dtype_policy == lamina.DTypePolicy("float64") != lamina.DTypePolicy("float32")
    assert ops.zeros(2).dtype == np.float32  # arrays follow floatx
    assert layers.Dense(2, dtype=lamina.DTypePolicy("float32")).dtype == "float32"
    assert lamina.mixed_precision.global_policy().name == "float64"


def test_without_a_policy_layers_follow_floatx():
    config.set_floatx("float64")
    assert config.dtype_policy().name == layers.Dense(1).dtype == "float64"


@pytest.mark.parametrize("name", ["mixed_float16", "bfloat16", "float16"])
@pytest.mark.parametrize(
    "give",
    [
        config.set_dtype_policy, config.set_floatx, lamina.DTypePolicy, lamina.dtype_policies.get,
        lamina.mixed_precision.set_global_policy, lambda name: layers.Dense(1, dtype=name),
        lambda name: layers.Dense(1, dtype={"class_name": "DTypePolicy", "config": {"name": name}}),
    ],
)  # fmt: skip
def test_narrow_types_are_refused_with_what_is_supported(give, name):
    with pytest.raises(ValueError, match=r"float32 or float64"):
        give(name)


@pytest.mark.parametrize(
    "give",
    [
        config.set_dtype_policy, config.set_floatx, lamina.DTypePolicy, lamina.mixed_precision.set_global_policy,
        lambda name: layers.Dense(1, dtype={"class_name": "DTypePolicy", "config": {"name": name}}),
        lambda name: config.set_dtype_policy(lamina.dtype_policies.get(name)),
    ],
)  # fmt: skip
def test_int8_is_no_type_of_all_layers(give):
    with pytest.raises(ValueError, match=r"float32 or float64"):
        give("int8_from_float32")


def test_maps_of_policies_are_looked_up_by_name_and_pattern():
    policies = lamina.dtype_policies.DTypePolicyMap("float32", {"enc.*": "float64"})
    assert layers.Dense(1, name="encoder", dtype=policies).dtype == "float64"
    assert layers.Dense(1, name="decoder", dtype=policies).dtype == "float32"
    again = lamina.dtype_policies.deserialize(lamina.dtype_policies.serialize(policies))
    assert again["encoder"].name == "float64"
    policies["e.*"] = "float32"
    with pytest.raises(ValueError, match="several patterns"):
        policies["encoder"]
    with pytest.raises(ValueError, match="has a policy already"):
        policies["e.*"] = "float64"


def test_types_of_sums():
    assert backend.result_type("int64", "int32") == "int64"
    assert backend.result_type("int32", float) == backend.result_type(None) == backend.result_type() == "float32"
    assert backend.result_type("bool", "bool") == "bool"
    assert backend.result_type(int) == "int64"


def test_numbers_of_names_are_those_of_layers():
    backend.clear_session()
    assert backend.get_uid("dense") == 1
    assert layers.Dense(1).name == "dense_1"


# ---- defaults that are read everywhere ----


@pytest.mark.parametrize("check", layer_checks(), ids=lambda check: check.name)
def test_layers_that_were_told_their_layout_do_not_ask_for_the_default(check):
    layer, arrays = check.make(), check.arrays()
    lamina.random.seed(0)
    before = tree.flatten(layer(*arrays, training=False))
    config.set_image_data_format("channels_first")
    lamina.random.seed(0)
    for one, other in zip(before, tree.flatten(layer(*arrays, training=False)), strict=True):
        if isinstance(one, lamina.Tensor) and getattr(layer, "seed", None) is None:
            np.testing.assert_array_equal(one, other)


def test_a_layout_is_the_default_of_layers_and_operations():
    config.set_image_data_format("channels_first")
    x = np.random.default_rng(0).normal(size=(1, 3, 6, 6)).astype("f4")
    layer = layers.Conv2D(2, 3)
    assert layer(x).shape == (1, 2, 4, 4)
    assert layer.data_format == "channels_first"
    assert ops.max_pool(x, 2).shape == (1, 3, 3, 3)
    assert preprocessing.image.img_to_array(np.zeros((4, 5, 3))).shape == (3, 4, 5)
    with pytest.raises(ValueError, match="did you mean 'channels_first'"):
        config.set_image_data_format("channel_first")


def test_the_small_constant():
    with pytest.raises(ValueError, match=r"between 0 and 0\.5"):
        config.set_epsilon(-1)
    with pytest.raises(TypeError, match="expected a number"):
        config.set_epsilon("1")


def small():
    model = lamina.Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")
    return model, np.ones((64, 2), "f4"), np.ones((64, 1), "f4")


def test_limits_of_epochs_and_steps():
    model, x, y = small()
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(1)
    assert len(model.fit(x, y, epochs=5, batch_size=16, verbose=0).history["loss"]) == 2
    assert int(model.optimizer.iterations) == 2
    assert model.predict(x, batch_size=16, verbose=0).shape == (16, 1)
    config.set_max_steps_per_epoch(9)
    assert len(model.predict(x, batch_size=16, verbose=0)) == 64
    with pytest.raises(ValueError, match="from 1 or None"):
        config.set_max_epochs(0)


def test_progress_goes_to_the_log(capsys, caplog):
    model, x, y = small()
    config.disable_interactive_logging()
    with caplog.at_level(logging.INFO, "lamina"):
        model.fit(x, y, epochs=1)
        bar = lamina.utils.Progbar(2)
        bar.update(2)
    assert capsys.readouterr().out == ""
    assert "loss" in caplog.messages[0]
    assert len(caplog.messages) == 2
    config.enable_interactive_logging()
    model.fit(x, y, epochs=1)
    assert "loss" in capsys.readouterr().out


def test_what_cannot_be_set_says_so():
    assert config.set_backend("lamina") is None
    for call, words in [
        (lambda: config.set_backend("torch"), "own kernels alone"),
        (config.disable_flash_attention, "one way here"),
        (config.enable_unsafe_deserialization, "runs no code"),
    ]:
        with pytest.raises(ValueError, match=words):
            call()


# ---- names and scopes ----


def test_names_of_scopes_begin_paths():
    with lamina.name_scope("a"), lamina.name_scope("b"):
        v, dense = lamina.Variable(0.0, name="x"), layers.Dense(1, name="d")
        with lamina.name_scope("c", override_parent="z/y"):
            w = lamina.Variable(0.0, name="x")
    dense.build((None, 2))
    assert (v.path, dense.path, dense.kernel.path, w.path) == ("a/b/x", "a/b/d", "a/b/d/kernel", "z/y/c/x")
    assert lamina.Variable(0.0, name="x").path == "x"
    with pytest.raises(ValueError, match="without '/'"), lamina.name_scope("a/b"):
        pass


@pytest.mark.parametrize("name", ["cpu", "CPU:0", "/cpu:0", "/device:CPU:0"])
def test_the_processor_is_a_device(name):
    with lamina.device(name):
        assert ops.ones(1).shape == (1,)


@pytest.mark.parametrize("name", ["gpu", "cuda:0", "cpu:1", 0])
def test_other_devices_are_not_there(name):
    with pytest.raises(ValueError, match="not there"), lamina.device(name):
        pass


def test_one_device_trains_data_parallel():
    mesh = distribution.DeviceMesh((1,), ["batch"], ["cpu:0"])
    distribution.set_distribution(distribution.DataParallel(device_mesh=mesh))
    model, x, y = small()
    assert len(model.fit(x, y, verbose=0).history["loss"]) == 1
    with pytest.raises(ValueError, match="is not there"):
        distribution.DataParallel(devices=["gpu:0"])
    with pytest.raises(
        ValueError, match="this is process 0 of 1, not 0 of 2; start the processes with a launcher of MPI"
    ):
        distribution.initialize(num_processes=2, process_id=0)
    with pytest.raises(TypeError, match="DataParallel or None"):
        distribution.set_distribution("mirrored")


# ---- classes and functions of one's own, by name ----


def double(x):
    return 2 * x


def sum_of_errors(y_true, y_pred):
    return ops.sum(ops.abs(y_true - y_pred), axis=-1)


@pytest.fixture
def registered():
    saving.get_custom_objects().update(double=double, sum_of_errors=sum_of_errors, Doubled=layers.Activation(double))
    yield
    for name in ("double", "sum_of_errors", "Doubled"):
        del saving.get_custom_objects()[name]


def test_what_is_put_into_the_dict_is_known(registered, tmp_path):
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(2, activation="double"), layers.Activation("Doubled")])
    model.compile("sgd", "sum_of_errors", metrics=["sum_of_errors"])
    x, y = np.ones((4, 3), "f4"), np.ones((4, 2), "f4")
    logs = model.evaluate(x, y, return_dict=True, verbose=0)
    assert logs["loss"] == pytest.approx(logs["sum_of_errors"])
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(2, activation=double)])
    lamina.models.save_model(model, tmp_path / "m.lamina")
    np.testing.assert_array_equal(saving.load_model(tmp_path / "m.lamina")(x), model(x))
    assert saving.get_registered_object("double") is double
    assert saving.get_registered_object("none", module_objects={"none": double}) is double


def test_scopes_of_names_reach_activations_losses_metrics():
    with saving.CustomObjectScope({"double": double, "sum_of_errors": sum_of_errors}):
        assert lamina.activations.get("double") is double
        assert losses.get("sum_of_errors")(np.zeros((1, 2)), np.ones((1, 2))) == 2
        assert metrics.get("sum_of_errors").name == "sum_of_errors"
    with pytest.raises(ValueError, match="unknown activation"):
        lamina.activations.get("double")


def test_descriptions_of_keras_2_come_back():
    of_two = lamina.legacy.saving
    found = of_two.deserialize_keras_object(of_two.serialize_keras_object(layers.Dense(3, name="d")))
    assert (type(found), found.units, found.name) == (layers.Dense, 3, "d")
    assert of_two.serialize_keras_object(None) is None
    assert of_two.deserialize_keras_object("double", module_objects={"double": double}) is double
    with pytest.raises(ValueError, match="with get_config"):
        of_two.serialize_keras_object(3)


# ---- the small constant, in what uses it ----

T = np.array([[0.0, 1.0], [1.0, 0.0]], "f4")
P = np.array([[0.002, 0.998], [0.6, 0.4]], "f4")


def clipped(p, least):
    return np.clip(p, least, 1 - least)


def binary(t, p, least):
    q = clipped(p, least)
    return -np.mean(t * np.log(q) + (1 - t) * np.log(1 - q))


def categorical(t, p, least):
    return -np.mean(np.sum(t * np.log(clipped(p / p.sum(-1, keepdims=True), least)), -1))


def kl(t, p, least):
    q, r = np.clip(t, least, 1), np.clip(p, least, 1)
    return np.mean(np.sum(q * np.log(q / r), -1))


@pytest.mark.parametrize("least", [1e-7, 1e-2])
@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("binary_crossentropy", binary),
        ("categorical_crossentropy", categorical),
        ("sparse_categorical_crossentropy", categorical),
        ("kl_divergence", kl),
        ("poisson", lambda t, p, e: np.mean(p - t * np.log(p + e))),
        ("mean_absolute_percentage_error", lambda t, p, e: 100 * np.mean(np.abs(t - p) / np.maximum(np.abs(t), e))),
        ("dice", lambda t, p, e: 1 - 2 * np.sum(t * p) / (np.sum(t) + np.sum(p) + e)),
    ],
)  # fmt: skip
def test_losses_read_the_small_constant(loss, expected, least):
    config.set_epsilon(least)
    labels = T.argmax(-1) if loss.startswith("sparse") else T
    p = lamina.Tensor(P, requires_grad=True)
    value = ops.mean(losses.get(loss)(labels, p))
    np.testing.assert_allclose(float(value), expected(T, P, least), rtol=2e-5)
    value.backward()
    step = 1e-4
    moved = P + np.array([[0, 0], [0, step]], "f4")
    slope = (expected(T, moved.astype("f8"), least) - expected(T, P.astype("f8"), least)) / step
    assert float(p.grad[1, 1]) == pytest.approx(slope, rel=2e-3, abs=2e-3)


def test_another_constant_ignores_classes_and_checks_labels():
    config.set_epsilon(1e-2)
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    assert float(loss([0, -1], P[1:].repeat(2, 0))) == pytest.approx(-np.log(0.6), rel=1e-5)
    with pytest.raises(ValueError, match="label"):
        loss([0, 5], P)


def test_captured_steps_see_another_constant():
    step = lamina.capture(lambda p: losses.binary_crossentropy(T, p))
    before = float(np.mean(step(lamina.Tensor(P))))
    config.set_epsilon(0.1)
    after = float(np.mean(step(lamina.Tensor(P))))
    assert after > before


# ---- tracebacks ----


def frames(error):
    trace, found = error.__traceback__, []
    while trace is not None:
        found.append(trace.tb_frame.f_globals["__name__"].partition(".")[0])
        trace = trace.tb_next
    return found


class Own(lamina.Layer):
    def call(self, inputs):
        return ops.matmul(inputs, np.ones((7, 2), "f4"))


@pytest.mark.parametrize("call", ["layer", "fit"])
def test_tracebacks_leave_the_library_out(call):
    model = lamina.Sequential([layers.Dense(3), Own()])
    model.compile("sgd", "mse")

    def fail():
        with pytest.raises(ValueError, match="Own 'own"):
            model(np.ones((2, 3), "f4")) if call == "layer" else model.fit(np.ones((2, 3)), np.ones((2, 2)), verbose=0)
        try:
            model(np.ones((2, 3), "f4")) if call == "layer" else model.fit(np.ones((2, 3)), np.ones((2, 2)), verbose=0)
        except ValueError as error:
            return frames(error)

    short = fail()
    config.disable_traceback_filtering()
    long = fail()
    config.enable_traceback_filtering()
    assert short.count("lamina") <= 4 < long.count("lamina")
    assert short.count(__name__.partition(".")[0]) == long.count(__name__.partition(".")[0]) >= 2


def test_exports_know_the_layout(tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="runs the exported file")
    config.set_image_data_format("channels_first")
    inputs = lamina.Input((3, 8, 8))
    model = lamina.Model(inputs, ops.average_pool(layers.Conv2D(4, 3)(inputs), 2))
    x = np.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype("f4")
    model.export(tmp_path / "m.onnx", verbose=False)
    session = runtime.InferenceSession(str(tmp_path / "m.onnx"))
    found = session.run(None, {session.get_inputs()[0].name: x})[0]
    np.testing.assert_allclose(found, model.predict(x, verbose=0), atol=1e-5)


# ---- settings of a program ----


def test_settings_are_attributes_and_entries():
    import copy

    settings = lamina.utils.Config(units=3)
    settings.rate = 0.5
    settings["seed"] = 7
    assert (settings.units, settings["rate"], len(settings), "seed" in settings) == (3, 0.5, 3, True)
    assert lamina.utils.Config(**settings.as_dict()).to_json() == settings.to_json()
    settings.freeze()
    for change in (lambda: setattr(settings, "units", 4), lambda: settings.pop("units"), lambda: settings.update(a=1)):
        with pytest.raises(ValueError, match="frozen"):
            change()
    with pytest.raises(AttributeError, match="did you mean 'units'"):
        _ = settings.unit
    other = copy.deepcopy(settings)
    other.unfreeze()
    del other.units
    assert settings.get("units") == 3
    assert other.get("units", 9) == 9


def test_sources_of_a_symbolic_tensor():
    a, b, c = (lamina.Input((2,)) for _ in range(3))
    x = layers.Dense(3)(a + b)
    for _ in range(2000):
        x = ops.relu(x)
    assert lamina.utils.get_source_inputs(x) == [a, b]
    assert lamina.utils.get_source_inputs(c) == [c]
    with pytest.raises(TypeError, match="symbolic tensor"):
        lamina.utils.get_source_inputs(np.ones(2))


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_smart_resize_cuts_the_middle_out(batch, layout):
    """To the new proportions first; then it resizes."""
    x = np.random.default_rng(0).uniform(0, 255, (*batch, 6, 10, 3)).astype(np.float32)
    for size, cut in (((3, 3), x[..., 2:8, :]), ((2, 5), x[..., 1:5, :, :]), ((3, 5), x)):
        want = np.asarray(ops.image.resize(cut, size, "bilinear", data_format="channels_last"))
        given = np.moveaxis(x, -1, -3) if layout == "channels_first" else x
        found = np.asarray(preprocessing.image.smart_resize(given, size, data_format=layout))
        found = np.moveaxis(found, -3, -1) if layout == "channels_first" else found
        np.testing.assert_allclose(found, want, rtol=1e-5)
    for wrong in ((3,), (0, 3), (3, 3, 3)):
        with pytest.raises(ValueError, match=r"size must be \(height, width\)"):
            preprocessing.image.smart_resize(x, wrong)
    with pytest.raises(ValueError, match="expected an image or a batch of images"):
        preprocessing.image.smart_resize(x[..., 0, :, 0] if batch else x[0], (3, 3))
    assert preprocessing.image.smart_resize(x, (1, 10), data_format="channels_last").shape[-3:] == (1, 10, 3)


def test_kinds_of_dtypes():
    for dtype, is_float, is_int in (
        ("float16", True, False), ("float64", True, False), ("int8", False, True),
        ("uint32", False, True), ("bool", False, False),
    ):  # fmt: skip
        assert backend.is_float_dtype(dtype) is is_float
        assert backend.is_int_dtype(dtype) is is_int
    followed = lamina.dtype_policies.DTypePolicyMap()
    lamina.config.set_dtype_policy("float64")
    assert (followed.name, followed["any"].name) == ("map_float64", "float64")
    given = lamina.dtype_policies.DTypePolicyMap("float32")
    assert (given.name, given["any"].name) == ("map_float32", "float32")
    policies = lamina.dtype_policies.DTypePolicyMap()
    policies["a"] = lamina.dtype_policies.DTypePolicy("float64")
    assert "a" in policies
    assert "b" not in policies
