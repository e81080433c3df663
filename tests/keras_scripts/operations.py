"""keras.ops eagerly and in a functional model."""

import keras
import numpy as np
from keras import ops

rng = np.random.default_rng(0)
a = rng.random((4, 6)).astype("f") + 0.1
b = rng.random((6, 4)).astype("f")
results = {}
A, B = ops.convert_to_tensor(a), ops.convert_to_tensor(b)


def put(n, v):
    results[n] = [ops.convert_to_numpy(o) for o in v] if isinstance(v, (list, tuple)) else ops.convert_to_numpy(v)


elementwise_and_reductions = """
abs exp log log1p expm1 sqrt square sin cos tan tanh sigmoid relu softmax log_softmax softplus ceil
floor round sign negative reciprocal rsqrt isnan isfinite sum mean max min prod std var argmax
argmin cumsum cumprod sort argsort flip transpose ravel squeeze median logsumexp norm erf gelu silu
elu selu leaky_relu hard_sigmoid any all count_nonzero
"""
for name in elementwise_and_reductions.split():
    put(name, getattr(ops, name)(A))
put("matmul", A @ B)
put("dot", ops.dot(A, B))
put("einsum", ops.einsum("ij,jk->ik", A, B))
put("tensordot", ops.tensordot(A, B, axes=1))
put("outer", ops.outer(A[0], B[:, 0]))
put("where", ops.where(A > 0.5, A, 0.0))
put("clip", ops.clip(A, 0.2, 0.8))
put("conc", ops.concatenate([A, A], axis=0))
put("stack", ops.stack([A, A], axis=1))
put("split", ops.split(A, 2, axis=1))
put("resh", ops.reshape(A, (2, -1)))
put("exp", ops.expand_dims(A, 0))
put("tile", ops.tile(A, [1, 2]))
put("rep", ops.repeat(A, 2, axis=0))
put("pad", ops.pad(A, [[1, 1], [0, 2]]))
put("take", ops.take(A, [0, 2], axis=1))
put("tal", ops.take_along_axis(A, ops.argsort(A, axis=1), axis=1))
put("oh", ops.one_hot([0, 2], 4))
put("topk", ops.top_k(A, 2))
put("arange", ops.arange(5))
put("lin", ops.linspace(0.0, 1.0, 5))
put("eye", ops.eye(3))
put("zeros", ops.zeros_like(A))
put("full", ops.full((2, 2), 3.0))
put("max", ops.maximum(A, 0.5))
put("pow", ops.power(A, 2))
put("mod", ops.mod(A, 0.3))
put("fd", A // 0.3)
put("meshgrid", ops.meshgrid(ops.arange(2), ops.arange(3)))
put("roll", ops.roll(A, 1, axis=1))
put("diag", ops.diag(A[0]))
put("tril", ops.tril(A))
put("logical", ops.logical_and(A > 0.2, A < 0.7))
put("uns", ops.unstack(A))
put("gather", A[1:3, ::2])
put("neg", A[..., -1])
put("new", A[:, None])
put("scatter", ops.scatter([[0], [2]], [1.0, 2.0], [4]))
put("su", ops.scatter_update(A, [[0, 1]], [9.0]))
put("slice", ops.slice(A, [0, 1], [2, 2]))
put("su2", ops.slice_update(A, [0, 0], np.ones((2, 2), "f")))
put("cast", ops.cast(A * 10, "int32"))
put("seg", ops.segment_sum(A, np.array([0, 0, 1, 1])))
put("norm", ops.normalize(A, axis=1) if hasattr(ops, "normalize") else A)
put("mom", ops.moments(A, axes=[0]))
put("vec", ops.vectorize(lambda v: v * 2)(A)) if hasattr(ops, "vectorize") else None
put("cond", ops.cond(True, lambda: A, lambda: A * 2))
put("while", ops.while_loop(lambda i: i < 5, lambda i: (i + 1,), (0,)))
put("fori", ops.fori_loop(0, 3, lambda i, s: s + i, ops.zeros(())))
put("scan", ops.scan(lambda c, x: (c + x, c + x), ops.zeros((6,)), A))
put("map", ops.map(lambda r: r * 2, A))
put("vmap", ops.vectorized_map(lambda r: ops.sum(r), A))
put("asc", ops.associative_scan(lambda x, y: x + y, A, axis=0))
put("sg", ops.stop_gradient(A))
put("shape", list(ops.shape(A)))
img = rng.random((2, 8, 8, 3)).astype("f")
put("res", ops.image.resize(img, (4, 4)))
put("rgb", ops.image.rgb_to_grayscale(img))
put("crop", ops.image.crop_images(img, 1, 1, target_height=4, target_width=4))
put("patch", ops.image.extract_patches(img, (4, 4)))
put("hsv", ops.image.rgb_to_hsv(img))
put("padi", ops.image.pad_images(img, 1, 1, target_height=10, target_width=10))
put("aff", ops.image.affine_transform(img, np.array([[1.0, 0, 1, 0, 1, 1, 0, 0]] * 2, "f")))
put("mapc", ops.image.map_coordinates(img[..., 0], [[0.5, 1], [1.0, 2], [1.0, 2]], order=1))
k = rng.random((3, 3, 3, 4)).astype("f")
put("conv", ops.conv(img, k, strides=1, padding="same"))
put("mp", ops.max_pool(img, 2))
put("ap", ops.average_pool(img, 2, padding="same"))
put("ct", ops.conv_transpose(img, rng.random((2, 2, 5, 3)).astype("f"), 2))
put("dw", ops.depthwise_conv(img, rng.random((3, 3, 3, 1)).astype("f")))
put("bn", ops.batch_normalization(img, np.zeros(3, "f"), np.ones(3, "f"), -1))
put(
    "mha",
    ops.dot_product_attention(
        rng.random((2, 5, 2, 4)).astype("f"), rng.random((2, 5, 2, 4)).astype("f"), rng.random((2, 5, 2, 4)).astype("f")
    ),
)
put("bce", ops.binary_crossentropy([0.0, 1.0], [0.3, 0.8]))
put("cce", ops.categorical_crossentropy([[0.0, 1.0]], [[0.3, 0.7]]))
put("sce", ops.sparse_categorical_crossentropy([1], [[0.3, 0.7]]))
put("mh", ops.multi_hot([[0, 2]], 4))
sq = a[:, :4] @ a[:, :4].T + np.eye(4, dtype="f")
put("inv", ops.inv(sq))
put("chol", ops.cholesky(sq))
put("det", ops.det(sq))
put("solve", ops.solve(sq, a))
put("svd", ops.svd(sq)[1])
put("qr", ops.abs(ops.qr(sq)[1]))
put("eigh", ops.eigh(sq)[0])
put("fft", ops.rfft(a))
put("nn", ops.nn.relu(A - 0.5))
put("np", ops.numpy.mean(A)) if hasattr(ops, "numpy") else None
t = A
t = t + 1
t = 2 * t - t / 3
put("arith", t**2 % 1.5)
put("cmp", (A >= 0.5))
put("len", len(A))
put("it", [r for r in A][0])
put("float", float(A[0, 0]))
results["dt"] = str(keras.backend.standardize_dtype(A.dtype))
results["is"] = ops.is_tensor(A)
x = keras.Input((6,))
y = keras.ops.softmax(x @ b)
y = y[:, :2] * ops.sum(x, axis=-1, keepdims=True)
m = keras.Model(
    x,
    [
        y,
        ops.concatenate([x[:, :1], 1 - x[:, 1:2]], -1),
        ops.stack([x, x], 1),
        -x,
        abs(x),
        x > 0.3,
        ops.cast(x, "int32"),
        ops.max(x, axis=-1),
        ops.top_k(x, 2)[0],
        ops.matmul(x, b),
        ops.tile(x, [1, 2]),
        ops.split(x, 2, axis=-1)[1],
    ],
)
put("model", m(a))
m.save("o.keras")
m2 = keras.models.load_model("o.keras")
put("model2", m2(a))
