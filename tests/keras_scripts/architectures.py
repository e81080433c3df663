"""ResNet, MobileNet, Inception, SE, ViT, MLP-Mixer, wide and deep, attention layers by hand."""

import keras
import numpy as np
from keras import Input, Model, layers, ops

rng = np.random.default_rng(0)
X = rng.random((24, 16, 16, 3)).astype("f")
Y = rng.integers(0, 3, 24)
results = {}


def train(name, m, x=X, y=Y, loss="sparse_categorical_crossentropy", **kw):
    m.compile("adam", loss, metrics=["accuracy"], **kw)
    results[name] = m.fit(x, y, epochs=2, batch_size=8, verbose=0).history["loss"]


def conv_bn(x, f, k, s=1):
    return layers.ReLU(6.0)(
        layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(
            layers.Conv2D(f, k, strides=s, padding="same", use_bias=False)(x)
        )
    )


inp = Input((16, 16, 3))
x = layers.ZeroPadding2D(1)(inp)
x = layers.Conv2D(8, 3)(x)
s = x
x = layers.BatchNormalization()(x)
x = layers.Activation("relu")(x)
x = layers.Conv2D(8, 3, padding="same", kernel_regularizer=keras.regularizers.l2(1e-4))(x)
x = layers.Add()([x, s])
se = layers.GlobalAveragePooling2D(keepdims=True)(x)
se = layers.Dense(2, activation="relu")(se)
se = layers.Dense(8, activation="sigmoid")(se)
x = layers.Multiply()([x, se])
x = layers.GlobalAveragePooling2D()(x)
train("resnet", Model(inp, layers.Dense(3, activation="softmax")(x)))
inp = Input((16, 16, 3))
x = conv_bn(inp, 8, 3, 2)
e = conv_bn(x, 16, 1)
e = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(e)
e = layers.BatchNormalization()(e)
e = layers.Activation("hard_swish" if 0 else "swish")(e)
e = layers.Conv2D(8, 1)(e)
x = layers.add([x, e])
train("mobile", Model(inp, layers.Dense(3, "softmax")(layers.Flatten()(x))))
inp = Input((16, 16, 3))
b = [
    layers.Conv2D(4, 1, padding="same", activation="relu")(inp),
    layers.Conv2D(4, 3, padding="same", activation="relu")(inp),
    layers.Conv2D(4, 5, padding="same", activation="relu")(inp),
    layers.Conv2D(4, 1)(layers.MaxPooling2D(3, strides=1, padding="same")(inp)),
]
x = layers.concatenate(b, axis=3)
x = layers.LayerNormalization()(x)
x = layers.GroupNormalization(4)(x)
train("incept", Model(inp, layers.Dense(3, "softmax")(layers.GlobalMaxPooling2D()(x))))


class Patches(layers.Layer):
    def __init__(self, patch_size):
        super().__init__()
        self.patch_size = patch_size

    def call(self, images):
        s = ops.shape(images)
        h, w, c = s[1], s[2], s[3]
        p = keras.ops.image.extract_patches(images, size=self.patch_size)
        return ops.reshape(
            p, (s[0], (h // self.patch_size) * (w // self.patch_size), self.patch_size * self.patch_size * c)
        )

    def get_config(self):
        config = super().get_config()
        config.update({"patch_size": self.patch_size})
        return config


class PatchEncoder(layers.Layer):
    def __init__(self, num_patches, projection_dim):
        super().__init__()
        self.num_patches = num_patches
        self.projection = layers.Dense(units=projection_dim)
        self.position_embedding = layers.Embedding(input_dim=num_patches, output_dim=projection_dim)

    def call(self, patch):
        positions = ops.expand_dims(ops.arange(start=0, stop=self.num_patches, step=1), axis=0)
        return self.projection(patch) + self.position_embedding(positions)


def mlp(x, hidden_units, dropout_rate):
    for u in hidden_units:
        x = layers.Dense(u, activation=keras.activations.gelu)(x)
        x = layers.Dropout(dropout_rate)(x)
    return x


inp = Input((16, 16, 3))
ep = PatchEncoder(16, 12)(Patches(4)(inp))
for _ in range(2):
    x1 = layers.LayerNormalization(epsilon=1e-6)(ep)
    at = layers.MultiHeadAttention(num_heads=2, key_dim=12, dropout=0.1)(x1, x1)
    x2 = layers.Add()([at, ep])
    x3 = layers.LayerNormalization(epsilon=1e-6)(x2)
    x3 = mlp(x3, [24, 12], 0.1)
    ep = layers.Add()([x3, x2])
r = layers.LayerNormalization(epsilon=1e-6)(ep)
r = layers.Flatten()(r)
train("vit", Model(inp, layers.Dense(3)(r)), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))


class Mixer(layers.Layer):
    def __init__(self, n, d, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.mlp1 = keras.Sequential([layers.Dense(n, activation="gelu"), layers.Dense(n)])
        self.mlp2 = keras.Sequential([layers.Dense(d, activation="gelu"), layers.Dense(d)])
        self.normalize = layers.LayerNormalization(epsilon=1e-6)

    def build(self, input_shape):
        return super().build(input_shape)

    def call(self, inputs):
        x = self.normalize(inputs)
        c = ops.transpose(x, axes=(0, 2, 1))
        c = self.mlp1(c)
        c = ops.transpose(c, axes=(0, 2, 1))
        x = c + inputs
        return x + self.mlp2(self.normalize(x))


inp = Input((16, 16, 3))
x = layers.Dense(12)(Patches(4)(inp))
x = keras.Sequential([Mixer(16, 12) for _ in range(2)])(x)
train("mixer", Model(inp, layers.Dense(3, "softmax")(layers.GlobalAveragePooling1D()(x))))
Xs = rng.normal(size=(48, 8)).astype("f")
Ys = (Xs[:, 0] * Xs[:, 1]).astype("f")


class WideAndDeepModel(keras.Model):
    def __init__(self, units=16, activation="relu", **kwargs):
        super().__init__(**kwargs)
        self.norm_layer_wide = layers.Normalization()
        self.norm_layer_deep = layers.Normalization()
        self.hidden1 = layers.Dense(units, activation=activation)
        self.hidden2 = layers.Dense(units, activation=activation)
        self.main_output = layers.Dense(1)
        self.aux_output = layers.Dense(1)

    def call(self, inputs):
        input_wide, input_deep = inputs
        nw = self.norm_layer_wide(input_wide)
        nd = self.norm_layer_deep(input_deep)
        h2 = self.hidden2(self.hidden1(nd))
        concat = layers.concatenate([nw, h2])
        return self.main_output(concat), self.aux_output(h2)


m = WideAndDeepModel(12, activation="relu", name="my_cool_model")
m.compile(
    loss=["mse", "mse"],
    loss_weights=[0.9, 0.1],
    optimizer=keras.optimizers.Adam(learning_rate=1e-3),
    metrics=["RootMeanSquaredError", "RootMeanSquaredError"],
)
m.norm_layer_wide.adapt(Xs[:, :5])
m.norm_layer_deep.adapt(Xs[:, 2:])
results["wd"] = m.fit(
    (Xs[:, :5], Xs[:, 2:]), (Ys, Ys), epochs=2, validation_data=((Xs[:8, :5], Xs[:8, 2:]), (Ys[:8], Ys[:8])), verbose=0
).history["val_loss"]
results["wdp"] = [p.shape for p in m.predict((Xs[:3, :5], Xs[:3, 2:]), verbose=0)]
results["wde"] = m.evaluate((Xs[:, :5], Xs[:, 2:]), (Ys, Ys), verbose=0, return_dict=True)["loss"]


class ReconstructingRegressor(keras.Model):
    def __init__(self, output_dim, **kwargs):
        super().__init__(**kwargs)
        self.hidden = [layers.Dense(10, activation="selu", kernel_initializer="lecun_normal") for _ in range(3)]
        self.out = layers.Dense(output_dim)
        self.reconstruction_mean = keras.metrics.Mean(name="reconstruction_error")

    def build(self, batch_input_shape):
        n_inputs = batch_input_shape[-1]
        self.reconstruct = layers.Dense(n_inputs)
        self.built = True

    def call(self, inputs, training=None):
        Z = inputs
        for layer in self.hidden:
            Z = layer(Z)
        reconstruction = self.reconstruct(Z)
        recon_loss = ops.mean(ops.square(reconstruction - inputs))
        self.add_loss(0.05 * recon_loss)
        return self.out(Z)


m = ReconstructingRegressor(1)
m.compile(loss="mse", optimizer="nadam")
results["rr"] = m.fit(Xs, Ys, epochs=2, verbose=0).history


class ResidualBlock(layers.Layer):
    def __init__(self, n_layers, n_neurons, **kwargs):
        super().__init__(**kwargs)
        self.hidden = [layers.Dense(n_neurons, activation="relu") for _ in range(n_layers)]

    def call(self, inputs):
        Z = inputs
        for layer in self.hidden:
            Z = layer(Z)
        return inputs + Z


class ResidualRegressor(keras.Model):
    def __init__(self, output_dim, **kwargs):
        super().__init__(**kwargs)
        self.hidden1 = layers.Dense(8, activation="relu")
        self.block1 = ResidualBlock(2, 8)
        self.block2 = ResidualBlock(2, 8)
        self.out = layers.Dense(output_dim)

    def call(self, inputs):
        Z = self.hidden1(inputs)
        for _ in range(3):
            Z = self.block1(Z)
        return self.out(self.block2(Z))


m = ResidualRegressor(1)
m.compile(loss="mse", optimizer="nadam")
results["resreg"] = m.fit(Xs, Ys, epochs=2, verbose=0).history["loss"]


class Attention(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.W = self.add_weight(name="att_weight", shape=(input_shape[-1], 1), initializer="normal")
        self.b = self.add_weight(name="att_bias", shape=(input_shape[1], 1), initializer="zeros")
        super().build(input_shape)

    def call(self, x):
        et = ops.squeeze(ops.tanh(ops.dot(x, self.W) + self.b), axis=-1)
        at = ops.softmax(et)
        at = ops.expand_dims(at, axis=-1)
        return ops.sum(x * at, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])


inp = Input((6, 4))
x = layers.LSTM(8, return_sequences=True)(inp)
x = Attention()(x)
m = Model(inp, layers.Dense(1)(x))
m.compile("adam", "mse")
results["att"] = m.fit(rng.random((20, 6, 4)), rng.random(20), epochs=2, verbose=0).history["loss"]
q = Input((5, 8))
v = Input((7, 8))
a = layers.Attention(use_scale=True)([q, v])
b = layers.AdditiveAttention()([q, v])
c, sc = layers.MultiHeadAttention(2, 4)(q, v, return_attention_scores=True)
m = Model([q, v], [a, b, c, sc])
results["atts"] = [np.abs(o).mean() for o in m.predict([rng.random((3, 5, 8)), rng.random((3, 7, 8))], verbose=0)]
mf_u = Input((1,))
mf_i = Input((1,))
u = layers.Flatten()(
    layers.Embedding(10, 4, embeddings_initializer="he_normal", embeddings_regularizer=keras.regularizers.l2(1e-6))(
        mf_u
    )
)
i = layers.Flatten()(layers.Embedding(12, 4)(mf_i))
m = Model([mf_u, mf_i], layers.Activation("sigmoid")(layers.Dot(axes=1)([u, i])))
m.compile("adam", "binary_crossentropy")
results["mf"] = m.fit([rng.integers(0, 10, 60), rng.integers(0, 12, 60)], rng.random(60), epochs=2, verbose=0).history[
    "loss"
]


class RecommenderNet(keras.Model):
    def __init__(self, nu, ni, es, **kwargs):
        super().__init__(**kwargs)
        self.ue = layers.Embedding(nu, es, embeddings_initializer="he_normal")
        self.ub = layers.Embedding(nu, 1)
        self.ie = layers.Embedding(ni, es)
        self.ib = layers.Embedding(ni, 1)

    def call(self, inputs):
        uv = self.ue(inputs[:, 0])
        ub = self.ub(inputs[:, 0])
        iv = self.ie(inputs[:, 1])
        ib = self.ib(inputs[:, 1])
        dot = ops.tensordot(uv, iv, 2)
        return ops.nn.sigmoid(dot + ub + ib)


m = RecommenderNet(10, 12, 4)
m.compile(loss=keras.losses.BinaryCrossentropy(), optimizer=keras.optimizers.Adam(learning_rate=0.001))
results["rec"] = m.fit(
    x=np.stack([rng.integers(0, 10, 60), rng.integers(0, 12, 60)], 1),
    y=rng.random(60),
    batch_size=16,
    epochs=2,
    verbose=0,
    validation_split=0.1,
).history
