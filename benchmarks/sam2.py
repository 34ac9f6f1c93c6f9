"""SAM 2: ours against the authors' package, by turns, with the same weights.

    python -m benchmarks.sam2                            # random weights: speed does not depend on their values
    python -m benchmarks.sam2 --checkpoint sam2.1_hiera_large.pt --device cuda --dtype bfloat16

Random weights find no automatic mask. So for those both networks run in full, and then both get the same plausible
scores and logits in place of their own: what follows (thresholds, stability, enlarging, runs, duplicates) is as with
trained weights. Times are CPU seconds of one thread on a CPU, wall seconds on a GPU; trust the ratios.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from sam2_painter.engines.sam2 import SAM2Engine
from sam2_painter.types import AutoMask, Photo, Prompts

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))  # its random weights


def main() -> None:
    """Print a table of times and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, help="SAM 2.1 weights [random ones]")
    parser.add_argument("--model", default="tiny", choices=("tiny", "small", "base-plus", "large"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--width", type=int, default=1730)
    parser.add_argument("--height", type=int, default=1155)
    parser.add_argument("--points", type=int, default=32, help="points per side of the automatic masks")
    parser.add_argument("--rounds", type=int, default=5, help="of encode and click")
    parser.add_argument("--generate-rounds", type=int, default=1)
    options = parser.parse_args()

    import torch

    if options.device == "cpu":
        torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = options.checkpoint
        if checkpoint is None:
            from sam2_weights import save_random_weights

            checkpoint = save_random_weights(Path(folder) / "random.pt", options.model)
        engine = SAM2Engine("auto", checkpoint, options.device, dtype=options.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Bench(engine, options).run()


class Bench:
    """Both sides on one network, one photo."""

    def __init__(self, engine: SAM2Engine, options: argparse.Namespace):
        import torch
        from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator
        from sam2.sam2_image_predictor import SAM2ImagePredictor

        self.engine, self.options, self.torch = engine, options, torch
        rng = np.random.default_rng(0)
        small = rng.integers(0, 255, (12, 16, 3)).astype(np.uint8)
        from PIL import Image

        enlarged = Image.fromarray(small).resize((options.width, options.height), Image.Resampling.BICUBIC)
        self.photo = Photo(np.asarray(enlarged))
        self.network = engine._network
        self.autocast = torch.autocast(
            options.device, getattr(torch, options.dtype), enabled=options.dtype != "float32"
        )
        self.predictor = SAM2ImagePredictor(self.network)
        self.knobs = AutoMask(points_per_side=options.points, pred_iou_thresh=0.8)
        self.generator = SAM2AutomaticMaskGenerator(self.network, points_per_side=options.points)

    def run(self) -> None:
        """Measure and print."""
        o = self.options
        print(f"{self.engine.title}, {o.dtype}, {o.width}x{o.height}, weights {self.engine.name.split('/')[1]}")
        print(f"{'':34}{'package':>10}{'ours':>10}{'ratio':>8}")
        with self.autocast:
            self.predictor.set_image(self.photo.pixels)
        embedding = self.engine.embed(self.photo)
        self.compare(
            "encode",
            lambda: self.predictor.set_image(self.photo.pixels),
            lambda: self.engine.embed(self.photo),
            o.rounds,
        )
        at = (o.width * 0.4, o.height * 0.5)
        script = Script(1, self.torch, o.device)
        with script.on(self.network, self.engine):
            self.compare(
                "click: one point, three masks",
                lambda: script.again() or self.predictor.predict(np.array([at]), np.array([1])),
                lambda: script.again() or self.engine.predict(embedding, Prompts.click(*at)),
                o.rounds,
            )
        script = Script(o.points**2, self.torch, o.device)
        found: dict[str, int] = {}

        def theirs() -> None:
            script.again()
            found["package"] = len(self.generator.generate(self.photo.pixels))

        def ours() -> None:
            script.again()
            fresh = self.engine.embed(self.photo)
            found["ours"] = len(self.engine.generate(self.photo, fresh, self.knobs))

        with script.on(self.network, self.engine):
            self.compare(f"every mask, {o.points} points a side", theirs, ours, o.generate_rounds)
        print(f"masks found: {found['package']} by the package, {found['ours']} by ours")
        data = self.engine.dump(embedding)
        print(f"embedding: {embedding.nbytes / 1e6:.1f} MB in memory, {len(data) / 1e6:.1f} MB on disk")

    def compare(self, what: str, theirs: Callable[[], object], ours: Callable[[], object], rounds: int) -> None:
        """Run both by turns; print medians and their ratio."""
        times: dict[str, list[float]] = {"package": [], "ours": []}
        for warm_up in (True, False) if rounds > 1 else (False,):
            for _ in range(1 if warm_up else rounds):
                for name, call in (("package", theirs), ("ours", ours)):
                    start = self.clock()
                    if name == "package":
                        with self.autocast:
                            call()
                    else:
                        call()
                    if not warm_up:
                        times[name].append(self.clock() - start)
        package, own = (statistics.median(times[name]) for name in ("package", "ours"))
        print(f"{what:34}{package:9.3f}s{own:9.3f}s{package / own:7.2f}x", flush=True)

    def clock(self) -> float:
        """Seconds."""
        if self.options.device == "cuda":
            self.torch.cuda.synchronize()
        return time.process_time() if self.options.device == "cpu" else time.perf_counter()


class Script:
    """Plausible scores and logits for `count` prompts: things of three sizes, some seen better than others.

    Prompts on the same thing get nearly the same mask, as from trained weights.
    """

    def __init__(self, count: int, torch: object, device: str):
        self.torch, self.device = torch, device
        side = max(1, round(count**0.5))
        rng = np.random.default_rng(1)
        yy, xx = np.mgrid[:256, :256].astype(np.float32)
        hills = [self._hill(rng) for _ in range(16)]
        self.logits = torch.empty(count, 3, 256, 256, dtype=torch.float16)
        self.scores = torch.empty(count, 4)
        quality = {}
        for prompt in range(count):
            x, y = ((prompt % side + 0.5) * 256 / side, (prompt // side + 0.5) * 256 / side)
            for scale, cell in enumerate((24, 64, 160)):
                thing = (scale, int(x // cell), int(y // cell))
                q = quality.setdefault(thing, rng.beta(2.0, 1.4))
                middle = ((thing[1] + 0.5) * cell, (thing[2] + 0.5) * cell)
                away = np.maximum(np.abs(xx - middle[0]), np.abs(yy - middle[1])) * 0.7 + 0.3 * np.hypot(
                    xx - middle[0], yy - middle[1]
                )
                slope = 1 + 14 * q**2
                field = slope * (0.5 * cell - away) + hills[rng.integers(16)] * slope**0.5 * rng.uniform(0.1, 0.6)
                self.logits[prompt, scale] = torch.from_numpy(np.clip(field, -24, 24))
                self.scores[prompt, 1 + scale] = float(np.clip(0.55 + 0.42 * q + rng.normal(0, 0.04), 0, 0.995))
            self.scores[prompt, 0] = 0.5
        self.again()

    @staticmethod
    def _hill(rng: np.random.Generator) -> np.ndarray:
        from PIL import Image

        rough = Image.fromarray(rng.standard_normal((40, 40)).astype(np.float32))
        return np.asarray(rough.resize((256, 256), Image.Resampling.BICUBIC))

    def again(self) -> None:
        """Start from the first prompt."""
        self._scored = self._drawn = 0

    def on(self, network: object, engine: SAM2Engine) -> Scripted:
        """A context in which both decoders give these scores and logits, after all their own work."""
        return Scripted(self, network, engine)

    def take_scores(self, count: int) -> object:
        """(count, 4) of the next prompts."""
        self._scored += count
        return self.scores[self._scored - count : self._scored].to(self.device)

    def take_logits(self, count: int) -> object:
        """(count, 3, 256, 256) of the next prompts."""
        self._drawn += count
        return self.logits[self._drawn - count : self._drawn].to(self.device).float()


class Scripted:
    """See `Script.on`."""

    def __init__(self, script: Script, network: object, engine: SAM2Engine):
        self.script, self.theirs, self.ours = script, network.sam_mask_decoder, engine._decoder

    def __enter__(self) -> None:
        script, forward, decode = self.script, self.theirs.forward, self.ours.decode
        head = self.theirs.iou_prediction_head
        score = head.forward

        def scored(tokens: object) -> object:
            score(tokens)
            return script.take_scores(len(tokens))

        def their_forward(*args: object, **kwargs: object) -> object:
            masks, scores, *rest = forward(*args, **kwargs)
            return script.take_logits(len(masks)), scores, *rest

        def our_decode(
            features: object, coords: object, labels: object, masks: object = None, **kwargs: object
        ) -> object:

            found = decode(features, coords, labels, masks, **kwargs)
            logits = script.take_logits(len(coords))
            above = kwargs.get("above")
            if above is not None:
                last = script._scored
                logits = logits[script.scores[last - len(coords) : last, 1:].to(logits.device) > above]
            return replace(found, logits=logits.reshape(-1, 256, 256))

        head.forward, self.theirs.forward, self.ours.decode = scored, their_forward, our_decode

    def __exit__(self, *_: object) -> None:
        del self.theirs.iou_prediction_head.forward, self.theirs.forward, self.ours.decode


if __name__ == "__main__":
    main()
