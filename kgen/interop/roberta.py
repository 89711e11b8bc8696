"""RoBERTa's names and options: BERT's layers, positions that begin behind that of padding, another head."""

from kgen.interop import bert
from kgen.interop.mapping import dense
from kgen.interop.mapping import norm
from kgen.interop.mapping import renamed
from kgen.interop.mapping import same

MODEL_TYPE = "roberta"
PREFIX = "roberta."
ARCHITECTURES = ("RobertaForMaskedLM", "RobertaModel")
CLASSIFIER = "RobertaForSequenceClassification"

OPTIONS = bert.OPTIONS
NEEDED = {**bert.NEEDED, "hidden_act": ("gelu",)}  # its head knows no other
SPECIAL_IDS = (1, 0, 2, -1)

NOT_READ = r"roberta\.embeddings\.(position_ids|token_type_ids)"
COPIES = {
    "lm_head.decoder.weight": "roberta.embeddings.word_embeddings.weight",
    "lm_head.decoder.bias": "lm_head.bias",
}
POOLER = dense("pooler", "roberta.pooler.dense")
# Its classifier brings the pooler along.
CLASSES = {**dense("encoder/pooler", "classifier.dense"), **dense("classifier", "classifier.out_proj")}

_HEAD = {
    **dense("head/transform", "lm_head.dense"),
    **norm("head/norm", "lm_head.layer_norm"),
    "head/bias": same("lm_head.bias"),
}


def table(arguments):
    """The tensors of each weight."""
    body = {ours: entry for ours, entry in bert.table(arguments).items() if not ours.startswith("head/")}
    return {**renamed(body, bert.PREFIX, PREFIX), **_HEAD}


def sizes(arguments):
    """Tensors whose shapes follow from the options."""
    places = arguments["context_length"] + arguments["position_offset"]
    for name, shape in bert.sizes({**arguments, "context_length": places}):
        yield name.replace(bert.PREFIX, PREFIX, 1), shape


def further_arguments(arguments, configuration, tensors):
    """Positions count from the id that pads; the table has places for it and for those below."""
    offset = configuration.integer("pad_token_id", 1) + 1
    return {"position_offset": offset, "context_length": arguments["context_length"] - offset}


def needs(model):
    """Arguments that a model must have to be written so."""
    return {
        **bert.needs(model),
        "activation": "gelu",
        "position_offset": model.pad_id + 1,
        "segments": model.segments or "an integer of at least 1",
    }


def further_options(model):
    """Options that are no argument of their own."""
    return {"max_position_embeddings": model.context_length + model.position_offset}
