"""Initializers that a layer takes as an argument and hands to several sublayers."""

import keras


def check_initializer(name, value):
    """Refuse what Keras does not know as an initializer."""
    try:
        keras.initializers.get(value)
    except (TypeError, ValueError):
        raise ValueError(
            f'{name}: expected an initializer of Keras, such as "glorot_uniform" or '
            f"keras.initializers.RandomNormal(stddev=0.02), got {value!r}"
        ) from None


def fresh_initializer(value):
    """An initializer of its own: the same object, used twice, would draw the same numbers twice."""
    initializer = keras.initializers.get(value)
    return initializer.clone() if hasattr(initializer, "clone") else initializer
