"""Weights for tests: SAM 2.1's real architecture with random numbers in it. The authors' need a download."""

from __future__ import annotations

from pathlib import Path

from sam2_painter.engines.sam2.weights import RELEASES


def save_random_weights(path: Path, size: str = "tiny", seed: int = 0) -> Path:
    """A checkpoint of that size at `path`, the same for the same seed. Needs torch and sam2."""
    import sam2
    import torch
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    torch.manual_seed(seed)
    settings = OmegaConf.load(Path(sam2.__file__).parent / RELEASES[size].config)
    model = instantiate(settings.model, _recursive_=True)
    with torch.no_grad():  # the authors start these at zero, where every place of a photo would look alike
        model.image_encoder.trunk.pos_embed.normal_(0, 0.02)
        model.image_encoder.trunk.pos_embed_window.normal_(0, 0.02)
    torch.save({"model": model.state_dict()}, path)
    return path
