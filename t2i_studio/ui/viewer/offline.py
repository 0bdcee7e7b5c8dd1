"""A run as one HTML file: opens without a server or a network, can be mailed, keeps the whole player."""

from __future__ import annotations

import base64
import html
import io
import json
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from ...types import Run
from ...visuals.colours import PALETTES
from .pack import player_data
from .scripts import SCRIPTS

UI = Path(__file__).parent.parent
SHEETS = ("ground.css", "viewer/player.css", "viewer/offline.css")
HEIGHT = 980
"""Pixels of the player in a notebook."""
# The policy forbids every request: what is not in the file does not load.
_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>$title</title>
<style>$css</style>
</head>
<body>
<main>
<header><h1>$title</h1><button type="button" id="switch-light" title="Light or dark page">◐</button></header>
<div id="place"></div>
<details><summary>Everything that was asked</summary><dl>$settings</dl></details>
<footer>Made with T2I Studio. Bright = where the model looked for the word while it painted.</footer>
</main>
<script type="application/json" id="run">$data</script>
<script>(() => {
$scripts
})();</script>
</body>
</html>
""")


def standalone(run: Run) -> str:
    """The whole page as text."""
    prompt = run.prompt.text.strip() or run.id
    return _PAGE.substitute(
        title=html.escape(prompt if len(prompt) <= 160 else prompt[:159] + "…"),
        css="\n".join([palette_css(), *(_text(UI / name) for name in SHEETS)]),
        settings="".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in _asked(run)),
        data=_inside_script(player_data(run, _data_url(run))),
        scripts="\n".join(_text(UI / f"{name}.js") for name in ("dom", *SCRIPTS, "viewer/offline")),
    )


def palette_css() -> str:
    """The noun colours as `--noun-0`, `--noun-1` …, light and dark."""
    light, dark = (
        "".join(f" --noun-{i}: {colour};" for i, colour in enumerate(PALETTES[name])) for name in ("light", "dark")
    )
    return f":root {{{light} --num-nouns: {len(PALETTES['light'])}; }}\n.dark {{{dark} }}"


@dataclass(frozen=True)
class Player:
    """The player of a run for a notebook: the last value of a cell shows itself."""

    page: str

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self.page)}" style="width:100%;height:{HEIGHT}px;border:0" '
            'allow="fullscreen" allowfullscreen title="Attention maps"></iframe>'
        )

    def __repr__(self) -> str:
        return "Player: shows itself in a notebook; .save('run.html') writes a page."

    def save(self, file: str | Path) -> Path:
        """Write the page; returns the file."""
        path = Path(file).expanduser()
        path.write_text(self.page, encoding="utf-8")
        return path


def _asked(run: Run) -> list[tuple[str, str]]:
    given = {name: value for name, value in run.settings.items() if value not in (None, "", ())}
    return [("run", run.id), ("created", run.created), *((name, str(value)) for name, value in given.items())]


def _data_url(run: Run) -> str:
    buffer = io.BytesIO()
    run.image.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _inside_script(data: dict[str, Any]) -> str:
    """JSON that can't end the script element it stands in."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")
