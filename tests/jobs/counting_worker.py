"""A worker that counts to its settings' `max_train_steps`, so that the queue is tested without a model.

Asked for data, it writes a data set of plain colours and counts its pictures.

Its titles say what befalls it: `fails` ends with a reason, `deaf` never answers a stop.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from t2i_studio.config import MakeDataSettings
from t2i_studio.jobs.store import OUT, PROGRESS, RECORD, SETTINGS, read_json, write_json
from t2i_studio.jobs.supervisor import REASON
from t2i_studio.pictures import METADATA
from t2i_studio.selection import SELECTION, Made, as_metadata, select


def make_data(settings: dict[str, Any], out: Path) -> int:
    """A data set of one prompt, its pictures one colour each; how many there are."""
    asked = MakeDataSettings.checked(**settings)
    (out / "made").mkdir(exist_ok=True)
    painted = []
    for i in range(asked.per_prompt):
        name = f"made/{i}.png"
        Image.new("RGB", (32, 32), (60, 40 + 20 * (i % 10), 90)).save(out / name)
        painted.append(Made(name, "a cat and a dog", asked.first_seed + i, "two", i / asked.per_prompt,
                            found=(("cat", "red", 0.9),)))  # fmt: skip
    told = select(asked, painted)
    (out / SELECTION).write_text("".join(json.dumps(one.as_json()) + "\n" for one in told))
    rows = [as_metadata(one.as_json()) for one in told if one.kept]
    (out / METADATA).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return asked.per_prompt


folder = Path(sys.argv[1])
settings = yaml.safe_load((folder / SETTINGS).read_text())
title = (read_json(folder / RECORD) or {})["title"]
asked: list[bool] = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
count = folder / OUT / "count"
count.parent.mkdir(exist_ok=True)
done = int(count.read_text()) if count.exists() else 0
if title == "fails":
    write_json(folder / REASON, {"reason": "There is no data. Give some."})
    raise SystemExit(1)
steps = settings["max_train_steps"] if "max_train_steps" in settings else make_data(settings, folder / OUT)
while done < steps:
    time.sleep(0.02)
    done += 1
    count.write_text(str(done))
    write_json(folder / PROGRESS, {"step": done, "num_steps": steps, "loss": 1 / done})
    if asked and title != "deaf":
        write_json(folder / REASON, {"reason": "Stopped; a checkpoint is written."})
        raise SystemExit(3)
