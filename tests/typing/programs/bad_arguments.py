"""Every line with ``# error`` has a misspelt argument or a wrong type; both checkers must say so, and of no other."""

from __future__ import annotations

import numpy as np

import lamina as keras
from lamina import callbacks, layers, losses, metrics, ops, optimizers, plot, random, saving, utils, visualization


class Mine(keras.Layer):
    pass


x = np.zeros((4, 3))
model = keras.Sequential([layers.Dense(1)])
layers.Dense(10, activaton="relu")  # error
layers.Dense(10, use_bias="no")  # error
layers.Dense("10")  # error
layers.Conv2D(8, 3, pading="same")  # error
layers.Conv2D(8, 3, padding="same", nam="first")  # error
layers.Conv2DTranspose(8, 3, strides=2, outpt_padding=1)  # error
layers.LSTM(8, return_sequence=True)  # error
layers.GRU(8, dropuot=0.1)  # error
layers.Embedding(10, 4, mask_zeros=True)  # error
layers.Dropout(0.5, sed=1)  # error
layers.BatchNormalization(momentun=0.9)  # error
layers.LayerNormalization(epsilom=1e-5)  # error
layers.MultiHeadAttention(2, 4, drop_out=0.1)  # error
layers.MaxPooling2D(poolsize=2)  # error
layers.Flatten(datafmt="channels_last")  # error
layers.Reshape((3,), dtpe="float32")  # error
layers.RandomFlip(moed="horizontal")  # error
layers.RandomContrast(0.1, value_rang=(0, 1))  # error
layers.TextVectorization(max_token=10)  # error
layers.StringLookup(vocab=["a"])  # error
layers.TimeDistributed(layers.Dense(1), nmae="each")  # error
layers.Bidirectional(layers.LSTM(3), merge="sum")  # error
layers.Add(nme="sum")  # error
layers.add([keras.Input((3,)), keras.Input((3,))], nme="sum")  # error
layers.Dens(3)  # error
keras.Input(shap=(3,))  # error
Mine(trainble=False)  # error
keras.Model(nme="model")  # error
keras.Sequential([], nme="model")  # error
model.compile(optimiser="adam")  # error
model.compile(metric=["accuracy"])  # error
model.fit(x, x, epoch=3)  # error
model.fit(x, x, callback=[])  # error
model.evaluate(x, x, batchsize=3)  # error
model.predict(x, verbos=0)  # error
model.save("m.keras", overwite=True)  # error
model.sumary()  # error
model.predict(x).softmax()  # error
model.evaluate(x, x).los()  # error
model(x).softmx()  # error
layers.Dense(3)(x).softmx()  # error
layers.Dense(3)(keras.Input((3,))).softmx()  # error
model.fit(x, x).histry()  # error
losses.Huber(dleta=1.0)  # error
losses.MeanSquaredError(reducton="sum")  # error
losses.SparseCategoricalCrossentropy(fromlogits=True)  # error
losses.Triplet(minning="hard")  # error
metrics.AUC(num_threshold=100)  # error
metrics.TopKCategoricalAccuracy(kk=3)  # error
metrics.MeanSquaredError(nme="mse")  # error
metrics.OneHotIoU(3, [0], nme="iou")  # error
metrics.SensitivityAtSpecificity(0.5, treshold=1)  # error
optimizers.Adam(learning_rat=0.1)  # error
optimizers.Adam(clip_norm=0.1)  # error
optimizers.SGD(momentun=0.9)  # error
optimizers.schedules.CosineDecay(0.1, 100, alhpa=0.1)  # error
callbacks.EarlyStopping(patiense=3)  # error
callbacks.ModelCheckpoint("m.keras", save_best=True)  # error
callbacks.ReduceLROnPlateau(min_rate=0.1)  # error
ops.softmax(x, axs=1)  # error
ops.mean(x, keep_dims=True)  # error
ops.concatenat([x, x])  # error
random.normal((3,), sed=1)  # error
saving.load_model("m.keras", customs={})  # error
utils.to_categorical([1], num_class=3)  # error
utils.plot_model(model, show_shape=True)  # error
utils.FeatureSpace({}, nme="space")  # error
callbacks.LambdaCallback(on_epoch_ends=print)  # error
plot.image_grid(x, title=["a"])  # error
visualization.plot_segmentation_mask_gallery(x, 3, pth="a.png")  # error
