"""DistilBERT's names and options: BERT without segments."""

from kgen.interop.configuration import activation
from kgen.interop.configuration import integer
from kgen.interop.configuration import number
from kgen.interop.mapping import dense
from kgen.interop.mapping import embedding
from kgen.interop.mapping import norm
from kgen.interop.mapping import numbered
from kgen.interop.mapping import same

MODEL_TYPE = "distilbert"
PREFIX = "distilbert."
ARCHITECTURES = ("DistilBertForMaskedLM", "DistilBertModel")
CLASSIFIER = None  # has a layer with a ReLU that TextClassifier has not

OPTIONS = {
    "vocabulary_size": integer("vocab_size", 30522),
    "context_length": integer("max_position_embeddings", 512),
    "num_layers": integer("n_layers", 6),
    "num_heads": integer("n_heads", 12),
    "model_dim": integer("dim", 768),
    "feedforward_dim": integer("hidden_dim", 3072),
    "activation": activation("activation", "gelu"),
    "dropout": number("dropout", 0.1),
}
NEEDED = {}
SPECIAL_IDS = (0, 101, 102, 103)

NOT_READ = r"distilbert\.embeddings\.position_ids"
COPIES = {"vocab_projector.weight": "distilbert.embeddings.word_embeddings.weight"}
POOLER = {}
CLASSES = {}

_LAYER = "distilbert.transformer.layer.{i}"
_EMBEDDINGS = {
    **embedding("token_embedding", "distilbert.embeddings.word_embeddings"),
    **embedding("positions", "distilbert.embeddings.position_embeddings"),
    **norm("embedding_norm", "distilbert.embeddings.LayerNorm"),
}
_LAYERS = {
    **dense(
        "block_{n}/attention/query_key_value",
        f"{_LAYER}.attention.q_lin",
        f"{_LAYER}.attention.k_lin",
        f"{_LAYER}.attention.v_lin",
    ),
    **dense("block_{n}/attention/output", f"{_LAYER}.attention.out_lin"),
    **norm("block_{n}/attention_norm", f"{_LAYER}.sa_layer_norm"),
    **dense("block_{n}/feed_forward/hidden", f"{_LAYER}.ffn.lin1"),
    **dense("block_{n}/feed_forward/output", f"{_LAYER}.ffn.lin2"),
    **norm("block_{n}/feed_forward_norm", f"{_LAYER}.output_layer_norm"),
}
_HEAD = {
    **dense("head/transform", "vocab_transform"),
    **norm("head/norm", "vocab_layer_norm"),
    "head/bias": same("vocab_projector.bias"),
}


def table(arguments):
    """The tensors of each weight."""
    return {**_EMBEDDINGS, **numbered(_LAYERS, arguments["num_layers"]), **_HEAD}


def sizes(arguments):
    """Tensors whose shapes follow from the options."""
    width = arguments["model_dim"]
    yield "distilbert.embeddings.word_embeddings.weight", (arguments["vocabulary_size"], width)
    yield "distilbert.embeddings.position_embeddings.weight", (arguments["context_length"], width)
    for i in range(arguments["num_layers"]):
        yield f"distilbert.transformer.layer.{i}.attention.q_lin.weight", (width, width)
        yield f"distilbert.transformer.layer.{i}.ffn.lin1.weight", (arguments["feedforward_dim"], width)


def further_arguments(arguments, configuration, tensors):
    """Arguments that are no option of their own."""
    return {"segments": 0, "epsilon": 1e-12}


def needs(model):
    """Arguments that a model must have to be written so."""
    return {"norm_position": "post", "embedding_dim": None, "epsilon": 1e-12, "pooler": False}


def further_options(model):
    """Options that are no argument of their own."""
    return {}
