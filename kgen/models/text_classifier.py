"""A classifier of texts on top of an encoder that knows the language already, or learns it on the way.

    logits = C Drop(pool(encoder(ids)))

Fine-tuning: Devlin et al., BERT, 2019, section 3.2.
"""

import os
from pathlib import Path

import keras
import numpy as np
from keras import layers
from keras import ops

from kgen.datasets.encoded_batches import encoded
from kgen.datasets.pair_batches import padded
from kgen.datasets.pairs_of_text import text_pairs
from kgen.datasets.row_batches import RowBatches
from kgen.datasets.row_batches import in_groups
from kgen.datasets.text_batches import is_text
from kgen.datasets.text_batches import texts_of
from kgen.functional.checks import check_in
from kgen.functional.checks import check_number
from kgen.functional.seeding import drawn_seed
from kgen.functional.seeding import seeded
from kgen.layers.dropout import Dropout
from kgen.models.base import exclusive
from kgen.models.base import load
from kgen.models.base_classifying import ClassifyingModel
from kgen.models.base_encoding import EncodingModel

ROWS_AT_ONCE = 64  # in inference
NEW_ENCODER = "kgen>BERT"  # what `for_data` makes where no encoder is given, by its name in Keras's registry


@keras.saving.register_keras_serializable(package="kgen")
class TextClassifier(ClassifyingModel):
    """Tells texts apart: `fit(texts, labels)`, then `classify(texts)`, `probabilities(texts)`.

    Labels are integers, class names, or shares of classes. A text that is longer than the encoder's context is cut.

    Args:
        encoder: a model that reads texts, such as `kgen.models.BERT`, trained or not. It becomes a part of this one:
            what is learnt here changes it, and its head for gaps is frozen.
        num_classes: int ≥ 2.
        class_names: `num_classes` strings, or None; kept in the file.
        pooling: what is classified: "mean" (of the hidden states of all tokens), "token" (the start token's) or
            "pooler" (that, through the encoder's pooler).
        freeze: False: the whole encoder learns; True: none of it; "embeddings": all but its embeddings.
        dropout: share to drop of what is classified, in training, in [0, 1].
        label_smoothing: ε in [0, 1), in training.
        seed: int or None; seeds the weights of the classifier, the dropout and the order of the data.

    Metrics in `fit` and `evaluate`: `loss` (nats for each text, smoothed in training) and `accuracy`.
    `evaluate(texts, labels, full=True)`: a dict, with the accuracy of the worst class too.

    A call maps ids int32 `(batch, length)` to logits, float32 `(batch, num_classes)`.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import kgen
    >>> texts, labels = ["a fine day", "what a fine cat", "a bad day", "bad, bad cat"] * 8, [1, 1, 0, 0] * 8
    >>> encoder = kgen.models.BERT.for_data(texts, num_layers=1, num_heads=2, model_dim=16, context_length=16, seed=1)
    >>> model = kgen.models.TextClassifier(encoder, class_names=["bad", "good"], seed=1)
    >>> model.compile()
    >>> history = model.fit(texts, labels, epochs=1, verbose=0)
    >>> model.probabilities(["a fine cat"]).shape
    (1, 2)
    """

    default_data = "sentiment"

    def __init__(
        self,
        encoder,
        num_classes=2,
        class_names=None,
        pooling="mean",
        freeze=False,
        dropout=0.1,
        label_smoothing=0.0,
        seed=None,
        **kwargs,
    ):
        if not isinstance(encoder, EncodingModel):
            raise ValueError(
                f"encoder: expected a model that reads texts, such as a kgen.models.BERT, got {encoder!r:.80}; "
                "TextClassifier.for_data(texts, labels) makes one too"
            )
        check_in("pooling", pooling, ("mean", "token", "pooler"))
        if pooling == "pooler" and encoder.pooler_layer is None:
            raise ValueError(f"pooling: this encoder has no pooler, got {pooling!r}; there are 'mean' and 'token'")
        if freeze not in (False, True, "embeddings"):
            raise ValueError(f"freeze: expected False, True or 'embeddings', got {freeze!r}")
        check_number("dropout", dropout, minimum=0.0, maximum=1.0)
        super().__init__(num_classes, class_names, label_smoothing, seed, **kwargs)
        self.encoder = encoder
        self.pooling = pooling
        self.freeze = freeze
        self.dropout = dropout

        with seeded(seed):
            self.drop = Dropout(dropout, seed=drawn_seed(), dtype=self.dtype_policy, name="dropout")
            self.classifier = layers.Dense(
                num_classes,
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
                dtype="float32",
                name="classifier",
            )
            self.classifier.build((None, encoder.model_dim))
        encoder.choose_trainable(freeze, pooler=pooling == "pooler")
        self.built = True

    # Training --------------------------------------------------------------------------------------------------------

    def call(self, ids, training=False):
        """Logits, float32 `(batch, num_classes)`, of ids int32 `(batch, length)`, padded on the right."""
        hidden = self.encoder(ids, training=training and self.freeze is not True)
        if self.pooling == "pooler":
            pooled = self.encoder.pooled(hidden)
        elif self.pooling == "token":
            pooled = hidden[:, 0]
        else:
            there = ops.cast(ids != self.encoder.pad_id, "float32")[..., None]
            pooled = ops.sum(ops.cast(hidden, "float32") * there, axis=1) / ops.maximum(ops.sum(there, axis=1), 1.0)
        pooled = self.drop(pooled, training=True) if training and self.dropout else pooled
        return self.classifier(pooled)

    def compute_output_spec(self, ids, training=False):
        return keras.KerasTensor((ids.shape[0], self.num_classes), dtype="float32")

    @staticmethod
    def is_data(x):
        return ClassifyingModel.is_data(x) or isinstance(x, str | bytes)

    def prepare(self, x, y=None):
        """A list of rows of ids, and labels."""
        if isinstance(x, str | bytes):
            raise ValueError(f"x: expected a list of texts, got one: {x!r:.60}")
        rows = self.encoder.rows(texts_of(x) if is_text(x) else x)
        return rows, self.checked_labels(rows, y)

    def batches(self, x, y, batch_size, shuffle=False):
        return RowBatches(x, y, self.encoder.pad_id, batch_size, shuffle, self._order_seed())

    def encoded(self, dataset):
        def encode(batch):
            texts, labels, *weights = batch
            if not is_text(texts):
                return batch
            rows, labels = self.prepare(texts_of(texts), labels)
            return (padded(rows, -(-max(map(len, rows)) // 8) * 8, self.encoder.pad_id), labels, *weights)

        return encoded(dataset, encode)

    @classmethod
    def for_data(cls, texts, labels, encoder=None, class_names=None, **arguments):
        """A classifier with as many classes as there are labels.

        Args:
            texts: a list of str.
            labels: integers from 0, or strings: then these are the class names.
            encoder: a model, or the path of one, a `.keras` file or run folder; None for a new BERT of the default
                size whose tokenizer is trained on the texts.
            class_names: strings, or None.
            arguments: of the constructor.
        """
        if encoder is None:
            kind = keras.saving.get_registered_object(NEW_ENCODER)
            encoder = kind.for_data(texts, seed=arguments.get("seed"), name="encoder")
        elif isinstance(encoder, str | os.PathLike):
            encoder = load(Path(encoder))
        labels = np.asarray(labels)
        if labels.dtype.kind == "U" and class_names is None:
            class_names = sorted(set(labels.tolist()))
        classes = len(class_names) if class_names is not None else max(2, int(labels.max()) + 1)
        return cls(encoder, class_names=class_names, **{"num_classes": classes, **arguments})

    @classmethod
    def read_data(cls, path, image_size=None, **arguments):
        """The texts and labels of a table whose rows are a label and a text."""
        labels, texts = text_pairs(path)
        return texts, labels

    def default_optimizer(self):
        # Wide encoders are large and trained for long: 5e-5 for BERT's 768, 3e-4 for 128.
        rate = 1e-3 if self.freeze is True else min(1e-3, 0.04 / self.encoder.model_dim)
        return keras.optimizers.AdamW(rate, weight_decay=0.01, global_clipnorm=1.0)

    @exclusive
    def predict(self, x, batch_size=None, **kwargs):
        """Logits, float32 `(n, num_classes)`, of texts or rows of ids."""
        return self.logits(self.prepare(x)[0], batch_size or ROWS_AT_ONCE)

    @exclusive
    def logits(self, rows, batch_size=ROWS_AT_ONCE):
        """Logits, float32 `(n, num_classes)`, of what `prepare` returns: rows of ids with start and end."""
        found = np.zeros((len(rows), self.num_classes), "float32")
        for numbers, ids in in_groups(rows, self.encoder.pad_id, batch_size, self.encoder.context_length):
            found[numbers] = self.call_compiled(self, ids)
        return found
