"""Lessons beside each other: small networks keep one processor busy, and a second one only in part."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

from ..course.manifest import Lesson
from .lesson_run import Executed, results_read

MOST_AT_ONCE = 2


def side_by_side(
    lessons: tuple[Lesson, ...], run: Callable[[Lesson, int, int], Executed], cores: int
) -> dict[Lesson, Executed]:
    """Run lessons, up to two at once, each as soon as those of ``lessons`` whose results it reads are done.

    ``run`` takes a lesson, its share of the processors, and the line of the terminal for its progress; it goes to
    a process of its own, where an interrupt ends its kernel as well. A lesson beside which none can run gets all
    processors. Where a lesson fails, those under way are finished, no other is begun, and its error is raised.
    """
    waiting, done = list(lessons), dict[Lesson, Executed]()
    reads = {lesson: results_read(lesson) for lesson in lessons}
    under_way: dict[Future[Executed], tuple[Lesson, int]] = {}
    at_once = max(1, min(MOST_AT_ONCE, cores, len(lessons)))
    with ProcessPoolExecutor(at_once, multiprocessing.get_context("spawn")) as pool:
        while waiting or under_way:
            unfinished = {lesson.id for lesson in waiting} | {lesson.id for lesson, _ in under_way.values()}
            ready = [lesson for lesson in waiting if not unfinished & reads[lesson]][: at_once - len(under_way)]
            alone = len(ready) + len(under_way) == 1
            for lesson in ready:
                place = min(set(range(at_once)) - {used for _, used in under_way.values()})
                share = cores if alone else cores // at_once
                under_way[pool.submit(run, lesson, share, place)] = (lesson, place)
                waiting.remove(lesson)
            ended, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in ended:
                lesson, _ = under_way.pop(future)
                if future.exception() and under_way:
                    others = ", ".join(other.id for other, _ in under_way.values())
                    print(f"\n{lesson.id} failed; waiting for {others}, under way", file=sys.stderr)
                done[lesson] = future.result()
    return {lesson: done[lesson] for lesson in lessons}
