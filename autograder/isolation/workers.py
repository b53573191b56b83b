"""Which worker grades which lesson: one with everything imported that the lesson's notebooks ask for."""

from __future__ import annotations

from collections.abc import Sequence

from ..course.manifest import Lesson, find_lesson
from ..course.released import load_released
from .process import Limits, Worker
from .sandbox import WORKER, Sandbox

PROBES = WORKER / "probes"
SLOW_IMPORTS = frozenset({"torch", "keras"})


def make_worker(lessons: Sequence[Lesson], sandbox: Sandbox, limits: Limits | None = None) -> Worker:
    """Return a worker for notebooks of the lessons, one after the other."""
    # A notebook that uses an earlier lesson's work imports what that one needs as well.
    used = [each for lesson in lessons for each in (lesson, *map(find_lesson, lesson.needs))]
    modules = [name for each in used for name in (*each.frameworks, *load_released(each).imports)]
    probes = tuple(lesson.room for lesson in lessons if (PROBES / f"{lesson.room}.py").is_file())
    return Worker(sandbox, tuple(dict.fromkeys(modules)), probes, limits)


class Workers:
    """One worker for all lessons that need the same slow frameworks."""

    def __init__(self, lessons: Sequence[Lesson], sandbox: Sandbox) -> None:
        self._lessons, self._sandbox = lessons, sandbox
        self._workers: dict[frozenset[str], Worker] = {}

    def close(self) -> None:
        """End every worker."""
        for worker in self._workers.values():
            worker.close()
        self._workers.clear()

    def of(self, lesson: Lesson) -> Worker:
        """Return the lesson's worker. It imports its frameworks when it is warmed up or first used."""
        wanted = SLOW_IMPORTS & set(lesson.frameworks)
        if wanted not in self._workers:
            group = [other for other in self._lessons if SLOW_IMPORTS & set(other.frameworks) == wanted]
            self._workers[wanted] = make_worker(group, self._sandbox)
        return self._workers[wanted]
