"""kgen on TensorFlow."""

import tensorflow as tf
from keras import ops

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
    # A tf.function reads variables where they are, so `variables` is needed by JAX alone.
    return tf.function(function, jit_compile=True)


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
