"""What Keras's own means have made of a model's layers after it was built: LoRA and quantization.

A model is rebuilt from its arguments, which know nothing of it. So it goes into the configuration, and is done again
before the weights are read.
"""

import keras
from keras import layers


def add_lora(model, rank):
    """Adapters of that rank beside every dense layer that has none; all other weights are frozen."""
    for _, layer in _layers(model):
        if isinstance(layer, layers.Dense | layers.EinsumDense) and not layer.lora_enabled:
            layer.enable_lora(rank)
            _save_apart(layer)
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
            _save_apart(layer)
    if adaptation.get("frozen"):
        _freeze_but_lora(model)


def _save_apart(layer):
    """Make a layer's file hold weights and adapters as they are.

    Keras adds A B to the weights when it saves, for int8 ones with another rounding, and reads zeros for A and for B:
    from there no gradient leads away, and a training that goes on would learn nothing.
    """
    save, load = layer.save_own_variables, layer.load_own_variables
    adapters = [variable for variable in layer.variables if _is_lora(variable)]

    def save_own_variables(store):
        layer.lora_enabled = False
        try:
            save(store)
        finally:
            layer.lora_enabled = True
        for variable in adapters:
            store[variable.name] = variable

    def load_own_variables(store):
        load(store)
        for variable in adapters:
            if variable.name in store.keys():  # noqa: SIM118  (what Keras hands over is no mapping)
                variable.assign(store[variable.name])
            elif variable.name.endswith("_a"):  # they were added to the weights: begin anew, as Keras does, with B = 0
                variable.assign(keras.initializers.HeUniform(seed=0)(variable.shape))

    layer.save_own_variables, layer.load_own_variables = save_own_variables, load_own_variables


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
