"""Did you mean: across groups too."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

_CLOSE = 0.6


def suggest(words: Sequence[str], verbs: Sequence[str]) -> str:
    """A hint for arguments that could not be read: the nearest verb, or where the help is."""
    given = [word for word in words if not word.startswith("-")]
    given = given[1:] if given[:1] == ["plan"] else given
    named = next((verb for verb in verbs if given[: len(verb.split())] == verb.split()), None)
    if named is not None:
        return f"See `drp {named} --help`."
    nearest = _nearest(given, verbs)
    return f"Did you mean `drp {nearest}`?" if nearest else "See `drp --help`."


def _nearest(given: Sequence[str], verbs: Sequence[str]) -> str | None:
    """``config shwo``, ``show`` and ``configs show`` -> ``config show``; groups may lie in groups."""
    for count in (3, 2, 1):
        typed = " ".join(given[:count])
        by_form = {verb: verb for verb in verbs} | {verb.rsplit(" ", 1)[-1]: verb for verb in verbs}
        found = get_close_matches(typed, [*by_form], n=1, cutoff=_CLOSE)
        if found:
            return by_form[found[0]]
    return None
