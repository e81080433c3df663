"""Knowledge distillation with compute_loss, supervised contrastive, metric learning, mixture density, quantiles."""

import keras
import numpy as np
from keras import layers, ops

rng = np.random.default_rng(0)
x = rng.random((96, 12, 12, 1)).astype("f")
y = rng.integers(0, 4, 96)
x += y[:, None, None, None] * 0.3
results = {}


class Distiller(keras.Model):
    def __init__(self, student, teacher):
        super().__init__()
        self.teacher = teacher
        self.student = student

    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
        super().compile(optimizer=optimizer, metrics=metrics)
        self.student_loss_fn = student_loss_fn
        self.distillation_loss_fn = distillation_loss_fn
        self.alpha = alpha
        self.temperature = temperature

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False):
        teacher_pred = self.teacher(x, training=False)
        student_loss = self.student_loss_fn(y, y_pred)
        distillation_loss = self.distillation_loss_fn(
            ops.softmax(teacher_pred / self.temperature, axis=1), ops.softmax(y_pred / self.temperature, axis=1)
        ) * (self.temperature**2)
        loss = self.alpha * student_loss + (1 - self.alpha) * distillation_loss
        return loss

    def call(self, x):
        return self.student(x)


def cnn(f, name):
    return keras.Sequential(
        [
            keras.Input(shape=(12, 12, 1)),
            layers.Conv2D(f, (3, 3), strides=(2, 2), padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.MaxPooling2D(pool_size=(2, 2), strides=(1, 1), padding="same"),
            layers.Conv2D(2 * f, (3, 3), strides=(2, 2), padding="same"),
            layers.Flatten(),
            layers.Dense(4),
        ],
        name=name,
    )


teacher = cnn(8, "teacher")
student = cnn(4, "student")
scratch = keras.models.clone_model(student)
teacher.compile(
    optimizer=keras.optimizers.Adam(),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=[keras.metrics.SparseCategoricalAccuracy()],
)
results["teacher"] = teacher.fit(x, y, epochs=2, verbose=0).history
distiller = Distiller(student=student, teacher=teacher)
distiller.compile(
    optimizer=keras.optimizers.Adam(),
    metrics=[keras.metrics.SparseCategoricalAccuracy()],
    student_loss_fn=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    distillation_loss_fn=keras.losses.KLDivergence(),
    alpha=0.1,
    temperature=10,
)
results["distill"] = distiller.fit(x, y, epochs=2, verbose=0).history
results["dev"] = distiller.evaluate(x, y, verbose=0)


class SupervisedContrastiveLoss(keras.losses.Loss):
    def __init__(self, temperature=1, name=None):
        super().__init__(name=name)
        self.temperature = temperature

    def __call__(self, labels, feature_vectors, sample_weight=None):
        fv = feature_vectors / ops.norm(feature_vectors, axis=1, keepdims=True)
        logits = ops.divide(ops.matmul(fv, ops.transpose(fv)), self.temperature)
        labels = ops.reshape(labels, (-1, 1))
        same = ops.cast(ops.equal(labels, ops.transpose(labels)), "float32")
        targets = same / ops.sum(same, axis=1, keepdims=True)
        return ops.mean(ops.categorical_crossentropy(targets, logits, from_logits=True))


enc = keras.Sequential(
    [keras.Input((12, 12, 1)), layers.Flatten(), layers.Dense(16, activation="relu"), layers.Dense(8)]
)
enc.compile("adam", SupervisedContrastiveLoss(0.05))
results["supcon"] = enc.fit(x, y, epochs=3, batch_size=32, verbose=0).history["loss"]
# mixture density
xs = rng.uniform(-1, 1, (128, 1)).astype("f")
ys = (np.sin(3 * xs) + rng.normal(0, 0.1, xs.shape)).astype("f")
n_mix = 3
inp = keras.Input((1,))
h = layers.Dense(16, activation="tanh")(inp)
out = layers.Concatenate()(
    [
        layers.Dense(n_mix, activation="softmax")(h),
        layers.Dense(n_mix)(h),
        layers.Dense(n_mix, activation=lambda v: ops.elu(v) + 1 + 1e-3)(h),
    ]
)


def mdn_loss(y_true, y_pred):
    pi, mu, sigma = ops.split(y_pred, 3, axis=-1)
    comp = pi * ops.exp(-0.5 * ops.square((y_true - mu) / sigma)) / (sigma * np.sqrt(2 * np.pi))
    return -ops.log(ops.sum(comp, axis=-1) + 1e-8)


m = keras.Model(inp, out)
m.compile("adam", mdn_loss)
results["mdn"] = m.fit(xs, ys, epochs=3, verbose=0).history["loss"]


def quantile_loss(q):
    def loss(y_true, y_pred):
        e = y_true - y_pred
        return ops.mean(ops.maximum(q * e, (q - 1) * e), axis=-1)

    return loss


a = layers.Dense(1, name="lo")(h)
b = layers.Dense(1, name="hi")(h)
m = keras.Model(inp, [a, b])
m.compile("adam", loss={"lo": quantile_loss(0.1), "hi": quantile_loss(0.9)})
results["q"] = m.fit(xs, {"lo": ys, "hi": ys}, epochs=3, verbose=0).history
m = keras.Model(inp, [a, b])
m.compile("adam", loss=[quantile_loss(0.1), quantile_loss(0.9)], loss_weights=[1.0, 0.5], metrics=["mae", "mse"])
results["q2"] = m.fit(xs, [ys, ys], epochs=2, verbose=0).history


# triplet with add_loss layer
class DistanceLayer(layers.Layer):
    def call(self, anchor, positive, negative):
        ap = ops.sum(ops.square(anchor - positive), -1)
        an = ops.sum(ops.square(anchor - negative), -1)
        return (ap, an)


ai, pi_, ni = [keras.Input((12, 12, 1), name=n) for n in ("anchor", "positive", "negative")]
dist = DistanceLayer()(enc(ai), enc(pi_), enc(ni))
net = keras.Model(inputs=[ai, pi_, ni], outputs=dist)


class SiameseModel(keras.Model):
    def __init__(self, siamese_network, margin=0.5):
        super().__init__()
        self.siamese_network = siamese_network
        self.margin = margin
        self.loss_tracker = keras.metrics.Mean(name="loss")

    def call(self, inputs):
        return self.siamese_network(inputs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        ap, an = self.siamese_network(x)
        return ops.mean(ops.maximum(ap - an + self.margin, 0.0))


sm = SiameseModel(net)
sm.compile(optimizer=keras.optimizers.Adam(0.001))
results["triplet"] = sm.fit([x[:32], x[32:64], x[64:]], epochs=2, verbose=0).history["loss"]
