"""Writing a training loop from scratch in PyTorch style."""

import keras
import numpy as np

try:
    import torch

    no_grad = torch.no_grad
except ImportError:
    from keras import no_grad


def get_model():
    inputs = keras.Input(shape=(64,), name="digits")
    x1 = keras.layers.Dense(32, activation="relu")(inputs)
    x2 = keras.layers.Dense(32, activation="relu")(x1)
    outputs = keras.layers.Dense(10, name="predictions")(x2)
    return keras.Model(inputs=inputs, outputs=outputs)


rng = np.random.default_rng(0)
x_train = rng.random((256, 64)).astype("float32")
y_train = keras.utils.to_categorical(rng.integers(0, 10, 256))
batch_size = 32
model = get_model()
optimizer = keras.optimizers.Adam(learning_rate=1e-3)
loss_fn = keras.losses.CategoricalCrossentropy(from_logits=True)
train_acc_metric = keras.metrics.CategoricalAccuracy()
val_acc_metric = keras.metrics.CategoricalAccuracy()
results = {"loss": [], "acc": []}
for epoch in range(3):
    for step in range(len(x_train) // batch_size):
        inputs = keras.ops.convert_to_tensor(x_train[step * batch_size : (step + 1) * batch_size])
        targets = keras.ops.convert_to_tensor(y_train[step * batch_size : (step + 1) * batch_size])
        logits = model(inputs)
        loss = loss_fn(targets, logits)
        model.zero_grad()
        trainable_weights = [v for v in model.trainable_weights]
        loss.backward()
        gradients = [v.value.grad for v in trainable_weights]
        with no_grad():
            optimizer.apply(gradients, trainable_weights)
        train_acc_metric.update_state(targets, logits)
        if step % 4 == 0:
            print(f"Training loss (for 1 batch) at step {step}: {loss.detach().numpy():.4f}")
            print(f"Seen so far: {(step + 1) * batch_size} samples")
    results["loss"].append(float(loss))
    train_acc = train_acc_metric.result()
    print(f"Training acc over epoch: {float(train_acc):.4f}")
    results["acc"].append(float(train_acc))
    train_acc_metric.reset_state()
    val_logits = model(x_train[:64], training=False)
    val_acc_metric.update_state(y_train[:64], val_logits)
    results["val"] = float(val_acc_metric.result())
    val_acc_metric.reset_state()
