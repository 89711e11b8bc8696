"""kgen on JAX."""

import os

import jax
import jax.numpy as jnp
import keras

from kgen.backend.device import Device
from kgen.backend.device import host_memory
from kgen.backend.device import parse
from kgen.backend.device import processor


def input_gradient(function, x):
    return jax.grad(lambda value: function(value).sum())(x)


def compiled(function, variables=()):
    variables = list(variables)

    @jax.jit
    def pure(values, *inputs):
        # Weights go in as arguments: as constants they would be baked into the program and go stale.
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return function(*inputs)

    return lambda *inputs: pure([variable.value for variable in variables], *inputs)


def write_cache(cache, value, index):
    value, index = value.astype(cache.dtype), jnp.asarray(index, "int32")
    if index.ndim == 0:
        return jax.lax.dynamic_update_slice(cache, value, (0, 0, index, 0))
    return jax.vmap(lambda row, new, at: jax.lax.dynamic_update_slice(row, new, (0, at, 0)))(cache, value, index)


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
