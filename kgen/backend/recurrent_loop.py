"""The loop of a recurrent layer over time, forward and back, for backends that have no kernel of their own.

What does not depend on the state is taken out of the loop: the projection of the inputs before it, the gradient of the
recurrent kernel, Σ_t h_{t-1}ᵀ ∂r_t, after it, each as one matrix product.

`scan(step, state, xs, reverse)` is the backend's: it calls step(state, now) with the t-th slice of each of `xs` and
stacks what comes back beside the new state. All of these are flat tuples of tensors, with time on axis 0.
"""

from keras import ops

from kgen.backend.cells import CELLS
from kgen.backend.cells import biases
from kgen.backend.cells import kept


def projected(cell, inputs, kernel, bias):
    """Inputs (batch, length, dim) as x (length, batch, gates), by one product of two matrices."""
    length, batch = ops.shape(inputs)[1], ops.shape(inputs)[0]
    rows = ops.reshape(ops.transpose(inputs, (1, 0, 2)), (-1, inputs.shape[2]))
    return ops.reshape(ops.matmul(rows, kernel) + biases(cell, bias)[0], (length, batch, kernel.shape[1]))


def mask_by_time(mask):
    """The mask (batch, length) as a tuple of what `scan` walks along with x: (length, batch, 1), or nothing."""
    return () if mask is None else (ops.transpose(mask)[..., None],)


def forward(scan, cell, x, state, recurrent_kernel, b_r, masks, saving):
    """The last state, and stacked: all states and what `back` needs (`saving`), or all h."""

    def step(state, now):
        x, *mask = now
        r = ops.matmul(state[0], recurrent_kernel)
        new, saved = CELLS[cell].step(x, r if b_r is None else r + b_r, state)
        new = kept(mask[0] if mask else None, new, state)
        return new, (*new, saved) if saving else new[:1]

    return scan(step, state, (x, *masks), reverse=False)


def back(scan, cell, state, recurrent_kernel, masks, stacked, d_outputs, d_state):
    """Gradients of x, of the first state, of the recurrent kernel and of r.

    Args:
        stacked: from `forward` with `saving`.
        d_outputs: gradient of all h, stacked.
        d_state: tuple, gradient of the last state.
    """
    *states, saved = stacked
    before = [ops.concatenate([first[None], all_of_it[:-1]]) for first, all_of_it in zip(state, states, strict=True)]
    transposed, count = ops.transpose(recurrent_kernel), len(state)

    def step(gradients, now):
        d_output, saved, *rest = now
        before, after, mask = rest[:count], rest[count : 2 * count], rest[2 * count :]
        gradients = (gradients[0] + d_output, *gradients[1:])
        nothing = tuple(ops.zeros_like(one) for one in gradients)
        reaching = kept(mask[0], gradients, nothing) if mask else gradients
        dx, (dh, *others) = CELLS[cell].back(reaching, saved, before, after)
        product = ops.matmul(CELLS[cell].through(dx, saved), transposed)
        earlier = (product if dh is None else product + dh, *others)
        if mask:
            passing = kept(mask[0], nothing, gradients)
            earlier = tuple(a + b for a, b in zip(earlier, passing, strict=True))
        return earlier, (dx,)

    d_state, (dx,) = scan(step, d_state, (d_outputs, saved, *before, *states, *masks), reverse=True)
    dr = CELLS[cell].through(dx, saved)
    rows = ops.reshape(before[0], (-1, before[0].shape[2])), ops.reshape(dr, (-1, dr.shape[2]))
    return dx, d_state, ops.matmul(ops.transpose(rows[0]), rows[1]), dr
