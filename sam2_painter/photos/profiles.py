"""Colours as files describe them -> sRGB: ICC profiles, and profiles made from the other ways of saying it.

A picture may name its colours by numbers instead of a profile: chromaticities and a gamma (PNG's cHRM and gAMA), code
points of video (cICP, as in HEIC and AVIF), or one word in Exif. Each becomes a small ICC profile here, so that one
transform serves them all.
"""

from __future__ import annotations

import struct
from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from .picture import MAX_PROFILE

XY = tuple[float, float]
Chromaticities = tuple[XY, XY, XY, XY]
"""CIE x, y of red, green, blue and white."""

D65: XY = (0.3127, 0.3290)
BT709: Chromaticities = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65)
ADOBE_RGB: Chromaticities = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), D65)
PRIMARIES: dict[int, Chromaticities] = {  # of Rec. ITU-T H.273, table 2
    1: BT709,
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.310, 0.316)),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), D65),
}
REFERENCE_WHITE = 203.0  # cd/m2 that white paper has in HDR (Rep. ITU-R BT.2408)
HDR = frozenset((16, 18))
"""Transfer characteristics of more range than a screen has: PQ and HLG."""

HDR_NOTE = "The photo is HDR; it was brought into the range of an ordinary screen."

_CURVE_POINTS = 1024


# -- making profiles -----------------------------------------------------------------------------------------------


def matrix_profile(primaries: Chromaticities, curve: float | np.ndarray) -> bytes:
    """An ICC profile of an RGB space. curve: its gamma, or (N,) linear light, 0 to 1, of N code values.

    Raises ValueError for primaries that span no colours.
    """
    return _rgb_profile(primaries, _curve(curve), b"Tagged")


def _rgb_profile(primaries: Chromaticities, curve: bytes, name: bytes) -> bytes:
    red, green, blue, white = primaries
    columns = np.array([_xyz(red), _xyz(green), _xyz(blue)]).T
    if not np.isfinite(columns).all() or abs(np.linalg.det(columns)) < 1e-3 or white[1] < 1e-3:
        raise ValueError("these primaries span no colours")
    columns = columns * np.linalg.solve(columns, _xyz(white))  # their sum is white
    columns = _adapted(white) @ columns
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    named = {tag: _xyz_tag(columns[:, i]) for i, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    return _profile(b"RGB ", {**named, **curves}, name)


def grey_profile(curve: float | np.ndarray) -> bytes:
    """An ICC profile of greys. curve: as for `matrix_profile`."""
    return _profile(b"GRAY", {b"kTRC": _curve(curve)}, b"Tagged")


def coded_profile(primaries: int, transfer: int, *, grey: bool = False) -> bytes:
    """An ICC profile from code points of Rec. ITU-T H.273 (cICP in PNG, nclx in HEIC); empty for sRGB and for code
    points that say nothing.

    Video's own curve (1, 6, 14, 15) counts as sRGB's: it is what screens show it by.
    """
    curve = _transfer(transfer)
    chromaticities = PRIMARIES.get(primaries)
    if curve is None or (chromaticities is None and primaries != 2):
        return b""
    if transfer in _LIKE_SRGB and (grey or (chromaticities or BT709) == BT709):
        return b""
    return grey_profile(curve) if grey else matrix_profile(chromaticities or BT709, curve)


def tagged_profile(gamma: float, primaries: Chromaticities | None, *, grey: bool = False) -> bytes:
    """An ICC profile from a gamma (of the light a code value stands for, 2.2 for most files) and chromaticities; empty
    where they say sRGB, and where they make no sense."""
    if not 0.2 <= gamma <= 5:
        return b""
    curve = _transfer(13) if abs(gamma - 2.2) < 0.05 else gamma  # what is written as 1/2.2 was made for sRGB screens
    same = primaries is None or bool(np.abs(np.array(primaries) - BT709).max() < 0.002)
    if isinstance(curve, np.ndarray) and (same or grey):
        return b""
    assert curve is not None
    try:
        return grey_profile(curve) if grey else matrix_profile(primaries or BT709, curve)
    except (ValueError, ArithmeticError, struct.error):
        return b""


@cache
def adobe_rgb_profile() -> bytes:
    """Adobe RGB (1998), from its definition: gamma 563/256."""
    return matrix_profile(ADOBE_RGB, 563 / 256)


@cache
def srgb_profile() -> bytes:
    """sRGB, for files that are written: some 500 bytes, the same ones every day."""
    curve = b"para\0\0\0\0\0\x03\0\0" + _s15(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)  # ICC.1:2010, type 3
    return _rgb_profile(BT709, curve, b"sRGB")


def srgb_to_linear(codes: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] -> linear light in [0, 1] (IEC 61966-2-1)."""
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


_LIKE_SRGB = frozenset((1, 2, 6, 13, 14, 15))


def _transfer(code: int) -> float | np.ndarray | None:
    """Linear light of the code values, white 1 (H.273, table 3); None for what is unknown."""
    code_values = np.linspace(0, 1, _CURVE_POINTS)
    if code in _LIKE_SRGB:
        return srgb_to_linear(code_values)
    if code == 16:  # PQ (SMPTE ST 2084), 1 is 10,000 cd/m2
        power = code_values ** (1 / 78.84375)
        light = (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
        return _shoulder(light * 10_000 / REFERENCE_WHITE)
    if code == 18:  # HLG (ARIB STD-B67) on a screen of 1000 cd/m2
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(code_values <= 0.5, code_values**2 / 3, (np.exp((code_values - c) / a) + b) / 12)
        return _shoulder(scene**1.2 * 1000 / REFERENCE_WHITE)
    return {4: 2.2, 5: 2.8, 8: 1.0}.get(code)


def _shoulder(light: np.ndarray) -> np.ndarray:
    """Light as it was up to half of white; what is brighter, and brighter than white, bends towards 1."""
    bent = 1 - 0.25 / np.maximum(light, 0.5)  # meets the straight part at 0.5, and its slope there
    return np.where(light <= 0.5, light, bent)


def _xyz(xy: XY) -> np.ndarray:
    x, y = xy
    return np.array([x, y, 1 - x - y]) / max(y, 1e-6)


def _adapted(white: XY) -> np.ndarray:
    """(3, 3): Bradford's adaptation of XYZ from a white to D50, that of ICC profiles."""
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    cones, target = bradford @ _xyz(white), bradford @ np.array([0.9642, 1.0, 0.8249])
    return np.asarray(np.linalg.inv(bradford) @ np.diag(target / cones) @ bradford)


def _s15(*values: float) -> bytes:
    return b"".join(round(value * 65536).to_bytes(4, "big", signed=True) for value in values)


def _xyz_tag(values: np.ndarray) -> bytes:
    return b"XYZ \0\0\0\0" + _s15(*values.tolist())


def _curve(curve: float | np.ndarray) -> bytes:
    if isinstance(curve, np.ndarray):
        points = np.round(np.clip(curve, 0, 1) * 65535).astype(">u2")
        return b"curv\0\0\0\0" + struct.pack(">I", len(points)) + bytes(points)
    return b"para\0\0\0\0\0\0\0\0" + _s15(curve)


def _profile(space: bytes, tags: dict[bytes, bytes], name: bytes) -> bytes:
    """A display profile (ICC.1:2001 and later) of these tags."""
    parts = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + bytes(80),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": b"XYZ \0\0\0\0" + _s15(0.9642, 1.0, 0.8249),
        **tags,
    }
    table, body, at = b"", b"", 132 + 12 * len(parts)
    for name, value in parts.items():
        table += name + struct.pack(">II", at + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = bytearray(128)
    head[8:12], head[12:16], head[16:20], head[20:24], head[36:40] = b"\x04\x20\0\0", b"mntr", space, b"XYZ ", b"acsp"
    head[68:80] = _s15(0.9642, 1.0, 0.8249)
    whole = head + struct.pack(">I", len(parts)) + table + body
    whole[:4] = struct.pack(">I", len(whole))
    return bytes(whole)


# -- transforms ----------------------------------------------------------------------------------------------------


def to_srgb(icc_profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """What turns Pillow pixels of that mode and profile into sRGB; None when it changes nothing, is junk, or is of
    another space than the pixels."""
    if len(icc_profile) > MAX_PROFILE:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc_profile))
        space = profile.profile.xcolor_space.strip()
        expected = {"1": "GRAY", "L": "GRAY", "LA": "GRAY", "La": "GRAY", "CMYK": "CMYK", "LAB": "Lab"}.get(mode, "RGB")
        if space != expected or space not in _INPUT_MODES:
            return None
        transform = ImageCms.buildTransform(
            profile,
            ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
            _INPUT_MODES[space],
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except _PROFILE_ERRORS:
        return None
    return None if space == "RGB" and _changes_nothing(transform) else transform


_INPUT_MODES = {"GRAY": "L", "CMYK": "CMYK", "RGB": "RGB"}
_PROFILE_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError, MemoryError)


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether it moves no colour by more than 1: sRGB itself, in its many spellings, stays bit-exact."""
    levels = np.linspace(0, 255, 18).astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3)
    moved = np.asarray(transform.apply(Image.fromarray(cube)))
    return int(np.abs(moved.astype(int) - cube).max()) <= 1


def lab_to_srgb() -> ImageCms.ImageCmsTransform:
    """What turns Pillow pixels of mode "LAB" into sRGB."""
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
