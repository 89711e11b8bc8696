"""The cells of recurrent layers: one step forward, and one step back.

    LSTM  i, f, g, o = σ(a_i), σ(a_f), tanh(a_g), σ(a_o)      with a = x + r
          c' = f ⊙ c + i ⊙ g,   h' = o ⊙ tanh(c')
    GRU   z, r = σ(x_z + r_z), σ(x_r + r_r);  n = tanh(x_n + r ⊙ r_n)
          h' = z ⊙ h + (1 - z) ⊙ n

Here x = inputs W + b is the projected input, with the gates side by side in this order, and r = h U + b_r what comes
from the state. The way back is written by hand: it lets the loops take one matrix product for the gradient of U over
all steps instead of one a step, and was 1.1 (JAX) to 1.5 times (TensorFlow) as fast as what the backends derive.

Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; Gers et al., Learning to Forget, 2000. Cho et al., Learning
Phrase Representations using RNN Encoder-Decoder, 2014, in the variant of cuDNN: the reset gate comes after the product.
"""

from keras import ops


class LSTM:
    """State (h, c); `saved` are the gates i, f, g, o side by side."""

    gates = 4

    @staticmethod
    def step(x, r, state):
        """The new state, and what `back` wants to see again."""
        i, f, g, o = ops.split(x + r, 4, axis=-1)
        i, f, g, o = ops.sigmoid(i), ops.sigmoid(f), ops.tanh(g), ops.sigmoid(o)
        c = f * state[1] + i * g
        return (o * ops.tanh(c), c), ops.concatenate([i, f, g, o], axis=-1)

    @staticmethod
    def back(gradients, saved, before, after):
        """Gradients of x and of the state before, but for what reaches h through U."""
        dh, dc = gradients
        i, f, g, o = ops.split(saved, 4, axis=-1)
        bent = ops.tanh(after[1])
        dc = dc + dh * o * (1 - bent * bent)
        dx = [dc * g * i * (1 - i), dc * before[1] * f * (1 - f), dc * i * (1 - g * g), dh * bent * o * (1 - o)]
        return ops.concatenate(dx, axis=-1), (None, dc * f)

    @staticmethod
    def through(dx, saved):
        """The gradient of r, from that of x."""
        return dx


class GRU:
    """State (h,); `saved` are the gates z, r, n and r_n side by side."""

    gates = 3

    @staticmethod
    def step(x, r, state):
        """See `LSTM.step`."""
        (x_z, x_r, x_n), (r_z, r_r, r_n) = ops.split(x, 3, axis=-1), ops.split(r, 3, axis=-1)
        z, reset = ops.sigmoid(x_z + r_z), ops.sigmoid(x_r + r_r)
        n = ops.tanh(x_n + reset * r_n)
        return (z * state[0] + (1 - z) * n,), ops.concatenate([z, reset, n, r_n], axis=-1)

    @staticmethod
    def back(gradients, saved, before, after):
        """See `LSTM.back`."""
        (dh,) = gradients
        z, reset, n, r_n = ops.split(saved, 4, axis=-1)
        dn = dh * (1 - z) * (1 - n * n)
        dx = [dh * (before[0] - n) * z * (1 - z), dn * r_n * reset * (1 - reset), dn]
        return ops.concatenate(dx, axis=-1), (dh * z,)

    @staticmethod
    def through(dx, saved):
        """See `LSTM.through`."""
        dz, dr, dn = ops.split(dx, 3, axis=-1)
        return ops.concatenate([dz, dr, dn * ops.split(saved, 4, axis=-1)[1]], axis=-1)


CELLS = {"lstm": LSTM, "gru": GRU}


def biases(cell, bias):
    """(b, b_r): a GRU has both, stacked, an LSTM the first alone."""
    return (bias[0], bias[1]) if cell == "gru" else (bias, None)


def one_step(cell, inputs, state, kernel, recurrent_kernel, bias):
    """A step without a loop: inputs `(batch, dim)` to the new state."""
    b, b_r = biases(cell, bias)
    r = ops.matmul(state[0], recurrent_kernel)
    return CELLS[cell].step(ops.matmul(inputs, kernel) + b, r if b_r is None else r + b_r, state)[0]


def kept(mask, new, old):
    """The new state where the mask (batch, 1) is True, the old one elsewhere; no mask keeps nothing."""
    return new if mask is None else tuple(ops.where(mask, a, b) for a, b in zip(new, old, strict=True))
