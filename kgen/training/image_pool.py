"""A memory of generated images: the discriminator shall not forget what fooled it a while ago."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_int


@keras.saving.register_keras_serializable(package="kgen")
class ImagePool(keras.layers.Layer):
    """Gives back what it is given, or with probability ½, image by image, an older one that it keeps the new one for.

    Empty places are filled first. The images are part of the layer's state, so a training resumes exactly.

    Args:
        size: images to keep, at least as many as a batch has; 0 gives back what it is given.
        image_shape: (height, width, channels).
        seed: int or None.

    Call arguments:
        images: float tensor `(batch, height, width, channels)`.
        training: bool; without it the pool is left alone, and gives back what it is given.

    Reference: Shrivastava et al., Learning from Simulated and Unsupervised Images through Adversarial Training, 2017.
    """

    def __init__(self, size, image_shape, seed=None, **kwargs):
        check_int("size", size, minimum=0)
        super().__init__(**{"dtype": "float32", **kwargs})
        self.size = size
        self.image_shape = image_shape
        self.seed = seed
        self.draws = keras.random.SeedGenerator(seed)
        if size:
            zeros = {"initializer": "zeros", "trainable": False}
            self.kept = self.add_weight(name="kept", shape=(size, *image_shape), **zeros)
            self.filled = self.add_weight(name="filled", shape=(size,), **zeros)
        self.built = True

    def call(self, images, training=False):
        if not (training and self.size):
            return images
        images = ops.stop_gradient(ops.cast(images, "float32"))
        count = ops.shape(images)[0]
        places = ops.argsort(keras.random.uniform((self.size,), seed=self.draws))[:count]
        filled = ops.take(ops.convert_to_tensor(self.filled), places)
        swapped = ops.logical_and(filled > 0.5, keras.random.uniform((count,), seed=self.draws) < 0.5)
        # An image goes into the pool where there is room, and where it is swapped for an older one.
        stored = ops.logical_or(filled < 0.5, swapped)[:, None, None, None]
        older = ops.take(ops.convert_to_tensor(self.kept), places, axis=0)
        self.kept.assign(ops.scatter_update(self.kept, places[:, None], ops.where(stored, images, older)))
        self.filled.assign(ops.scatter_update(self.filled, places[:, None], ops.ones_like(filled)))
        return ops.where(swapped[:, None, None, None], older, images)

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}
