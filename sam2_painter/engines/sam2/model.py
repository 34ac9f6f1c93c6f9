"""The authors' network with given weights, put together without Hydra's global state."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import nn

from ...errors import EngineUnavailable
from .weights import RELEASES

BLOCKS = {12: "tiny", 16: "small", 24: "base-plus", 48: "large"}
"""Sizes by the blocks of their trunk."""


def read(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint file, on the CPU. Raises EngineUnavailable when it is none."""
    try:
        # weights_only: a checkpoint from anywhere runs no code here.
        state: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)["model"]
        size_of(state)
    except (OSError, UnpicklingError, RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise EngineUnavailable(f"{path} is no SAM 2.1 checkpoint: set SAM2_CHECKPOINT to one.") from error
    return state


def size_of(state: dict[str, torch.Tensor]) -> str:
    """Which size a checkpoint has: "tiny", "small", "base-plus" or "large". Raises KeyError for none of them."""
    trunk = "image_encoder.trunk.blocks."
    return BLOCKS[len({name.removeprefix(trunk).partition(".")[0] for name in state if name.startswith(trunk)})]


def build(state: dict[str, torch.Tensor]) -> nn.Module:
    """SAM 2.1 with these weights, for inference only, on the CPU.

    A single mask that is not stable falls back to the best of the three, as in the authors' image predictor. Raises
    EngineUnavailable when the weights do not fit.
    """
    import sam2
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    size = size_of(state)
    settings = OmegaConf.load(Path(sam2.__file__).parent / RELEASES[size].config)
    fallback = {
        "dynamic_multimask_via_stability": True,
        "dynamic_multimask_stability_delta": 0.05,
        "dynamic_multimask_stability_thresh": 0.98,
    }
    OmegaConf.update(settings, "model.sam_mask_decoder_extra_args", fallback, force_add=True)
    model = instantiate(settings.model, _recursive_=True)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise EngineUnavailable(f"The checkpoint does not fit SAM 2.1 {size}: is it one of SAM 2.0?") from error
    return model.requires_grad_(False).eval()
