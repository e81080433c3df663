"""Which file of Keras's a model's weights of ImageNet are, by its arguments; nothing is downloaded."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from lamina import applications, models

HOME = "https://storage.googleapis.com/"
NEW = "tensorflow/keras-applications/"


@pytest.fixture
def asked(monkeypatch):
    """The files that were asked for: name, address, folder of the cache."""
    found = []

    def get_file(name, origin, cache_subdir, file_hash):
        found.append((name, origin, cache_subdir, file_hash))
        return name

    monkeypatch.setattr(applications.frame, "get_file", get_file)
    monkeypatch.setattr(models.Functional, "load_weights", lambda self, path: found.append(path))
    return found


TOPLESS = {"include_top": False}
V3 = "weights_mobilenet_v3_"
FILES = [
    ("MobileNet", {}, f"{NEW}mobilenet/mobilenet_1_0_224_tf.h5"),
    ("MobileNet", TOPLESS | {"input_shape": (224, 224, 3)}, f"{NEW}mobilenet/mobilenet_1_0_224_tf_no_top.h5"),
    ("MobileNet", {"alpha": 0.25, "input_shape": (128, 128, 3)}, f"{NEW}mobilenet/mobilenet_2_5_128_tf.h5"),
    ("MobileNet", TOPLESS | {"alpha": 0.5, "input_shape": (160, 160, 3)},
     f"{NEW}mobilenet/mobilenet_5_0_160_tf_no_top.h5"),
    ("MobileNet", {"alpha": 0.75, "input_shape": (192, 192, 3)}, f"{NEW}mobilenet/mobilenet_7_5_192_tf.h5"),
    ("MobileNetV2", {}, f"{NEW}mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"),
    ("MobileNetV2", TOPLESS | {"alpha": 1.4, "input_shape": (224, 224, 3)},
     f"{NEW}mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.4_224_no_top.h5"),
    ("MobileNetV2", {"alpha": 0.35, "input_shape": (96, 96, 3)},
     f"{NEW}mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96.h5"),
    ("MobileNetV3Large", {}, f"{NEW}mobilenet_v3/{V3}large_224_1.0_float.h5"),
    ("MobileNetV3Large", TOPLESS | {"alpha": 0.75}, f"{NEW}mobilenet_v3/{V3}large_224_0.75_float_no_top_v2.h5"),
    ("MobileNetV3Large", {"minimalistic": True}, f"{NEW}mobilenet_v3/{V3}large_minimalistic_224_1.0_float.h5"),
    ("MobileNetV3Small", {"alpha": 0.75}, f"{NEW}mobilenet_v3/{V3}small_224_0.75_float.h5"),
    ("MobileNetV3Small", TOPLESS, f"{NEW}mobilenet_v3/{V3}small_224_1.0_float_no_top_v2.h5"),
    ("MobileNetV3Small", TOPLESS | {"minimalistic": True},
     f"{NEW}mobilenet_v3/{V3}small_minimalistic_224_1.0_float_no_top_v2.h5"),
    ("EfficientNetB0", {}, "keras-applications/efficientnetb0.h5"),
    ("EfficientNetB0", TOPLESS, "keras-applications/efficientnetb0_notop.h5"),
    ("EfficientNetV2B0", TOPLESS, f"{NEW}efficientnet_v2/efficientnetv2-b0_notop.h5"),
    ("DenseNet121", {}, f"{NEW}densenet/densenet121_weights_tf_dim_ordering_tf_kernels.h5"),
    ("NASNetMobile", {}, f"{NEW}nasnet/NASNet-mobile.h5"),
    ("NASNetMobile", TOPLESS, f"{NEW}nasnet/NASNet-mobile-no-top.h5"),
    ("ConvNeXtTiny", TOPLESS, f"{NEW}convnext/convnext_tiny_notop.h5"),
    ("VGG16", TOPLESS, f"{NEW}vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"),
]  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("name", "options", "file"), FILES)
def test_files_of_weights(asked, name, options, file):
    getattr(applications, name)(**options)
    (stored, origin, folder, _), loaded = asked
    assert (origin, folder, loaded) == (HOME + file, "models", stored)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("MobileNet", {"alpha": 0.4}, "there are weights for alpha=0.25, 0.5, 0.75, 1.0 and depth_multiplier"),
        ("MobileNet", {"depth_multiplier": 2}, "and depth_multiplier=1, got 1.0 and 2"),
        ("MobileNet", {"depth_multiplier": 0}, "and depth_multiplier=1, got 1.0 and 0"),
        ("MobileNetV2", {"alpha": 1.1}, "there are weights for alpha="),
        ("MobileNetV3Small", {"alpha": 0.5}, "MobileNetV3Small: there are weights for alpha=0.75 and 1.0"),
        ("MobileNetV3Large", {"alpha": 0.75, "minimalistic": True}, "minimalistic ones for 1.0, got 0.75"),
    ],
)
def test_arguments_without_weights(asked, name, options, message):
    with pytest.raises(ValueError, match=message):
        getattr(applications, name)(**options)
    assert asked == []


@pytest.mark.parametrize(
    ("shape", "warned"),
    [((224, 224, 3), False), ((96, 96, 3), True), ((224, 96, 3), True), ((96, 224, 3), True), ((None, None, 3), False),
     ((96, None, 3), False)],
)  # fmt: skip
def test_images_of_other_sizes(asked, shape, warned):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        applications.MobileNetV3Small(shape, include_top=False)
    told = [str(w.message) for w in seen]
    assert told == (["MobileNetV3Small: there are weights for images of 224 x 224, which are taken"] if warned else [])


def test_imagenets_variances_become_deviations(asked):
    """Keras divides by the roots of what its files hold as variances, which are deviations, once more."""
    model = applications.EfficientNetB0(include_top=False)
    (_, more), plain = (
        [layer for layer in m.layers if type(layer).__name__ == "Rescaling"]
        for m in (model, applications.EfficientNetB0(include_top=False, weights=None))
    )
    assert len(plain) == 1
    np.testing.assert_allclose(more.scale, 1 / np.sqrt([0.229, 0.224, 0.225]))
