"""kgen on JAX."""

import functools
import operator
import os

import jax
import jax.numpy as jnp
import keras
from keras.src.backend.common.stateless_scope import in_stateless_scope

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
    return jax.grad(lambda value: function(value).sum())(x)


def compiled(function, variables=()):
    variables = list(variables)
    eight_bits = turned.candidates(variables) if jax.default_backend() == "cpu" else []

    @jax.jit
    def pure(values, matrices, *inputs):
        # Weights go in as arguments: as constants they would be baked into the program and go stale.
        scope = keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True)))
        with turned.known(eight_bits, matrices), scope:
            return function(*inputs)

    def run(*inputs):
        if in_stateless_scope():  # part of what is being compiled
            return function(*inputs)
        matrices = [turned.matrix(one, one.value, operator.is_, jnp.transpose) for one in eight_bits]
        return pure([variable.value for variable in variables], matrices, *inputs)

    return run


def turned_matrix(variable):
    return turned.of(variable)


def integer_product(rows, matrix):
    return jax.lax.dot_general(rows, matrix, (((1,), (1,)), ((), ())), preferred_element_type="int32")


def dense(layer, rows):
    return layer(rows)  # what to fuse is up to XLA


def write_cache(cache, value, index):
    value, index = value.astype(cache.dtype), jnp.asarray(index, "int32")
    if index.ndim == 0:
        return jax.lax.dynamic_update_slice(cache, value, (0, 0, index, 0))
    return jax.vmap(lambda row, new, at: jax.lax.dynamic_update_slice(row, new, (0, at, 0)))(cache, value, index)


def attention_dtype(query):
    return query.dtype


def causal_blocks(length):
    # On a CPU there is no fused kernel to ask for, and half of what Keras's own way computes is masked away:
    # forwards and backwards 86 ms in four blocks, 140 ms without, for (16, 6, 256, 32).
    return 4 if jax.default_backend() == "cpu" and length >= 64 and length % 4 == 0 else 1


def recurrence(cell, inputs, state, kernel, recurrent_kernel, bias, mask=None):
    x = recurrent_loop.projected(cell, inputs, kernel, bias)
    masks = recurrent_loop.mask_by_time(mask)
    outputs, state = _loop(cell, x, tuple(state), recurrent_kernel, biases(cell, bias)[1], masks)
    return jnp.swapaxes(outputs, 0, 1), state


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _loop(cell, x, state, recurrent_kernel, b_r, masks):
    state, (outputs,) = recurrent_loop.forward(jax.lax.scan, cell, x, state, recurrent_kernel, b_r, masks, saving=False)
    return outputs, state


def _loop_forward(cell, x, state, recurrent_kernel, b_r, masks):
    last, stacked = recurrent_loop.forward(jax.lax.scan, cell, x, state, recurrent_kernel, b_r, masks, saving=True)
    return (stacked[0], last), (state, recurrent_kernel, b_r, masks, stacked)


def _loop_back(cell, residuals, gradients):
    state, recurrent_kernel, b_r, masks, stacked = residuals
    dx, d_state, d_kernel, dr = recurrent_loop.back(
        jax.lax.scan, cell, state, recurrent_kernel, masks, stacked, *gradients
    )
    return dx, d_state, d_kernel, None if b_r is None else dr.sum((0, 1)), None


_loop.defvjp(_loop_forward, _loop_back)


def nats(logits, targets, everywhere):
    return cross_entropy.nats_by_logsumexp(logits, targets, everywhere)


def map_checkpointed(cost, pieces, values):
    return cross_entropy.map_with_remat(cost, pieces, values)


def apply_when(condition, optimizer, gradients, variables):
    # What is assigned inside `cond` would not get out of it: values go in and come out.
    state = optimizer.variables
    before = [variable.value for variable in variables], [variable.value for variable in state]
    after = jax.lax.cond(
        condition, lambda old: optimizer.stateless_apply(old[1], gradients, old[0]), lambda old: old, before
    )
    for variable, value in zip([*variables, *state], [*after[0], *after[1]], strict=True):
        variable.assign(value)


def convolved(x, kernel, bias, strides=1, padding="same", dilation=1):
    return convolution.convolved(x, kernel, bias, strides, padding, dilation)


def deconvolved(x, kernel, bias, strides, padding):
    return convolution.deconvolved(x, kernel, bias, strides, padding)


def group_normalized(x, groups, epsilon, scale, offset):
    return normalization.by_channels(x, groups, epsilon, scale, offset)


def dropout(x, rate, noise_shape, seed):
    return keras.random.dropout(x, rate, noise_shape, seed)


def quicken(optimizer):
    pass  # XLA makes one kernel of a whole step


def prefers_jit(pays_on_cpu):
    return True


def make_deterministic():
    # XLA reads its flags when the first device is touched. On a CPU only the thread count moves bits.
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1 --xla_gpu_deterministic_ops=true"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()


def devices():
    found = [Device("cpu:0", processor(), host_memory())]
    for index, device in enumerate(_devices_of("gpu")):
        memory = (device.memory_stats() or {}).get("bytes_limit")
        found.append(Device(f"gpu:{index}", device.device_kind, memory))
    return found


def place(device):
    kind, index = parse(device, devices())
    jax.config.update("jax_default_device", _devices_of(kind)[index])


def _devices_of(kind):
    try:
        return jax.devices(kind)
    except RuntimeError:  # jax's way to say that there is none
        return []
