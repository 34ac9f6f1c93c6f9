"""Every knob, read once at start: a default, an environment variable and a flag of app.py from one table."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from .errors import InvalidInput

MB = 2**20
_DATA_DIR = Path("~/.sam2_painter")


def _knob(
    default: Any,
    env: str,
    help: str,
    *,
    kind: str = "",
    secret: bool = False,
    choices: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
) -> Any:
    """A field. env: its variable. also: variables of others that are read where that one is not set."""
    kind = kind or type(default).__name__
    metadata = dict(env=env, help=help, kind=kind, choices=choices, also=also)
    return field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """All settings. Sizes are bytes, times seconds. repr hides passwords and keys."""

    host: str = _knob(
        "127.0.0.1",
        "SAM2_PAINTER_HOST",
        "address to listen on; 0.0.0.0 for every interface",
        also=("GRADIO_SERVER_NAME",),
    )
    port: int = _knob(7860, "SAM2_PAINTER_PORT", "port to listen on", also=("PORT", "GRADIO_SERVER_PORT"))
    root_path: str = _knob(
        "",
        "SAM2_PAINTER_ROOT_PATH",
        "path a proxy serves it under, like /paint, or the whole address, like https://example.com/paint",
        also=("GRADIO_ROOT_PATH",),
    )
    allowed_hosts: str = _knob(
        "",
        "SAM2_PAINTER_ALLOWED_HOSTS",
        "names it is reached by, beside localhost, addresses and --host, by commas: paint.example.com, *.lan",
    )
    trusted_proxies: str = _knob(
        "",
        "SAM2_PAINTER_TRUSTED_PROXIES",
        "proxies whose X-Forwarded headers are believed, by commas: 127.0.0.1, 10.0.0.0/8; none by default",
    )
    engine: str = _knob(
        "auto", "SAM2_PAINTER_ENGINE", "who makes the masks", choices=("auto", "offline", "sam2", "modal")
    )
    share: bool = _knob(False, "SAM2_PAINTER_SHARE", "also open a public Gradio link")
    auth: str = _knob("", "SAM2_PAINTER_AUTH", "USER:PASSWORD that guards page and API", secret=True)
    auth_token: str = _knob(
        "", "SAM2_PAINTER_AUTH_TOKEN", "bearer token that guards the API beside --auth", secret=True
    )
    cors_origins: str = _knob(
        "",
        "SAM2_PAINTER_CORS_ORIGINS",
        "sites whose pages may call and show it, by commas: https://example.com; none by default",
    )
    mcp: bool = _knob(
        False, "SAM2_PAINTER_MCP", "also serve MCP: ten tools for a model that paints (needs requirements-mcp.txt)"
    )
    mcp_all: bool = _knob(False, "SAM2_PAINTER_MCP_ALL", "with --mcp: every endpoint as a tool, too, by Gradio")
    allow_urls: bool = _knob(False, "SAM2_PAINTER_ALLOW_URLS", "MCP may open photos by http(s) address, public ones")
    allow_paths: str = _knob(
        "", "SAM2_PAINTER_ALLOW_PATHS", "folders whose photos MCP may open by path, divided as PATH is"
    )
    log_level: str = _knob(
        "INFO", "SAM2_PAINTER_LOG_LEVEL", "how much to log", choices=("DEBUG", "INFO", "WARNING", "ERROR")
    )
    log_json: bool = _knob(False, "SAM2_PAINTER_LOG_JSON", "log lines as JSON instead of key=value")

    data_dir: Path = _knob(_DATA_DIR, "SAM2_PAINTER_DATA_DIR", "folder for everything that is kept", kind="Path")
    upload_dir: Path | None = _knob(None, "UPLOAD_DIR", "photos as they were sent [DATA_DIR/uploads]", kind="Path")
    masks_dir: Path | None = _knob(None, "MASKS_DIR", "masks, layers and history [DATA_DIR/masks]", kind="Path")
    results_dir: Path | None = _knob(None, "RESULTS_DIR", "pictures made for download [DATA_DIR/results]", kind="Path")

    max_file_size: int = _knob(50 * MB, "MAX_FILE_SIZE", "largest photo file, in bytes or like 50MB", kind="size")
    max_pixels: int = _knob(80_000_000, "SAM2_PAINTER_MAX_PIXELS", "largest photo, width times height")
    session_ttl: float = _knob(3600.0, "SAM2_PAINTER_SESSION_TTL", "seconds after its last use a session is deleted")
    max_sessions: int = _knob(1000, "SAM2_PAINTER_MAX_SESSIONS", "sessions kept; the longest idle goes first")
    max_disk: int = _knob(20_000 * MB, "SAM2_PAINTER_MAX_DISK", "bytes kept on disk, like 20GB", kind="size")
    max_masks: int = _knob(5000, "SAM2_PAINTER_MAX_MASKS", "masks one session may hold")
    max_downloads: int = _knob(
        50, "SAM2_PAINTER_MAX_DOWNLOADS", "files for download one session keeps; the oldest goes first"
    )
    sessions_per_minute: int = _knob(60, "SAM2_PAINTER_SESSIONS_PER_MINUTE", "photos one address may open in a minute")
    requests_per_minute: int = _knob(
        1200, "SAM2_PAINTER_REQUESTS_PER_MINUTE", "requests one address may make in a minute"
    )
    max_connections: int = _knob(
        1000, "SAM2_PAINTER_MAX_CONNECTIONS", "connections at once; fewer where the system allows fewer open files"
    )
    connections_per_address: int = _knob(
        256, "SAM2_PAINTER_CONNECTIONS_PER_ADDRESS", "connections one address may have open"
    )
    workers: int = _knob(
        0, "SAM2_PAINTER_WORKERS", "requests worked on at once; 0 is one more than there are cores, and 8 with Modal"
    )
    queue_size: int = _knob(64, "SAM2_PAINTER_QUEUE_SIZE", "requests that may wait for a worker; more are answered 503")

    body_limit: float = _knob(300.0, "SAM2_PAINTER_BODY_LIMIT", "seconds in which all a request sends must have come")
    upload_limit: float = _knob(60.0, "SAM2_PAINTER_UPLOAD_LIMIT", "seconds an upload may take")
    segment_limit: float = _knob(60.0, "SAM2_PAINTER_SEGMENT_LIMIT", "seconds a segmentation may take")
    generate_limit: float = _knob(120.0, "SAM2_PAINTER_GENERATE_LIMIT", "seconds 'every mask' may take")
    paint_limit: float = _knob(60.0, "SAM2_PAINTER_PAINT_LIMIT", "seconds painting may take")
    download_limit: float = _knob(30.0, "SAM2_PAINTER_DOWNLOAD_LIMIT", "seconds a download may take to be made")

    palette: Path | None = _knob(
        None,
        "SAM2_PAINTER_PALETTE",
        "file of the paints to choose from: CSV, JSON, .gpl, .ase or .aco",
        kind="Path",
    )

    decode_memory: int = _knob(
        1200 * MB, "SAM2_PAINTER_DECODE_MEMORY", "bytes that photos being opened take together; more wait", kind="size"
    )
    photo_cache: int = _knob(256 * MB, "SAM2_PAINTER_PHOTO_CACHE", "bytes of opened photos in memory", kind="size")
    embedding_cache: int = _knob(192 * MB, "SAM2_PAINTER_EMBEDDING_CACHE", "bytes of embeddings in memory", kind="size")
    mask_cache: int = _knob(32 * MB, "SAM2_PAINTER_MASK_CACHE", "bytes of answers in memory", kind="size")
    surface_cache: int = _knob(128 * MB, "SAM2_PAINTER_SURFACE_CACHE", "bytes of analysed walls in memory", kind="size")
    picture_cache: int = _knob(
        96 * MB, "SAM2_PAINTER_PICTURE_CACHE", "bytes of painted pictures in memory", kind="size"
    )

    modal_base_url: str = _knob("", "MODAL_BASE_URL", "address of your Modal deployment")
    modal_key: str = _knob("", "MODAL_KEY", "Modal proxy token id", secret=True)
    modal_secret: str = _knob("", "MODAL_SECRET", "Modal proxy token secret", secret=True)
    modal_app: str = _knob("", "MODAL_APP", "name of your Modal app, to reach it through the Modal SDK instead")
    sam2_model: str = _knob(
        "auto",
        "SAM2_MODEL",
        "SAM 2.1 size for --engine sam2; auto is large on a GPU, tiny on a CPU",
        choices=("auto", "tiny", "small", "base-plus", "large"),
    )
    sam2_checkpoint: str = _knob("", "SAM2_CHECKPOINT", "local SAM 2.1 checkpoint instead of the hub's")
    sam2_device: str = _knob("auto", "SAM2_DEVICE", "device for --engine sam2: auto, cuda, cuda:N, mps or cpu")
    sam2_dtype: str = _knob(
        "float32",
        "SAM2_DTYPE",
        "precision of --engine sam2; bfloat16 is faster on newer GPUs and CPUs and its masks nearly the same",
        choices=("float32", "bfloat16"),
    )
    sam2_compile: bool = _knob(False, "SAM2_COMPILE", "compile SAM 2's encoder at start, on CUDA: takes a minute")
    sam2_cache_dir: str = _knob("", "SAM2_CACHE_DIR", "folder for downloaded SAM 2 weights [the hub's own]")

    def __post_init__(self) -> None:
        for knob in fields(self):
            choices, value = knob.metadata["choices"], getattr(self, knob.name)
            if choices and value not in choices:
                raise InvalidInput(f"{_flag(knob)} must be one of {', '.join(choices)}, got {value!r}", knob.name)
            if value == knob.default == 0:  # by itself
                continue
            if isinstance(value, (int, float)) and not isinstance(value, bool) and not 0 < value < 2**62:
                raise InvalidInput(f"{_flag(knob)} must be above 0, got {value:g}", knob.name)
        if self.port > 65535:
            raise InvalidInput("--port must be from 1 to 65535", "port")
        user, colon, password = self.auth.partition(":")
        if self.auth and not (user and colon and password):
            raise InvalidInput("--auth must be USER:PASSWORD", "auth")
        data = self.default_data_dir() if self.data_dir == _DATA_DIR else _expand(self.data_dir, "data_dir")
        object.__setattr__(self, "data_dir", data)
        for name, folder in (("upload_dir", "uploads"), ("masks_dir", "masks"), ("results_dir", "results")):
            given = getattr(self, name)
            object.__setattr__(self, name, data / folder if given is None else _expand(given, name))

    @staticmethod
    def default_data_dir() -> Path:
        """Where everything is kept unless a folder is named; as "~/..." where nobody knows a home folder."""
        try:
            return _DATA_DIR.expanduser()
        except RuntimeError:
            return _DATA_DIR

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Defaults and environment variables. Raises InvalidInput naming the variable that cannot be read."""
        return cls(**_read_environment(cls, os.environ if environ is None else environ))

    @classmethod
    def from_args(
        cls, argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None, *, prog: str = "app.py"
    ) -> Settings:
        """Flags over environment variables over defaults; `--help` and wrong flags end the program.

        prog: what the help calls the program.
        """
        parser = argparse.ArgumentParser(
            prog=prog,
            description="SAM2 Painter: open a photo of a building, click a wall, see it in another colour.",
            epilog="Every flag is also an environment variable, named in brackets.",
        )
        for knob in fields(cls):
            if knob.metadata["kind"] == "bool":
                options: dict[str, Any] = dict(action=argparse.BooleanOptionalAction, default=None)
            else:
                options = dict(metavar=knob.name.upper(), choices=None)
            default = "" if knob.default in (None, "", MISSING, False) else f", default {_show(knob)}"
            choices = f" ({', '.join(knob.metadata['choices'])})" if knob.metadata["choices"] else ""
            variables = " or ".join((knob.metadata["env"], *knob.metadata["also"]))
            parser.add_argument(_flag(knob), help=f"{knob.metadata['help']}{choices} [{variables}{default}]", **options)
        given = {name: value for name, value in vars(parser.parse_args(argv)).items() if value is not None}
        try:
            parsed = {n: v if isinstance(v, bool) else _parse(cls, n, v) for n, v in given.items()}
            return cls(**_read_environment(cls, os.environ if environ is None else environ) | parsed)
        except InvalidInput as error:
            parser.error(str(error))

    @property
    def credentials(self) -> tuple[str, str] | None:
        """(user, password), or None when nobody has to sign in."""
        user, _, password = self.auth.partition(":")
        return (user, password) if user else None


def _read_environment(cls: type[Settings], environ: Mapping[str, str]) -> dict[str, Any]:
    given = {}
    for knob in fields(cls):
        variables = (knob.metadata["env"], *knob.metadata["also"])
        variable = next((name for name in variables if environ.get(name, "").strip()), None)
        if variable:
            given[knob.name] = _parse(cls, knob.name, environ[variable], label=variable)
    return given


def _flag(knob: Field[Any]) -> str:
    return "--" + knob.name.replace("_", "-")


def _expand(folder: Path, name: str) -> Path:
    try:
        return Path(folder).expanduser()
    except RuntimeError:
        raise InvalidInput(
            f"--{name.replace('_', '-')} {folder}: that home folder is not known here. Name it by its full path.", name
        ) from None


def _show(knob: Field[Any]) -> str:
    default: Any = knob.default
    if knob.metadata["kind"] == "size":
        return f"{default // MB}MB"
    return f"{default:g}" if isinstance(default, float) else str(default)


def _parse(cls: type[Settings], name: str, text: str, *, label: str = "") -> Any:
    """The value of a setting. label: what to call it in an error, its flag by default."""
    knob = next(k for k in fields(cls) if k.name == name)
    label, kind, text = label or _flag(knob), knob.metadata["kind"], text.strip()
    try:
        match kind:
            case "int":
                return int(text)
            case "float":
                return float(text)
            case "bool":
                return {
                    "1": True,
                    "true": True,
                    "yes": True,
                    "on": True,
                    "0": False,
                    "false": False,
                    "no": False,
                    "off": False,
                }[text.lower()]
            case "size":
                return parse_size(text)
            case "Path":
                return Path(text)
            case _:
                return text
    except (ValueError, KeyError):
        wanted = {"int": "a whole number", "float": "a number", "bool": "true or false", "size": "bytes, or like 50MB"}
        raise InvalidInput(f"{label} must be {wanted[kind]}, got {text!r}", name) from None


def parse_size(text: str) -> int:
    """Bytes from "52428800", "50MB" or "1.5 GB" (powers of 1024). Raises ValueError for anything else.

    >>> parse_size("50MB")
    52428800
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text, re.IGNORECASE | re.ASCII)
    if not match:
        raise ValueError(text)
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))
