"""Text that deflates as an assistant's answer does."""

from __future__ import annotations

from itertools import accumulate
from random import Random

_WORDS = """
the of and to a in is that you it for as are with be this can or on not if an by have your from
which when will one but more they at all use there also each so what how about may some other than
these time only would them has its should most like their where between first need while because
data both such make before after work value over many different example then even long however
function small change question step often without result system large still help possible during
list simple case start point set user reason order model server answer call message memory process
several usually number public part itself line request keep week water important instead table
local follow though price energy query plan always travel cost budget morning language market
history garden recipe effect choose island careful temperature advantage measure contract protein
schedule connection compare insurance particular database recommend mountain version exercise
"""
_MOST_TO_LEAST = _WORDS.split()
_ODDS = list(accumulate(1 / (rank + 6) for rank in range(len(_MOST_TO_LEAST))))
"""A word is used about as often as its rank is low: Zipf's law."""


def texts(chance: Random, *, size: int, number: int = 200) -> list[str]:
    """So many different ones."""
    return [prose(chance, size=size) for _ in range(number)]


def prose(chance: Random, *, size: int) -> str:
    """ASCII sentences, cut off at `size` bytes."""
    text = ""
    while len(text) < size:
        text += _sentence(chance)
    return text[:size]


def _sentence(chance: Random) -> str:
    """Of 6 to 22 words, now and then the last one of its paragraph."""
    words = chance.choices(_MOST_TO_LEAST, cum_weights=_ODDS, k=chance.randint(6, 22))
    if len(words) > 12:  # too long for one breath
        words[len(words) // 2] += ","
    return " ".join(words).capitalize() + chance.choices((". ", "? ", ".\n\n"), (8, 1, 2))[0]
