"""The Vision Transformer: an image is a sequence of patches, and a Transformer reads it like a text.

    z = blocks([t; W x_1; …; W x_n] + E),   logits = C Norm(z)[t]

x_i are squares of the image, t a learned token that collects what decides about the class.

Dosovitskiy et al., An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale, 2021.
"""

import keras
import numpy as np
from keras import layers
from keras import ops

from kgen.datasets.folder_of_images import image_folder
from kgen.functional.augmentation import POLICIES
from kgen.functional.augmentation import augment
from kgen.functional.checks import check_image_shape
from kgen.functional.checks import check_images
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.rollout import attention_rollout
from kgen.functional.seeding import drawn_seed
from kgen.functional.seeding import seeded
from kgen.layers.dropout import Dropout
from kgen.layers.patch_embedding import PatchEmbedding
from kgen.layers.patch_embedding import check_stem
from kgen.layers.transformer_encoder import TransformerEncoderBlock
from kgen.models.base import exclusive
from kgen.models.base_classifying import ClassifyingModel
from kgen.training.warm_up import InverseSquareRoot

INITIAL_SPREAD = 0.02  # of all weights
AUGMENTATIONS = ("flip", *POLICIES)
IMAGES_AT_ONCE = 32  # whose scores are computed together


@keras.saving.register_keras_serializable(package="kgen")
class ViT(ClassifyingModel):
    """Vision Transformer: `fit(images, labels)`, then `classify`, `probabilities`, `attention_rollout`.

    Labels are integers, class names, or the shares of classes that mixing images leaves (`keras.layers.MixUp`,
    `keras.layers.CutMix`).

    Args:
        image_shape: (height, width, channels), 1 or 3 channels.
        num_classes: int ≥ 2.
        patch_size: side of a patch in pixels; it divides height and width.
        num_layers, num_heads: integers ≥ 1.
        model_dim: width of the model, a multiple of `num_heads`.
        feedforward_dim: width inside the feed-forward layers; None for 4 · `model_dim`.
        pooling: "token" (the class token decides) or "mean" (the mean of all patches does, and there is no token).
        stem: widths of strided convolutions before the patches are cut, such as (32, 64); see
            `kgen.layers.PatchEmbedding`.
        activation: "gelu", "gelu_tanh", "relu", "swiglu" or "geglu"; see `kgen.layers.FeedForward`.
        epsilon: of the normalization layers, ≥ 0.
        augmentation: random changes of images in training: some of "flip" (left and right), "color", "translation",
            "cutout" (see `kgen.functional.augmentation`), in a tuple.
        label_smoothing: ε in [0, 1), in training.
        dropout: share to drop of the embeddings and of what each layer adds, in training, in [0, 1].
        class_names: `num_classes` strings, or None; kept in the file.
        seed: int or None; seeds the weights, the dropout, the augmentation and the order of the data.

    Metrics in `fit` and `evaluate`: `loss` (nats for each image, smoothed in training) and `accuracy`.
    `evaluate(images, labels, full=True)`: a dict, with the accuracy of the worst class too.

    A call maps uint8 images `(n, height, width, channels)` to logits, float32 `(n, num_classes)`.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import kgen
    >>> images, labels = kgen.datasets.load("digits")
    >>> model = kgen.models.ViT((8, 8, 1), patch_size=4, num_layers=1, model_dim=16, num_heads=2, seed=1)
    >>> model.compile()
    >>> history = model.fit(images[:64], labels[:64], epochs=1, verbose=0)
    >>> model.probabilities(images[:3]).shape
    (3, 10)
    """

    def __init__(
        self,
        image_shape=(28, 28, 1),
        num_classes=10,
        patch_size=4,
        num_layers=6,
        model_dim=96,
        num_heads=3,
        feedforward_dim=None,
        pooling="token",
        stem=(),
        activation="gelu",
        epsilon=1e-6,
        augmentation=(),
        label_smoothing=0.1,
        dropout=0.0,
        class_names=None,
        seed=None,
        **kwargs,
    ):
        check_image_shape("image_shape", image_shape)
        check_int("patch_size", patch_size, minimum=1)
        if any(side % patch_size for side in image_shape[:2]):
            raise ValueError(f"patch_size: expected a divisor of both sides of {image_shape}, got {patch_size}")
        check_int("num_layers", num_layers, minimum=1)
        check_int("num_heads", num_heads, minimum=1)
        check_int("model_dim", model_dim, minimum=1)
        if model_dim % num_heads:
            raise ValueError(f"model_dim: expected a multiple of num_heads={num_heads}, got {model_dim}")
        check_in("pooling", pooling, ("token", "mean"))
        check_stem(stem, patch_size)
        check_number("dropout", dropout, minimum=0.0, maximum=1.0)
        if not isinstance(augmentation, list | tuple) or set(augmentation) - set(AUGMENTATIONS):
            raise ValueError(f"augmentation: expected some of {AUGMENTATIONS} in a tuple, got {augmentation!r}")
        super().__init__(num_classes, class_names, label_smoothing, seed, **kwargs)
        self.image_shape = image_shape
        self.patch_size = patch_size
        self.num_layers = num_layers
        self.model_dim = model_dim
        self.num_heads = num_heads
        self.feedforward_dim = feedforward_dim
        self.pooling = pooling
        self.stem = stem
        self.activation = activation
        self.epsilon = epsilon
        self.augmentation = augmentation
        self.dropout = dropout

        policy, stream = self.dtype_policy, (None, None, model_dim)
        with seeded(seed):
            self.embedding = PatchEmbedding(
                patch_size,
                model_dim,
                class_token=pooling == "token",
                stem=stem,
                kernel_initializer=_normal() if not len(stem) else "glorot_uniform",
                embeddings_initializer=_normal(),
                dtype=policy,
                name="embedding",
            )
            self.embedding.build((None, *image_shape))
            self.drop = Dropout(dropout, seed=drawn_seed(), dtype=policy, name="dropout")
            self.blocks = [
                TransformerEncoderBlock(
                    num_heads,
                    4 * model_dim if feedforward_dim is None else feedforward_dim,
                    activation=activation,
                    epsilon=epsilon,
                    dropout=dropout,
                    attention_dropout=0.0,  # fused kernels have none
                    kernel_initializer=_normal(),
                    output_initializer=_normal(INITIAL_SPREAD / (2 * num_layers) ** 0.5),
                    seed=drawn_seed(),
                    dtype=policy,
                    name=f"block_{i}",
                )
                for i in range(1, num_layers + 1)
            ]
            for block in self.blocks:
                block.build(stream)
            self.final_norm = layers.LayerNormalization(epsilon=epsilon, dtype=policy, name="final_norm")
            self.final_norm.build(stream)
            self.classifier = layers.Dense(
                num_classes, kernel_initializer=_normal(), dtype="float32", name="classifier"
            )
            self.classifier.build((None, model_dim))
            self.changes = keras.random.SeedGenerator()
        self.built = True

    # Training --------------------------------------------------------------------------------------------------------

    def call(self, images, training=False):
        """Logits, float32 `(n, num_classes)`, of uint8 images `(n, height, width, channels)`."""
        x = self._seen(images, training)
        return self.classifier(x[:, 0] if self.pooling == "token" else ops.mean(x, axis=1))

    def feature_maps(self, images):
        """What each patch has become before the classes: `(n, height / patch, width / patch, model_dim)`.

        Computed in `keras.ops`, so other models can learn from it: a `TeacherStudentDetector` does.
        """
        x = self._seen(images)
        patches = x[:, 1:] if self.pooling == "token" else x
        return ops.reshape(patches, (-1, *self._grid(), self.model_dim))

    def prepare(self, x, y=None):
        images = check_images("images", x, self.image_shape)
        return images, self.checked_labels(images, y)

    @classmethod
    def for_data(cls, images, labels, **arguments):
        found = {"image_shape": images.shape[1:], "num_classes": max(2, int(np.max(labels)) + 1)}
        return cls(**{**found, **arguments})

    @classmethod
    def read_data(cls, path, image_size=None, **arguments):
        return image_folder(path, image_size=image_size, labels=True)

    def default_optimizer(self):
        return keras.optimizers.AdamW(InverseSquareRoot(2e-3, 200), weight_decay=0.05, beta_2=0.98, global_clipnorm=1.0)

    # Use -------------------------------------------------------------------------------------------------------------

    @exclusive
    def logits(self, images):
        """Logits, float32 `(n, num_classes)`, of uint8 images `(n, height, width, channels)`."""
        return self.call_compiled(self, check_images("images", images, self.image_shape))

    @exclusive
    def attention(self, images):
        """Which patch looks at which: float32 `(n, layers, heads, tokens, tokens)` for uint8 images.

        Rows are the tokens that look; each sums to 1. With `pooling="token"` token 0 is the class token, the patches
        follow row by row.
        """
        images, _ = self.prepare(images)
        return np.concatenate(
            [self._scores(images[start : start + IMAGES_AT_ONCE]) for start in range(0, len(images), IMAGES_AT_ONCE)]
        )

    def attention_rollout(self, images):
        """What decides about the class: the share of each patch, float32 `(n, height / patch, width / patch)`.

        The attention of all layers, multiplied along the stream; see `kgen.functional.rollout`. What is missing to a
        sum of 1 is the share of the class token itself. `kgen.plots.attention_overlay` shows it on the images.
        """
        rolled = attention_rollout(self.attention(images))
        shares = rolled[:, 0, 1:] if self.pooling == "token" else rolled.mean(axis=1)
        return shares.reshape(-1, *self._grid())

    # Inside ----------------------------------------------------------------------------------------------------------

    def _grid(self):
        """How many patches an image is high and wide."""
        return tuple(side // self.patch_size for side in self.image_shape[:2])

    def _seen(self, images, training=False):
        """All tokens after the last block, normalized."""
        x = self._embedded(images, training)
        for block in self.blocks:
            x = block(x, training=training)
        return self.final_norm(x)

    def _embedded(self, images, training=False):
        if len(images.shape) == 3:
            images = images[..., None]
        if tuple(images.shape[1:]) != tuple(self.image_shape):
            raise ValueError(f"images: expected shape (n, {tuple(self.image_shape)}), got {tuple(images.shape)}")
        x = ops.cast(images, "float32") / 127.5 - 1.0
        if training and self.augmentation:
            x = self._changed(x)
        x = self.embedding(ops.cast(x, self.compute_dtype))
        return self.drop(x, training=True) if training and self.dropout else x

    def _changed(self, x):
        if "flip" in self.augmentation:
            flipped = keras.random.uniform((ops.shape(x)[0], 1, 1, 1), seed=self.changes) < 0.5
            x = ops.where(flipped, ops.flip(x, axis=2), x)
        others = [policy for policy in self.augmentation if policy != "flip"]
        return augment(x + 1.0, others, self.changes) - 1.0 if others else x  # what comes in is black

    def _scores(self, images):
        x, scores = self._embedded(ops.convert_to_tensor(images)), []
        for block in self.blocks:
            x, found = block(x, return_attention_scores=True)
            scores.append(ops.convert_to_numpy(found))
        return np.stack(scores, axis=1)


def _normal(spread=INITIAL_SPREAD):
    return keras.initializers.RandomNormal(stddev=spread)
