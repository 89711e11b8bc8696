"""Device names: one spelling ("cpu", "gpu", "gpu:1") and one error for all backends."""

import os
import platform
import re
from typing import NamedTuple


class Device(NamedTuple):
    """One device. `name` is ours ("cpu:0", "gpu:0"), `description` the vendor's, `memory` its bytes or None."""

    name: str
    description: str
    memory: int | None


def parse(device, available):
    """Split "gpu:1" into ("gpu", 1); "gpu" means "gpu:0".

    Raises:
        ValueError: another spelling, or a device that is not in `available`.
    """
    match = re.fullmatch(r"(cpu|gpu)(?::(\d+))?", str(device).lower())
    names = [one.name for one in available]
    if match is None:
        raise ValueError(f"device: expected cpu, gpu or gpu:N, got {device!r}; this machine has {', '.join(names)}")
    kind, index = match[1], int(match[2] or 0)
    if f"{kind}:{index}" not in names:
        raise ValueError(
            f"device: {device!r} is not there; this backend sees {', '.join(names)}. "
            "A GPU needs the GPU build of the backend and its driver."
        )
    return kind, index


def host_memory():
    """Bytes of memory of this machine, or None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def processor():
    """The name of this machine's processor."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
