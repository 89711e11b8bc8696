"""Vectors rounded to the nearest entry of a learned codebook."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number

TINY = 1e-8  # a share of places below which a code was practically never used


@keras.saving.register_keras_serializable(package="kgen")
class VectorQuantizer(keras.Layer):
    """The nearest of K learned vectors, with a gradient as if nothing had been rounded (straight-through).

        k = argmin_j |z - e_j|²,   z_q = z + sg(e_k - z),   loss = β · mean (z - sg(e_k))²

    sg lets no gradient through; the loss commits the encoder to the codebook. How the codebook learns:

    - "ema": each e_j is a moving average of the z that chose it, e_j = m_j / N_j with N_j ← γ N_j + (1 - γ) n_j and
      m_j ← γ m_j + (1 - γ) Σ z, both for each place of the batch;
    - "gradient": by the term mean (sg(z) - e_k)² of the loss.

    A code that nobody chooses learns nothing. In training those with N_j < revive_below / K move to a random z of the
    batch; so do all of them in the first step, as N starts at zero. Everything is computed in float32.

    Args:
        num_codes: K, ≥ 2.
        codebook: "ema" or "gradient".
        commitment: β ≥ 0.
        decay: γ in [0, 1).
        revive_below: share of an equal use below which a code is dead, in [0, 1]; 0 leaves the dead in peace.
        seed: int or None, of the random z.

    Call arguments:
        inputs: float tensor `(batch, …, dim)`, z.
        training: bool; whether the averages move.

    Returns:
        dict: "quantized" z_q of the shape of z, "codes" k int32 `(batch, …)`, "loss" float32 `(batch, …)`.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import numpy as np, kgen
    >>> layer = kgen.layers.VectorQuantizer(num_codes=8, seed=0)
    >>> {name: tuple(part.shape) for name, part in layer(np.zeros((2, 4, 4, 3))).items()}
    {'quantized': (2, 4, 4, 3), 'codes': (2, 4, 4), 'loss': (2, 4, 4)}

    Reference: van den Oord, Vinyals and Kavukcuoglu, Neural Discrete Representation Learning, 2017; averages: its
    appendix A.1. Dead codes: Dhariwal et al., Jukebox, 2020, section 3.1.
    """

    def __init__(self, num_codes, codebook="ema", commitment=0.25, decay=0.99, revive_below=0.1, seed=None, **kwargs):
        super().__init__(**kwargs)
        check_int("num_codes", num_codes, minimum=2)
        check_in("codebook", codebook, ("ema", "gradient"))
        check_number("commitment", commitment, minimum=0.0)
        check_number("decay", decay, minimum=0.0, maximum=0.999999)
        check_number("revive_below", revive_below, minimum=0.0, maximum=1.0)
        self.num_codes = num_codes
        self.codebook = codebook
        self.commitment = commitment
        self.decay = decay
        self.revive_below = revive_below
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, inputs_shape):
        shape = (self.num_codes, inputs_shape[-1])
        limit = 1.0 / self.num_codes
        start = keras.initializers.RandomUniform(-limit, limit, seed=self.seed)
        fixed = {"trainable": False, "autocast": False, "dtype": "float32"}
        self.share = self.add_weight(name="share", shape=shape[:1], initializer="zeros", **fixed)
        if self.codebook == "ema":
            self.vectors = self.add_weight(name="vectors", shape=shape, initializer=start, **fixed)
            self.sums = self.add_weight(name="sums", shape=shape, initializer="zeros", **fixed)
        else:
            # What a gradient moves cannot be put elsewhere in the same step: how far a code was moved stands beside it.
            self.vectors = self.add_weight(
                name="vectors", shape=shape, initializer=start, autocast=False, dtype="float32"
            )
            self.moved = self.add_weight(name="moved", shape=shape, initializer="zeros", **fixed)
        self.built = True

    def call(self, inputs, training=False):
        z = ops.cast(inputs, "float32")
        flat = ops.reshape(z, (-1, z.shape[-1]))
        entries = self.entries()
        # |z|² is the same for every code.
        distances = ops.sum(ops.square(entries), axis=-1) - 2.0 * ops.matmul(flat, ops.transpose(entries))
        codes = ops.cast(ops.argmin(distances, axis=-1), "int32")
        codes = ops.reshape(codes, ops.shape(z)[:-1])
        chosen = ops.take(entries, codes, axis=0)
        loss = self.commitment * ops.mean(ops.square(z - ops.stop_gradient(chosen)), axis=-1)
        if self.codebook == "gradient":
            loss = loss + ops.mean(ops.square(ops.stop_gradient(z) - chosen), axis=-1)
        if training:
            self._learn(ops.stop_gradient(flat), ops.reshape(codes, (-1,)))
        quantized = z + ops.stop_gradient(chosen - z)
        return {"quantized": ops.cast(quantized, inputs.dtype), "codes": codes, "loss": loss}

    def entries(self):
        """The codebook, float32 `(num_codes, dim)`."""
        vectors = ops.convert_to_tensor(self.vectors)
        return vectors if self.codebook == "ema" else vectors + ops.convert_to_tensor(self.moved)

    def decode(self, codes):
        """The vectors of codes: float32 `(…, dim)` for integers `(…)`."""
        return ops.take(self.entries(), codes, axis=0)

    def perplexity(self, codes):
        """How many codes are in use: exp of the entropy of their shares, 1 to num_codes; float32 scalar."""
        share = ops.mean(ops.one_hot(ops.reshape(codes, (-1,)), self.num_codes, dtype="float32"), axis=0)
        return ops.exp(-ops.sum(share * ops.log(share + 1e-10)))

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

    def _learn(self, flat, codes):
        chosen = ops.one_hot(codes, self.num_codes, dtype="float32")  # (places, num_codes)
        share = self.decay * self.share + (1.0 - self.decay) * ops.mean(chosen, axis=0)
        dead = (share < self.revive_below / self.num_codes)[:, None]
        places = ops.shape(flat)[0]
        uniform = keras.random.uniform((self.num_codes,), seed=self.seed_generator)
        rows = ops.minimum(ops.cast(uniform * ops.cast(places, "float32"), "int32"), places - 1)
        fresh, equal = ops.take(flat, rows, axis=0), 1.0 / self.num_codes
        vectors = ops.stop_gradient(ops.convert_to_tensor(self.vectors))
        if self.codebook == "ema":
            mean = ops.matmul(ops.transpose(chosen), flat) / ops.cast(places, "float32")
            sums = self.decay * self.sums + (1.0 - self.decay) * mean
            used = share[:, None]
            vectors = ops.where(used > TINY, sums / ops.maximum(used, TINY), vectors)
            self.vectors.assign(ops.where(dead, fresh, vectors))
            self.sums.assign(ops.where(dead, fresh * equal, sums))
        else:
            self.moved.assign(ops.where(dead, fresh - vectors, ops.convert_to_tensor(self.moved)))
        self.share.assign(ops.where(dead[:, 0], equal, share))
