"""Make text that a student controls safe to show: it can't steer a terminal, reorder a line or flood a page."""

from __future__ import annotations

import unicodedata

LIMIT = 2000
MAX_LINES = 24
# Control characters, bidirectional and zero-width formats, surrogates, private and unassigned code points, and the
# two separators that some programs take for the end of a line.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean(text: str) -> str:
    """Return ``text`` as something that can be written as UTF-8: question marks stand for halves of characters."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _escape(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _shown(character: str, one_line: bool) -> str:
    if character == "\t":
        return "    "
    if character == "\n":
        return "\\n" if one_line else "\n"
    return _escape(character) if unicodedata.category(character) in _HIDDEN else character


def safe_text(text: str, limit: int = LIMIT, one_line: bool = False) -> str:
    """Return ``text`` with everything in it that a reader could not see written out, such as ``\\x1b`` or ``\\u202e``.

    Line ends stay, unless ``one_line`` asks for ``\\n``. What goes beyond ``limit`` characters or ``MAX_LINES`` lines
    is left out, and said to be. The result can be encoded as UTF-8; it is not escaped for HTML or any other markup.
    """
    text = text.replace("\r\n", "\n").rstrip("\n")
    shown: list[str] = []
    length, lines = 0, 1
    for position, character in enumerate(text):
        piece = _shown(character, one_line)
        length += len(piece)
        lines += piece == "\n"
        if length > limit or lines > MAX_LINES:
            return f"{''.join(shown).rstrip()} … ({len(text) - position:,} more characters)"
        shown.append(piece)
    return "".join(shown)


def indented(label: str, text: str, width: int = 0) -> str:
    """Return ``label: text`` with later lines indented below the text, so that none of them looks like a label."""
    head = f"{label}:".ljust(width)
    return f"{head} {text}".replace("\n", "\n" + " " * (len(head) + 1))
