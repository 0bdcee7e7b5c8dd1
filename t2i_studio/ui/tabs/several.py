"""Tasks that are one thing to the page: followed, cancelled, healed and found again together.

What they look like and which buttons there are, a tab says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr

from .. import follow
from .reading import Reading

if TYPE_CHECKING:
    from ...studio import Studio
    from ...tasks import Task
    from ..scratch import Scratch


class Several(Reading):
    """The events of tasks that were started together."""

    def __init__(self, studio: Studio, scratch: Scratch) -> None:
        super().__init__(studio)
        self.scratch = scratch
        self.latest: list[str] = []
        "Ids of what was started last."

    def view(self, tasks: list[Task]) -> dict[str, Any]:
        """All tasks as data for the page."""
        raise NotImplementedError

    def buttons(self, busy: bool) -> list[Any]:
        """Updates of the buttons, Cancel last."""
        raise NotImplementedError

    def trouble(self, tasks: list[Task]) -> Any:
        """The message for the control that caused a failure, or None."""
        raise NotImplementedError

    def tasks_of(self, ids: list[str] | None) -> list[Task]:
        """Those that are still known."""
        return [task for task in map(self.studio.task, ids or []) if task is not None]

    def follow(self, ids: list[str] | None) -> Iterator[list[Any]]:
        """View, buttons, problem, shown: until all tasks have ended."""
        tasks = self.tasks_of(ids)
        buttons = self.buttons(busy=True)
        still = [gr.skip()] * len(buttons)
        if not tasks:
            yield [gr.skip(), *still, gr.skip(), gr.skip()]
            return
        for task in tasks:
            for _ in follow.watch(task, self.scratch):
                if not all(one.wait(0) for one in tasks):
                    yield [self.view(tasks), *buttons, gr.skip(), gr.skip()]
                    buttons = still
        yield self._ended(tasks, ids)

    def heal(self, ids: list[str] | None, shown: str | None) -> list[Any]:
        """What the page shows of tasks whose stream was lost: their end, once it is there.

        Nothing on the way: told late it would put a picture that is there already back to its painting.
        """
        tasks = self.tasks_of(ids)
        if not tasks or _key(ids) == shown or not all(task.wait(0) for task in tasks):
            return [gr.skip()] * (3 + len(self.buttons(busy=False)))
        return self._ended(tasks, ids)

    def _ended(self, tasks: list[Task], ids: list[str] | None) -> list[Any]:
        # No trouble is no news: told late it would wipe off what a later start found wrong.
        return [self.view(tasks), *self.buttons(busy=False), self.trouble(tasks) or gr.skip(), _key(ids)]

    def cancel(self, ids: list[str] | None) -> Any:
        """Ask all of them to stop. Returns the button."""
        tasks = [task for task in self.tasks_of(ids) if not task.wait(0)]
        for task in reversed(tasks):
            task.cancel()
        return gr.update(value="Cancelling…", interactive=False) if tasks else gr.skip()

    def attached(self) -> list[str] | None:
        """A page was opened: the ids it goes on with."""
        return self.latest if any(self.studio.task(one) for one in self.latest) else None


def _key(ids: list[str] | None) -> str:
    """Several ids as what the page holds."""
    return ",".join(ids or [])
