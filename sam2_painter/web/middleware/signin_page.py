"""The page that asks for user and password: one form, no script, nothing fetched."""

from __future__ import annotations

import html

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>SAM2 Painter – sign in</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
body {{ display: grid; place-items: center; min-height: 100vh; margin: 0 }}
form {{ display: grid; gap: .8rem; width: min(20rem, 86vw) }}
h1 {{ font-size: 1.3rem; margin: 0 }}
label {{ display: grid; gap: .2rem }}
input, button {{ font: inherit; padding: .55rem .7rem; border-radius: .4rem; border: 1px solid #8889 }}
button {{ background: #b4532a; color: #fff; border: 0; cursor: pointer }}
p {{ margin: 0; color: #c0392b }}
</style></head>
<body><form method="post" action="/login">
<h1>SAM2 Painter</h1>
<p role="alert">{message}</p>
<label>User <input name="username" autocomplete="username" autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button>
</form></body></html>
"""


def render(message: str = "") -> str:
    """The page; message: what was wrong with the last try."""
    return _PAGE.format(message=html.escape(message))
