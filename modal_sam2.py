"""SAM 2 on Modal's A100s: scales to zero, wakes in seconds, answers SAM2 Painter.

    pip install -r requirements-modal.txt && modal setup
    modal deploy modal_sam2.py                # prints the address: MODAL_BASE_URL
    python app.py --engine modal --modal-base-url https://you--sam2-painter.modal.run

The address asks for a proxy token: make one on modal.com under Settings, Proxy Auth Tokens, and set MODAL_KEY and
MODAL_SECRET to it. Or set MODAL_APP=sam2-painter instead of an address: then the Modal account of this machine is used.

A folder of photos, painted by many containers at once:

    modal run modal_sam2.py::paint_folder --folder photos --color "#c8553d" --x 0.5 --y 0.6

`python modal_sam2.py` deploys, too; `python modal_sam2.py --help` prints this. docs/modal.md says what it costs, how to
stop it, and where its logs are.

The same service on a GPU of your own: `python modal_sam2.py serve [PORT]` (with requirements-sam2.txt). It is set up by
the SAM2_ variables of app.py, and asks for a key when MODAL_KEY and MODAL_SECRET are set.

The page there, too: with SAM2_PAGE_AUTH=USER:PASSWORD when deploying, one container without a GPU serves it behind that
sign-in, keeps what people do on a volume, and asks the GPU containers.

Read when deploying: SAM2_MODEL (large), SAM2_GPU (A100-40GB), SAM2_DTYPE (bfloat16, as the authors run it on a GPU:
nearly the masks of float32, which may be set instead), SAM2_MIN_CONTAINERS (0), SAM2_MAX_CONTAINERS (4).

This file holds what Modal needs to know; what it runs is `sam2_painter.engines`.
"""

# ruff: noqa: T201 - it talks to whoever runs it
# No `from __future__ import annotations`: Modal reads the types.
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

try:
    import modal
except ModuleNotFoundError:
    if __name__ != "__main__":
        raise
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(__doc__)
        sys.exit()
    sys.exit("The Modal SDK is missing here: pip install -r requirements-modal.txt (or sam2-painter[modal]).")

from sam2_painter.engines.sam2.weights import release

APP = "sam2-painter"
SAM2_COMMIT = "2b90b9f5ceec907a1c18123530e92e794ad901a4"  # of facebookresearch/sam2
REMEMBERED = 4 * 2**30  # bytes of photos that a container has read


def deployed_with(name: str, default: str) -> str:
    """A setting of whoever deploys; the container sees the same, for it is baked into its image."""
    return os.environ.get(name, "") or default


MODEL = deployed_with("SAM2_MODEL", "large")
MODEL = "large" if MODEL == "auto" else MODEL
GPU = deployed_with("SAM2_GPU", "A100-40GB")
DTYPE = deployed_with("SAM2_DTYPE", "bfloat16")
MIN_CONTAINERS = int(deployed_with("SAM2_MIN_CONTAINERS", "0"))
MAX_CONTAINERS = int(deployed_with("SAM2_MAX_CONTAINERS", "4"))
RELEASE = release(MODEL)
PAGE_AUTH = deployed_with("SAM2_PAGE_AUTH", "")
PAGE_PORT = 7860


def page_requirements() -> list[str]:
    """What the page needs, of the file beside this one or of the installed package; nothing inside a container, where
    no image is made."""
    if not modal.is_local():
        return []
    file = Path(__file__).with_name("requirements.txt")
    if file.is_file():
        return [line.split(" #")[0] for line in file.read_text(encoding="utf-8").splitlines() if line[:1] not in "#"]
    return [one for one in metadata.requires("sam2-painter") or () if "extra ==" not in one]


image = (
    modal.Image.debian_slim(python_version="3.12")
    .apt_install("git")
    .uv_pip_install(
        "torch==2.8.0",
        "torchvision==0.23.0",
        "numpy==2.2.6",
        "pillow==11.3.0",
        "opencv-python-headless==4.12.0.88",
        "huggingface_hub==0.35.3",
        "hydra-core==1.3.2",
        "iopath==0.1.10",
        "tqdm==4.67.1",
        "fastapi==0.118.0",
        "msgpack==1.1.1",
        "zstandard==0.25.0",
        "setuptools==80.9.0",
        "wheel==0.45.1",
    )
    .env(
        {
            "HF_HOME": "/opt/hf",
            "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
            "SAM2_BUILD_CUDA": "0",
            "SAM2_MODEL": MODEL,
            "SAM2_GPU": GPU,
            "SAM2_DTYPE": DTYPE,
            "SAM2_MIN_CONTAINERS": str(MIN_CONTAINERS),
            "SAM2_MAX_CONTAINERS": str(MAX_CONTAINERS),
        }
    )
    .uv_pip_install(
        f"SAM-2 @ git+https://github.com/facebookresearch/sam2.git@{SAM2_COMMIT}",
        extra_options="--no-build-isolation --no-deps",
    )
    .run_commands(f"hf download {RELEASE.repo} {RELEASE.file} --revision {RELEASE.revision}")
    .add_local_python_source("sam2_painter")
)
app = modal.App(APP, image=image)


@app.cls(
    gpu=GPU,
    cpu=2,
    memory=8192,
    timeout=300,
    startup_timeout=600,
    scaledown_window=120,
    min_containers=MIN_CONTAINERS,
    max_containers=MAX_CONTAINERS,
    enable_memory_snapshot=True,
)
@modal.concurrent(max_inputs=16, target_inputs=8)
class SAM2:
    """One container: a SAM 2 on its GPU, and the photos it has read lately."""

    @modal.enter(snap=True)
    def load(self) -> None:
        """Imports and weights, on the CPU: what the memory snapshot keeps."""
        from sam2_painter.engines.sam2 import SAM2Engine

        self.engine = SAM2Engine(MODEL, os.environ.get("SAM2_CHECKPOINT"), device="cpu")

    @modal.enter(snap=False)
    def wake(self) -> None:
        """Onto the GPU, and one question, so that the first person does not wait for CUDA to start."""
        import numpy as np

        from sam2_painter.engines.remote.server import Service
        from sam2_painter.jobs.cache import Cache
        from sam2_painter.types import Photo, Prompts

        self.engine.to("auto", DTYPE)
        grey = Photo(np.full((64, 64, 3), 128, np.uint8))
        self.engine.predict(self.engine.embed(grey), Prompts.click(32, 32))
        self.remembers = Cache(REMEMBERED, lambda kept: kept.nbytes)
        self.service = Service(self.engine, self.remembers)

    @modal.method()
    def answer(self, op: str, body: bytes) -> tuple[int, bytes, float | None]:
        """A question without HTTP: status, reply, and after how many seconds to come back."""
        answer = self.service.answer(op, body)
        return answer.status, answer.body, answer.retry_after

    @modal.asgi_app(label=APP, requires_proxy_auth=True)
    def web(self):
        """The same over HTTP. Modal's proxy has checked the key."""
        from sam2_painter.engines.remote.server import build_api

        return build_api(self.engine, self.remembers)


def page_command() -> tuple[list[str], dict[str, str]]:
    """The server of the page in its container, and its environment: it asks this app's GPU containers by MODAL_APP."""
    settings = {
        "SAM2_PAINTER_AUTH": PAGE_AUTH,
        "SAM2_PAINTER_ENGINE": "modal",
        "MODAL_APP": APP,
        "SAM2_PAINTER_ALLOWED_HOSTS": ".modal.run",
        "SAM2_PAINTER_TRUSTED_PROXIES": "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16",  # Modal asks from beside the server
    }
    words = ["-m", "sam2_painter", "serve", "--host", "0.0.0.0", "--port", str(PAGE_PORT)]
    return [sys.executable, *words], {"SAM2_PAINTER_DATA_DIR": "/data", **os.environ, **settings}


if PAGE_AUTH:

    @app.function(
        image=modal.Image.debian_slim(python_version="3.12")
        .uv_pip_install(*page_requirements())
        .add_local_python_source("sam2_painter", ignore=["**/*.pyc"]),  # with what is not Python: scripts, weights
        secrets=[modal.Secret.from_dict({"SAM2_PAGE_AUTH": PAGE_AUTH})],
        volumes={"/data": modal.Volume.from_name(f"{APP}-data", create_if_missing=True)},
        cpu=2,
        memory=4096,
        timeout=600,
        scaledown_window=600,
        max_containers=1,  # one process keeps one data folder
    )
    @modal.concurrent(max_inputs=200)
    @modal.web_server(PAGE_PORT, startup_timeout=120, label=f"{APP}-page")
    def page() -> None:
        """The page, on one container without a GPU."""
        command, env = page_command()
        subprocess.Popen(command, env=env)


@app.local_entrypoint()
def paint_folder(folder: str, color: str, x: float = 0.5, y: float = 0.5, out: str = "painted", opacity: float = 1.0):
    """Paint what is at (x, y), in fractions of width and height, in every photo of a folder.

    The photos are spread over as many containers as there may be; painting is done here. What cannot be painted is
    said, and the rest is done.
    """
    from sam2_painter.engines.remote import wire
    from sam2_painter.errors import InvalidInput, PainterError
    from sam2_painter.paint.colors import parse_color
    from sam2_painter.paint.composite import composite
    from sam2_painter.photos.formats import SUFFIXES
    from sam2_painter.photos.images import encode, open_photo
    from sam2_painter.types import Layer, Prompts, number

    try:
        rgb, x, y = parse_color(color), number(x, "x", 0, 1), number(y, "y", 0, 1)
        opacity = number(opacity, "opacity", 0, 1)
        paths = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in SUFFIXES)
    except (InvalidInput, OSError) as error:
        sys.exit(str(error))
    Path(out).mkdir(parents=True, exist_ok=True)
    asked: list[Path] = []

    def questions():
        for path in paths:
            try:
                photo = open_photo(path)
            except PainterError as error:
                print(f"{path.name}: {error}")
                continue
            height, width = photo.size
            point = Prompts.click(min(x * width, width - 1), min(y * height, height - 1))
            asked.append(path)
            yield "predict", wire.request(wire.shrink(photo), wire.MAX_SECONDS, prompts=point, attach=True)

    done = 0
    for i, answer in enumerate(SAM2().answer.starmap(questions(), return_exceptions=True)):
        path = asked[i]
        try:
            if isinstance(answer, Exception):
                raise PainterError(f"Modal failed ({type(answer).__name__}).")
            status, body, _ = answer
            reply = wire.unpack(body)
            if status != 200:
                raise PainterError(reply["error"]["message"])
            mask = wire.unpack_mask(reply["masks"][0])
            picture = composite(open_photo(path), [Layer(mask, rgb, opacity)])
        except PainterError as error:
            print(f"{path.name}: {error}")
            continue
        alone = [other.stem for other in paths].count(path.stem) == 1  # or a.jpg and a.png would be one
        to = Path(out) / f"{path.stem if alone else path.name}.png"
        to.write_bytes(encode(picture))
        print(f"{path.name} -> {to}")
        done += 1
    print(f"{done} of {len(paths)} photos painted.")


def deploy_here() -> None:
    """`modal deploy` of this file, in place of this process. Ends it with a sentence where no account is set up."""
    from modal.config import config

    if not (config.get("token_id") and config.get("token_secret")):
        sys.exit(
            "No Modal account is set up on this machine: run `modal setup` first, or set MODAL_TOKEN_ID and "
            "MODAL_TOKEN_SECRET."
        )
    os.execv(sys.executable, [sys.executable, "-m", "modal", "deploy", __file__])


def serve(port: int = 8000) -> None:
    """The same service on this machine, as the SAM2_ settings of app.py say."""
    import uvicorn

    from sam2_painter.engines.remote.server import build_api
    from sam2_painter.engines.sam2 import SAM2Engine
    from sam2_painter.errors import PainterError
    from sam2_painter.hosts import AllowedHosts
    from sam2_painter.jobs.cache import Cache
    from sam2_painter.settings import Settings

    try:
        settings = Settings.from_env()
        hosts = AllowedHosts.parse(settings.allowed_hosts)
        engine = SAM2Engine(
            settings.sam2.model,
            settings.sam2.checkpoint or None,
            settings.sam2.device,
            settings.sam2.cache_dir or None,
            settings.sam2.dtype,
            settings.sam2.compile,
        )
    except PainterError as error:
        sys.exit(f"The service cannot start. {error}")
    api = build_api(
        engine,
        Cache(REMEMBERED, lambda kept: kept.nbytes),
        key=settings.modal.key,
        secret=settings.modal.secret,
        hosts=hosts,
    )
    key = " MODAL_KEY=... MODAL_SECRET=..." if settings.modal.key or settings.modal.secret else ""
    print(f"{engine.title}. To use it:{key} python app.py --engine modal --modal-base-url http://127.0.0.1:{port}")
    uvicorn.run(api, port=port, log_level="warning")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [] | ["deploy"]:
            deploy_here()
        case ["serve"]:
            serve()
        case ["serve", port] if port.isdecimal() and 0 < int(port) < 65536:
            serve(int(port))
        case words if {"-h", "--help"} & set(words):
            print(__doc__)
        case words:
            sys.exit(f"modal_sam2.py takes deploy, serve [PORT] or --help, not {' '.join(words)!r}.")
