"""A layer is its arguments: they are stored untouched under their own names, so its configuration can be read off."""

import inspect

import keras


def arguments_of(layer):
    """The constructor arguments of a layer or model, ready for `get_config`.

    Every argument named in the signature of `__init__` must be stored as an attribute of the same name. Layers and
    models among them are serialized, lists and tuples become lists.
    """
    names = [
        name
        for name, parameter in inspect.signature(type(layer).__init__).parameters.items()
        if name != "self" and parameter.kind is not parameter.VAR_KEYWORD
    ]
    return {name: _plain(getattr(layer, name)) for name in names}


def _plain(value):
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if hasattr(value, "get_config"):
        return keras.saving.serialize_keras_object(value)
    return value
