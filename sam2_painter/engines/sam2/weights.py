"""Which SAM 2.1 weights there are, where they come from and how they get here."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import EngineUnavailable, InvalidInput
from ..remote.connectivity import can_connect

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Release:
    """One published size. repo, revision, file: on the Hugging Face hub. sha256, nbytes: of the file.
    config: of the `sam2` package, relative to it."""

    repo: str
    revision: str
    file: str
    sha256: str
    nbytes: int
    config: str


RELEASES = {
    "tiny": Release(
        "facebook/sam2.1-hiera-tiny",
        "de431c4043854a71d8101e17995dfe596bf101a5",
        "sam2.1_hiera_tiny.pt",
        "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
        156_008_466,
        "configs/sam2.1/sam2.1_hiera_t.yaml",
    ),
    "small": Release(
        "facebook/sam2.1-hiera-small",
        "ee5bba1d82bb8749febdf90f45e84b687142ba03",
        "sam2.1_hiera_small.pt",
        "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
        184_416_285,
        "configs/sam2.1/sam2.1_hiera_s.yaml",
    ),
    "base-plus": Release(
        "facebook/sam2.1-hiera-base-plus",
        "b7320756a13354e7530a63935656d35b2f91a290",
        "sam2.1_hiera_base_plus.pt",
        "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
        323_606_802,
        "configs/sam2.1/sam2.1_hiera_b+.yaml",
    ),
    "large": Release(
        "facebook/sam2.1-hiera-large",
        "665f8e2ad61cf5f53d65644ff27c8ee525124610",
        "sam2.1_hiera_large.pt",
        "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
        898_083_611,
        "configs/sam2.1/sam2.1_hiera_l.yaml",
    ),
}
"""By the name a person gives. The sizes' names are the authors'."""


@dataclass(frozen=True)
class Weights:
    """A checkpoint on this machine. id: the first eight digits of its sha256."""

    path: Path
    id: str


def release(model: str) -> Release:
    """The release of that name. Raises InvalidInput for others."""
    if model not in RELEASES:
        raise InvalidInput(f"sam2_model must be one of {', '.join(RELEASES)}, got {model!r}", "sam2_model")
    return RELEASES[model]


def find(model: str, checkpoint: str | Path | None = None, cache_dir: str | Path | None = None) -> Weights:
    """The weights of `model`: the file `checkpoint` if one is given, else the hub's, downloaded once into `cache_dir`.

    The download shows its progress on the terminal. Raises EngineUnavailable, saying what to do.
    """
    if checkpoint:
        path = Path(checkpoint).expanduser()
        if not path.is_file():
            raise EngineUnavailable(f"There is no file {path}: set SAM2_CHECKPOINT to a SAM 2.1 checkpoint.")
        return Weights(path, sha256(path)[:8])
    wanted = release(model)
    return Weights(_from_hub(wanted, cache_dir), wanted.sha256[:8])


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _from_hub(wanted: Release, cache_dir: str | Path | None) -> Path:
    try:
        from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError:
        raise EngineUnavailable(
            "The Hugging Face client is missing: pip install -r requirements-sam2.txt, or 'sam2-painter[sam2]'."
        ) from None
    where: dict[str, Any] = dict(
        repo_id=wanted.repo, filename=wanted.file, revision=wanted.revision, cache_dir=cache_dir or None
    )
    cached = try_to_load_from_cache(**where)
    if isinstance(cached, str):
        return Path(cached)
    what = f"The SAM 2.1 weights {wanted.repo} ({wanted.nbytes / 1e6:.0f} MB) are not on this machine and"
    instead = "connect to the internet, or set SAM2_CHECKPOINT to a local copy."
    # The hub's client would retry for half a minute.
    if constants.HF_HUB_OFFLINE or not can_connect(constants.ENDPOINT):
        raise EngineUnavailable(f"{what} {constants.ENDPOINT} cannot be reached: {instead}")
    log.info("downloading %s, %.0f MB, from %s", wanted.file, wanted.nbytes / 1e6, constants.ENDPOINT)
    try:
        path = Path(hf_hub_download(**where))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise EngineUnavailable(f"{what} could not be downloaded ({type(error).__name__}): {instead}") from error
    if sha256(path) != wanted.sha256:
        path.resolve().unlink()  # the file itself: with the link alone gone, the next try would find it again
        path.unlink(missing_ok=True)
        raise EngineUnavailable(f"{what} came damaged: try again, or set SAM2_CHECKPOINT to a local copy.")
    return path
