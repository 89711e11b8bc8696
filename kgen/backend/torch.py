"""kgen on PyTorch."""

import os

import torch
from keras.src.backend.torch import core  # keras keeps its torch device there and offers no other way to move it

from kgen.backend.device import Device
from kgen.backend.device import host_memory
from kgen.backend.device import parse
from kgen.backend.device import processor


def input_gradient(function, x):
    with torch.enable_grad():
        x = x if x.requires_grad else x.detach().requires_grad_()
        return torch.autograd.grad(function(x).sum(), x, create_graph=True)[0]


def compiled(function, variables=()):
    # Eager: torch.compile took half a minute and more for these graphs and won nothing on a CPU.
    def run(*inputs):
        with torch.no_grad():
            return function(*inputs)

    return run


def write_cache(cache, value, index):
    if torch.is_grad_enabled() and (value.requires_grad or cache.requires_grad):
        cache = cache.clone()  # what a gradient still needs is not written over
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
