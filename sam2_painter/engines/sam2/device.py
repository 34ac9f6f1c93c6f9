"""Where the network runs, and in which precision: what pays on which machine, and refusals that say what to do."""

from __future__ import annotations

import torch

from ...errors import EngineUnavailable, InvalidInput

DTYPES = ("float32", "bfloat16")
NAMES = {"cuda": "CUDA", "mps": "Apple GPU", "cpu": "CPU"}
"""For people."""


def pick(name: str | None) -> torch.device:
    """The device of that name ("cuda", "cuda:1", "mps", "cpu"); the best there is for None and "auto".

    Raises InvalidInput for other names, EngineUnavailable for a device that is not there.
    """
    # Asked one by one: a process that asks for CUDA before it has it (a memory snapshot) never gets it.
    there = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available, "cpu": lambda: True}
    if name in (None, "", "auto"):
        return torch.device(next(kind for kind, usable in there.items() if usable()))
    kind, _, index = str(name).partition(":")
    if kind not in there or (index and not (kind == "cuda" and index.isdecimal())):
        raise InvalidInput(f"sam2_device must be auto, cuda, cuda:N, mps or cpu, got {name!r}", "sam2_device")
    if not there[kind]():
        raise EngineUnavailable(f"This machine's torch has no {kind} device: set SAM2_DEVICE=auto.")
    if index and int(index) >= torch.cuda.device_count():
        raise EngineUnavailable(f"This machine has no {name}, only {torch.cuda.device_count()}: set SAM2_DEVICE=auto.")
    return torch.device(str(name))


def check_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """torch's own name for it. Raises InvalidInput for unknown ones, EngineUnavailable where bfloat16 would not pay."""
    if dtype not in DTYPES:
        raise InvalidInput(f"sam2_dtype must be one of {', '.join(DTYPES)}, got {dtype!r}", "sam2_dtype")
    if dtype == "bfloat16" and not bfloat16_pays(device):
        raise EngineUnavailable(
            f"bfloat16 would be no faster on this {NAMES[device.type]}, only less exact: set SAM2_DTYPE=float32."
        )
    found: torch.dtype = getattr(torch, dtype)
    return found


def bfloat16_pays(device: torch.device) -> bool:
    """Whether the device multiplies in bfloat16: CUDA from Ampere (8.0) on, CPUs with AVX512-BF16 or AMX."""
    if device.type == "cuda":  # is_bf16_supported() would say yes to emulation too
        return bool(torch.cuda.get_device_capability(device) >= (8, 0))
    if device.type == "cpu":
        told = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # torch has no public name for them yet
        return any(getattr(torch.cpu, name, lambda: False)() for name in told)
    return False
