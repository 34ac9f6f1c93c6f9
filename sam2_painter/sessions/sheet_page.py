"""A sheet for the painter as a page: to read on a phone, and to print on one or two sheets of paper.

Facts: title, scheme ("" where there is one only), date (ISO), walls: a list of name, color (#rrggbb), paint, code,
brand, distance (CIEDE2000 of the paint from the colour), reflectance (LRV, 0-100), share (of the photo, 0-1),
of_facade (the same of the facade) and, where a length in the photo is known, area (m²) and litres: [least, most];
facade: "found" where the engine knows what it is, "painted" where it is all that is painted; units: "m" or "ft".
Older sheets lack of_facade, facade and units.
"""

from __future__ import annotations

from html import escape
from string import Template
from typing import Any

SCREEN = "A screen is not a swatch: choose the final colour from the maker's card, in daylight, on the wall."
GUESSED = {
    "m": "Areas are estimates from one length in the photo: a wall seen at an angle is larger than it looks. Litres "
    "are for two coats at 6 to 10 m² a litre. Measure before you buy.",
    "ft": "Areas are estimates from one length in the photo: a wall seen at an angle is larger than it looks. Gallons "
    "are US gallons for two coats at 245 to 407 sq ft a gallon. Measure before you buy.",
}
FACADE = {
    "found": "The facade is what was found of it in the photo: walls, windows, doors, shutters, trim; not roofs.",
    "painted": "Shares are of all that is painted in the photo.",
}
SQUARE_FEET, GALLONS = 10.7639, 0.264172  # in a square metre, in a litre
SAME = 1.0  # CIEDE2000 that nobody sees

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="referrer" content="no-referrer">
<title>$title: paints</title>
$card
<style>
:root { color-scheme: light dark; --ink: #1c1d20; --paper: #fbfbf9; --soft: #5c5f66; --line: #dcdcd6; }
@media (prefers-color-scheme: dark) { :root { --ink: #eeeeea; --paper: #1b1c1f; --soft: #a9abb2; --line: #3a3b40; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 3rem; background: var(--paper); color: var(--ink);
  font: 16px/1.45 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere; }
header p, figcaption, .note { color: var(--soft); margin: 0; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); gap: 1rem;
  margin: 1.25rem 0; }
figure { margin: 0; }
img { display: block; width: 100%; height: auto; border-radius: 6px; }
figcaption { font-size: .85rem; margin-top: .3rem; }
ul { list-style: none; margin: 0; padding: 0; border-top: 1px solid var(--line); }
li { display: grid; grid-template-columns: 4.5rem 1fr auto; gap: 1rem; align-items: center; padding: .75rem 0;
  border-bottom: 1px solid var(--line); break-inside: avoid; }
.swatch { height: 3.5rem; border-radius: 6px; border: 1px solid var(--line); background: var(--c);
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
li b, li span { overflow-wrap: anywhere; }
li span { display: block; }
.much { text-align: right; font-variant-numeric: tabular-nums; }
li small { color: var(--soft); display: block; font-size: .85rem; }
.note { font-size: .85rem; margin-top: 1rem; }
@media (max-width: 30rem) { li { grid-template-columns: 3.5rem 1fr; } .much { grid-column: 2; text-align: left; } }
@media print {
  @page { margin: 14mm; }
  :root { color-scheme: light; --ink: #000; --paper: #fff; --soft: #444; --line: #bbb; }
  body { padding: 0; max-width: none; font-size: 10.5pt; }
  .pictures { grid-template-columns: 1fr 1fr; }
}
</style>
</head>
<body>
<header><h1>$title</h1><p>$about</p></header>
<main>
<div class="pictures">
<figure><img src="$before" alt="The house as it is"><figcaption>Now</figcaption></figure>
<figure><img src="$after" alt="The house as it is to be"><figcaption>$painted</figcaption></figure>
</div>
<ul>
$walls
</ul>
$notes
</main>
</body>
</html>
""")


def render(facts: dict[str, Any], before: str, after: str, link: str = "") -> str:
    """The page as HTML; what people wrote in it is text. before, after: addresses of the pictures, or data URLs.

    link: the page's own address, for a preview card.
    """
    title, scheme = str(facts["title"]), str(facts["scheme"])
    paints = ", ".join(dict.fromkeys(f"{wall['name']} {_chosen(wall)}" for wall in facts["walls"]))
    card = ""
    if link:
        tags = {
            "og:type": "article",
            "og:title": f"{title}: paints",
            "og:description": paints[:200],
            "og:image": f"{link}/after.jpg",
            "og:url": link,
        }
        card = "\n".join(f'<meta property="{name}" content="{escape(text)}">' for name, text in tags.items())
    units, facade = facts.get("units", "m"), facts.get("facade", "")
    notes = [FACADE[facade]] if facade else []
    notes += [SCREEN] + ([GUESSED[units]] if any("area" in wall for wall in facts["walls"]) else [])
    return _PAGE.substitute(
        title=escape(title),
        about=escape(" · ".join(part for part in (f"Scheme {scheme}" if scheme else "", str(facts["date"])) if part)),
        painted=escape(f"Scheme {scheme}" if scheme else "Painted"),
        before=escape(before),
        after=escape(after),
        card=card,
        walls="\n".join(_wall(wall, units, facade) for wall in facts["walls"]),
        notes="\n".join(f'<p class="note">{escape(note)}</p>' for note in notes),
    )


def _wall(wall: dict[str, Any], units: str, facade: str) -> str:
    near = f"nearest paint: {wall['paint']}, ΔE {wall['distance']:.1f}" if wall["distance"] >= SAME else ""
    lines = [
        " ".join(filter(None, (wall["brand"], wall["code"]))),
        near,
        f"{wall['color']}, LRV {wall['reflectance']:.0f}",
    ]
    small = "".join(f"<small>{escape(line)}</small>" for line in lines if line)
    much = [f"<small>{_percent(wall['share'])} of the photo</small>"]
    if facade:
        whole = "the facade" if facade == "found" else "what is painted"
        much.insert(0, f"<span>{_percent(wall['of_facade'])} of {whole}</span>")
    if "area" in wall and units == "ft":
        area, gallons = ([bound * by for bound in wall[name]] for name, by in _FEET)
        much.append(f"<span>{_range(area)} sq ft</span><small>{_range(gallons)} gal</small>")
    elif "area" in wall:
        much.append(f"<span>{_range(wall['area'])} m²</span><small>{_range(wall['litres'])} l</small>")
    return (
        f'<li style="--c:{escape(wall["color"])}"><div class="swatch"></div>'
        f"<div><small>{escape(wall['name'])}</small><b>{escape(_chosen(wall))}</b>{small}</div>"
        f'<div class="much">{"".join(much)}</div></li>'
    )


def _chosen(wall: dict[str, Any]) -> str:
    """The paint; where the card only has one that is near, the colour, which is what was chosen."""
    return str(wall["paint"] if wall["distance"] < SAME else wall["color"])


_FEET = (("area", SQUARE_FEET), ("litres", GALLONS))


def _percent(share: float) -> str:
    """ "62%", and below one "0.4%"."""
    return f"{100 * share:.0f}%" if share >= 0.01 else f"{100 * share:.1f}%"


def _range(pair: list[float]) -> str:
    least, most = pair
    if least < 0.05:
        return f"up to {max(most, 0.1):.1f}"
    return f"{least:.0f} to {most:.0f}" if most >= 10 else f"{least:.1f} to {most:.1f}"
