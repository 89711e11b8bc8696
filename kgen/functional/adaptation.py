"""What Keras's own means have made of a model's layers after it was built: LoRA and quantization.

A model is rebuilt from its arguments, which know nothing of it. So it goes into the configuration, and is done again
before the weights are read.
"""

from keras import layers


def add_lora(model, rank):
    """Adapters of that rank beside every dense layer that has none; all other weights are frozen."""
    for _, layer in _layers(model):
        if isinstance(layer, layers.Dense | layers.EinsumDense) and not layer.lora_enabled:
            layer.enable_lora(rank)
    _freeze_but_lora(model)


def adaptation_of(model, quantized=None):
    """A dict for the configuration: the quantization mode and the LoRA rank of each layer, by its path of names."""
    ranks = {path: layer.lora_rank for path, layer in _layers(model) if getattr(layer, "lora_enabled", False)}
    found = {"quantize": quantized} if quantized else {}
    if ranks:
        found["lora"] = ranks
        if all(map(_is_lora, model.trainable_variables)):
            found["frozen"] = True
    return found


def adapt(model, adaptation):
    """Do to a new model what `adaptation_of` has found in another."""
    if "quantize" in adaptation:
        model.quantize(adaptation["quantize"])
    ranks = adaptation.get("lora", {})
    for path, layer in _layers(model):
        if path in ranks:
            layer.enable_lora(ranks[path])
    if adaptation.get("frozen"):
        _freeze_but_lora(model)


def _freeze_but_lora(model):
    for variable in model.trainable_variables:
        variable.trainable = _is_lora(variable)


def _is_lora(variable):
    return variable.name.startswith("lora_")


def _layers(layer, prefix=""):
    for child in layer._layers:
        path = f"{prefix}{child.name}"
        yield path, child
        yield from _layers(child, f"{path}/")
