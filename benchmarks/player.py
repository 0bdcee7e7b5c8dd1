"""How fast the player draws a frame, and how soon the gallery shows 2,000 runs. Prints a table.

    python benchmarks/player.py [--runs 2000]

A frame: from setting the step to the end of the drawing calls (script), and the rate of frames that Chromium
presents while the steps are scrubbed as fast as it takes them. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))

from t2i_studio.runs import RunStore, new_run_id
from t2i_studio.ui.viewer import standalone
from tests.ui.fakes import FakeStudio
from tests.ui.serving import served
from tests.visuals.conftest import synthetic_run

NOUNS = ("cat", "dog", "bird", "car")
SCRUB = """async (overlay) => {
  document.querySelector(`[data-overlay=${overlay}]`).click();
  const time = document.querySelector(".pl-time");
  const script = [], frames = [];
  let last = await new Promise(requestAnimationFrame);
  for (let i = 0; i < 180; i++) {
    const begin = performance.now();
    time.value = i % (Number(time.max) + 1);
    time.dispatchEvent(new Event("input"));
    script.push(performance.now() - begin);
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }
  return { script, frames };
}"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=2000)
    arguments.add_argument("--chromium", default="/usr/bin/chromium")
    options = arguments.parse_args()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox", "--disable-gpu"])
        frames(browser, Path(folder))
        gallery(browser, Path(folder), options.runs)
        browser.close()


def frames(browser: Any, folder: Path) -> None:
    """Milliseconds a frame, 30 steps × 4 nouns."""
    file = folder / "run.html"
    file.write_text(standalone(synthetic_run(nouns=NOUNS, num_steps=30)), encoding="utf-8")
    print("| page | overlay | script, median ms | script, 95 % ms | frame, median ms | frame, 95 % ms |")
    print("|---|---|---|---|---|---|")
    for width in (1440, 390):
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto(file.as_uri())
        for overlay in ("heat", "outline", "mask"):
            page.evaluate(SCRUB, overlay)  # warm
            seen = page.evaluate(SCRUB, overlay)
            cells = [f"{percentile(seen[part], q):.1f}" for part in ("script", "frames") for q in (50, 95)]
            print(f"| {width} px | {overlay} | " + " | ".join(cells) + " |")
        page.close()


def gallery(browser: Any, folder: Path, count: int) -> None:
    """Seconds to the first page of many runs, in a page that is open already."""
    store = RunStore(folder / "runs")
    run, start = synthetic_run(), datetime(2020, 1, 1, tzinfo=UTC)
    for i in range(count):
        made = start + timedelta(minutes=i)
        store.save(replace(run, id=new_run_id(f"run {i}", made), created=made.isoformat()))
    with served(FakeStudio(home=folder / "runs")) as page_of:
        times = []
        for _ in range(5):
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(page_of.url)
            page.wait_for_selector(".player, .stage-welcome")
            begin = time.monotonic()
            page.click("#tab-runs-button")
            page.wait_for_function("document.querySelector('.run-card img')?.naturalWidth > 0")
            times.append(time.monotonic() - begin)
            begin = time.monotonic()
            page.fill(".gallery-words", f"{start + timedelta(minutes=7):%Y%m%d-%H%M}")
            page.wait_for_function("document.querySelectorAll('.run-card').length === 1")
            searched = time.monotonic() - begin
            page.close()
    print(f"\n{count} runs: first page after {statistics.median(times):.2f} s (most: {max(times):.2f} s);", end=" ")
    print(f"a search over all of them {searched:.2f} s, of which 0.25 s wait for the typing to end")


def percentile(values: list[float], share: int) -> float:
    """The value that `share` percent stay below."""
    return statistics.quantiles(values, n=100)[share - 1]


if __name__ == "__main__":
    main()
