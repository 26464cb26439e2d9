"""Classes of damage: how much of the licensed text is left in a copy.

:func:`damage_of` classifies matches, :func:`nearly_verbatim` marks those that are
verbatim or nearly verbatim, and :func:`weight_of_cells` sums the weights of texts by
class.
"""

from __future__ import annotations

import numpy as np

from provscan.arrays import Flags, Floats, Numbers

# Edited copies are classified by similarity, and copies that are cut short by the share
# of the text that is left.
_EDGES = np.array([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.999])
_CUTS = np.array([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
# Copies in pieces are also classified by similarity.
_CUT, PIECES = len(_EDGES) + 1, len(_EDGES) + len(_CUTS) + 2
DAMAGES = PIECES + len(_EDGES) + 1
# For each class, the class with slightly more damage; the lowest classes map to
# themselves.
BELOW = np.arange(DAMAGES) - 1
BELOW[[0, _CUT, PIECES]] = [0, _CUT, PIECES]
# Weights of the classes that are averaged with each class: the two with slightly more
# and the two with slightly less damage of the same kind, [classes, classes].
_KIND = np.searchsorted([_CUT, PIECES], np.arange(DAMAGES), side="right")
_SIMILAR = np.maximum(0.0, 3.0 - np.abs(np.subtract.outer(*[np.arange(DAMAGES)] * 2)))
_SIMILAR *= _KIND[:, None] == _KIND
_SIMILAR /= _SIMILAR.sum(axis=1, keepdims=True)
# A span was only cut from the text if at least this share of its 5-grams is from the
# text.
_ONLY_CUT = 0.97
# Minimum similarity of a nearly verbatim copy or, if it was only cut, minimum
# containment.
NEARLY = 0.8


def weight_of_cells(
    classes: Numbers, weight: Floats, group: Numbers, groups: int
) -> Floats:
    """Return the total weight of the texts in each cell, float64[groups * DAMAGES]; a
    cell is a group and a class of damage.

    A text counts once in a cell, however many copies it has there. In ``classes``, a
    bit is set for each class of damage in which the text has copies; ``weight`` and
    ``group`` are those of the texts.
    """
    columns = [
        np.bincount(group, weight * (classes >> damage & 1), groups)
        for damage in range(DAMAGES)
    ]
    return np.column_stack(columns).reshape(-1).astype(np.float64)


def without_chance(found: Floats, chance: Floats) -> Floats:
    """Subtract the chance matches from the findings of each cell.

    The few chance matches of a control are in other cells than those of the licensed
    texts. Subtracted cell by cell, many of them would find an empty cell; what could
    not be subtracted would look like damaged copies and make recall too low. Therefore,
    the chance matches of similar damage are averaged, all groups get the same
    distribution of damage, and the amounts are scaled so that the remainder has the
    right sum.

    Parameters
    ----------
    found
        Number of findings in each cell, [cells].
    chance
        Expected number of chance matches in each cell, [cells], as the control has
        them.

    Returns
    -------
    array
        [cells], none negative. Their sum is that of ``found`` minus that of ``chance``
        or, if this is negative, 0; it is larger if there are more findings than that in
        groups without chance matches.
    """
    table, total = chance.reshape(-1, DAMAGES), float(chance.sum())
    if total <= 0.0:
        return found
    damage = table.sum(axis=0) @ _SIMILAR
    expected = np.outer(table.sum(axis=1), damage).reshape(-1) / total
    somewhere = expected > 0.0
    # The scale leaves nothing of the cells with the lowest ratios of findings to chance
    # matches. Compute it for each number of such cells, and choose the first that fits.
    ratio = found[somewhere] / expected[somewhere]
    order = np.argsort(ratio)
    findings, matches = (
        np.cumsum(each[somewhere][order][::-1])[::-1] for each in (found, expected)
    )
    wanted = max(0.0, float(found.sum()) - total) - float(found[~somewhere].sum())
    scales = (findings - wanted) / matches
    fits = scales <= ratio[order] + 1e-12
    scale = scales[np.argmax(fits)] if fits.any() else ratio.max()
    return np.maximum(0.0, found - scale * expected)


def nearly_verbatim(similarity: Floats, containment: Floats) -> Flags:
    """Return which matches are verbatim or nearly verbatim, bool[n].

    Their similarity is 0.8 or more, or only a little of the text was cut off: nearly
    all 5-grams of the span are from the text, and the span contains at least 0.8 of the
    text's 5-grams.
    """
    similarity, containment = (
        np.maximum(values.astype(np.float64), 1e-3)
        for values in (similarity, containment)
    )
    result: Flags = (similarity >= NEARLY) | (
        (_share_from_text(similarity, containment) >= _ONLY_CUT)
        & (containment >= NEARLY)
    )
    return result


def _share_from_text(similarity: Floats, containment: Floats) -> Floats:
    """Return the share of a span's 5-grams that are from the text.

    The share follows from similarity and containment, which have the same numerator.
    """
    return 1.0 / np.maximum(1.0 / similarity - 1.0 / containment + 1.0, 1.0)


def damage_of(similarity: Floats, containment: Floats, pieces: Flags) -> Numbers:
    """Return the class of damage of each match, a number below :data:`DAMAGES`.

    A match is edited, only cut, or in pieces (passages in another order, or without the
    text between them). Edited matches and pieces are classified by similarity, cut
    matches by the share of the text that is left.
    """
    similarity, containment = (
        np.maximum(values.astype(np.float64), 1e-3)
        for values in (similarity, containment)
    )
    from_text = _share_from_text(similarity, containment)
    edited = np.searchsorted(_EDGES, similarity, side="right")
    cut = _CUT + np.searchsorted(_CUTS, containment, side="right")
    result: Numbers = np.where(
        (from_text >= _ONLY_CUT) & (similarity < _EDGES[-1]), cut, edited
    )
    return np.where(pieces, PIECES + edited, result)
