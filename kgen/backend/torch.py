"""kgen on PyTorch."""

import logging
import os

import keras
import torch
from keras.src.backend.common.stateless_scope import in_stateless_scope
from keras.src.backend.torch import core  # keras keeps its torch device there and offers no other way to move it
from torch.utils import _pytree as pytree

from kgen.backend import cross_entropy
from kgen.backend import torch_adam
from kgen.backend import torch_packed
from kgen.backend.device import Device
from kgen.backend.device import host_memory
from kgen.backend.device import parse
from kgen.backend.device import processor
from kgen.backend.torch_graph import NotRecordable
from kgen.backend.torch_graph import recorded

logger = logging.getLogger(__name__)

# Recording takes as long as some fifty calls: one short text is not worth it. But int8 products are slow without.
CALLS_BEFORE_RECORDING = 32
MANY_ROWS = 64
GATE_SHUT = 1e4  # σ(-10,000 + x) is 0 and σ(10,000 + x) is 1, whatever else a gate reads


def input_gradient(function, x):
    with torch.enable_grad():
        x = x if x.requires_grad else x.detach().requires_grad_()
        return torch.autograd.grad(function(x).sum(), x, create_graph=True)[0]


def compiled(function, variables=()):
    # torch.compile took half a minute and more for these graphs and won nothing on a CPU. What costs time is Python:
    # what is called again and again for the same shapes is recorded once, as the list of operations that it does.
    variables = list(variables)
    calls, recordings = {}, {}

    def as_it_is(*inputs):
        with torch_packed.while_running():  # it may be a loop around others that are recorded
            return function(*inputs)

    def run(*inputs):
        if in_stateless_scope():  # part of what somebody else records, or runs with other values of the variables
            return function(*inputs)
        with torch.no_grad():
            leaves, structure = pytree.tree_flatten(inputs)
            key = (structure, tuple(map(_signature, leaves)))
            if key not in recordings:
                calls[key] = calls.get(key, 0) + 1
                integers = any(variable.dtype == "int8" for variable in variables)
                if calls[key] <= (0 if integers else CALLS_BEFORE_RECORDING):
                    return as_it_is(*inputs)
                recordings[key] = _recording(function, variables, leaves, structure)
            if recordings[key] is None:
                return as_it_is(*inputs)
            recording, result_structure = recordings[key]
            values = [variable._value for variable in variables]  # `value` looks for scopes: slow, and there are none
            results = recording(*values, *(leaf for leaf in leaves if isinstance(leaf, torch.Tensor)))
            return pytree.tree_unflatten(results, result_structure)

    return run


def _signature(leaf):
    if isinstance(leaf, torch.Tensor):
        return leaf.shape, leaf.stride(), leaf.dtype, leaf.device
    return type(leaf), leaf


def _recording(function, variables, leaves, structure):
    """The function as a list of operations on the variables and the tensors among its inputs, and how its results are
    nested; None if it cannot be recorded."""
    results_structure = None

    def flat(*tensors):
        nonlocal results_structure
        values, given = tensors[: len(variables)], iter(tensors[len(variables) :])
        with keras.StatelessScope(state_mapping=zip(variables, values, strict=True)) as scope:
            before = dict(scope.state_mapping)
            inputs = [next(given) if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
            results = function(*pytree.tree_unflatten(inputs, structure))
        if any(scope.state_mapping[name] is not before.get(name) for name in scope.state_mapping):
            raise NotRecordable("it assigns a variable")
        results, results_structure = pytree.tree_flatten(results)
        return results

    tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    try:
        values = [variable.value for variable in variables]
        return recorded(flat, [*values, *tensors], weights=len(values)), results_structure
    except Exception as reason:  # whatever is in the way, the function itself still works
        logger.debug("kgen: %s runs as it is: %s", getattr(function, "__name__", function), reason)
        return None


def turned_matrix(variable):
    return None  # the recorded product of eight-bit matrices is fast as they lie


def integer_product(rows, matrix):
    return torch._int_mm(rows, matrix.T)


def dense(layer, rows):
    # A sum by itself writes all outputs a second time. Of few rows, as in decoding, that is nothing, and the recorded
    # product without a bias was 1.5 times as fast.
    plain = len(rows.shape) == 2 and (rows.shape[0] or 0) >= MANY_ROWS
    plain = plain and layer.bias is not None and layer.quantization_mode is None and not layer.lora_enabled
    if not plain or layer.compute_dtype != "float32" or getattr(rows, "dtype", None) != torch.float32:
        return layer(rows)
    bias, kernel = core.convert_to_tensor(layer.bias), core.convert_to_tensor(layer.kernel)
    return layer.activation(torch.addmm(bias, rows, kernel))


def write_cache(cache, value, index):
    if torch.is_grad_enabled() and (value.requires_grad or cache.requires_grad):
        cache = cache.clone()  # what a gradient still needs is not written over
    elif 0 in cache.stride():
        cache = cache.contiguous()  # rows that were repeated, and are one row in memory still
    value, length = value.to(cache.dtype), value.shape[2]
    if isinstance(index, int):
        cache[:, :, index : index + length] = value
        return cache
    places = torch.as_tensor(index, device=cache.device)[..., None] + torch.arange(length, device=cache.device)
    if places.ndim == 1:
        return cache.index_copy_(2, places.long(), value)
    rows = torch.arange(len(cache), device=cache.device)[:, None]
    cache[rows, :, places] = value.transpose(1, 2)
    return cache


def attention_dtype(query):
    # The gradient of the fused kernel takes up to seven times as long in bfloat16 as in float32 on a CPU.
    slow = query.device.type == "cpu" and query.dtype == torch.bfloat16 and torch.is_grad_enabled()
    return "float32" if slow and query.requires_grad else query.dtype


def causal_blocks(length):
    return 1


def recurrence(cell, inputs, state, kernel, recurrent_kernel, bias, mask=None):
    units, features = recurrent_kernel.shape[0], inputs
    if mask is not None:
        # Each row's steps that are there move to the front, in order. The others follow, marked by one more feature
        # that holds the state: it shuts the input gate and opens the forget gate of an LSTM (this saves c; h is looked
        # up), and the update gate of a GRU, all the way.
        order = torch.argsort((~mask).to(torch.uint8), dim=1, stable=True)[..., None]
        features = torch.take_along_dim(torch.cat([inputs, (~mask)[..., None].to(inputs.dtype)], -1), order, 1)
        shut = torch.zeros_like(kernel[:1])
        shut[:, :units] = -GATE_SHUT if cell == "lstm" else GATE_SHUT
        shut[:, units : 2 * units] = GATE_SHUT if cell == "lstm" else 0.0
        kernel = torch.cat([kernel, shut])
    if cell == "lstm":
        weights = [kernel.T, recurrent_kernel.T, bias, torch.zeros_like(bias)]
        kernel_of_torch, hidden = torch._VF.lstm, tuple(one[None].contiguous() for one in state)
    else:
        # Keras has the gates z, r, n, torch r, z, n.
        turned = [torch.cat([r, z, n], -1) for z, r, n in (w.chunk(3, -1) for w in (kernel, recurrent_kernel, bias))]
        weights = [turned[0].T, turned[1].T, *turned[2]]
        kernel_of_torch, hidden = torch._VF.gru, state[0][None].contiguous()
    if inputs.is_cuda:
        weights = _side_by_side(weights)
    training = torch.is_grad_enabled()
    outputs, *last = kernel_of_torch(features, hidden, weights, True, 1, 0.0, training, False, True)
    last = [one[0] for one in last]
    if mask is not None:
        # After k of its steps a row's h is the k-th output; before the first it is that of the state.
        steps_so_far = mask.cumsum(1)[..., None]
        outputs = torch.take_along_dim(torch.cat([state[0][:, None], outputs], 1), steps_so_far, 1)
        last[0] = outputs[:, -1]
    return outputs, tuple(last)


def _side_by_side(weights):
    """The same weights as pieces of one tensor, as cuDNN wants them."""
    joined = torch.cat([weight.reshape(-1) for weight in weights])
    pieces = joined.split([weight.numel() for weight in weights])
    return [piece.view(weight.shape) for piece, weight in zip(pieces, weights, strict=True)]


def nats(logits, targets, everywhere):
    log_p = torch.log_softmax(logits, -1)  # one pass over the logits, and one back
    at_target = torch.gather(log_p, -1, targets.long()[..., None])[..., 0]
    return -at_target, -log_p.mean(-1) if everywhere else None


def map_checkpointed(cost, pieces, values):
    return cross_entropy.map_with_remat(cost, pieces, values)


def apply_when(condition, optimizer, gradients, variables):
    if condition:
        optimizer.apply(gradients, variables)


def convolved(x, kernel, bias, strides=1, padding="same", dilation=1):
    x, kernel, bias = _first_channels(x, kernel, bias)
    strides, dilation = (value if isinstance(value, tuple) else (value, value) for value in (strides, dilation))
    margin = (0, 0)
    if padding == "same":
        sizes = zip(x.shape[2:], kernel.shape[2:], strides, dilation, strict=True)
        lacking = [max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n) for n, k, s, d in sizes]
        margin = tuple(one // 2 for one in lacking)
        if any(one % 2 for one in lacking):  # the odd place is at the end, as everywhere in Keras
            (top, left), (both, across) = margin, lacking
            x, margin = torch.nn.functional.pad(x, (left, across - left, top, both - top)), (0, 0)
    groups = x.shape[1] // kernel.shape[1]
    return torch.nn.functional.conv2d(x, kernel, bias, strides, margin, dilation, groups).moveaxis(1, -1)


def deconvolved(x, kernel, bias, strides, padding):
    x, kernel, bias = _first_channels(x, kernel, bias)
    surplus = [k - s if padding == "same" else 0 for k, s in zip(kernel.shape[2:], strides, strict=True)]
    margin = [one // 2 for one in surplus]
    x = torch.nn.functional.conv_transpose2d(x, kernel, bias, strides, margin)
    if any(one % 2 for one in surplus):
        x = x[:, :, : x.shape[2] - surplus[0] % 2, : x.shape[3] - surplus[1] % 2]
    return x.moveaxis(1, -1)


def _first_channels(x, kernel, bias):
    """For PyTorch, that channels come first; in memory they stay where they are, which it calls channels last."""
    x = core.convert_to_tensor(x)
    kernel = core.convert_to_tensor(kernel).to(x.dtype).permute(3, 2, 0, 1)
    return x.moveaxis(-1, 1), kernel, None if bias is None else core.convert_to_tensor(bias).to(x.dtype)


def group_normalized(x, groups, epsilon, scale, offset):
    x = x.moveaxis(-1, 1)
    if all(isinstance(one, torch.Tensor) and len(one) == 1 for one in (scale, offset)):
        return torch.nn.functional.group_norm(x, groups, scale[0, 0], offset[0, 0], epsilon).moveaxis(1, -1)
    x = torch.nn.functional.group_norm(x, groups, eps=epsilon).moveaxis(1, -1)
    scale, offset = (
        one.reshape(len(one), *[1] * (x.ndim - 2), -1) if isinstance(one, torch.Tensor) else x.new_tensor(one)
        for one in (scale, offset)
    )
    return torch.addcmul(offset, x, scale)


def dropout(x, rate, noise_shape, seed):
    return keras.random.dropout(x, rate, noise_shape, seed)


def quicken(optimizer):
    torch_adam.quicken(optimizer)


def prefers_jit(pays_on_cpu):
    return False


def make_deterministic():
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def devices():
    found = [Device("cpu:0", processor(), host_memory())]
    for index in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(index)
        found.append(Device(f"gpu:{index}", facts.name, facts.total_memory))
    return found


def place(device):
    kind, index = parse(device, devices())
    core.DEFAULT_DEVICE = f"cuda:{index}" if kind == "gpu" else "cpu"
