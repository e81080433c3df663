"""Update rules: native steps against their NumPy twins, PyTorch and Keras; every exported optimizer."""

from __future__ import annotations

import numpy as np
import pytest
from optimizer_examples import CLASSES, EXAMPLES, NATIVE, leaves, set_gradients

from lamina import _native, reference
from lamina.optimizers import SGD, Adam

SHAPES = [(3, 5), (1,), (0, 4), (17,), (17000,)]  # the last one is more than one piece of a norm
KERAS_WARNS = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # its own
CLIPPING = [
    {},
    {"weight_decay": 0.1},
    {"clipvalue": 0.3},
    {"clipnorm": 0.5, "weight_decay": 0.1},
    {"global_clipnorm": 0.5},
]


@pytest.fixture(autouse=True)
def _restore_threads():
    threads = _native.get_num_threads()
    yield
    _native.set_num_threads(threads)


def arrays(optimizer, dtype, seed=0, shapes=SHAPES):
    """Weights, gradients and slots, None for those that are not kept."""
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal(s).astype(dtype) for s in shapes]
    gradients = [rng.standard_normal(s).astype(dtype) for s in shapes]
    kept = optimizer._slot_names()
    state = [
        [np.abs(rng.standard_normal(s)).astype(dtype) for s in shapes] if name in kept else None
        for name, _ in optimizer._state
    ]
    return weights, gradients, state


def flat(given):
    weights, _, state = given
    return [*weights, *(a for slot in state if slot is not None for a in slot)]


def group_of(module, weights, gradients, state=(), active=None):
    n = len(weights)
    decays = np.array([i % 2 == 0 for i in range(n)])
    active = np.ones(n, bool) if active is None else active
    state = list(state)
    return module.ParameterGroup(weights, gradients, state, decays, active, np.array([0.01]), np.array([3], np.int64))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("clipping", CLIPPING, ids=str)
@pytest.mark.parametrize(("name", "options"), EXAMPLES, ids=str)
def test_steps_are_their_twins(name, options, clipping, dtype, isa):
    optimizer = CLASSES[name](**options, **clipping)
    active = np.array([True, True, True, False, True])
    got, want = arrays(optimizer, dtype), arrays(optimizer, dtype)
    if options.get("centered"):
        for _, _, state in (got, want):  # a velocity below the square of the mean gradient can't arise
            for v, mean in zip(state[0], state[-1], strict=True):
                v += mean**2 + 0.5
    native = group_of(_native, *got, active)
    twin = group_of(reference, *want, active)
    for _ in range(2):
        _native.optimizer_step(native, *optimizer._step_arguments())
        reference.optimizer_step(twin, *optimizer._step_arguments())
    tolerance = 5e-6 if dtype == np.float32 else 1e-12
    if options.get("learning_rate_power"):
        tolerance *= 200  # a difference of powers, divided by a rate of 0.01
    for g, w in zip(flat(got), flat(want), strict=True):
        np.testing.assert_allclose(g, w, rtol=tolerance, atol=tolerance)
    assert twin.iterations[0] == native.iterations[0] == 5


@pytest.mark.parametrize("epsilon", [0.0, 1e-7])
def test_velocities_at_the_ends_of_the_numbers(epsilon, isa):
    """Roots and quotients of zero, infinity, NaN and the numbers next to them are what sqrt and division give."""
    g = np.array([0, -0.0, 1e30, np.inf, np.nan, 1.8e19, -1.8e19, 1e-16, -1e-15, 1, 3e-8, 65536], np.float32).repeat(3)
    w, m = np.ones(len(g), np.float32), np.full(len(g), 0.5, np.float32)
    v = np.zeros(len(g), np.float32)
    optimizer = Adam(epsilon=epsilon)
    want = w.copy()
    with np.errstate(all="ignore"):
        wanted_m, wanted_v = m + (g - m) * np.float32(1 - 0.9), v + (g * g - v) * np.float32(1 - 0.999)
        rate = np.float32(0.01 * np.sqrt(1 - 0.999**4) / (1 - 0.9**4))
        want -= rate * wanted_m / (np.sqrt(wanted_v) + np.float32(epsilon))
    _native.optimizer_step(group_of(_native, [w], [g], [[m], [v], None]), *optimizer._step_arguments())
    np.testing.assert_allclose(v, wanted_v, rtol=1e-6)
    np.testing.assert_allclose(w, want, rtol=2e-6)


@pytest.mark.parametrize("clipping", [{}, {"global_clipnorm": 0.1}], ids=str)
@pytest.mark.parametrize("name", NATIVE)
def test_same_bits_at_any_thread_count(name, clipping):
    optimizer = CLASSES[name](**clipping)
    seen = []
    for threads in (1, 2, 3, 4):
        _native.set_num_threads(threads)
        given = arrays(optimizer, np.float32, shapes=[(129, 200), (40000,), (7,)])
        _native.optimizer_step(group_of(_native, *given), *optimizer._step_arguments())
        seen.append([a.tobytes() for a in flat(given)])
    assert all(s == seen[0] for s in seen)


def test_float32_and_float64_in_one_group():
    weights = [np.ones(3, np.float32), np.ones(4)]
    gradients = [np.ones(3, np.float32), np.ones(4)]
    group = _native.ParameterGroup(
        weights, gradients, [], np.ones(2, bool), np.ones(2, bool), np.array([0.5]), np.zeros(1, np.int64)
    )
    _native.optimizer_step(group, *SGD(global_clipnorm=1.0)._step_arguments())
    for w in weights:
        np.testing.assert_allclose(w, 1 - 0.5 / 7**0.5, rtol=1e-6)


def test_nan_gradients_are_not_hidden_by_clipping():
    for clipping in ({"clipvalue": 1.0}, {"clipnorm": 1.0}, {"global_clipnorm": 1.0}):
        w = np.ones(20, np.float32)
        g = np.ones(20, np.float32)
        g[7] = np.nan
        group = _native.ParameterGroup(
            [w], [g], [], np.ones(1, bool), np.ones(1, bool), np.array([0.5]), np.zeros(1, np.int64)
        )
        _native.optimizer_step(group, *SGD(**clipping)._step_arguments())
        assert np.isnan(w[7])


def test_group_refuses_what_does_not_fit():
    w, rate, steps, on = np.ones(3, np.float32), np.array([0.1]), np.zeros(1, np.int64), np.ones(1, bool)
    with pytest.raises(ValueError, match="1 weights but 2 gradients"):
        _native.ParameterGroup([w], [w, w], [], on, on, rate, steps)
    with pytest.raises(ValueError, match=r"a gradient has shape \(4,\), expected \(3,\)"):
        _native.ParameterGroup([w], [np.ones(4, np.float32)], [], on, on, rate, steps)
    with pytest.raises(TypeError, match="a slot is float64, expected float32"):
        _native.ParameterGroup([w], [w.copy()], [[np.ones(3)]], on, on, rate, steps)
    with pytest.raises(TypeError, match="a weight: expected float32 or float64, got int64"):
        _native.ParameterGroup([np.ones(3, np.int64)], [np.ones(3, np.int64)], [], on, on, rate, steps)
    with pytest.raises(ValueError, match="C-contiguous"):
        _native.ParameterGroup([np.ones((3, 2), np.float32).T], [np.ones((2, 3), np.float32)], [], on, on, rate, steps)
    group = _native.ParameterGroup([w], [w.copy()], [], on, on, rate, steps)
    adam = Adam()._step_arguments()
    for wrong, message in (
        (adam, "adam keeps momentum at place 0 with these options, the group has none"),
        (("adan", *adam[1:]), "unknown rule 'adan'; known are sgd, adam"),
        (("adam", (0.9,), *adam[2:]), "adam takes 4 options, got 1"),
        (("adam", adam[1], 0.0, 1.0, 1.0, 1.0), "exclude each other"),
    ):
        with pytest.raises(ValueError, match=message):
            _native.optimizer_step(group, *wrong)
    group = _native.ParameterGroup([w], [w.copy()], [[w.copy()]], on, on, rate, steps)
    with pytest.raises(ValueError, match="sgd keeps no momentum at place 0 with these options, the group has one"):
        _native.optimizer_step(group, *SGD()._step_arguments())


def same_after_steps(ours, step, theirs, their_step, tolerance):
    """Four steps with the same gradients, which the other library gets in front of each."""
    for k in range(4):
        set_gradients(ours, k)
        their_step([v.grad.numpy().copy() for v in ours])
        step()
    for v, t in zip(ours, theirs(), strict=True):
        np.testing.assert_allclose(v.numpy(), t, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("decay", [None, 0.1])
@pytest.mark.parametrize(("name", "options"), EXAMPLES, ids=str)
def test_optimizers_are_torchs_up_to_the_place_of_epsilon(name, options, decay):
    torch = pytest.importorskip("torch")
    elsewhere = "epsilon" in CLASSES[name]._options and name != "Adadelta"
    optimizer = CLASSES[name](0.01, **{**options, **({"epsilon": 1e-30} if elsewhere else {})})
    rule = reference.optimizer.RULES[optimizer._rule]
    if not rule.torch:
        pytest.skip("torch has no such optimizer")
    optimizer.weight_decay = decay
    if options.get("amsgrad"):
        pytest.skip("torch takes the largest of the velocities without their correction of bias")
    if decay and not name.endswith("W"):
        pytest.skip("torch's decay goes through the gradient")
    names = {"epsilon": "eps", "rho": "rho" if name == "Adadelta" else "alpha"}
    given = {names.get(k, k): getattr(optimizer, k) for k in optimizer._options}
    if "beta_1" in given:
        given["betas"] = (given.pop("beta_1"), given.pop("beta_2"))
    given |= {**rule.torch_options, "weight_decay": decay or 0.0}
    ours = leaves(np.float64)
    optimizer.build(ours)
    parameters = [torch.nn.Parameter(torch.tensor(v.numpy().copy())) for v in ours]
    if given.get("nesterov") and not given["momentum"]:
        given["nesterov"] = False  # torch refuses what changes nothing
    other = getattr(torch.optim, rule.torch + "W" * name.endswith("W"))(parameters, lr=0.01, **given)

    def step(gradients):
        for p, g in zip(parameters, gradients, strict=True):
            p.grad = torch.tensor(g)
        other.step()

    tolerance = 1e-8  # some of its factors are float32
    same_after_steps(ours, optimizer.step, lambda: [p.detach().numpy() for p in parameters], step, tolerance)


@KERAS_WARNS
@pytest.mark.parametrize("shared", [{}, {"weight_decay": 0.1}, {"clipnorm": 0.5}, {"global_clipnorm": 0.5}], ids=str)
@pytest.mark.parametrize(("name", "options"), EXAMPLES, ids=str)
def test_optimizers_are_keras(name, options, shared):
    keras = pytest.importorskip("keras")
    if not hasattr(keras.optimizers, name):
        pytest.skip("Keras has no such optimizer")
    if name == "ScheduleFreeAdamW" and keras.backend.backend() == "torch":
        pytest.skip("with PyTorch underneath, Keras 3.15 overwrites the old momentum before it reads it; JAX agrees")
    optimizer = CLASSES[name](0.01, **options, **shared)
    ours = leaves()
    optimizer.build(ours)
    variables = [keras.Variable(v.numpy().copy()) for v in ours]
    config = {k: v for k, v in optimizer.get_config().items() if k != "learning_rate"}
    other = getattr(keras.optimizers, name)(0.01, **config)
    assert set(config) <= set(other.get_config())
    other.build(variables)

    def step(gradients):
        other.apply([keras.ops.convert_to_tensor(g) for g in gradients], variables)

    same_after_steps(ours, optimizer.step, lambda: [keras.ops.convert_to_numpy(v) for v in variables], step, 2e-6)


@KERAS_WARNS
@pytest.mark.parametrize("name", [n for n in CLASSES if n != "MultiOptimizer"])  # which has no defaults
def test_defaults_are_keras(name):
    keras = pytest.importorskip("keras")
    if not hasattr(keras.optimizers, name):
        pytest.skip("Keras has no such optimizer")
    theirs = getattr(keras.optimizers, name)(name=name.lower()).get_config()
    for key, value in CLASSES[name]().get_config().items():
        expected = theirs[key]
        assert value == (pytest.approx(expected, rel=1e-6) if isinstance(expected, float) else expected), key
