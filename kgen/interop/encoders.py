"""What BERT, RoBERTa, DistilBERT and ALBERT have in common: they become a BERT, alone or within a TextClassifier."""

from kgen.interop import albert
from kgen.interop import bert
from kgen.interop import distilbert
from kgen.interop import roberta
from kgen.interop.mapping import below
from kgen.models.bert import BERT
from kgen.models.text_classifier import TextClassifier

KINDS = (bert, roberta, distilbert, albert)


def build(kind, arguments, source):
    """(model, table, tensors that repeat another)."""
    names = source.tensors
    table = {ours: entry for ours, entry in kind.table(arguments).items() if not ours.startswith("head/")}
    head = {ours: entry for ours, entry in kind.table(arguments).items() if ours.startswith("head/")}
    if _any_of(head, names):  # else it keeps the numbers that it begins with
        table.update(head)
    classifies = source.architecture == kind.CLASSIFIER
    pooler = classifies or _any_of(kind.POOLER, names)
    if pooler and not (classifies and "encoder/pooler/kernel" in kind.CLASSES):
        table.update(kind.POOLER)
    tokenizer = source.tokenizer()
    encoder = BERT(
        tokenizer,
        **arguments,
        pooler=pooler,
        special_ids=None if tokenizer else _special_ids(kind, arguments["vocabulary_size"], source.configuration),
        **{**source.options, "name": "encoder"} if classifies else source.options,
    )
    if not classifies:
        return encoder, table, kind.COPIES
    source.configuration.need("problem_type", None, "single_label_classification")
    classes = names.rows(kind.CLASSES["classifier/kernel"].names[0])
    class_names = source.configuration.class_names(classes)
    model = TextClassifier(encoder, classes, class_names, "pooler", **source.options)
    return model, {**below("encoder", table), **kind.CLASSES}, kind.COPIES


def kind_for(model):
    """The architecture that a BERT is written as."""
    if model.share_layers:
        return albert
    if model.position_offset:
        return roberta
    return bert if model.segments else distilbert


def table(kind, arguments, model):
    """The tensors of each weight of a BERT that is written."""
    return {**kind.table(arguments), **(kind.POOLER if model.pooler_layer is not None else {})}


def _any_of(table, tensors):
    return any(name in tensors for entry in table.values() for name in entry.names)


def _special_ids(kind, vocabulary_size, configuration):
    """The ids that pad, start, end and mask: the usual ones, or the first where the vocabulary is too small."""
    pad = configuration.integer("pad_token_id", kind.SPECIAL_IDS[0])
    found = (pad, *(one % vocabulary_size for one in kind.SPECIAL_IDS[1:]))
    if len(set(found)) == 4 and max(*kind.SPECIAL_IDS, pad) < vocabulary_size:
        return found
    return (pad, *[one for one in range(4) if one != pad][:3])


def further_options(model):
    """Options about special tokens."""
    return {"pad_token_id": model.pad_id, "bos_token_id": model.start_id, "eos_token_id": model.end_id}
