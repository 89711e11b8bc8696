"""kgen on TensorFlow."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext

from kgen.backend import convolution
from kgen.backend import cross_entropy
from kgen.backend import normalization
from kgen.backend import recurrent_loop
from kgen.backend import turned
from kgen.backend.cells import biases
from kgen.backend.device import Device
from kgen.backend.device import host_memory
from kgen.backend.device import parse
from kgen.backend.device import processor


def input_gradient(function, x):
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(function(x))
    return tape.gradient(total, x)


def compiled(function, variables=()):
    # A tf.function reads variables where they are; what it has to be handed are eight-bit matrices, transposed.
    on_cpu = not tf.config.get_visible_devices("GPU")
    eight_bits = turned.candidates(variables) if on_cpu else []

    @tf.function(jit_compile=True)
    def outermost(matrices, *inputs):
        with turned.known(eight_bits, matrices):
            return function(*inputs)

    # Whoever calls it groups shapes. TensorFlow would warn of the first five kinds, and say that tracing is expensive.
    outermost._omit_frequent_tracing_warning = True

    def run(*inputs):
        if tf.inside_function():
            return function(*inputs)
        values = [one.value.value() for one in eight_bits]
        pairs = zip(eight_bits, values, strict=True)
        return outermost([turned.matrix(*pair, _same_buffer, tf.transpose) for pair in pairs], *inputs)

    return run


def _same_buffer(before, now):
    # What a tensor still refers to is not written over: a variable that was assigned since lies elsewhere.
    return _address(before) == _address(now)


def _address(tensor):
    return np.frombuffer(memoryview(tensor), "int8").ctypes.data


def turned_matrix(variable):
    return turned.of(variable)


def integer_product(rows, matrix):
    return tf.matmul(rows, matrix, transpose_b=True, output_type="int32")


def dense(layer, rows):
    return layer(rows)  # what to fuse is up to XLA


def write_cache(cache, value, index):
    value, index = tf.cast(value, cache.dtype), tf.cast(index, "int32")
    if index.shape.rank == 0:
        return ops.slice_update(cache, (0, 0, index, 0), value)
    # Each row writes at its own place: choose between old and new everywhere, which costs no more than a scatter.
    steps = tf.range(tf.shape(cache)[2])[None, :] - index[:, None]  # (batch, places)
    new = value
    if value.shape[2] != 1:
        new = tf.gather(value, tf.clip_by_value(steps, 0, tf.shape(value)[2] - 1), axis=2, batch_dims=1)
    inside = tf.logical_and(steps >= 0, steps < tf.shape(value)[2])
    return tf.where(inside[:, None, :, None], new, cache)


def attention_dtype(query):
    return query.dtype


def causal_blocks(length):
    # See jax.py; XLA computes both.
    return 4 if not tf.config.get_visible_devices("GPU") and length >= 64 and length % 4 == 0 else 1


def recurrence(cell, inputs, state, kernel, recurrent_kernel, bias, mask=None):
    b_r, masks = biases(cell, bias)[1], recurrent_loop.mask_by_time(mask)

    @tf.custom_gradient
    def loop(x, recurrent_kernel, b_r, *state):
        bias = None if cell == "lstm" else b_r
        last, stacked = recurrent_loop.forward(_scan, cell, x, state, recurrent_kernel, bias, masks, saving=True)

        def gradients(d_outputs, *d_state):
            dx, d_state, d_kernel, dr = recurrent_loop.back(
                _scan, cell, state, recurrent_kernel, masks, stacked, d_outputs, d_state
            )
            return dx, d_kernel, None if bias is None else tf.reduce_sum(dr, (0, 1)), *d_state

        return (stacked[0], *last), gradients

    x = recurrent_loop.projected(cell, inputs, kernel, bias)
    # Only tensors may go in and out of what has a gradient of its own.
    outputs, *state = loop(x, tf.convert_to_tensor(recurrent_kernel), tf.zeros(()) if b_r is None else b_r, *state)
    return tf.transpose(outputs, (1, 0, 2)), tuple(state)


def _scan(step, state, xs, reverse):
    """What `jax.lax.scan` does. The first step is taken before the loop: it says what there is to stack."""
    length = tf.shape(xs[0])[0]
    arrays = [tf.TensorArray(x.dtype, length, element_shape=x.shape[1:]).unstack(x) for x in xs]

    def place(i):
        return length - 1 - i if reverse else i

    def take(i, state, stacks):
        state, values = step(state, [array.read(place(i)) for array in arrays])
        if not stacks:
            stacks = [tf.TensorArray(value.dtype, length, element_shape=value.shape) for value in values]
        return i + 1, state, [stack.write(place(i), value) for stack, value in zip(stacks, values, strict=True)]

    _, state, stacks = tf.while_loop(
        lambda i, *_: i < length, take, take(0, tuple(state), ()), maximum_iterations=length - 1
    )
    return state, tuple(stack.stack() for stack in stacks)


def nats(logits, targets, everywhere):
    return cross_entropy.nats_by_logsumexp(logits, targets, everywhere)


def map_checkpointed(cost, pieces, values):
    # `tf.recompute_grad` inside a loop keeps a copy of all values for each piece: here the way back is a loop, too.
    first, *others = pieces

    @tf.custom_gradient
    def run(first, *values):
        def forward(state, piece):
            return state, cost(*piece, *values)

        def gradients(*d_outputs):
            def back(sums, piece):
                inputs, d_outputs = piece[: len(pieces)], piece[len(pieces) :]
                with tf.GradientTape() as tape:
                    tape.watch([inputs[0], *values])
                    outputs = cost(*inputs, *values)
                d_first, *d_values = tape.gradient(outputs, [inputs[0], *values], d_outputs)
                return [total + one for total, one in zip(sums, d_values, strict=True)], (d_first,)

            zeros = [tf.zeros_like(value) for value in values]
            sums, (d_first,) = _scan(back, zeros, (first, *others, *d_outputs), reverse=False)
            return d_first, *sums

        return _scan(forward, (), (first, *others), reverse=False)[1], gradients

    return run(first, *values)


def apply_when(condition, optimizer, gradients, variables):
    def step():
        optimizer.apply(gradients, variables)
        return True

    tf.cond(condition, step, lambda: False)


def convolved(x, kernel, bias, strides=1, padding="same", dilation=1):
    return convolution.convolved(x, kernel, bias, strides, padding, dilation)


def deconvolved(x, kernel, bias, strides, padding):
    return convolution.deconvolved(x, kernel, bias, strides, padding)


def group_normalized(x, groups, epsilon, scale, offset):
    return normalization.by_channels(x, groups, epsilon, scale, offset)


def dropout(x, rate, noise_shape, seed):
    if not _in_xla() or rate >= 1.0:
        return keras.random.dropout(x, rate, noise_shape, seed)
    # What XLA makes of the default generator is slow on a CPU: with it a step of a small BERT took six times as long as
    # without dropout, with this one 1.05 times.
    numbers = tf.cast(seed.next(), "int32")
    return tf.nn.experimental.stateless_dropout(x, rate, numbers, rng_alg="threefry", noise_shape=noise_shape)


def _in_xla():
    """Whether what is traced now will be compiled by XLA; others know the default generator alone."""
    return tf.inside_function() and GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def quicken(optimizer):
    pass  # nothing measured that would pay


def prefers_jit(pays_on_cpu):
    # On a CPU it depends: a GPT step is twice as fast with XLA, the step of a dense VAE two and a half times as slow.
    return pays_on_cpu or bool(tf.config.get_visible_devices("GPU"))


def make_deterministic():
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()


def devices():
    found = [Device("cpu:0", processor(), host_memory())]
    for index, device in enumerate(tf.config.list_physical_devices("GPU")):
        found.append(Device(f"gpu:{index}", tf.config.experimental.get_device_details(device).get("device_name"), None))
    return found


def place(device):
    kind, index = parse(device, devices())
    gpus = tf.config.list_physical_devices("GPU")
    tf.config.set_visible_devices(gpus[index : index + 1] if kind == "gpu" else [], "GPU")
