"""lamina.applications: the sizes of all models, arguments, fine-tuning, what stands before and behind a model."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from model_drawings import checksum

import lamina
from lamina import applications, layers
from lamina.applications import mobile
from lamina.layers.variable import unfilled

# All numbers of a model with its head, and those that are not trained; as Keras counts them.
COUNTS = {
    "ConvNeXtBase": (88591464, 0),
    "ConvNeXtLarge": (197767336, 0),
    "ConvNeXtSmall": (50223688, 0),
    "ConvNeXtTiny": (28589128, 0),
    "ConvNeXtXLarge": (350196968, 0),
    "DenseNet121": (8062504, 83648),
    "DenseNet169": (14307880, 158400),
    "DenseNet201": (20242984, 229056),
    "EfficientNetB0": (5330571, 42023),
    "EfficientNetB1": (7856239, 62055),
    "EfficientNetB2": (9177569, 67575),
    "EfficientNetB3": (12320535, 87303),
    "EfficientNetB4": (19466823, 125207),
    "EfficientNetB5": (30562527, 172743),
    "EfficientNetB6": (43265143, 224439),
    "EfficientNetB7": (66658687, 310727),
    "EfficientNetV2B0": (7200312, 60608),
    "EfficientNetV2B1": (8212124, 71072),
    "EfficientNetV2B2": (10178374, 82288),
    "EfficientNetV2B3": (14467622, 109216),
    "EfficientNetV2L": (119027848, 512576),
    "EfficientNetV2M": (54431388, 292032),
    "EfficientNetV2S": (21612360, 153872),
    "InceptionResNetV2": (55873736, 60544),
    "InceptionV3": (23851784, 34432),
    "MobileNet": (4253864, 21888),
    "MobileNetV2": (3538984, 34112),
    "MobileNetV3Large": (5507432, 24400),
    "MobileNetV3Small": (2554968, 12112),
    "NASNetLarge": (88949818, 196668),
    "NASNetMobile": (5326716, 36738),
    "ResNet101": (44707176, 105344),
    "ResNet101V2": (44675560, 97664),
    "ResNet152": (60419944, 151424),
    "ResNet152V2": (60380648, 143744),
    "ResNet50": (25636712, 53120),
    "ResNet50V2": (25613800, 45440),
    "VGG16": (138357544, 0),
    "VGG19": (143667240, 0),
    "Xception": (22910480, 54528),
}

# Checksums of the drawings, which Keras's have too (tests/torch_parity/test_keras_applications.py).
DRAWINGS = {
    "ConvNeXtBase": "b9b3ac334287", "ConvNeXtLarge": "77da122806e8", "ConvNeXtSmall": "46437bc74102",
    "ConvNeXtTiny": "6c9fab4774f7", "ConvNeXtXLarge": "af640c59d213", "DenseNet121": "f0d1433fab31",
    "DenseNet169": "1c20db704ada", "DenseNet201": "b87ad5e8de48", "EfficientNetB0": "d6e4ce149449",
    "EfficientNetB1": "9e3630d291f5", "EfficientNetB2": "6cf31596c3ed", "EfficientNetB3": "5fd8944523d8",
    "EfficientNetB4": "255037f871de", "EfficientNetB5": "d105d863f16e", "EfficientNetB6": "dbb9d4d9ef77",
    "EfficientNetB7": "b2ea4b730394", "EfficientNetV2B0": "4e7bb1d1a2e7", "EfficientNetV2B1": "64369e1ff86b",
    "EfficientNetV2B2": "eca9793d1f95", "EfficientNetV2B3": "c2b4502668e8", "EfficientNetV2L": "da93e7432054",
    "EfficientNetV2M": "458428946fd8", "EfficientNetV2S": "75e2505fb870", "InceptionResNetV2": "8c1df0866de9",
    "InceptionV3": "ece249237b76", "MobileNet": "ab2ead7a6cce", "MobileNetV2": "c83e2ef2188a",
    "MobileNetV3Large": "694921262248", "MobileNetV3Small": "ef16cb82d596", "NASNetLarge": "67342fc2ad3d",
    "NASNetMobile": "58b9aa2b09b8", "ResNet101": "3820f29494ac", "ResNet101V2": "68933ab0de88",
    "ResNet152": "d6bd05d6e246", "ResNet152V2": "696171505740", "ResNet50": "f33082e5d9d6",
    "ResNet50V2": "b7d74e9bd528", "VGG16": "2bff923f0902", "VGG19": "23e874d46433", "Xception": "c92772f56c5f",
}  # fmt: skip
TOPLESS = {"include_top": False}
VARIANTS = [
    ("ConvNeXtTiny", {"include_preprocessing": False, "classes": 7}, "83aa820e22f9"),
    ("ConvNeXtTiny", TOPLESS | {"pooling": "avg"}, "e415b0ff637a"),
    ("DenseNet121", TOPLESS | {"pooling": "max"}, "7099d21cf233"),
    ("EfficientNetB0", TOPLESS | {"pooling": "max"}, "c97348823542"),
    ("EfficientNetB0", TOPLESS | {"input_shape": (64, 64, 1)}, "6a7f8d809aab"),
    ("EfficientNetV2B0", TOPLESS | {"input_shape": (64, 64, 1), "pooling": "avg"}, "2ae91f6a5174"),
    ("EfficientNetV2S", TOPLESS | {"include_preprocessing": False}, "af873e8d3ce2"),
    ("InceptionResNetV2", TOPLESS | {"pooling": "max"}, "d4f580b5f43d"),
    ("InceptionV3", TOPLESS | {"pooling": "avg"}, "374726c2b8e0"),
    ("MobileNet", {"alpha": 0.5, "depth_multiplier": 2, "dropout": 0.1}, "ae540c73becd"),
    ("MobileNet", TOPLESS | {"pooling": "avg"}, "6b9fcd62e5d2"),
    ("MobileNetV2", {"alpha": 1.4}, "55ee0aa58340"),
    ("MobileNetV2", TOPLESS | {"alpha": 0.35, "input_shape": (33, 33, 3), "pooling": "max"}, "9d5431e03598"),
    ("MobileNetV3Large", {"alpha": 1.25, "dropout_rate": 0.0, "minimalistic": True}, "4fda20f19556"),
    ("MobileNetV3Small", TOPLESS | {"alpha": 0.75, "include_preprocessing": False}, "e4e9ed164fbb"),
    ("NASNetLarge", TOPLESS | {"pooling": "max", "input_shape": (96, 96, 3)}, "51b53df9a15b"),
    ("ResNet50V2", TOPLESS | {"pooling": "avg"}, "b19934ba3f0a"),
    ("VGG16", TOPLESS | {"pooling": "max"}, "cf601a4e9c2a"),
    ("Xception", TOPLESS | {"pooling": "max"}, "bc6afce88f92"),
]


@pytest.mark.parametrize("name", COUNTS)
def test_numbers_of_a_model(name):
    with unfilled():
        model = getattr(applications, name)(weights=None)
    assert checksum(model) == DRAWINGS[name]
    fixed = sum(int(np.prod(w.shape)) for w in model.non_trainable_weights)
    assert (model.count_params(), fixed) == COUNTS[name]
    assert model.output_shape == (None, 1000)


@pytest.mark.parametrize(("name", "options", "drawing"), VARIANTS)
def test_drawing_of_a_variant(name, options, drawing):
    with unfilled():
        assert checksum(getattr(applications, name)(weights=None, **options)) == drawing


def test_all_models_are_counted():
    models = {n for n in applications.__all__ if not n.islower()}
    assert models == set(COUNTS)


SMALL = {"weights": None, "input_shape": (64, 64, 3)}


def test_without_a_head():
    x = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("f4")
    plain = applications.MobileNetV2(**SMALL, include_top=False)
    assert plain.output_shape == (None, 2, 2, 1280)
    y = np.asarray(plain(x))
    mean = applications.MobileNetV2(**SMALL, include_top=False, pooling="avg")
    mean.set_weights(plain.get_weights())
    np.testing.assert_allclose(mean(x), y.mean(axis=(1, 2)), rtol=1e-4, atol=1e-6)
    largest = applications.MobileNetV2(**SMALL, include_top=False, pooling="max")
    largest.set_weights(plain.get_weights())
    np.testing.assert_allclose(largest(x), y.max(axis=(1, 2)), rtol=1e-5)
    any_size = applications.MobileNetV2(weights=None, include_top=False)
    assert any_size.input_shape == (None, None, None, 3)
    any_size.set_weights(plain.get_weights())
    np.testing.assert_array_equal(any_size(x), y)
    assert any_size(x[:, :33, :50]).shape == (2, 1, 1, 1280)  # as Keras pads images of any size
    logits = applications.MobileNetV2(**SMALL, classes=4, classifier_activation=None)
    chances = applications.MobileNetV2(**SMALL, classes=4, name="mine")
    chances.set_weights(logits.get_weights())
    assert (chances.name, logits.name) == ("mine", "mobilenetv2_1.00_64")
    np.testing.assert_allclose(chances(x), lamina.ops.softmax(logits(x)), rtol=1e-5)


def test_grey_images_and_widths():
    model = applications.MobileNetV2((48, 48, 1), alpha=0.35, weights=None, classes=3)
    assert model(np.zeros((1, 48, 48, 1), "f4")).shape == (1, 3)
    assert model.get_layer("Conv1").filters == 16
    with pytest.warns(UserWarning, match="expects 1 or 3 channels as a rule") as seen:
        applications.MobileNetV2((48, 48, 2), alpha=0.35, weights=None, classes=3)
    assert seen[0].filename == __file__


def test_a_model_behind_another_input():
    image = lamina.Input((48, 48, 3), name="image")
    x = layers.RandomFlip("horizontal")(image)
    x = applications.mobilenet_v2.preprocess_input(x)
    model = applications.MobileNetV2(alpha=0.35, weights=None, input_tensor=x, include_top=False, pooling="avg")
    assert [t.name for t in model.inputs] == ["image"]
    assert model(np.zeros((2, 48, 48, 3), "f4")).shape == (2, 1280)
    with pytest.raises(ValueError, match=r"input_shape=\(32, 32, 3\) and the shape of input_tensor"):
        applications.MobileNetV2((32, 32, 3), weights=None, input_tensor=x, include_top=False)
    with pytest.raises(TypeError, match="input_tensor must be a symbolic tensor"):
        applications.MobileNetV2(weights=None, input_tensor=np.zeros((1, 48, 48, 3)), include_top=False)


def test_fine_tuning():
    """The usual way: a frozen model in inference mode, a head of one's own; then some layers of it are trained."""
    base = applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None, include_top=False)
    base.trainable = False
    inputs = lamina.Input((32, 32, 3))
    x = applications.mobilenet_v2.preprocess_input(inputs)
    x = base(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    model = lamina.Model(inputs, layers.Dense(2)(layers.Dropout(0.2)(x)))
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, 255, (16, 32, 32, 3)).astype("f4"), rng.integers(0, 2, 16)
    model.compile("adam", lamina.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = base.get_weights()
    model.fit(x, y, epochs=2, batch_size=8, verbose=0)
    assert len(model.trainable_weights) == 2
    for a, b in zip(before, base.get_weights(), strict=True):  # moving statistics, too
        np.testing.assert_array_equal(a, b)
    base.trainable = True
    for layer in base.layers[:-10]:
        layer.trainable = False
    model.compile(lamina.optimizers.RMSprop(1e-4), lamina.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, epochs=1, batch_size=8, verbose=0)
    changed = [layer.name for layer in base.layers if layer.name in _changed(base, before)]
    assert changed
    assert set(changed) <= {layer.name for layer in base.layers[-10:]}


def _changed(model, before):
    old = dict(zip((w.path for w in model.weights), before, strict=True))
    owner = {w.path: layer.name for layer in model.layers for w in layer.weights}
    return {owner[w.path] for w in model.weights if not np.array_equal(w.numpy(), old[w.path])}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": "imagnet"}, "weights must be None, \"imagenet\" or the path of a file, got 'imagnet'"),
        ({"weights": 3}, 'weights must be None, "imagenet" or the path'),
        ({"classes": 10}, "ImageNet's weights have 1000 classes, got classes=10"),
        ({"classes": 0, "weights": None}, "classes must be a positive integer, got 0"),
        ({"classifier_activation": "relu"}, "classifier_activation must be None or 'softmax', got 'relu'"),
        ({"pooling": "mean", "weights": None}, "pooling of MobileNetV2 'mean'"),
        ({"input_shape": (64, 64, 1), "include_top": False}, "ImageNet's weights take 3 channels"),
        ({"input_shape": (64, 64, 3)}, r"take images of \(224, 224, 3\)"),
        ({"input_shape": (16, 64, 3), "weights": None}, "images must be at least 32 x 32"),
        (
            {"input_shape": (64, 64), "weights": None},
            r"input_shape must be \(height, width, channels\), got \(64, 64\)",
        ),
        ({"input_shape": (None, 64, 3), "weights": None}, "a head needs images of one size"),
        ({"alpha": 0.4, "include_top": False}, "there are weights for alpha=0.35"),
    ],
)
def test_wrong_arguments(arguments, message):  # of all, as they have the checks in common
    with pytest.raises(ValueError, match=f"MobileNetV2.*|{message}") as error:
        applications.MobileNetV2(**arguments)
    assert error.match(message)


def test_other_layouts_are_refused():
    lamina.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="VGG16: takes images"):
            applications.VGG16(weights=None)
    finally:
        lamina.config.set_image_data_format("channels_last")


@pytest.fixture
def no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    asked = []

    def received(origin, name, advice):
        asked.append(origin)
        raise ConnectionError(f"get_file: {name} cannot be downloaded from {origin} (no network). {advice}")
        yield

    monkeypatch.setattr("lamina.utils.download._received", received)
    return asked


def test_weights_of_imagenet(no_network, tmp_path, monkeypatch):
    with pytest.raises(ConnectionError, match=f"put it at {tmp_path}/models/mobilenet_v2_weights.*_1.0_224.h5"):
        applications.MobileNetV2()
    with (
        pytest.warns(UserWarning, match="those for 224 are taken"),
        pytest.raises(ConnectionError, match=r"_no_top.h5"),
    ):
        applications.MobileNetV2((65, 65, 3), alpha=0.5, include_top=False)
    pytest.importorskip("h5py")
    monkeypatch.setattr("lamina.utils.download._Checksum.fault", lambda *_: "")
    model = applications.MobileNetV2((96, 96, 3), alpha=0.35, include_top=False, weights=None)
    (tmp_path / "models").mkdir(exist_ok=True)
    path = tmp_path / "models" / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96_no_top.h5"
    model.save_weights(tmp_path / "w.weights.h5")
    (tmp_path / "w.weights.h5").rename(path)
    found = applications.MobileNetV2((96, 96, 3), alpha=0.35, include_top=False)
    for a, b in zip(found.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    same = applications.MobileNetV2((64, 64, 3), alpha=0.35, include_top=False, weights=path)
    np.testing.assert_array_equal(same.get_weights()[0], model.get_weights()[0])
    with pytest.raises(ValueError, match="weights"):
        applications.MobileNetV2((64, 64, 3), alpha=0.5, include_top=False, weights=path)


def test_models_with_saved_weights_draw_no_numbers(tmp_path):
    pytest.importorskip("h5py")
    model = applications.MobileNetV2((32, 32, 3), alpha=0.35, include_top=False, weights=None)
    model.save_weights(tmp_path / "w.weights.h5")
    lamina.random.seed(3)
    applications.MobileNetV2((32, 32, 3), alpha=0.35, include_top=False, weights=tmp_path / "w.weights.h5")
    after = np.asarray(lamina.random.normal((3,)))
    lamina.random.seed(3)
    np.testing.assert_array_equal(after, lamina.random.normal((3,)))


def test_models_come_back_from_files(tmp_path):
    x = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype("f4")
    model = applications.ConvNeXtTiny(weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg")
    names = ["m.lamina"]
    try:
        import h5py as h5py
    except ImportError:
        pass  # the other form needs it
    else:
        names.append("m.keras")
    for name in names:
        model.save(tmp_path / name)
        again = lamina.load_model(tmp_path / name)
        np.testing.assert_array_equal(again(x), model(x))


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((128, 128, 3), 128), ([160, 160, 1], 160), ((128, 160, 3), 224), ((160, 128, 3), 224), ((130, 130, 3), 224),
        ((128, 128), 224), ((128, 128, 3, 1), 224), (None, 224), ((None, None, 3), 224),
    ],
)  # fmt: skip
def test_sizes_that_there_are_weights_for(shape, size):
    assert mobile.square(shape, (128, 160, 192, 224)) == size
    if shape is not None and len(shape) == 3:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            assert mobile.rows_of("M", tuple(shape), (128, 160, 192, 224)) == size
        assert bool(seen) is (size == 224)


# ---- pixels and names ----


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_pixels(mode, layout):
    of = applications.imagenet_utils.preprocess_input
    shape = (2, 4, 5, 3) if layout == "channels_last" else (2, 3, 4, 5)
    pixels = np.random.default_rng(0).integers(0, 256, shape)
    given = pixels.copy()
    got = of(pixels, layout, mode)
    assert (got.dtype, got.shape) == (np.float32, shape)
    np.testing.assert_array_equal(pixels, given)
    np.testing.assert_allclose(of(lamina.ops.convert_to_tensor(pixels), layout, mode), got, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(of(pixels[0], layout, mode), got[0], rtol=1e-5, atol=1e-5)
    image = lamina.Input(shape[1:])
    model = lamina.Model(image, of(image, layout, mode))
    np.testing.assert_allclose(model(pixels.astype("f4")), got, rtol=1e-5, atol=1e-5)
    floats = pixels.astype("f8")
    assert np.shares_memory(of(floats, layout, mode), floats)  # as Keras
    last = got if layout == "channels_last" else got.transpose(0, 2, 3, 1)
    x = (pixels if layout == "channels_last" else pixels.transpose(0, 2, 3, 1)).astype("f8")
    if mode == "tf":
        want = x / 127.5 - 1
    elif mode == "torch":
        want = (x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    else:
        want = x[..., ::-1] - [103.939, 116.779, 123.68]
    np.testing.assert_allclose(last, want, rtol=1e-5, atol=1e-4)


def test_wrong_pixels():
    of = applications.imagenet_utils.preprocess_input
    with pytest.raises(ValueError, match="mode of preprocess_input 'tensorflow'"):
        of(np.zeros((1, 2, 2, 3)), mode="tensorflow")
    with pytest.raises(ValueError, match="data_format"):
        of(np.zeros((1, 2, 2, 3)), "channels")
    with pytest.raises(ValueError, match=r"images of three colours, got the shape \(1, 2, 2, 4\)"):
        of(np.zeros((1, 2, 2, 4)))
    with pytest.raises((TypeError, ValueError), match="preprocess_input: x"):
        of("image.png")
    read_only = np.broadcast_to(np.float32(255), (1, 2, 2, 3))
    assert of(read_only, mode="tf").max() == 1


def test_names_of_predictions(no_network, tmp_path, monkeypatch):
    decode = applications.vgg16.decode_predictions
    values = np.zeros((2, 1000), "f4")
    values[0, [7, 3]] = 0.7, 0.2
    values[1, 999] = 1
    with pytest.raises(ConnectionError, match=rf"imagenet_class_index.json.*put it at {tmp_path}/models/imagenet"):
        decode(values)
    (tmp_path / "models").mkdir(exist_ok=True)
    names = {str(i): [f"n{i:08}", f"name_{i}"] for i in range(1000)}
    (tmp_path / "models" / "imagenet_class_index.json").write_text(json.dumps(names))
    monkeypatch.setattr("lamina.utils.download._Checksum.fault", lambda *_: "")
    found = decode(values, top=2)
    assert [entry[:2] for entry in found[0]] == [("n00000007", "name_7"), ("n00000003", "name_3")]
    assert found[1][0] == ("n00000999", "name_999", 1.0)
    assert len(decode(lamina.ops.convert_to_tensor(values))[0]) == 5
    with pytest.raises(ValueError, match=r"got the shape \(1000,\)"):
        decode(values[0])
    with pytest.raises(ValueError, match="top must be a positive integer"):
        decode(values, top=0)
