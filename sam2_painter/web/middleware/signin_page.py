"""The page that asks for user and password: one form, no script, nothing fetched."""

from __future__ import annotations

import html

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>SAM2 Painter – sign in</title>
<link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
body {{ display: grid; place-items: center; min-height: 100vh; margin: 0 }}
form {{ display: grid; gap: .8rem; width: min(22rem, 86vw) }}
h1 {{ font-size: 1.3rem; margin: 0; display: flex; align-items: center; gap: .6rem }}
label {{ display: grid; gap: .2rem }}
input, button, a.tab {{ font: inherit; padding: .55rem .7rem; border-radius: .4rem; border: 1px solid #8889 }}
button {{ background: #a84a23; color: #fff; border: 0; cursor: pointer }}
a.tab {{ color: inherit; text-align: center; text-decoration: none }}
p {{ margin: 0; color: #b3261e; overflow-wrap: anywhere }}
p:empty {{ display: none }}
@media (prefers-color-scheme: dark) {{ p {{ color: #f2b8b5 }} }}
</style></head>
<body><form method="post" action="{action}">
<h1>{icon}SAM2 Painter</h1>
<p role="alert">{message}</p>
<label>User <input name="username" autocomplete="username" autocapitalize="none" autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button>
{tab}</form></body></html>
"""

_ICON = (  # assets/site/icon.svg, small
    '<svg width="36" height="36" viewBox="0 0 64 64" aria-hidden="true"><rect width="64" height="64" rx="14" '
    'fill="#a84a23"/><path d="M12 32v18h20V14z" fill="#f5efe4"/><path d="M52 32v18H32V14z" fill="#9db98a"/><path '
    'd="M7 33 32 11l25 22" fill="none" stroke="#3b2418" stroke-width="5" stroke-linecap="round" '
    'stroke-linejoin="round"/><path d="M27.5 50V39a4.5 4.5 0 0 1 9 0v11z" fill="#3b2418"/></svg>'
)


def render(message: str = "", action: str = "login", tab: str = "") -> str:
    """The page.

    message: what was wrong with the last try. action: where the form goes, relative to the page, so that it stays below
    whatever path a proxy serves it at. tab: the address to offer in a tab of its own, "" for none.
    """
    link = f'<a class="tab" href="{html.escape(tab)}" target="_blank" rel="noopener">Open in a new tab</a>\n'
    return _PAGE.format(message=html.escape(message), action=html.escape(action), tab=link if tab else "", icon=_ICON)
