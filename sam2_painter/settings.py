"""Every knob, read once at start: a default, an environment variable and a flag of app.py from one table."""

from __future__ import annotations

import argparse
import inspect
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from .errors import InvalidInput

MB = 2**20
ENGINES = ("auto", "offline", "sam2", "modal")
_OLD_DATA_DIR = Path("~/.sam2_painter")  # of versions before 0.2


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
    """A field of a `Group` that is a setting, too.

    env: its variable. help: what the flag is for. kind: how text becomes its value, one of `_PARSERS`; by default
    what the type of `default` says. secret: not shown by repr. choices: all that it may be; () for anything. also:
    variables of others that are read where `env` is not set.
    """
    kind = kind or type(default).__name__
    metadata = dict(env=env, help=help, kind=kind, choices=choices, also=also)
    return field(default=default, repr=not secret, metadata=metadata)


class Group:
    """Settings that belong together: what each may be is checked when they are made."""

    def __post_init__(self) -> None:
        for knob in _own_knobs(type(self)):
            knob.check(getattr(self, knob.field.name))


@dataclass(frozen=True)
class Storage(Group):
    """What is kept, where and how long. The folders are absolute or below the program's own once this is made."""

    data_dir: Path = _knob(
        None,
        "SAM2_PAINTER_DATA_DIR",
        "folder for everything that is kept [this system's for data of programs, or ~/.sam2_painter where that is]",
        kind="Path",
    )
    upload_dir: Path | None = _knob(None, "UPLOAD_DIR", "photos as they were sent [DATA_DIR/uploads]", kind="Path")
    masks_dir: Path | None = _knob(None, "MASKS_DIR", "masks, layers and history [DATA_DIR/masks]", kind="Path")
    results_dir: Path | None = _knob(None, "RESULTS_DIR", "pictures made for download [DATA_DIR/results]", kind="Path")
    session_ttl: float = _knob(3600.0, "SAM2_PAINTER_SESSION_TTL", "seconds after its last use a session is deleted")
    max_sessions: int = _knob(1000, "SAM2_PAINTER_MAX_SESSIONS", "sessions kept; the longest idle goes first")
    max_disk: int = _knob(20_000 * MB, "SAM2_PAINTER_MAX_DISK", "bytes kept on disk, like 20GB", kind="size")
    max_masks: int = _knob(5000, "SAM2_PAINTER_MAX_MASKS", "masks one session may hold")
    max_downloads: int = _knob(
        50, "SAM2_PAINTER_MAX_DOWNLOADS", "files for download one session keeps; the oldest goes first"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        given: Path | None = self.data_dir
        data = default_data_dir() if given is None else _expand(given, "data_dir")
        object.__setattr__(self, "data_dir", data)
        for name, folder in (("upload_dir", "uploads"), ("masks_dir", "masks"), ("results_dir", "results")):
            given = getattr(self, name)
            object.__setattr__(self, name, data / folder if given is None else _expand(given, name))

    def inside(self, folder: Path) -> Storage:
        """The same limits, with everything below one folder."""
        return replace(self, data_dir=folder, upload_dir=None, masks_dir=None, results_dir=None)


@dataclass(frozen=True)
class Limits(Group):
    """How long each kind of work may take."""

    upload: float = _knob(60.0, "SAM2_PAINTER_UPLOAD_LIMIT", "seconds an upload may take")
    segment: float = _knob(60.0, "SAM2_PAINTER_SEGMENT_LIMIT", "seconds a segmentation may take")
    generate: float = _knob(120.0, "SAM2_PAINTER_GENERATE_LIMIT", "seconds 'every mask' may take")
    paint: float = _knob(60.0, "SAM2_PAINTER_PAINT_LIMIT", "seconds painting may take")
    download: float = _knob(30.0, "SAM2_PAINTER_DOWNLOAD_LIMIT", "seconds a download may take to be made")

    @classmethod
    def all(cls, seconds: float) -> Limits:
        """The same for every kind."""
        return cls(**{knob.name: seconds for knob in fields(cls)})


@dataclass(frozen=True)
class CacheSizes(Group):
    """What is kept in memory so as not to be worked out twice."""

    photos: int = _knob(256 * MB, "SAM2_PAINTER_PHOTO_CACHE", "bytes of opened photos in memory", kind="size")
    embeddings: int = _knob(192 * MB, "SAM2_PAINTER_EMBEDDING_CACHE", "bytes of embeddings in memory", kind="size")
    masks: int = _knob(32 * MB, "SAM2_PAINTER_MASK_CACHE", "bytes of answers in memory", kind="size")
    surfaces: int = _knob(128 * MB, "SAM2_PAINTER_SURFACE_CACHE", "bytes of analysed walls in memory", kind="size")
    pictures: int = _knob(96 * MB, "SAM2_PAINTER_PICTURE_CACHE", "bytes of painted pictures in memory", kind="size")


@dataclass(frozen=True)
class Modal(Group):
    """SAM 2 on Modal, for --engine modal."""

    base_url: str = _knob("", "MODAL_BASE_URL", "address of your Modal deployment")
    key: str = _knob("", "MODAL_KEY", "Modal proxy token id", secret=True)
    secret: str = _knob("", "MODAL_SECRET", "Modal proxy token secret", secret=True)
    app: str = _knob("", "MODAL_APP", "name of your Modal app, to reach it through the Modal SDK instead")


@dataclass(frozen=True)
class Sam2(Group):
    """SAM 2 in this process, for --engine sam2."""

    model: str = _knob(
        "auto",
        "SAM2_MODEL",
        "SAM 2.1 size for --engine sam2; auto is large on a GPU, tiny on a CPU",
        choices=("auto", "tiny", "small", "base-plus", "large"),
    )
    checkpoint: str = _knob("", "SAM2_CHECKPOINT", "local SAM 2.1 checkpoint instead of the hub's")
    device: str = _knob("auto", "SAM2_DEVICE", "device for --engine sam2: auto, cuda, cuda:N, mps or cpu")
    dtype: str = _knob(
        "float32",
        "SAM2_DTYPE",
        "precision of --engine sam2; bfloat16 is faster on newer GPUs and CPUs and its masks nearly the same",
        choices=("float32", "bfloat16"),
    )
    compile: bool = _knob(False, "SAM2_COMPILE", "compile SAM 2's encoder at start, on CUDA: takes a minute")
    cache_dir: str = _knob("", "SAM2_CACHE_DIR", "folder for downloaded SAM 2 weights [the hub's own]")


@dataclass(frozen=True)
class Settings(Group):
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
    engine: str = _knob("auto", "SAM2_PAINTER_ENGINE", "who makes the masks", choices=ENGINES)
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
        False, "SAM2_PAINTER_MCP", "also serve MCP: tools for models that paint (needs requirements-mcp.txt)"
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
    max_file_size: int = _knob(50 * MB, "MAX_FILE_SIZE", "largest photo file, in bytes or like 50MB", kind="size")
    max_pixels: int = _knob(80_000_000, "SAM2_PAINTER_MAX_PIXELS", "largest photo, width times height")
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
    palette: Path | None = _knob(
        None,
        "SAM2_PAINTER_PALETTE",
        "file of the paints to choose from: CSV, JSON, .gpl, .ase or .aco",
        kind="Path",
    )
    decode_memory: int = _knob(
        1200 * MB,
        "SAM2_PAINTER_DECODE_MEMORY",
        "bytes that photos being opened, and walls being painted, take together; more wait",
        kind="size",
    )

    storage: Storage = field(default_factory=Storage)
    limits: Limits = field(default_factory=Limits)
    caches: CacheSizes = field(default_factory=CacheSizes)
    modal: Modal = field(default_factory=Modal)
    sam2: Sam2 = field(default_factory=Sam2)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.port > 65535:
            raise InvalidInput("--port must be from 1 to 65535", "port")
        user, colon, password = self.auth.partition(":")
        if self.auth and not (user and colon and password):
            raise InvalidInput("--auth must be USER:PASSWORD", "auth")

    @classmethod
    def of(cls, **given: Any) -> Settings:
        """Settings by the names of their flags, such as `port` and `upload_limit`; the rest as by default."""
        parts: dict[str, dict[str, Any]] = {}
        for knob in knobs():
            if knob.name in given:
                parts.setdefault(knob.group, {})[knob.field.name] = given.pop(knob.name)
        if given:
            raise TypeError(f"There is no setting {', '.join(given)}.")
        own = parts.pop("", {})
        groups: dict[str, Any] = {group: _GROUPS[group](**values) for group, values in parts.items()}
        return cls(**own, **groups)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Defaults and environment variables. Raises InvalidInput naming the variable that cannot be read."""
        return cls.of(**_read_environment(os.environ if environ is None else environ))

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
        titled = {"": parser.add_argument_group("the server")}
        for group, kind in _GROUPS.items():
            titled[group] = parser.add_argument_group(group, (inspect.getdoc(kind) or "").partition("\n")[0])
        for knob in knobs():
            knob.add_to(titled[knob.group])
        given = {name: value for name, value in vars(parser.parse_args(argv)).items() if value is not None}
        try:
            by_name = {knob.name: knob for knob in knobs()}
            parsed = {n: v if isinstance(v, bool) else by_name[n].parse(v) for n, v in given.items()}
            return cls.of(**_read_environment(os.environ if environ is None else environ) | parsed)
        except InvalidInput as error:
            parser.error(str(error))

    @property
    def credentials(self) -> tuple[str, str] | None:
        """(user, password), or None when nobody has to sign in."""
        user, _, password = self.auth.partition(":")
        return (user, password) if user else None


_GROUPS: dict[str, type[Group]] = {
    "storage": Storage,
    "limits": Limits,
    "caches": CacheSizes,
    "modal": Modal,
    "sam2": Sam2,
}


@dataclass(frozen=True)
class Knob:
    """One setting as it is called outside. group: the field of `Settings` it is in, "" for its own."""

    group: str
    field: Field[Any]

    @property
    def env(self) -> str:
        """Its environment variable."""
        return str(self.field.metadata["env"])

    @property
    def name(self) -> str:
        """What its flag is called after the dashes, with _ for -: the variable without our prefix."""
        return self.env.removeprefix("SAM2_PAINTER_").lower()

    @property
    def flag(self) -> str:
        """Its flag, such as --upload-limit."""
        return "--" + self.name.replace("_", "-")

    @property
    def variables(self) -> tuple[str, ...]:
        """Every environment variable it is read from, the first that is set counts."""
        return (self.env, *self.field.metadata["also"])

    def check(self, value: Any) -> None:
        """Raises InvalidInput for what this setting cannot be."""
        choices = self.field.metadata["choices"]
        if choices and value not in choices:
            raise InvalidInput(f"{self.flag} must be one of {', '.join(choices)}, got {value!r}", self.name)
        if value == self.field.default == 0:  # what 0 stands for, where it is the default, is settled later
            return
        if isinstance(value, (int, float)) and not isinstance(value, bool) and not 0 < value < 2**62:
            raise InvalidInput(f"{self.flag} must be above 0, got {value:g}", self.name)

    def parse(self, text: str, label: str = "") -> Any:
        """The value that a text means. label: what to call it in an error, its flag by default."""
        text, kind = text.strip(), self.field.metadata["kind"]
        try:
            return _PARSERS[kind](text)
        except (ValueError, KeyError):
            raise InvalidInput(f"{label or self.flag} must be {_WANTED[kind]}, got {text!r}", self.name) from None

    def add_to(self, group: argparse._ArgumentGroup) -> None:
        """Add the flag, with its help, to a part of the command line."""
        about, default = self.field.metadata, self.field.default
        if about["kind"] == "bool":
            options: dict[str, Any] = dict(action=argparse.BooleanOptionalAction, default=None)
        else:
            options = dict(metavar=self.name.upper())
        shown = "" if default in (None, "", False) else f", default {self._default_text()}"
        choices = f" ({', '.join(about['choices'])})" if about["choices"] else ""
        help = f"{about['help']}{choices} [{' or '.join(self.variables)}{shown}]"
        group.add_argument(self.flag, dest=self.name, help=help, **options)

    def _default_text(self) -> str:
        default: Any = self.field.default
        if self.field.metadata["kind"] == "size":
            return f"{default // MB}MB"
        return f"{default:g}" if isinstance(default, float) else str(default)


def knobs() -> tuple[Knob, ...]:
    """Every setting there is."""
    groups: dict[str, type[Group]] = {"": Settings, **_GROUPS}
    return tuple(knob for group, kind in groups.items() for knob in _own_knobs(kind, group))


def _own_knobs(kind: type[Group], group: str = "") -> tuple[Knob, ...]:
    return tuple(Knob(group, one) for one in fields(kind) if "env" in one.metadata)  # type: ignore[arg-type]


def default_data_dir() -> Path:
    """Where everything is kept unless a folder is named; as "~/..." where nobody knows a home folder.

    That is where the system keeps data of programs (~/.local/share/sam2-painter or as XDG_DATA_HOME says, in Library or
    AppData elsewhere), or ~/.sam2_painter where an earlier version made that.
    """
    import platformdirs  # not in Modal's containers, which keep nothing

    try:
        old = _OLD_DATA_DIR.expanduser()
    except RuntimeError:
        return _OLD_DATA_DIR
    return old if old.is_dir() else platformdirs.user_data_path("sam2-painter", appauthor=False)


def _read_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    given = {}
    for knob in knobs():
        variable = next((name for name in knob.variables if environ.get(name, "").strip()), None)
        if variable:
            given[knob.name] = knob.parse(environ[variable], label=variable)
    return given


def _expand(folder: Path, name: str) -> Path:
    try:
        return Path(folder).expanduser()
    except RuntimeError:
        raise InvalidInput(
            f"--{name.replace('_', '-')} {folder}: that home folder is not known here. Name it by its full path.", name
        ) from None


def parse_size(text: str) -> int:
    """Bytes from "52428800", "50MB" or "1.5 GB" (powers of 1024). Raises ValueError for anything else.

    >>> parse_size("50MB")
    52428800
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text, re.IGNORECASE | re.ASCII)
    if not match:
        raise ValueError(text)
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


_TRUTH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_PARSERS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "bool": lambda text: _TRUTH[text.lower()],
    "size": parse_size,
    "Path": Path,
    "str": str,
}
_WANTED = {"int": "a whole number", "float": "a number", "bool": "true or false", "size": "bytes, or like 50MB"}
