"""What a job is. States: `waiting`, `running`, `stopping`, then one of `ENDED`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

ENDED = ("done", "stopped", "failed")
ACTIVE = ("running", "stopping")


@dataclass(frozen=True)
class Job:
    """One piece of long work, its settings as they were when it was queued."""

    id: str
    title: str
    settings: dict[str, Any]
    "Snapshot of the `TrainSettings`, or of what its kind takes."
    device: str
    "One job runs on a device at a time."
    created: str
    "ISO 8601, UTC."
    kind: str = "fine-tune"
    "Key of `work.KINDS`."
    state: str = "waiting"
    reason: str = ""
    "Why it ended as it did, in words."
    started: str = ""
    ended: str = ""
    pid: int = 0
    "Of its supervisor."
    pid_born: float = 0.0
    "When that process was created: a number may be given to another one later."
    exit_code: int | None = None
    attempts: int = 0
    "How often it was started."
    progress: dict[str, Any] = field(default_factory=dict)
    "`step`, `num_steps`, `seconds_left` and the latest numbers."

    @property
    def has_ended(self) -> bool:
        """Done, stopped or failed."""
        return self.state in ENDED

    @property
    def step(self) -> int:
        """How far it is: steps of a fine-tune, pictures of a data set."""
        return int(self.progress.get("step", 0))

    @property
    def num_steps(self) -> int:
        """How many there will be; 0 where that is not known yet."""
        return int(self.progress.get("num_steps") or self.settings.get("max_train_steps", 0))

    def with_(self, **changes: Any) -> Job:
        """A copy with changes."""
        return replace(self, **changes)

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)
