"""Pictures that are disturbed in training: what changes, and that what is seen stays where it was."""

import dataclasses

import numpy as np
import pytest
import torch

from data_scripts.heatmaps.disturbing import Disturbance, disturb

NOTHING = Disturbance(light=0.0, filtered=0.0, covered=0.0, blurred=0.0, noise=0.0)
KINDS = [field.name for field in dataclasses.fields(Disturbance)]


@pytest.fixture
def images() -> torch.Tensor:
    """Smooth pictures, 0.2 to 0.8."""
    coarse = torch.rand((6, 1, 12, 12), generator=torch.Generator().manual_seed(0))
    return 0.2 + 0.6 * torch.nn.functional.interpolate(coarse, size=(96, 96), mode="bilinear")


def test_nothing_asked_for_changes_nothing(images: torch.Tensor) -> None:
    torch.testing.assert_close(disturb(images, np.random.default_rng(0), NOTHING), images, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_changes_copies_and_depends_on_the_generator_alone(kind: str, images: torch.Tensor) -> None:
    how, before = dataclasses.replace(NOTHING, **{kind: 1.0}), images.clone()
    first, again, other = (disturb(images, np.random.default_rng(seed), how) for seed in (0, 0, 1))
    assert torch.equal(images, before)
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=1e-3)
    assert (first - images).abs().max() > 0.05
    assert first.shape == images.shape
    assert first.isfinite().all()


@pytest.mark.parametrize("kind", ["filtered", "blurred", "light"])
def test_what_is_seen_stays_where_it_was(kind: str) -> None:
    """A symmetric picture stays symmetric about its spot, whatever a filter makes of it; light hardly moves it."""
    spot = torch.zeros(40, 1, 33, 33)
    spot[:, :, 16, 16] = 1.0
    seen = disturb(
        spot, np.random.default_rng(0), dataclasses.replace(NOTHING, **{kind: 0.3 if kind == "light" else 1})
    )
    weights = (seen - seen.median()).abs()
    weights = weights / weights.sum((2, 3), keepdim=True)
    steps = torch.arange(33.0)
    x, y = (weights.sum(2) @ steps)[:, 0], (weights.sum(3) @ steps)[:, 0]
    torch.testing.assert_close(torch.stack([x, y]), torch.full((2, 40), 16.0), atol=0.02, rtol=0)
