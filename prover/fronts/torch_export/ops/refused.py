"""Ops that have no place in a program, and what to use instead."""

from prover.fronts.torch_export.ops.table import refuses

refuses(
    "a program has no loops: call an nn.LSTMCell or nn.GRUCell for each step, or use attention",
    "lstm", "gru", "rnn_tanh", "rnn_relu",
)  # fmt: skip
refuses(
    "what is drawn must be an input, so that it can be checked",
    "rand", "randn", "rand_like", "randn_like", "bernoulli", "normal", "multinomial", "randperm",
    "randint",
)  # fmt: skip
refuses(
    "shapes may not hang on data: keep all places, and choose with torch.where",
    "nonzero", "masked_select", "unique", "_unique2",
)  # fmt: skip
refuses(
    "rows cannot write where words say: multiply by one_hot, or choose with torch.where",
    "scatter", "scatter_add", "scatter_reduce", "index_put", "index_add", "masked_scatter",
    "slice_scatter", "select_scatter",
)  # fmt: skip
refuses("use one_hot of argmax, or a product with a mask", "sort", "topk", "median", "kthvalue")
refuses(
    "trigonometry of data is not lowered; of places alone it is computed on import",
    "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh",
)  # fmt: skip
refuses("use a convolution in two dimensions, or a product", "convolution", "conv3d")
refuses("use max_pool2d or avg_pool2d", "max_pool3d_with_indices", "avg_pool3d", "avg_pool1d")
refuses("repeat places with expand and reshape", "upsample_nearest2d", "upsample_bilinear2d")
refuses("use a whole or half exponent, or exp(y * log(x))", "pow")
refuses("use a plain transformer layer, not the fused one", "_transformer_encoder_layer_fwd")
