"""What to say of errors that Python and PyTorch raise where beginners meet them: their own texts name no cause.

A check that knows more gives a hint of its own; these stand in place of the exercise's, which speaks of its subject.
"""

from __future__ import annotations

import re

from .student import StudentError

NOTHING_RETURNED = "It gives nothing back. Does every way through it end in a return?"
_NOTHING_THERE = (
    "Something is None there. append, sort and the like return nothing; or does a function of yours miss its return?"
)
_HINTS = {
    r"AttributeError: cannot assign \w+ before Module\.__init__": (
        "A class derived from nn.Module calls its parent's __init__ first in its own. Only then can it hold layers."
    ),
    r"AttributeError: 'NoneType' object|TypeError: .*NoneType": _NOTHING_THERE,
    r"AttributeError: '\w+' object has no attribute": (
        "Nothing of that name is kept there. Is it made with self. in front of it, and spelled the same in both places?"
    ),
    r"TypeError: [^\n]{0,200} takes [^\n]{0,60}positional arguments? but [^\n]{0,60} given": (
        "Compare the names in the parentheses of the definition with what is handed in. A method takes self first."
    ),
    r"NameError: name .*ended with ModuleNotFoundError: No module named": (
        "The package that this name comes from is missing here: the line that imports it failed. Write it without the "
        "package, or ask your teacher to install it."
    ),
    r"ModuleNotFoundError: No module named": (
        "This package is missing here. Write it without the package, or ask your teacher to install it."
    ),
    r"NameError: name|UnboundLocalError": (
        "Nothing of that name is known there. Is it spelled the same where it is made? A method finds what another one "
        "keeps under self alone."
    ),
    r"FrozenInstanceError": (
        "A frozen data class can't be changed, not even by its own methods. They may look at a field, and no more."
    ),
    r"RuntimeError: element 0 of tensors does not require grad": (
        "Nothing in this loss can learn. Were gradients switched off while the model predicted, or was the number "
        "taken out of its tensor?"
    ),
    r"RuntimeError: Can't call numpy\(\) on Tensor that requires grad": (
        "The tensor is a part of what learns, and NumPy knows nothing of gradients. The message names the way out."
    ),
}


def hint_of(error: StudentError) -> str | None:
    """Return what may have led to an error of the student's code; None where its exercise's own hint says more."""
    text = str(error)
    return next((hint for pattern, hint in _HINTS.items() if re.match(pattern, text, re.DOTALL)), None)
