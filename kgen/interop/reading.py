"""Hugging Face folders become kgen's models: options are arguments, tables say which tensors make a weight."""

import functools
import re
from pathlib import Path
from typing import NamedTuple

from kgen.interop import encoders
from kgen.interop import gpt2
from kgen.interop import t5
from kgen.interop import vit
from kgen.interop.checkpoint import Tensors
from kgen.interop.configuration import Configuration
from kgen.presets.registry import named_weights
from kgen.tokenizers.base import Tokenizer

KINDS = {kind.MODEL_TYPE: kind for kind in (*encoders.KINDS, gpt2, t5, vit)}
TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "vocab.txt")


class Source(NamedTuple):
    """What a model is built from, beside its arguments."""

    configuration: Configuration
    tensors: Tensors
    architecture: str
    options: dict  # of any model

    def tokenizer(self, **roles):
        """The tokenizer of the folder; None where there is none."""
        folder = self.configuration.file.parent
        if not any((folder / name).is_file() for name in TOKENIZER_FILES):
            return None
        return Tokenizer.from_file(folder, **roles)


def load(folder, dtype=None, seed=None):
    """Read a Hugging Face checkpoint into a kgen model, on any backend.

    | `model_type`                            | model                                                                |
    |-----------------------------------------|----------------------------------------------------------------------|
    | bert, roberta, distilbert, albert       | `BERT`; of `…ForSequenceClassification` a `TextClassifier` (not      |
    |                                         | DistilBERT's, which has one more layer)                              |
    | gpt2                                    | `GPT`                                                                |
    | t5 (1.1 and FLAN too)                   | `T5`                                                                 |
    | vit                                     | `ViT`                                                                |

    Numbers are read in float32, float16 or bfloat16, one tensor at a time, so loading takes little more memory than the
    model. A part that the file lacks, such as the head of a bare `BertModel`, keeps its initial numbers; heads that
    kgen does not have (BERT's for the next sentence, ViT's pooler) are left out. Only safetensors are read: nothing in
    a folder is executed.

    Args:
        folder: holds `config.json`, `model.safetensors` (or several, and their index) and, for text, `tokenizer.json`,
            `vocab.json` with `merges.txt`, or `vocab.txt`. Without these the model takes ids, and id 0 ends the
            sequences of a T5.
        dtype: of the model, such as "bfloat16"; None for Keras's own.
        seed: int or None; seeds what the file lacks, the dropout and the order of the data.

    Returns:
        the model, with its tokenizer.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: names the file and what is wrong with it: an architecture or an option that kgen has not, a tensor
            that is missing, has another shape, or belongs nowhere; a damaged file; a pickle.

    Example:

    >>> import kgen
    >>> model = kgen.interop.load("all-MiniLM-L6-v2")  # doctest: +SKIP
    >>> model.embed(["A cat sits.", "A kitten is sitting."]).shape  # doctest: +SKIP
    (2, 384)
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"folder: no such folder: {folder}; expected one with config.json")
    configuration = Configuration(folder)
    if (found := configuration.get("model_type")) not in list(KINDS):
        raise ValueError(f"{configuration.file}: model_type: expected one of {', '.join(KINDS)}, got {found!r}")
    kind = KINDS[found]
    source = Source(
        configuration,
        Tensors(folder, kind.PREFIX),
        _architecture(kind, configuration),
        {"dtype": dtype, "seed": seed},
    )
    for name, allowed in {**kind.NEEDED, "quantization_config": (None,)}.items():
        configuration.need(name, *allowed)
    arguments = {ours: configuration.read(option) for ours, option in kind.OPTIONS.items()}
    sized = {**arguments, **kind.further_arguments(arguments, configuration, source.tensors)}
    for name, shape in kind.sizes(sized):  # before there is a model, which might be as large as a hostile file likes
        source.tensors.expect(name, shape)
    build = functools.partial(encoders.build, kind) if kind in encoders.KINDS else kind.build
    try:
        model, table, copies = build(sized, source)
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith(str(folder)) else f"{configuration.file}: {text}") from None
    _fill(model, source.tensors, table, copies, kind.NOT_READ)
    return model


def _architecture(kind, configuration):
    known = [*kind.ARCHITECTURES, *([kind.CLASSIFIER] if getattr(kind, "CLASSIFIER", None) else [])]
    found = configuration.get("architectures", known[:1])
    if not isinstance(found, list) or len(found) != 1 or found[0] not in known:
        raise ValueError(f"{configuration.file}: architectures: expected one of {', '.join(known)}, got {found!r}")
    return found[0]


def _fill(model, tensors, table, copies, not_read):
    """Check the whole file, then assign the weights one by one."""
    weights = named_weights(model)
    for name, entry in table.items():
        for one, shape in zip(entry.names, entry.shapes(tuple(weights[name].shape)), strict=True):
            tensors.expect(one, shape)
    known = {one for entry in table.values() for one in entry.names}
    for name in tensors:
        if name not in known and name not in copies and not re.fullmatch(not_read, name):
            raise ValueError(f"{tensors.where(name)} belongs to no weight of kgen's {type(model).__name__}")
    for copy, original in copies.items():
        if copy in tensors and not tensors.equal(copy, original):
            raise ValueError(
                f"{tensors.where(copy)} differs from {original!r}; a {type(model).__name__} has one weight for both"
            )
    for name, entry in table.items():
        weights[name].assign(entry.to_weight(*(tensors.read(one) for one in entry.names)))
