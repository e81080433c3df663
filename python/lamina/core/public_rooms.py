"""Which room of a package holds which public names; written by ``python tests/core/test_rooms.py``."""

from __future__ import annotations

WRITTEN = """
callbacks.averaged_weights: SwapEMAWeights
callbacks.base: Callback
callbacks.callback_list: CallbackList
callbacks.checkpoint: BackupAndRestore ModelCheckpoint
callbacks.csv_logger: CSVLogger
callbacks.early_stopping: EarlyStopping TerminateOnNaN
callbacks.functions: LambdaCallback
callbacks.history: History
callbacks.learning_rate: LearningRateScheduler ReduceLROnPlateau
callbacks.progress: ProgbarLogger
callbacks.pruning: OptunaPruning
callbacks.remote_monitor: RemoteMonitor
callbacks.tensorboard: TensorBoard
data.batches: Batches batches split
data.dataset: AUTOTUNE Dataset INFINITE_CARDINALITY UNKNOWN_CARDINALITY
data.py_dataset: PyDataset Sequence
layers.activation: Activation ELU LeakyReLU PReLU ReLU Softmax
layers.adaptive_pooling: AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D GlobalAveragePooling1D GlobalAveragePooling2D
    GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D
    GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
layers.attention: GroupQueryAttention GroupedQueryAttention MultiHeadAttention
layers.base: Layer
layers.batch_normalization: BatchNormalization
layers.bidirectional: Bidirectional
layers.conv_lstm: ConvLSTM1D ConvLSTM2D ConvLSTM3D
layers.convolution: Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose Convolution1D
    Convolution1DTranspose Convolution2D Convolution2DTranspose Convolution3D Convolution3DTranspose
layers.core: ActivityRegularization Identity Input InputLayer Lambda
layers.dense: Dense Linear
layers.depthwise_convolution: DepthwiseConv1D DepthwiseConv2D DepthwiseConvolution2D SeparableConv1D SeparableConv2D
    SeparableConvolution1D SeparableConvolution2D
layers.dropout: AlphaDropout DropPath Dropout GaussianDropout GaussianNoise SpatialDropout1D SpatialDropout2D
    SpatialDropout3D
layers.einsum_dense: EinsumDense
layers.elementwise: Add Average Maximum Minimum Multiply Subtract add average maximum minimum multiply subtract
layers.embedding: Embedding PositionEmbedding ReversibleEmbedding SinePositionEncoding
layers.input_spec: InputSpec
layers.key_value_cache: KeyValueCache
layers.linear_algebra: Dot dot
layers.lookup: deserialize serialize
layers.normalization: GroupNormalization LayerNormalization RMSNormalization UnitNormalization
layers.op_layer: OpLayer symbolic_call
layers.padding: Cropping1D Cropping2D Cropping3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
layers.pooling: AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D LpPooling1D
    LpPooling2D LpPooling3D MaxPool1D MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D
layers.preprocessing.augment: AugMix Pipeline RandAugment
layers.preprocessing.categories: CategoryEncoding Discretization
layers.preprocessing.colours: RandomColorDegeneration RandomColorJitter RandomGrayscale RandomHue RandomSaturation
layers.preprocessing.crop: CenterCrop RandomCrop Resizing
layers.preprocessing.elastic: RandomElasticTransform
layers.preprocessing.flip: RandomFlip
layers.preprocessing.geometry: RandomPerspective RandomRotation RandomShear RandomTranslation RandomZoom
layers.preprocessing.hashing: HashedCrossing Hashing
layers.preprocessing.light: RandomBrightness RandomContrast
layers.preprocessing.local_contrast: ContrastLimitedAdaptiveHistogramEqualization
layers.preprocessing.lookup: IntegerLookup StringLookup
layers.preprocessing.max_boxes: MaxNumBoundingBoxes
layers.preprocessing.patches: CutMix MixUp RandomErasing
layers.preprocessing.pixels: AutoContrast Equalization RandomInvert RandomPosterization Solarization
layers.preprocessing.scale: Normalization Rescaling
layers.preprocessing.sharpness: RandomGaussianBlur RandomSharpness
layers.preprocessing.spectrogram: MelSpectrogram STFTSpectrogram
layers.preprocessing.text: TextVectorization
layers.recurrent: GRU LSTM RNN SimpleRNN
layers.recurrent_cell: GRUCell LSTMCell SimpleRNNCell
layers.reshape: Concatenate Flatten Permute RepeatVector Reshape concatenate
layers.residual: Residual
layers.rotary_embedding: RotaryEmbedding
layers.sequence_attention: AdditiveAttention Attention
layers.siamese: Siamese
layers.stacked_cells: StackedRNNCells
layers.symbolic: SymbolicTensor
layers.transformer: TransformerDecoder TransformerEncoder
layers.unpooling: MaxUnpool1D MaxUnpool2D MaxUnpool3D MaxUnpooling1D MaxUnpooling2D MaxUnpooling3D
layers.upsampling: UpSampling1D UpSampling2D UpSampling3D
layers.variable: Variable
layers.wrappers: Masking SpectralNormalization TimeDistributed Wrapper
losses.alignment: CTC ctc
losses.base: Loss
losses.embeddings: Circle InfoNCE Triplet circle info_nce triplet
losses.focal: BinaryFocalCrossentropy CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy
    binary_focal_crossentropy categorical_focal_crossentropy categorical_generalized_cross_entropy
losses.hinge: CategoricalHinge Hinge HingeEmbedding MarginRanking MultiMargin SquaredHinge categorical_hinge hinge
    hinge_embedding margin_ranking multi_margin squared_hinge
losses.lookup: deserialize get serialize
losses.overlap: Dice Tversky dice tversky
losses.pairs: Contrastive CosineEmbedding contrastive cosine_embedding
losses.probabilistic: BinaryCrossentropy CategoricalCrossentropy KLDivergence Poisson SparseCategoricalCrossentropy
    binary_crossentropy categorical_crossentropy kl_divergence poisson sparse_categorical_crossentropy
losses.regression: CosineSimilarity GaussianNLL Huber LogCosh MeanAbsoluteError MeanAbsolutePercentageError
    MeanSquaredError MeanSquaredLogarithmicError Quantile cosine_similarity gaussian_nll huber log_cosh
    mean_absolute_error mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error quantile
metrics.accuracy: Accuracy BinaryAccuracy CategoricalAccuracy SparseCategoricalAccuracy SparseTopKCategoricalAccuracy
    TopKCategoricalAccuracy accuracy binary_accuracy categorical_accuracy sparse_categorical_accuracy
    sparse_top_k_categorical_accuracy top_k_categorical_accuracy
metrics.base: Mean Metric Sum
metrics.confusion: FalseNegatives FalsePositives Precision Recall TrueNegatives TruePositives
metrics.correlation: ConcordanceCorrelation PearsonCorrelation concordance_correlation pearson_correlation
metrics.curves: AUC PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity SpecificityAtSensitivity
metrics.fscore: F1Score FBetaScore
metrics.function_metric: MeanMetricWrapper
metrics.hinge: CategoricalHinge Hinge SquaredHinge categorical_hinge hinge squared_hinge
metrics.iou: BinaryIoU ConfusionMatrix IoU MeanIoU OneHotIoU OneHotMeanIoU
metrics.lookup: deserialize get serialize
metrics.probabilistic: BinaryCrossentropy CategoricalCrossentropy KLDivergence Perplexity Poisson
    SparseCategoricalCrossentropy binary_crossentropy binary_focal_crossentropy categorical_crossentropy
    categorical_focal_crossentropy kl_divergence poisson sparse_categorical_crossentropy
metrics.regression: CosineSimilarity LogCoshError MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError
    MeanSquaredLogarithmicError R2Score RootMeanSquaredError huber log_cosh mean_absolute_error
    mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error
metrics.verification: BestThresholdAccuracy EqualErrorRate TARAtFAR
models.cloning: clone_model
models.ensemble: Ensemble
models.generation: generate
models.many_models: fit_many
ops.activation: elu gelu hard_sigmoid hard_silu hard_swish leaky_relu log_softmax mish relu selu sigmoid silu softmax
    softplus softsign swish tanh
ops.activation_variants: celu glu hard_shrink hard_tanh log_sigmoid relu6 soft_shrink sparse_plus sparse_sigmoid
    sparsemax squareplus tanh_shrink threshold
ops.affine: affine_transform
ops.attention: alibi_slopes attention_with_scores dot_product_attention rotary_embedding
ops.bitwise: bitwise_and bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor gcd
    lcm left_shift right_shift view
ops.blocks: depth_to_space fold space_to_depth unfold
ops.colour: hsv_to_rgb rgb_to_grayscale rgb_to_hsv
ops.comparison: equal greater greater_equal isfinite isinf isnan less less_equal logical_and logical_not logical_or
    logical_xor nonzero not_equal where
ops.complex_pairs: angle conj conjugate imag isreal polar real view_as_complex view_as_real
ops.control_flow: associative_scan cond fori_loop map scan switch vectorize vectorized_map while_loop
ops.conversion: cast concatenate expand_dims from_dlpack stack
ops.convolution: conv conv2d conv_transpose depthwise_conv depthwise_conv2d separable_conv
ops.counting: bincount histogram unique unravel_index
ops.creation: arange array convert_to_numpy convert_to_tensor copy empty empty_like eye full full_like geomspace
    identity is_tensor linspace logspace meshgrid ndim ones ones_like shape tri tril triu zeros zeros_like
ops.ctc: ctc_decode ctc_loss
ops.dense: dense matmul
ops.diagonal: diag diagflat diagonal trace
ops.dropout: dropout
ops.elementwise: abs absolute add ceil clip cos divide erf exp expm1 floor floor_divide log log1p maximum minimum mod
    multiply negative power reciprocal remainder round rsqrt sign sin sqrt square stop_gradient subtract true_divide
ops.embedding: embedding
ops.error_function: erfc erfinv
ops.expansion: broadcast_to pad repeat tile
ops.fourier: fft fft2 ifft2 irfft istft rfft stft
ops.image_filters: gaussian_blur sobel_edges
ops.image_patches: crop_images extract_patches extract_patches_3d pad_images
ops.image_transforms: elastic_transform map_coordinates perspective_transform scale_and_translate
ops.images: resize
ops.linear_algebra: cross dot einsum inner kron outer tensordot vander vdot
ops.loss: binary_cross_entropy binary_crossentropy categorical_cross_entropy categorical_cross_entropy_mean
    categorical_crossentropy huber kl_divergence log_cosh mean_absolute_error mean_squared_error point_loss_mean
    poisson softmax_cross_entropy softmax_cross_entropy_mean sparse_categorical_crossentropy
ops.matrix_factors: cholesky eig eigh lu_factor qr svd
ops.matrix_solvers: cholesky_inverse det inv logdet lstsq matrix_rank norm pinv slogdet solve solve_triangular
ops.nan_reduction: nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmedian nanmin nanpercentile nanprod
    nanquantile nanstd nansum nanvar
ops.normalization: batch_norm batch_norm_fold group_norm layer_norm layer_normalization rms_norm rms_normalization
ops.normalization_composed: batch_normalization normalize
ops.own_operation: custom_gradient jvp
ops.pooling: adaptive_average_pool adaptive_max_pool average_pool average_pool2d global_average_pool2d
    global_max_pool2d lp_pool max_pool max_pool2d max_unpool
ops.rearrangement: append array_split diff dsplit fliplr flipud get_item hsplit rearrange roll rot90 vsplit
ops.recurrent: conv_lstm gru lstm lstm_cell simple_rnn
ops.reduction: all amax amin any argmax argmin average count_nonzero cumprod cumsum logsumexp max mean min moments prod
    ptp size std sum var
ops.reshape: dstack flatten flip getitem hstack moveaxis one_hot ravel reshape slice split squeeze swapaxes take
    transpose unstack vstack
ops.scatter: multi_hot scatter scatter_update slice_update
ops.segments: segment_max segment_min segment_prod segment_sum
ops.series: correlate extract_sequences trapezoid
ops.similarity: cdist corrcoef psnr ssim
ops.sorting: argpartition argsort digitize in_top_k isin median percentile quantile searchsorted sort take_along_axis
    top_k
ops.special: allclose cbrt divide_no_nan dtype exp2 fabs fmax fmin fmod heaviside hypot i0 isclose isneginf isposinf
    ldexp log10 log2 logaddexp logaddexp2 nan_to_num nextafter saturate_cast select signbit sinc trunc
ops.trigonometry: arccos arccosh arcsin arcsinh arctan arctan2 arctanh cosh deg2rad rad2deg sinh tan
ops.windows: bartlett blackman hamming hanning kaiser
optimizers.adaptive_gradients: Adadelta Adagrad Ftrl
optimizers.adaptive_moments: Adam AdamW Adamax Nadam RAdam ScheduleFreeAdamW
optimizers.base: Optimizer
optimizers.gradient_descent: SGD
optimizers.gradient_transformer: GradientTransformer
optimizers.lookup: deserialize get serialize
optimizers.loss_scale: LossScaleOptimizer
optimizers.multi_optimizer: MultiOptimizer OptimizerMap
optimizers.root_mean_square: RMSprop
optimizers.sign_momentum: Lion
optimizers.whole_weights: Adafactor Lamb Muon
"""
