"""axe-core on every view of the page, and on a run exported as a page of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from t2i_studio.ui.viewer import standalone
from tests.browser.pages import Opened
from tests.visuals.conftest import synthetic_run

Visit = Callable[..., Opened]
KINDS = {"wide": (1440, False), "narrow-dark": (390, True)}
"""Colours depend on the light, places on the width: each of both once."""
# Gradio's own tab list and file of scripts, which the page can't change.
NOT_OURS: tuple[str, ...] = ()


def serious(page: Any) -> list[str]:
    """Violations of WCAG A and AA that hinder people, one line each."""
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:160]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
        if not any(part in node["html"] for part in NOT_OURS)
    ]


@pytest.mark.parametrize(("width", "dark"), KINDS.values(), ids=KINDS.keys())
def test_pages_have_no_serious_violation(visit: Visit, width: int, dark: bool) -> None:
    seen = visit(width=width, dark=dark)
    assert serious(seen.page) == []
    seen.generate()
    seen.finished()
    seen.page.locator(".pl-time").fill("12")
    assert serious(seen.page) == []
    seen.page.focus(".player")
    seen.page.keyboard.press("Shift+ArrowUp")
    assert serious(seen.page) == []
    seen.page.click("#tab-guide-button")
    seen.page.click("#guide-layout > button")
    seen.page.wait_for_selector(".canvas-area")
    assert serious(seen.page) == []
    seen.page.click("#guide-go")
    seen.page.wait_for_selector('.pair[data-state="done"] .losses')
    assert serious(seen.page) == []
    seen.page.click("#tab-runs-button")
    seen.page.wait_for_selector(".run-card")
    assert serious(seen.page) == []
    seen.page.click(".run-open >> nth=0")
    seen.page.wait_for_selector(".run-one .player")
    assert serious(seen.page) == []
    seen.page.evaluate("location.hash = location.hash.replace(/run=(.*)/, 'compare=$1,$1')")
    seen.page.wait_for_selector(".run-two .player >> nth=1")
    assert serious(seen.page) == []


@pytest.mark.parametrize("dark", [False, True])
def test_exported_page_has_no_serious_violation(chromium: Any, tmp_path: Path, dark: bool) -> None:
    file = tmp_path / "run.html"
    # The page forbids foreign scripts, axe among them: without that line it is the same page.
    lines = standalone(synthetic_run()).splitlines()
    file.write_text("\n".join(line for line in lines if "Content-Security-Policy" not in line), encoding="utf-8")
    page = chromium.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark" if dark else "light")
    page.goto(file.as_uri())
    page.wait_for_selector(".player")
    assert serious(page) == []
    page.close()


def test_player_is_worked_by_keys_alone(visit: Visit) -> None:
    seen = visit()
    seen.generate()
    seen.finished()
    seen.page.focus(".player")
    reached: list[str] = []
    for _ in range(40):
        seen.page.keyboard.press("Tab")
        inside = seen.page.evaluate(
            "(() => { const n = document.activeElement; if (!n.closest('.player')) return '';"
            " return n.getAttribute('aria-label') || n.labels?.[0]?.textContent.trim() || n.textContent.trim() })()"
        )
        if not inside:
            break
        reached.append(inside)
    wanted = [
        "cat", "dog", "Picture alone", "Peak", "Mass", "Entropy", "Play the timesteps", "Timestep, noise to picture",
        "All steps", "Full screen", "Heat", "Outline", "Mask", "Opacity", "Raw cells", "Scale each step",
    ]  # fmt: skip
    assert [name for name in wanted if name not in reached] == []
    assert any(name.startswith("Layers") for name in reached)
    assert "" not in reached
