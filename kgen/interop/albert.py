"""ALBERT's names and options: one layer for all, a narrow embedding."""

from kgen.interop import bert
from kgen.interop.configuration import activation
from kgen.interop.configuration import integer
from kgen.interop.configuration import number
from kgen.interop.mapping import dense
from kgen.interop.mapping import embedding
from kgen.interop.mapping import norm
from kgen.interop.mapping import numbered
from kgen.interop.mapping import same

MODEL_TYPE = "albert"
PREFIX = "albert."
ARCHITECTURES = ("AlbertForMaskedLM", "AlbertModel", "AlbertForPreTraining")
CLASSIFIER = "AlbertForSequenceClassification"

OPTIONS = {
    **bert.OPTIONS,
    "vocabulary_size": integer("vocab_size", 30000),
    "embedding_dim": integer("embedding_size", 128),
    "num_heads": integer("num_attention_heads", 64),
    "model_dim": integer("hidden_size", 4096),
    "feedforward_dim": integer("intermediate_size", 16384),
    "activation": activation("hidden_act", "gelu_new"),
    "dropout": number("hidden_dropout_prob", 0.0),
}
NEEDED = {"position_embedding_type": ("absolute",), "num_hidden_groups": (1,), "inner_group_num": (1,)}
SPECIAL_IDS = (0, 2, 3, 4)

# The head that tells the order of two texts has no counterpart.
NOT_READ = r"albert\.embeddings\.(position_ids|token_type_ids)|sop_classifier\.classifier\.(weight|bias)"
COPIES = {
    "predictions.decoder.weight": "albert.embeddings.word_embeddings.weight",
    "predictions.decoder.bias": "predictions.bias",
}
POOLER = dense("pooler", "albert.pooler")
CLASSES = dense("classifier", "classifier")

_LAYER = "albert.encoder.albert_layer_groups.{i}.albert_layers.0"
_EMBEDDINGS = {
    **embedding("token_embedding", "albert.embeddings.word_embeddings"),
    **embedding("positions", "albert.embeddings.position_embeddings"),
    **embedding("segments", "albert.embeddings.token_type_embeddings"),
    **norm("embedding_norm", "albert.embeddings.LayerNorm"),
    **dense("embedding_projection", "albert.encoder.embedding_hidden_mapping_in"),
}
_LAYERS = {
    **dense(
        "block_{n}/attention/query_key_value",
        f"{_LAYER}.attention.query",
        f"{_LAYER}.attention.key",
        f"{_LAYER}.attention.value",
    ),
    **dense("block_{n}/attention/output", f"{_LAYER}.attention.dense"),
    **norm("block_{n}/attention_norm", f"{_LAYER}.attention.LayerNorm"),
    **dense("block_{n}/feed_forward/hidden", f"{_LAYER}.ffn"),
    **dense("block_{n}/feed_forward/output", f"{_LAYER}.ffn_output"),
    **norm("block_{n}/feed_forward_norm", f"{_LAYER}.full_layer_layer_norm"),
}
_HEAD = {
    **dense("head/transform", "predictions.dense"),
    **norm("head/norm", "predictions.LayerNorm"),
    "head/bias": same("predictions.bias"),
}


def table(arguments):
    """The tensors of each weight."""
    return {**_EMBEDDINGS, **numbered(_LAYERS, 1), **_HEAD}


def sizes(arguments):
    """Tensors whose shapes follow from the options."""
    width, narrow = arguments["model_dim"], arguments["embedding_dim"]
    layer = _LAYER.format(i=0)
    yield "albert.embeddings.word_embeddings.weight", (arguments["vocabulary_size"], narrow)
    yield "albert.embeddings.position_embeddings.weight", (arguments["context_length"], narrow)
    yield "albert.embeddings.token_type_embeddings.weight", (arguments["segments"], narrow)
    yield f"{layer}.attention.query.weight", (width, width)
    yield f"{layer}.ffn.weight", (arguments["feedforward_dim"], width)


def further_arguments(arguments, configuration, tensors):
    """Arguments that are no option of their own."""
    return {"share_layers": True}


def needs(model):
    """Arguments that a model must have to be written so."""
    return {
        "norm_position": "post",
        "position_offset": 0,
        "embedding_dim": model.embedding_dim or "an integer",
        "segments": model.segments or "an integer of at least 1",
    }


def further_options(model):
    """Options that are no argument of their own."""
    return {"num_hidden_groups": 1, "inner_group_num": 1}
