"""What a Hugging Face folder holds, known before it is loaded and without importing keras."""

from kgen.presets import files

CLASSES = {
    "bert": "BERT",
    "roberta": "BERT",
    "distilbert": "BERT",
    "albert": "BERT",
    "gpt2": "GPT",
    "t5": "T5",
    "vit": "ViT",
}
CLASSIFIES = "ForSequenceClassification"
TOKENIZERS = ("tokenizer.json", "vocab.json", "vocab.txt")

# For an argument of kgen's models the names that options have there, and the value of one that is not given.
OPTIONS = {
    "num_layers": (("num_hidden_layers", "n_layers", "n_layer", "num_layers"), 12),
    "num_heads": (("num_attention_heads", "n_heads", "n_head", "num_heads"), 12),
    "context_length": (("max_position_embeddings", "n_positions"), 512),
}


def description_of(folder):
    """What `facts` reads of a kgen model's configuration, for a folder that `kgen.interop.load` reads; else None.

    Whether everything in it is as kgen needs it turns out when it is loaded.
    """
    if not (folder / "config.json").is_file() or (folder / "model.keras").exists():
        return None
    options = files.read_json(folder / "config.json")
    class_name = CLASSES.get(options.get("model_type")) if "model" not in options else None
    if class_name is None:
        return None
    if class_name == "BERT" and any(CLASSIFIES in str(one) for one in options.get("architectures") or []):
        class_name = "TextClassifier"
    arguments = {name: _first(options, *known) for name, known in OPTIONS.items()}
    tokenizer = {"class_name": "Tokenizer"} if any((folder / name).is_file() for name in TOKENIZERS) else None
    arguments |= {"tokenizer": tokenizer}
    return {"class_name": class_name, "registered_name": f"kgen>{class_name}", "config": arguments}


def _first(options, names, otherwise):
    """The option of the first of these names that is there, if it is a count."""
    found = next((options[name] for name in names if name in options), otherwise)
    return found if isinstance(found, int) and found >= 1 else otherwise
