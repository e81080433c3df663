"""Operations as steps of functional models: drawn, called, saved and loaded."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Model, ops

RNG = np.random.default_rng(0)
IMAGES, MATRICES = RNG.uniform(0, 1, (2, 8, 8, 3)), RNG.standard_normal((2, 4, 4)) + 2 * np.eye(4)
# name: (of which input, function, the shape it must have without the batch)
STEPS = {
    "rgb_to_hsv": ("images", ops.image.rgb_to_hsv, (8, 8, 3)),
    "extract_patches": ("images", lambda x: ops.image.extract_patches(x, 2), (4, 4, 12)),
    "rearrange": ("images", lambda x: ops.rearrange(x, "b (h k) w c -> b h w (k c)", k=2), (4, 8, 6)),
    "unfold": ("images", lambda x: ops.fold(ops.unfold(ops.transpose(x, (0, 3, 1, 2)), 3), 8, 3), (3, 8, 8)),
    "space_to_depth": ("images", lambda x: ops.space_to_depth(x, 4), (2, 2, 48)),
    "inv": ("matrices", ops.inv, (4, 4)),
    "solve": ("matrices", lambda x: ops.solve(x, ops.swapaxes(x, 1, 2)), (4, 4)),
    "norm": ("matrices", lambda x: ops.norm(x, "nuc", axis=(1, 2)), ()),
    "svd": ("matrices", lambda x: ops.svd(x)[1], (4,)),
    "fourier": ("matrices", lambda x: ops.irfft(ops.rfft(x)), (4, 4)),
    "nanmean": ("matrices", lambda x: ops.nanmean(x, axis=-1), (4,)),
    "erfinv": ("matrices", lambda x: ops.erfinv(ops.tanh(x)), (4, 4)),
    "correlation": ("matrices", lambda x: ops.cdist(x, x), (4, 4)),
    "bits": ("matrices", lambda x: ops.left_shift(ops.cast(x, "int32"), 2), (4, 4)),
    "nn": ("matrices", ops.nn.relu, (4, 4)),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_model_of_it_is_saved_and_loaded(name, tmp_path):
    which, step, shape = STEPS[name]
    values = (IMAGES if which == "images" else MATRICES).astype(np.float32)
    inputs = Input(values.shape[1:])
    outputs = step(inputs)
    assert outputs.shape == (None, *shape)
    model = Model(inputs, outputs)
    got = np.asarray(model(values))
    np.testing.assert_array_equal(got, np.asarray(step(values)))
    model.save(tmp_path / "m.lamina")
    np.testing.assert_array_equal(np.asarray(lamina.load_model(tmp_path / "m.lamina")(values)), got)


def test_sparse_and_ragged_tensors_are_refused():
    assert ops.convert_to_tensor([1.0], sparse=False, ragged=None).tolist() == [1]
    for name in ("sparse", "ragged"):
        with pytest.raises(ValueError, match=f"convert_to_tensor: {name}=True is not supported"):
            ops.convert_to_tensor([1.0], **{name: True})
