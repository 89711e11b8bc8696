"""kgen's models become Hugging Face folders, by the tables that read them."""

import contextlib
import json
import os
import shutil
from pathlib import Path

import keras
import numpy as np
import tokenizers
from safetensors.numpy import save_file

from kgen.functional.arguments import arguments_of
from kgen.interop import encoders
from kgen.interop import gpt2
from kgen.interop import t5
from kgen.models.bert import BERT
from kgen.models.gpt import GPT
from kgen.models.text_to_text import T5
from kgen.presets.registry import named_weights


def save(model, folder):
    """Write a model as a Hugging Face folder, which transformers reads with `from_pretrained`, and `load` too.

    A `GPT` becomes a GPT2LMHeadModel, a `T5` a T5ForConditionalGeneration, and a `BERT` what its arguments make it: a
    BertForMaskedLM, RobertaForMaskedLM, DistilBertForMaskedLM or AlbertForMaskedLM. `config.json`,
    `model.safetensors` (float32) and the tokenizer are written all or not at all.

    Args:
        model: a `GPT`, `BERT` or `T5`.
        folder: a path where there is nothing yet, or an empty folder.

    Raises:
        FileExistsError: there is something in the folder.
        ValueError: another model, or one with an argument that transformers' has not, such as rotary positions.

    Example:

    >>> import kgen, tempfile
    >>> sizes = {"context_length": 8, "num_layers": 1, "num_heads": 2, "model_dim": 8}
    >>> model = kgen.models.GPT(vocabulary_size=20, seed=1, **sizes)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     kgen.interop.save(model, folder)
    ...     again = kgen.interop.load(folder)
    >>> again.generate([1, 2], max_new_tokens=3, seed=1) == model.generate([1, 2], max_new_tokens=3, seed=1)
    True
    """
    folder = Path(folder).expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"folder: there is something in {folder}; give one that is new or empty")
    config, table = _described(model)
    tensors = _tensors(model, table, config["architectures"][0])
    with _new_folder(folder) as temporary:
        save_file(tensors, temporary / "model.safetensors", metadata={"format": "pt"})
        (temporary / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        if model.tokenizer is not None:
            _framing(model).save(temporary)


def _described(model):
    """(config.json, table of names) of a model."""
    arguments = {**arguments_of(model), "vocabulary_size": getattr(model, "num_tokens", None)}
    if isinstance(model, BERT):
        kind = encoders.kind_for(model)
        table, further = encoders.table(kind, arguments, model), encoders.further_options(model)
    elif isinstance(model, GPT | T5):
        kind, further = gpt2 if isinstance(model, GPT) else t5, {}
        arguments["head_dim"] = arguments.get("head_dim") or model.model_dim // model.num_heads
        table = kind.table(arguments)
    else:
        raise ValueError(f"model: expected a GPT, BERT or T5, got a {type(model).__name__}")
    if arguments["feedforward_dim"] is None:
        arguments["feedforward_dim"] = 4 * model.model_dim
    for name, needed in kind.needs(model).items():
        if arguments[name] != needed:
            raise ValueError(
                f"model: {name}={arguments[name]!r}: transformers' {kind.ARCHITECTURES[0]} has this as {needed!r} alone"
            )
    options = {option.name: option.write(arguments[ours]) for ours, option in kind.OPTIONS.items()}
    named = {"architectures": [kind.ARCHITECTURES[0]], "model_type": kind.MODEL_TYPE, "dtype": "float32"}
    return {**named, **options, **further, **kind.further_options(model)}, table


def _tensors(model, table, architecture):
    """All tensors, float32."""
    tensors = {}
    for name, weight in named_weights(model).items():
        if name not in table:
            raise ValueError(
                f"model: its weight {name!r} has no counterpart in {architecture}; LoRA and quantized weights have none"
            )
        array = np.asarray(keras.ops.convert_to_numpy(weight.value), "float32")
        for one, part in zip(table[name].names, table[name].to_tensors(array), strict=True):
            tensors[one] = np.ascontiguousarray(part)
    return tensors


def _framing(model):
    """The tokenizer, with a rule that puts the start and end tokens around a text.

    kgen's models put them there themselves; transformers' expect it of the tokenizer.
    """
    tokenizer = model.tokenizer
    config = tokenizer.get_config()
    if isinstance(model, GPT) or json.loads(config["tokenizer_json"]).get("post_processor") is not None:
        return tokenizer
    engine = tokenizers.Tokenizer.from_str(config["tokenizer_json"])
    start, end = (tokenizer.token_of(one) for one in (model.start_id, model.end_id))
    first = f"{start} $A {end}" if isinstance(model, BERT) else f"$A {end}"
    engine.post_processor = tokenizers.processors.TemplateProcessing(
        single=first, pair=f"{first} $B:1 {end}:1", special_tokens=[(start, model.start_id), (end, model.end_id)]
    )
    return type(tokenizer).from_config({**config, "tokenizer_json": engine.to_str()})


@contextlib.contextmanager
def _new_folder(folder):
    """Yields a temporary folder beside `folder`; when the block ends well, it takes that name in one step."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for file in temporary.iterdir():
            with open(file, "rb") as written:
                os.fsync(written.fileno())
        if folder.exists():
            folder.rmdir()
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
