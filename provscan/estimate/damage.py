"""Classes of what is left of a copy."""

from __future__ import annotations

import numpy as np

from provscan.arrays import Flags, Floats, Numbers

# Classes of edited copies by their similarity, of those cut short by how much of the
# text is left.
_EDGES = np.array([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.999])
_CUTS = np.array([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
# And classes of copies in pieces, by their similarity.
_CUT, PIECES = len(_EDGES) + 1, len(_EDGES) + len(_CUTS) + 2
DAMAGES = PIECES + len(_EDGES) + 1
# The class of copies of which a little less is left; of the lowest it is the same.
BELOW = np.arange(DAMAGES) - 1
BELOW[[0, _CUT, PIECES]] = [0, _CUT, PIECES]
# A span with less that is foreign to the text was cut out of it.
_OWN = 0.97
# Similarity, or containment of what was only cut, from which on a copy is nearly
# verbatim.
NEARLY = 0.8


def of_texts(classes: Numbers, weight: Floats, group: Numbers, groups: int) -> Floats:
    """How much texts weigh in each cell, [groups * DAMAGES], once each however many
    copies of a text are there.

    `classes` has a bit for each class of damage in which a text has copies; `weight`
    and `group` are those of the text.
    """
    columns = [
        np.bincount(group, weight * (classes >> damage & 1), groups)
        for damage in range(DAMAGES)
    ]
    return np.column_stack(columns).reshape(-1).astype(np.float64)


def nearly_verbatim(similarity: Floats, containment: Floats) -> Flags:
    """bool[n]: a match is word for word or nearly.

    Its similarity is 0.8 or more, or nearly all of its 5-grams are the text's and it
    contains 0.8 of these: a copy that was only cut a little.
    """
    similarity, containment = (
        np.maximum(values.astype(np.float64), 1e-3)
        for values in (similarity, containment)
    )
    result: Flags = (similarity >= NEARLY) | (
        (_own(similarity, containment) >= _OWN) & (containment >= NEARLY)
    )
    return result


def _own(similarity: Floats, containment: Floats) -> Floats:
    """Share of a span's 5-grams that are the text's: both indices have the same
    numerator.
    """
    return 1.0 / np.maximum(1.0 / similarity - 1.0 / containment + 1.0, 1.0)


def damage_of(similarity: Floats, containment: Floats, pieces: Flags) -> Numbers:
    """How damaged each match is, as a class below :data:`DAMAGES`: edited and how
    similar, only cut short and how much is left, or in pieces (passages in another
    order, or without what was between them) and how similar.
    """
    similarity, containment = (
        np.maximum(values.astype(np.float64), 1e-3)
        for values in (similarity, containment)
    )
    own = _own(similarity, containment)
    edited = np.searchsorted(_EDGES, similarity, side="right")
    cut = _CUT + np.searchsorted(_CUTS, containment, side="right")
    result: Numbers = np.where((own >= _OWN) & (similarity < _EDGES[-1]), cut, edited)
    return np.where(pieces, PIECES + edited, result)
