"""What arguments that many public functions and constructors share mean, once; docstrings.py writes it into theirs.

A table for each package, beside "*" for all.  ``*_initializer`` stands for all arguments that end so; {} is what
stands before.
"""

_NOT_SUPPORTED = "an option of Keras that is not supported: anything but the default is a ValueError."
_NO_EFFECT = "an option of Keras without effect here."
_LAYERS = {
    "inputs": "the input, a tensor or an array.",
    "training": "whether the layer is in training mode; if not given, as the layer around it.",
    "data": (
        'images, or a dict with "images" and, where there are any, "labels" and "segmentation_masks", which are '
        "changed along with them."
    ),
    "fill_mode": (
        'what stands beyond the image: "reflect", the image backwards; "wrap", the image again; "constant", '
        '``fill_value``; "nearest", the outermost pixel.'
    ),
    "fill_value": 'what stands beyond the image with ``fill_mode="constant"``.',
    "interpolation": '"nearest" pixel, or "bilinear", the blend of four.',
    "sparse": _NOT_SUPPORTED,
    "max_tokens": "the largest size of the vocabulary, with the special tokens; None for no limit.",
    "num_oov_indices": (
        "how many indices there are for what is not in the vocabulary; with several a hash value chooses, with none it "
        "is an error."
    ),
    "vocabulary": "the tokens in order, or the path of a text file with one in a line; None waits for ``adapt``.",
    "idf_weights": 'with "tf_idf", the weight of each token of ``vocabulary``.',
    "invert": "whether indices become tokens.",
    "pad_to_max_tokens": "whether rows have ``max_tokens`` numbers, however large the vocabulary is.",
    "output_mode": (
        '"int", indices; "one_hot", "multi_hot" or "count", rows as CategoryEncoding gives them; "tf_idf", counts '
        "times the tokens' weights."
    ),
    "value_range": "(lowest, highest) value of a pixel; results beyond are cut off.",
    "activation": 'function of the result: a name such as "relu", a function of a tensor, or None for none.',
    "use_bias": "whether ``bias`` is added.",
    "*_initializer": "first value of ``{}``: a name, an Initializer, or a function f(shape, dtype).",
    "*_regularizer": 'penalty on ``{}``, added to the loss: a name such as "l2", a Regularizer, or a function.',
    "*_constraint": 'limit on ``{}`` after each update: a name such as "non_neg", a Constraint, or a function.',
    "activity_regularizer": "penalty on the output, divided by the batch size and added to the loss.",
    "data_format": '"channels_last" (None: see config) or "channels_first": where the axis of channels stands.',
    "filters": "channels of the output, a positive integer.",
    "kernel_size": "size of the kernel along the axes between batch and channels, an integer or one for each axis.",
    "dilation_rate": (
        "distance of neighbouring taps of the kernel, an integer or one for each axis; may be combined with "
        "``strides``."
    ),
    "padding_mode": (
        'what the padding consists of: "zeros"; "reflect", the input mirrored at its outermost element, of which the '
        'border must leave one; "replicate", that element; "circular", the input again, once at most.  From PyTorch.'
    ),
    "groups": "groups of channels that are convolved apart; divides the input's channels and ``filters``.",
    "depth_multiplier": "outputs of each input channel by itself, a positive integer.",
    "pool_size": "size of a window along the axes between batch and channels, an integer or one for each axis.",
    "return_indices": (
        "whether the result is a tuple of the maxima and of where they stood: the number of the pixel in its image, "
        "counted row by row from 0, channels not counted, int32; for MaxUnpooling."
    ),
    "norm_type": "the exponent p, a positive number; 1 is the sum of a window, infinity its largest value.",
    "ceil_mode": (
        "whether a last window may reach beyond the padded input, if it begins inside of the input or its front "
        "padding."
    ),
    "divisor": (
        'what the sum of a window is divided by: "valid", its places inside of the input; "padded", those inside of '
        'the padded input, as in PyTorch; "window", all of its places.'
    ),
    "keepdims": "whether the axes between batch and channels stay, with size 1.",
    "output_size": "sizes of the output between batch and channels, an integer or one for each axis.",
    "center": "whether ``beta`` is added.",
    "scale": "whether the result is multiplied by ``gamma``.",
    "epsilon": "number added to the variance, so that nothing is divided by zero.",
    "seed": "integer or lamina.random.Generator that makes the random numbers repeatable; None takes a fresh one.",
    "recurrent_activation": "function of the gates: a name, a function of a tensor, or None for none.",
    "use_layer_norm": (
        "whether the products with the kernel and the recurrent kernel are normalized before their sum, with the bias "
        "behind them (a GRU's candidate by itself; an LSTM's c in its output, too)."
    ),
    "layer_norm_epsilon": "number added to the variance with ``use_layer_norm``.",
    "unit_forget_bias": "whether the forget gate's part of ``bias`` begins at one.",
    "reset_after": "whether the reset gate multiplies after the recurrent product, or the state before it.",
    "dropout": "fraction of the inputs that is set to zero in training, between 0 and 1.",
    "recurrent_dropout": "fraction of the states that is set to zero in training, between 0 and 1.",
    "return_sequences": "whether the outputs of all steps are returned, or the last that counts.",
    "return_state": "whether the last states are returned, too.",
    "go_backwards": "whether the sequence is read from its end; outputs stand in the order of the computation.",
    "stateful": (
        "whether sequence i of a batch goes on where sequence i of the batch before ended, until ``reset_state()``; "
        "all batches have one size, gradients end where the batch begins, and the states are not saved."
    ),
    "zero_output_for_mask": "whether outputs of steps that a mask leaves out are zero; else the last one is repeated.",
    "sequences": "the input (N, T, features), a tensor or an array.",
    "initial_state": "the list of first states, each (N, size); None begins with zeros.",
    "mask": "(N, T), True where a step counts; other steps keep the state.",
    "lengths": "(N,), how many steps of each sequence count, in place of ``mask``; outputs beyond are zero.",
    "in_time_order": "whether outputs stand where their inputs stand, backwards, too.",
    "name": "name of the layer, unique in a model; None makes one from the class.",
    "dtype": 'type of weights and results, "float32" or "float64"; None means ``config.floatx()``.',
    "lora_rank": _NOT_SUPPORTED,
    "lora_alpha": _NOT_SUPPORTED,
    "quantization_config": _NOT_SUPPORTED,
    "unroll": _NO_EFFECT,
    "use_cudnn": _NO_EFFECT,
    "**kwargs": (
        'options of every layer: ``name``; ``dtype``, "float32" or "float64"; ``trainable``, False freezes weights; '
        "``autocast``, False leaves the dtype of inputs alone; ``activity_regularizer``; ``input_shape``, without the "
        "batch axis, for the first layer of a Sequential, or ``input_dim``, its only size."
    ),
}
_MODELS = {
    "x": (
        "inputs: an array, a data frame, or a list or dict of them for several; or an iterable of batches, such as a "
        "Dataset, a PyDataset or PyTorch's DataLoader."
    ),
    "batch_size": "samples in a batch; None means 32.  An iterable has its own.",
    "verbose": '"auto" or 1 shows a bar, 2 a line an epoch, 0 nothing.',
    "callbacks": "Callbacks that are called on the way: one or a list.",
    "steps": "batches to take; None takes all.",
    "sample_weight": "weights of the samples in the loss, (N,), or (N, T) for steps.",
    "class_weight": "{class: weight} of the samples of each class in the loss.",
    "return_dict": "whether the result is a dict by name.",
    "data": "x, (x, y) or (x, y, sample_weight), tensors in the structure that ``fit`` was given.",
    "training": "whether the model is in training mode; if not given, as the model around it.",
    "inputs": "the input, a tensor or an array.",
}
_VALUES = {
    "shape": "sizes of the result.",
    "dtype": 'type of the elements, "float32" or "float64"; None means ``config.floatx()``.',
    "seed": "integer or Generator that makes the values repeatable; None draws from the process-wide generator.",
    "input_axes": "axes that count as inputs in the fans; None takes the last but one.",
    "output_axes": "axes that count as outputs in the fans; None takes the last.",
}
_OPS = {
    "x": "a tensor, an array, a number, or nested lists of numbers.",
    "x1": "a tensor, an array, a number, or nested lists of numbers.",
    "x2": "the second operand; the shapes broadcast.",
    "xs": "list of tensors or arrays.",
    "axis": "the axis or the axes, negative ones from the end; None takes all elements.",
    "keepdims": "whether reduced axes stay, with size 1.",
    "shape": "sizes of the result.",
    "dtype": "type of the elements; None means ``config.floatx()``.",
    "epsilon": "number added to the variance, so that nothing is divided by zero.",
    "activation": '"linear", "relu", "tanh", "sigmoid" or "hard_sigmoid", those that kernels know.',
    "recurrent_activation": "function of the gates, one of the same.",
    "data_format": '"channels_last" (None: see config) or "channels_first": where the axis of channels stands.',
    "y_true": "targets, of the predictions' shape.",
    "y_pred": "predictions.",
    "from_logits": "whether predictions are logits, else probabilities.",
    "labels": "class indices (...), integers, or targets (..., C).",
    "weights": "factors of the losses (...), or None.",
    "label_smoothing": "s in targets t (1 - s) + s / C.",
    "ignore_class": "labels equal to it have no loss; None ignores none.",
    "lengths": "(batch,) integers, how many steps of each sequence count; outputs beyond are zero.",
    "mask": "(batch, time), True where a step counts; other outputs repeat the one before.",
    "go_backwards": "whether the last step that counts is the first; outputs stand in the order of the computation.",
    "return_sequences": "whether the outputs of all steps are returned.",
    "zero_output_for_mask": "whether outputs of steps that the mask leaves out are zero.",
    "in_time_order": "whether outputs stand where their inputs stand, backwards, too.",
    "segment_ids": "(n,) integers in any order; ids outside of 0..num_segments-1 are left out.",
    "num_segments": "how many segments there are; None takes the largest id and one, and is not captured.",
    "sorted": "an option of Keras without effect here.",
}
_LOSSES = {
    "y_true": "targets, of the predictions' shape; a last axis of length one may be missing.",
    "y_pred": "predictions.",
    "from_logits": "whether predictions are logits, else probabilities.",
    "label_smoothing": "s in targets t (1 - s) + s / C.",
    "ignore_class": "labels equal to it have no loss and do not count in the mean; None ignores none.",
    "axis": "the axis of classes.",
    "gamma": "how much less what is predicted well already weighs; 0 makes no difference.",
    "sample_weight": "factors of the losses, which broadcast to them; where one is 0, a value does not count.",
    "margin": "distance from which pairs of different kinds have no loss.",
    "delta": "difference from which the loss is linear.",
    "reduction": (
        'what becomes of one value per sample: "sum_over_batch_size" (or "mean"), their mean; '
        '"mean_with_sample_weight", their sum by that of the weights; "sum"; "none" or None.'
    ),
    "name": "name in logs; None takes the class's or the function's.",
    "dtype": "type that predictions are converted to before; None keeps theirs.",
}
_UTILS = {
    "directory": "the folder; with inferred labels each folder in it is a class.",
    "labels": (
        '"inferred", the folder that a file lies in; None for none; or a list of integers for all files in the order '
        "of their names."
    ),
    "label_mode": '"int", int32; "categorical", rows of zeros and a one; "binary", 0.0 or 1.0; None for no labels.',
    "class_names": "the folders that count, in the order of their labels; None takes all by their names.",
    "batch_size": "samples in a batch; None gives them one by one.",
    "shuffle": "whether each epoch takes a new order; else that of the names.",
    "seed": "integer that makes orders repeatable.",
    "validation_split": "share of the files, between 0 and 1, that is held out; comes with ``subset``.",
    "subset": '"training", "validation" or "both", which gives two datasets.',
    "follow_links": "whether links to folders are followed.",
    "format": _NO_EFFECT,
    "verbose": "whether the number of files is printed.",
}
_METRICS = {
    **{name: _LOSSES[name] for name in ("axis", "delta", "gamma", "from_logits", "label_smoothing", "ignore_class")},
    "y_true": "targets, of the predictions' shape; a last axis of length one may be missing.",
    "y_pred": "predictions.",
    "threshold": "prediction above which the answer is yes; for logits 0.",
    "k": "how many of the highest scores count.",
    "from_sorted_ids": "whether predictions are class indices, the best first, in place of scores.",
    "thresholds": "prediction above which the answer is yes, in [0, 1], or a list of several; None means 0.5.",
    "top_k": "only the k highest predictions of each sample are yes; ``thresholds`` None means no other limit then.",
    "class_id": "the class of the last axis that counts alone; None counts all.",
    "num_thresholds": "how many thresholds are tried, evenly from 0 to 1.",
    "num_classes": "how many classes there are.",
    "sparse_y_true": "whether targets are class indices; else their highest entry along ``axis`` is the class.",
    "sparse_y_pred": "whether predictions are class indices; else their highest entry along ``axis`` is the class.",
    "name": "name in logs; None takes the class's or the function's.",
    "dtype": "type of the metric's variables; None means ``config.floatx()``.",
}
_OPTIMIZERS = {
    "beta_1": "weight of the past in m, the mean of gradients, from 0 to below 1.",
    "beta_2": "weight of the past in v, the mean of their squares, from 0 to below 1.",
    "learning_rate": "size of the steps, not negative, or a schedule, called with the number of steps done.",
    "epsilon": "number added to the divisor, so that nothing is divided by zero; not negative.",
    "weight_decay": "each step first multiplies weights by 1 - learning_rate * weight_decay; None does not.",
    "clipnorm": "each gradient is scaled down to at most this norm; None does not.",
    "clipvalue": "each element of gradients is cut to [-clipvalue, clipvalue]; None does not.",
    "global_clipnorm": "all gradients are scaled down together to at most this norm; None does not.",
    "use_ema": "whether a running mean of each weight is kept, which ``fit`` gives the weights at its end.",
    "ema_momentum": "weight of the past in the running means, from 0 to 1.",
    "ema_overwrite_frequency": "steps after which weights become their running means, again and again; None: never.",
    "loss_scale_factor": "factor of the loss, by which gradients are divided again; None leaves both.",
    "gradient_transformers": (
        "functions of the list of (gradient, variable) pairs of a batch, which return such a list; they run one after "
        "the other, before gradients are accumulated and clipped.  Captured steps run their operations, not their "
        "Python."
    ),
    "gradient_accumulation_steps": "steps whose mean gradient makes one update, at least 2; None updates at each.",
    "name": "name of the optimizer; None takes the class's.",
    "**shared": (
        "what all optimizers take, each None by default: ``weight_decay``, each step first multiplies weights by 1 - "
        "learning_rate * weight_decay; ``clipnorm``, each gradient is scaled down to at most this norm; ``clipvalue``, "
        "each element is cut to [-clipvalue, clipvalue]; ``global_clipnorm``, all gradients are scaled down together "
        "to at most this norm; ``use_ema``, a running mean of each weight is kept, with ``ema_momentum`` (0.99) as the "
        "weight of the past, and becomes the weight at the end of ``fit`` and after each ``ema_overwrite_frequency`` "
        "steps; ``loss_scale_factor``, the loss is multiplied, and gradients divided by it; "
        "``gradient_accumulation_steps``, so many steps make one update, with their mean gradient; ``name``; "
        "``gradient_transformers``, functions of the list of (gradient, variable) pairs of a batch "
        "that return such a list, before gradients are accumulated and clipped (``GradientTransformer`` keeps state).  "
        "Only one of the three limits may be given."
    ),
}
_SCHEDULES = {
    "initial_learning_rate": "the first rate.",
    "decay_steps": "steps of the decay, positive.",
    "name": "name of the schedule.",
}
_CALLBACKS = {
    "logs": "loss and metrics so far, by name.",
    "epoch": "the epoch's number, from 0.",
    "batch": "the batch's number, from 0.",
    "monitor": 'name of the logged number to watch, such as "val_loss".',
    "mode": '"min", "max", or "auto": losses are to fall, metrics say by their ``_direction``.',
    "min_delta": "least difference that counts as an improvement.",
    "verbose": "1 prints what is done, 0 does not.",
}
_FILES = {"filepath": 'name of the file, like "m.lamina".', "overwrite": "whether a file of that name is replaced."}
# Errors that follow from an argument, of functions and classes whose docstring has no ``Raises:``.
ERRORS = {
    "applications": {
        "weights": (
            "ValueError: an argument is out of its range, contradicts another one, or does not fit saved weights.\n"
            "    ConnectionError: ImageNet's weights are not in the cache and cannot be downloaded."
        )
    },
    "callbacks": {"mode": "ValueError: ``mode`` is unknown."},
    "losses": {
        "y_pred": "ValueError: the shapes of targets and predictions do not fit.",
        "reduction": "ValueError: ``reduction`` is unknown; at a call: targets and predictions do not fit.",
    },
    "metrics": {
        "y_pred": "ValueError: the shapes of targets and predictions do not fit.",
        "dtype": "ValueError: at an update: the shapes of targets and predictions do not fit.",
    },
    "optimizers": {
        "learning_rate": (
            "ValueError: a number is out of its range, or several limits of the gradients are given.\n"
            "    TypeError: ``learning_rate`` is no number or schedule."
        )
    },
    "optimizers.schedules": {"decay_steps": "ValueError: ``decay_steps`` is not positive."},
    "ops": {
        "x": "TypeError: x holds what is no number.",
        "x1": "TypeError: an operand holds what is no number.",
        "x2": "ValueError: the shapes do not broadcast.",
        "y_pred": "ValueError: the shapes of targets and predictions differ.",
        "axis": "ValueError: an axis is out of range.",
        "shape": "ValueError: a size is negative.",
        "N": "ValueError: a size is negative.",
        "n": "ValueError: a size is negative.",
    },
}
# What a public name comes from whose docstring has no ``Source:``; {} is the name.
SOURCES = {
    "activations": "Keras 3, keras.activations.{}.",
    "callbacks": "Keras 3, keras.callbacks.{}.",
    "initializers": "Keras 3, keras.initializers.{}.",
    "losses": "Keras 3, keras.losses.{}.",
    "metrics": "Keras 3, keras.metrics.{}.",
    "optimizers.schedules": "Keras 3, keras.optimizers.schedules.{}.",
    "ops": "Keras 3, keras.ops.{}.",
    "random": "Keras 3, keras.random.{}.",
    "regularizers": "Keras 3, keras.regularizers.{}.",
    "utils": "Keras 3, keras.utils.{}.",
}
_APPLICATIONS = {
    "include_top": "whether the model ends with the dense layer of ``classes``.",
    "weights": (
        '"imagenet", weights trained on ImageNet, from Keras\'s cache or downloaded there; the path of a file of '
        "weights; None for new ones."
    ),
    "input_tensor": "symbolic images that the model begins with, as ``Input`` gives; None makes an input.",
    "input_shape": "(height, width, channels) of an image; None takes the usual one, or any size without a head.",
    "pooling": (
        'what a model without a head ends with: "avg" or "max" over each channel, (N, C); None for images, '
        "(N, H, W, C)."
    ),
    "classes": "how many numbers the head gives.",
    "classifier_activation": "activation of the head; None gives logits.",
    "include_preprocessing": "whether the model scales pixels from 0 to 255 itself.",
    "name": "name of the model.",
    "alpha": "factor of the width of all layers.",
    "depth_multiplier": "outputs of each channel of a depthwise convolution.",
    "dropout": "rate of the dropout before the head.",
    "dropout_rate": "rate of the dropout before the head.",
    "minimalistic": "whether to leave out 5 x 5 convolutions, hard swish and squeezed channels.",
}
_ESTIMATORS = {
    "X": "samples, (N, features): an array, a frame or a sparse matrix.",
    "sample_weight": "weights of the samples, (N,), >= 0; None weighs all alike, 0 is as if the sample were not there.",
    "hidden_layer_sizes": "units of the hidden layers, an integer or a tuple of them.",
    "activation": 'of the hidden layers: "relu", "tanh", "logistic", "identity", or any of Lamina\'s.',
    "solver": 'the optimizer: "adam", "sgd", another name, or an Optimizer, of which a copy is used.',
    "alpha": "factor of the penalty on squares of kernels, halved and divided by the samples of a batch.",
    "batch_size": 'samples of a step; "auto" is 200, or all if there are fewer.',
    "learning_rate": (
        '"constant"; "invscaling", divided by (samples seen)^``power_t``; "adaptive", divided by 5 when training no '
        "longer gets on; or a schedule."
    ),
    "learning_rate_init": "the learning rate at the beginning.",
    "power_t": 'the power of ``learning_rate="invscaling"``.',
    "max_iter": "passes over the data at most; a warning says if training still got on then.",
    "epochs": "passes over the data; with ``early_stopping`` at most.",
    "shuffle": "whether each pass has an order of its own.",
    "random_state": (
        "an integer, which gives the same network each time; a RandomState, which each ``fit`` moves on; None draws "
        "from NumPy's global one."
    ),
    "tol": "the least change of loss or score that counts as getting on.",
    "verbose": "whether each pass is printed.",
    "warm_start": "whether ``fit`` goes on with the weights of the last ``fit``.",
    "momentum": 'of ``solver="sgd"``.',
    "nesterovs_momentum": 'whether ``solver="sgd"`` looks ahead.',
    "early_stopping": (
        "whether a part of the data is held out, training ends when its score no longer gets better, and the weights "
        "of the best pass come back."
    ),
    "validation_fraction": "with ``early_stopping``, the part that is held out.",
    "beta_1": 'of ``solver="adam"``: decay of the mean of gradients.',
    "beta_2": 'of ``solver="adam"``: decay of the mean of their squares.',
    "epsilon": 'of ``solver="adam"``: keeps its quotient finite.',
    "n_iter_no_change": "passes without getting on after which training ends.",
    "dropout": "the part of each hidden layer's outputs that is set to 0 in training.",
    "dtype": 'what is computed in: "float32", "float64"; None means the type of ``X``, float64 for integers.',
    "callbacks": "callbacks of Lamina, which ``Model.fit`` is given.",
    "model": (
        "a function that returns a model; it is given those of ``n_features_in``, ``input_shape``, ``n_outputs``, "
        "``X`` and ``y`` that it names, and ``model_kwargs``.  Or a model, of which a copy with new weights is "
        "trained; with ``warm_start`` one with its weights."
    ),
    "model_kwargs": "arguments of the function; ``set_params(model__units=64)`` sets one of them.",
    "loss": "a loss; None means that of the compiled model, or the usual one.",
    "optimizer": 'an optimizer; None means that of the compiled model, or "adam".',
    "optimizer_kwargs": "arguments of the optimizer; ``set_params(optimizer__learning_rate=0.01)`` sets one of them.",
    "fit_kwargs": "arguments of ``Model.fit``.",
}

TABLES: dict[str, dict[str, str]] = {
    "*": {"custom_objects": "{name: class or function} for what is not registered."},
    "activations": {"x": "a tensor or an array, of any shape."},
    "applications": _APPLICATIONS,
    "callbacks": _CALLBACKS,
    "initializers": _VALUES,
    "layers": _LAYERS,
    "losses": _LOSSES,
    "metrics": _METRICS,
    "models": _MODELS,
    "ops": _OPS,
    "ops.image": _OPS,
    "optimizers": _OPTIMIZERS,
    "optimizers.schedules": _SCHEDULES,
    "random": _VALUES,
    "saving": _FILES,
    "sklearn": _ESTIMATORS,
    "utils": _UTILS,
    "wrappers": _ESTIMATORS,
}
