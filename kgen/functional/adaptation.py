"""What Keras's own means have made of a model's layers after it was built: LoRA and quantization.

A model is rebuilt from its arguments, which know nothing of it. So it goes into the configuration, and is done again
before the weights are read.
"""


def adaptation_of(model, quantized=None):
    """A dict for the configuration: the quantization mode and the LoRA rank of each layer, by its path of names."""
    ranks = {path: layer.lora_rank for path, layer in _layers(model) if getattr(layer, "lora_enabled", False)}
    return {**({"quantize": quantized} if quantized else {}), **({"lora": ranks} if ranks else {})}


def adapt(model, adaptation):
    """Do to a new model what `adaptation_of` has found in another."""
    if "quantize" in adaptation:
        model.quantize(adaptation["quantize"])
    ranks = adaptation.get("lora", {})
    for path, layer in _layers(model):
        if path in ranks:
            layer.enable_lora(ranks[path])


def _layers(layer, prefix=""):
    for child in layer._layers:
        path = f"{prefix}{child.name}"
        yield path, child
        yield from _layers(child, f"{path}/")
