"""Checks of average_predictions: what small models say of faces and of their mirrored copies, averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.lesson_10.earlier_functions import OwnMirror, mend_first
from autograder.checks.lesson_10.small_models import Model, draw_images, draw_model, mirrored, partners
from autograder.ladder import expect
from autograder.ladder.form import Answers, form
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student
from autograder.worker.plain import TensorValue, type_name

average_predictions = Ladder("average_predictions")

# Pixels up to 96 in float32, after a sum of 16 products.
RTOL, ATOL = 1e-4, 2e-3
MODES = {True: "train mode", False: "eval mode"}
MIDDLE = ["nose_tip", "mouth_center_top_lip", "mouth_center_bottom_lip"]
SIDES = ["left_eye_center", "right_eye_center", "nose_tip", "mouth_left_corner", "mouth_right_corner"]


@dataclass(frozen=True)
class Task:
    """Models, the modes that they come in, faces, and how the mean is asked for."""

    models: list[Model]
    modes: list[bool]
    images: np.ndarray
    names: list[str]
    options: dict[str, Any]

    @property
    def axis(self) -> float:
        return float(self.options.get("axis", 47.5))

    def answers(self) -> tuple[np.ndarray, np.ndarray]:
        """Return what each model says of the images and of their mirrored copies, both (models, N, K, 2)."""
        direct = np.stack([model.predict(self.images) for model in self.models])
        return direct, np.stack([model.predict(self.images[:, :, ::-1]) for model in self.models])

    def right(self) -> np.ndarray:
        """Return the mean that is right, (N, K, 2)."""
        direct, copies = self.answers()
        back = mirrored(copies, self.axis)[:, :, partners(self.names)]
        return (direct.mean(axis=0) + back.mean(axis=0)) / 2

    def answers_of_each(self) -> list[np.ndarray]:
        """Return what each model says of a face, (models, N, K, 2): rightly, and where only the copies are mistaken."""
        direct, copies = self.answers()
        order = partners(self.names)
        backs = [mirrored(copies, self.axis)[:, :, order], copies, mirrored(direct, self.axis)[:, :, order]]
        return [*((direct + back) / 2 for back in backs), direct, backs[0]]

    def with_own(self, mirror: OwnMirror) -> list[np.ndarray]:
        """Return what each model says of a face by the student's own mirror_faces, a wrong one, (models, N, K, 2).

        It may have mirrored the images, the answers to them or both. What is near the plain answers is left out.
        """
        direct, _ = self.answers()
        found = []
        for images in mirror.copies():
            said = np.stack([model.predict(images) for model in self.models])
            right = mirrored(said, self.axis)[:, :, partners(self.names)]
            found += [(direct + back) / 2 for back in mirror.back(images, said, right)]
        # The first is made of what is right.
        return [each for each in found[1:] if not self.is_near(each.mean(axis=0), direct.mean(axis=0))]

    def mistakes(self) -> dict[str, np.ndarray]:
        """Return in words what mistakes make of these models, and their result."""
        direct, copies = self.answers()
        order = partners(self.names)
        back = mirrored(copies, self.axis)[:, :, order]
        each, count = (direct + back) / 2, len(self.models)
        sides = (direct + mirrored(copies, self.axis)) / 2
        never = (direct + mirrored(direct, self.axis)[:, :, order]) / 2
        mistakes = {
            "the answers to the faces alone, not to their mirrored copies": direct.mean(axis=0),
            "the answers to the mirrored copies alone": back.mean(axis=0),
            "answers to mirrored copies that were not mirrored back": ((direct + copies) / 2).mean(axis=0),
            "mirrored copies whose left and right were not exchanged back": sides.mean(axis=0),
            "mirrored copies whose x was not mirrored back": ((direct + copies[:, :, order]) / 2).mean(axis=0),
            "copies that never were mirrored": never.mean(axis=0),
            "copies mirrored about 47.5": ((direct + mirrored(copies, 47.5)[:, :, order]) / 2).mean(axis=0),
            "the sum of the faces' and the copies' answers, not their mean": 2 * each.mean(axis=0),
            "the sum over the models, not their mean": count * each.mean(axis=0),
            "the first model alone": each[0],
            "the last model alone": each[-1],
            "the median of the models": np.median(each, axis=0),
            "y before x of each keypoint": each.mean(axis=0)[..., ::-1],
        }
        return {words: wrong for words, wrong in mistakes.items() if not self.is_near(wrong, self.right())}

    @staticmethod
    def is_near(one: np.ndarray, other: np.ndarray) -> bool:
        return one.shape == other.shape and np.allclose(one, other, rtol=RTOL, atol=ATOL)

    def ask(self, student: Student) -> dict[str, Any]:
        """Let the student average; return the answer and what became of models and images."""
        return student.probe(
            "lesson_10.average",
            models=[vars(model) for model in self.models],
            modes=self.modes,
            images=self.images,
            keypoint_names=self.names,
            options=self.options,
        )


def _draw_task(
    rng: np.random.Generator,
    models: int = 1,
    faces: int = 5,
    names: list[str] | None = None,
    training: bool = False,
    **options: Any,
) -> Task:
    asked = [str(name) for name in rng.permutation(SIDES if names is None else names)]
    drawn = [draw_model(rng, len(asked)) for _ in range(models)]
    return Task(drawn, [training] * models, draw_images(rng, faces), asked, options)


def _expect_mean(
    student: Student, task: Task, found: dict[str, Any], example: str, hint: str, copies: bool = True
) -> None:
    """Expect the mean that is right, or that follows from the student's own mirror_faces, whose slip is paid already.

    Where a mistake explains another, its words. Without ``copies``, what becomes of the mirrored copies is asked by
    other rungs: only the mean counts.
    """
    value = found["value"]
    got = value.array if isinstance(value, TensorValue) else value  # that an array is due, another rung asks
    want = task.right()
    seen = next((call["shape"] for calls in found["calls"] for call in calls if call["shape"][1:] != [1, 96, 96]), None)
    if seen is not None:
        given = ", ".join(["B", *map(str, seen[1:])])
        raise expect.Mismatch("models that are given images (B, 1, 96, 96)", f"({given})", example, hint)
    flat = None
    if isinstance(got, np.ndarray) and got.size == want.size and got.dtype.kind == "f":
        flat = got.reshape(want.shape)
        means = [want] if copies else [each.mean(axis=0) for each in task.answers_of_each()]
        if any(task.is_near(flat, mean) for mean in means):
            return
    mirror = OwnMirror(student, task.images, task.names, task.axis)
    own = [each.mean(axis=0) for each in task.with_own(mirror)]
    if flat is not None and any(task.is_near(flat, mean) for mean in own):
        return
    try:
        _tell_apart(task, got, flat, example, hint)
    except expect.Mismatch as wrong:
        raise wrong if mirror.right else mend_first(wrong, "mirror_faces", mirror.usable) from None


def _tell_apart(task: Task, got: Any, flat: np.ndarray | None, example: str, hint: str) -> None:
    """Say what is wrong about a mean, by the mistake that explains it, where one does."""
    if flat is not None:
        words = next((words for words, wrong in task.mistakes().items() if task.is_near(flat, wrong)), None)
        if words:
            raise expect.Mismatch("the mean of all answers, mirrored copies mirrored back", words, example, hint)
    expect.close(got, task.right(), RTOL, ATOL, "average_predictions(…)", example, hint)


@average_predictions.rung("shape", points=1)
def returns_an_array_of_points(student: Student, rng: np.random.Generator) -> None:
    """Six faces and five keypoints give an array (6, 5, 2)."""
    value = _draw_task(rng, faces=6).ask(student)["value"]
    if type_name(value) == "torch.Tensor":
        hint, wanted = "The rest of the course measures NumPy arrays: convert the tensor.", "a numpy.ndarray"
        raise expect.Mismatch(f"average_predictions(…): {wanted}", "torch.Tensor", hint=hint)
    expect.array(value, (6, len(SIDES), 2), "float", what="average_predictions(…)")


@form(average_predictions, "dtype", points=1, dtype="float32")
def points_are_float32(student: Student, rng: np.random.Generator) -> Answers:
    """Keypoints are float32, of one model and of several."""
    yield "average_predictions of one model", _draw_task(rng).ask(student)["value"]
    yield "average_predictions of three models", _draw_task(rng, models=3).ask(student)["value"]


@average_predictions.rung("values", points=3)
def averages_faces_and_copies(student: Student, rng: np.random.Generator) -> None:
    """One model, names without left and right: the mean of its answers to faces and, mirrored back, to their copies."""
    hint = "Write down the x of one point: in the face, in the mirrored copy, and of the copy's answer mirrored back."
    for faces in (1, 5):
        task = _draw_task(rng, faces=faces, names=MIDDLE)
        _expect_mean(student, task, task.ask(student), f"1 model, {faces} faces, {', '.join(task.names)}", hint)


@average_predictions.rung("values", points=3)
def exchanges_left_and_right(student: Student, rng: np.random.Generator) -> None:
    """One model: what it calls the left eye of a mirrored copy is the right eye of the face."""
    hint = "In a mirrored copy the model calls left what is right in the face. mirror_faces knows the names."
    for faces in (1, 5):
        task = _draw_task(rng, faces=faces)
        _expect_mean(student, task, task.ask(student), f"1 model, {faces} faces, {', '.join(task.names)}", hint)


@average_predictions.rung("values", points=3)
def averages_the_models(student: Student, rng: np.random.Generator) -> None:
    """Several models count the same."""
    hint = "Every model is asked about every face and every copy; by how many answers do you divide in the end?"
    for models in (2, 3):
        task = _draw_task(rng, models=models, names=MIDDLE)
        _expect_mean(
            student, task, task.ask(student), f"{models} models, 5 faces, {', '.join(task.names)}", hint, copies=False
        )


@average_predictions.rung("values", points=2)
def predicts_in_eval_mode(student: Student, rng: np.random.Generator) -> None:
    """A model that comes in train mode predicts in eval mode."""
    task = _draw_task(rng, models=2, names=MIDDLE, training=True)
    found = task.ask(student)
    trained = any(call["training"] for calls in found["calls"] for call in calls)
    hint = "In train mode, dropout and batch normalization change the answers."
    expected = "models that came in train mode predict in eval mode"
    expect.true(not trained, expected, "they predict in train mode", hint=hint)
    # What a model notes of its calls is no proof: half of its answers are other numbers in train mode.
    _expect_mean(student, task, found, "2 models that came in train mode", hint, copies=False)


@average_predictions.rung("values", points=1)
def mirrors_about_the_axis(student: Student, rng: np.random.Generator) -> None:
    """The answers to mirrored copies are mirrored back about the axis that is given."""
    hint = "Where do you hand on the axis?"
    for sign in (1, -1):
        axis = 47.5 + sign * round(float(rng.uniform(0.4, 1.5)), 2)
        task = _draw_task(rng, names=MIDDLE, axis=axis)
        _expect_mean(student, task, task.ask(student), f"1 model, 5 faces, axis={axis:.2f}", hint)


@average_predictions.rung("edge cases", points=2)
def sees_small_batches(student: Student, rng: np.random.Generator) -> None:
    """No model sees more than batch_size images at once, and every image has its answer."""
    faces = int(rng.integers(10, 14))
    hint = "All images at once would not fit into memory. The last batch may be smaller than the others."
    for batch_size in (4, 5, 100):
        task = _draw_task(rng, models=2, faces=faces, names=MIDDLE, batch_size=batch_size)
        found = task.ask(student)
        example = f"2 models, {faces} faces, batch_size={batch_size}"
        _expect_mean(student, task, found, example, hint, copies=False)
        sizes = [call["shape"][0] for calls in found["calls"] for call in calls]
        got = f"batches of {', '.join(map(str, sizes[:4]))}{', …' if len(sizes) > 4 else ''} images"
        expect.true(max(sizes, default=0) <= batch_size, f"batches of at most {batch_size}", got, example, hint)


def _ask_rightly(student: Student, rng: np.random.Generator, training: bool = False) -> tuple[Task, dict[str, Any]]:
    """Return a task and what became of it, where the models were asked and the answer is one of theirs."""
    task = _draw_task(rng, models=2, names=MIDDLE, training=training)
    found = task.ask(student)
    expect.true(all(found["calls"]), "models that are asked", "a model that was never called")
    return task, found


@average_predictions.rung("gradients", points=1)
def needs_no_gradients(student: Student, rng: np.random.Generator) -> None:
    """The models predict without gradients, and gradients work again afterwards."""
    _, found = _ask_rightly(student, rng)
    kept = any(call["gradients"] for calls in found["calls"] for call in calls)
    hint = "Whoever predicts does not learn: with gradients, every layer keeps its answer in memory for nothing."
    expect.true(not kept, "no gradients", "gradients are kept", hint=hint)
    hint = "torch.set_grad_enabled(False) holds for the whole program. Switch gradients off only while you predict."
    expect.true(found["gradients"], "gradients switched on afterwards, as before", "switched off", hint=hint)


@average_predictions.rung("side effects", points=1)
def leaves_the_modes(student: Student, rng: np.random.Generator) -> None:
    """Each model is afterwards in the mode it came in."""
    for modes in ([True, False], [False, True], [False, False]):
        task = _draw_task(rng, models=2, names=MIDDLE)
        found = Task(task.models, modes, task.images, task.names, task.options).ask(student)
        expect.true(all(found["calls"]), "models that are asked", "a model that was never called")
        for came, left in zip(modes, found["modes"], strict=True):
            is_in = MODES[bool(left[0])] if len(left) == 1 else "a mix of both"
            hint = "model.training says in which mode a model came; train() takes a bool."
            expected = f"a model that came in {MODES[came]} is in {MODES[came]} afterwards"
            expect.true(is_in == MODES[came], expected, f"it is in {is_in}", hint=hint)


@average_predictions.rung("side effects", points=1)
def leaves_images_and_models(student: Student, rng: np.random.Generator) -> None:
    """Images, weights and running statistics are as they were."""
    for training in (True, False):
        task, found = _ask_rightly(student, rng, training)
        hint = "An operation in place wrote into the caller's array. Use one that returns a new array."
        kept = np.array_equal(found["images_after"], task.images)
        expect.true(kept, "the images afterwards, as before", "images that were overwritten", hint=hint)
        hint = "In train mode, batch normalization learns: its running statistics, of these images."
        changed = "weights or statistics that were changed"
        expect.true(all(found["kept"]), "the models afterwards, as before", changed, hint=hint)
