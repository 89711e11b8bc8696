"""BERT's names and options."""

from kgen.interop.configuration import activation
from kgen.interop.configuration import integer
from kgen.interop.configuration import number
from kgen.interop.mapping import dense
from kgen.interop.mapping import embedding
from kgen.interop.mapping import norm
from kgen.interop.mapping import numbered
from kgen.interop.mapping import same

MODEL_TYPE = "bert"
PREFIX = "bert."
ARCHITECTURES = ("BertForMaskedLM", "BertModel", "BertForPreTraining")  # the first is written
CLASSIFIER = "BertForSequenceClassification"

OPTIONS = {
    "vocabulary_size": integer("vocab_size", 30522),
    "context_length": integer("max_position_embeddings", 512),
    "num_layers": integer("num_hidden_layers", 12),
    "num_heads": integer("num_attention_heads", 12),
    "model_dim": integer("hidden_size", 768),
    "feedforward_dim": integer("intermediate_size", 3072),
    "segments": integer("type_vocab_size", 2),
    "activation": activation("hidden_act", "gelu"),
    "epsilon": number("layer_norm_eps", 1e-12),
    "dropout": number("hidden_dropout_prob", 0.1),
}
NEEDED = {"position_embedding_type": ("absolute",), "is_decoder": (False,), "add_cross_attention": (False,)}
SPECIAL_IDS = (0, 101, 102, 103)  # that pad, start, end and mask, where no tokenizer says so

# The head that tells whether two texts follow each other has no counterpart.
NOT_READ = r"bert\.embeddings\.(position_ids|token_type_ids)|cls\.seq_relationship\.(weight|bias)"
COPIES = {
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}
POOLER = dense("pooler", "bert.pooler.dense")
CLASSES = dense("classifier", "classifier")

_LAYER = "bert.encoder.layer.{i}"
_EMBEDDINGS = {
    **embedding("token_embedding", "bert.embeddings.word_embeddings"),
    **embedding("positions", "bert.embeddings.position_embeddings"),
    **embedding("segments", "bert.embeddings.token_type_embeddings"),
    **norm("embedding_norm", "bert.embeddings.LayerNorm"),
}
_LAYERS = {
    **dense(
        "block_{n}/attention/query_key_value",
        f"{_LAYER}.attention.self.query",
        f"{_LAYER}.attention.self.key",
        f"{_LAYER}.attention.self.value",
    ),
    **dense("block_{n}/attention/output", f"{_LAYER}.attention.output.dense"),
    **norm("block_{n}/attention_norm", f"{_LAYER}.attention.output.LayerNorm"),
    **dense("block_{n}/feed_forward/hidden", f"{_LAYER}.intermediate.dense"),
    **dense("block_{n}/feed_forward/output", f"{_LAYER}.output.dense"),
    **norm("block_{n}/feed_forward_norm", f"{_LAYER}.output.LayerNorm"),
}
_HEAD = {
    **dense("head/transform", "cls.predictions.transform.dense"),
    **norm("head/norm", "cls.predictions.transform.LayerNorm"),
    "head/bias": same("cls.predictions.bias"),
}


def table(arguments):
    """The tensors of each weight."""
    return {**_EMBEDDINGS, **numbered(_LAYERS, arguments["num_layers"]), **_HEAD}


def sizes(arguments):
    """Tensors whose shapes follow from the options; they bound how large the model can be."""
    width = arguments["model_dim"]
    yield "bert.embeddings.word_embeddings.weight", (arguments["vocabulary_size"], width)
    yield "bert.embeddings.position_embeddings.weight", (arguments["context_length"], width)
    yield "bert.embeddings.token_type_embeddings.weight", (arguments["segments"], width)
    for i in range(arguments["num_layers"]):
        yield f"bert.encoder.layer.{i}.attention.self.query.weight", (width, width)
        yield f"bert.encoder.layer.{i}.intermediate.dense.weight", (arguments["feedforward_dim"], width)


def further_arguments(arguments, configuration, tensors):
    """Arguments that are no option of their own."""
    return {}


def needs(model):
    """Arguments that a model must have to be written so."""
    return {"norm_position": "post", "embedding_dim": None}


def further_options(model):
    """Options that are no argument of their own."""
    return {}
