"""A worker that counts to its settings' `max_train_steps`, so that the queue is tested without a model.

Its titles say what befalls it: `fails` ends with a reason, `deaf` never answers a stop.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import yaml

from t2i_studio.jobs.store import OUT, PROGRESS, RECORD, SETTINGS, read_json, write_json
from t2i_studio.jobs.supervisor import REASON

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
while done < settings["max_train_steps"]:
    time.sleep(0.02)
    done += 1
    count.write_text(str(done))
    write_json(folder / PROGRESS, {"step": done, "num_steps": settings["max_train_steps"], "loss": 1 / done})
    if asked and title != "deaf":
        write_json(folder / REASON, {"reason": "Stopped; a checkpoint is written."})
        raise SystemExit(3)
