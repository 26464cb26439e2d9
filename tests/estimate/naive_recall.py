"""A naive implementation of the recall of a mixture of edits, which processes one cell
at a time. This module imports nothing from provscan and does not change.
"""

import math
from itertools import product

FINDABLE, IN_MIXTURE, HARDLY, NOT_LESS, WEIGHT = 1 / 3, 0.15, 0.01, 0.1, 4.0


def cell_recall(planted, found, groups, damages):
    """Return the recall of each cell, given the numbers of planted and found spike-ins
    by (group, damage). Four more spike-ins have the expected recall of the cell.
    """
    whole = sum(found.values()) / sum(planted.values())

    def odds(cells):
        k, n = (
            sum(found.get(c, 0) for c in cells),
            sum(planted.get(c, 0) for c in cells),
        )
        share = min(max((k + WEIGHT * whole) / (n + WEIGHT), 0.001), 0.999)
        return share / (1 - share)

    recall = {}
    for g, d in product(groups, damages):
        both = (
            odds([(h, d) for h in groups])
            * odds([(g, e) for e in damages])
            / ((whole + 0.001) / (1.001 - whole))
        )
        expected = both / (1 + both)
        recall[g, d] = (found.get((g, d), 0) + WEIGHT * expected) / (
            planted.get((g, d), 0) + WEIGHT
        )
    return recall


def most_likely(profile, missed, counts, prior, edits, groups, damages, tilt):
    """Return the most likely copies of each edit and group, and their log-likelihood;
    `tilt` is added to the log-likelihood for each missed copy.
    """
    caught = {
        (e, g): sum(profile[e, g, d] for d in damages) for e in edits for g in groups
    }
    weight = {
        k: max(caught[k] - tilt * missed[k], 0.001 * caught[k] + 1e-9) for k in caught
    }
    of_group = {
        g: sum(counts[g, d] for d in damages) + sum(prior[e, g] for e in edits)
        for g in groups
    }
    share = dict.fromkeys(edits, 1 / len(edits))
    for _ in range(60):
        text = {
            g: of_group[g] / sum(share[e] * weight[e, g] for e in edits) for g in groups
        }
        mean = {
            (g, d): max(sum(share[e] * profile[e, g, d] for e in edits) * text[g], 1e-9)
            for g, d in product(groups, damages)
        }
        share = {
            e: (
                share[e]
                * sum(
                    counts[g, d] / mean[g, d] * text[g] * profile[e, g, d]
                    for g in groups
                    for d in damages
                )
                + sum(prior[e, g] for g in groups)
            )
            / sum(text[g] * weight[e, g] for g in groups)
            for e in edits
        }
    copies = {(e, g): share[e] * text[g] for e in edits for g in groups}
    likelihood = sum(counts[c] * math.log(mean[c]) for c in counts if counts[c])
    likelihood -= sum(copies[k] * caught[k] for k in copies)
    likelihood += sum(
        prior[e, g] * (math.log(share[e]) + math.log(max(text[g], 1e-9)))
        for e in edits
        for g in groups
    )
    return copies, likelihood


def recall_of(spike_ins, shown, below, upper=False):
    """Return the fields of a `Recall`, given spike-ins (edit, group, damage, found),
    the matches by (group, damage), and for each class of damage the next one `below`.
    """
    groups, damages = ([*dict.fromkeys(c[i] for c in shown)] for i in (0, 1))
    names = sorted({s[0] for s in spike_ins})
    planted, found = {}, {}
    for _, g, d, hit in spike_ins:
        planted[g, d] = planted.get((g, d), 0) + 1
        found[g, d] = found.get((g, d), 0) + hit
    recall = cell_recall(planted, found, groups, damages)
    seen = {c for c in recall if recall[c] >= FINDABLE}
    falls = {}
    for e, g, d in product(names, groups, damages):
        own = [s for s in spike_ins if s[0] == e]
        everywhere = sum(s[2] == d for s in own) / len(own)
        near = [s for s in own if s[1] == g]
        falls[e, g, d] = (sum(s[2] == d for s in near) + WEIGHT * everywhere) / (
            len(near) + WEIGHT
        )
    in_group = {g: sum(s[1] == g for s in spike_ins) for g in groups}

    def seen_share(e, g):
        return sum(falls[e, g, d] * recall[g, d] for d in damages if (g, d) in seen)

    edits = [
        e
        for e in names
        if sum(seen_share(e, g) * in_group[g] for g in groups) / len(spike_ins)
        >= (HARDLY if upper else IN_MIXTURE)
    ]
    profile = {
        (e, g, d): falls[e, g, d] * recall[g, d] * ((g, d) in seen)
        for e, g, d in product(edits, groups, damages)
    }
    missed = {
        (e, g): sum(falls[e, g, d] for d in damages if (g, d) not in seen)
        for e in edits
        for g in groups
    }
    counts = {c: shown[c] * (c in seen) for c in shown}
    size, matches = sum(counts.values()), sum(shown.values())
    alike = {(e, g): seen_share(e, g) * in_group[g] for e in edits for g in groups}
    prior = {k: WEIGHT * alike[k] / sum(alike.values()) for k in alike}
    of = (profile, missed, counts, prior, edits, groups, damages)
    copies, best = most_likely(*of, 0.0)

    def lost(of_copies, edit=None):
        return sum(n * missed[k] for k, n in of_copies.items() if edit in (None, k[0]))

    def visible_of(of_copies, edit=None):
        return sum(
            n * seen_share(*k) for k, n in of_copies.items() if edit in (None, k[0])
        )

    bound = min(visible_of(copies, e) / max(lost(copies, e), 1e-9) for e in edits)
    modelled = {c: sum(copies[e, c[0]] * profile[e, *c] for e in edits) for c in shown}
    in_all = sum(modelled.values())
    squares = 0.0
    for c in seen:
        expected = modelled[c] * size / in_all
        squares += (counts[c] - expected) ** 2 / max(expected, 1.0)
    freedom = max(1, len(seen) - 1)
    misfit = max(1.0, squares / freedom)
    unlike = (
        max(0.0, squares / freedom - 1 - 2 * math.sqrt(2 / freedom))
        * freedom
        / max(1.0, size)
    )
    tilts = [-0.1 * 1000 ** (i / 7) for i in range(8)] + [
        1 - 0.9 * (0.02 / 0.9) ** (i / 7) for i in range(8)
    ]
    ratios = [lost(copies) / visible_of(copies)]
    for tilt in tilts:
        others, likelihood = most_likely(*of, bound * tilt)
        if likelihood >= best - 1.92 * misfit:
            ratios.append(lost(others) / visible_of(others))
    corrected = {
        c: (counts[c] + WEIGHT * modelled[c] / in_all) / (size + WEIGHT) / recall[c]
        for c in seen
    }
    visible = sum(corrected.values())
    rest = max(0.0, matches - size) / max(size, 1.0)
    unseen, low, high = (
        max(rest, ratios[0]),
        max(rest, min(ratios)),
        max(rest, max(ratios)),
    )
    high = max(
        high,
        sum(shown[c] / max(recall[c], NOT_LESS) for c in shown if c not in seen)
        / max(size, 1.0),
    )
    rim = {
        c
        for c in seen
        if below.get(c[1]) is not None and (c[0], below[c[1]]) not in seen
    }
    of_edit = {e: sum(copies[e, g] for g in groups) for e in edits}
    on_rim = {e: sum(copies[e, g] * profile[e, g, d] for g, d in rim) for e in edits}
    hides = max(lost(copies, e) / (on_rim[e] + 0.03 * of_edit[e]) for e in edits)
    at_worst = (
        hides
        * sum(on_rim[e] for e in edits if visible_of(copies, e) < 0.85 * of_edit[e])
        / in_all
    )
    high = max(high, at_worst)
    total = visible + unseen
    variance = 0.0
    for c in seen:
        trials = planted.get(c, 0) + WEIGHT
        variance += (
            corrected[c] ** 2 * (1 - recall[c] + 0.5 / trials) / (recall[c] * trials)
        )
    for e in edits:
        odds = lost(copies, e) / of_edit[e]
        trials = sum(s[0] == e for s in spike_ins)
        variance += (
            (lost(copies, e) / visible_of(copies)) ** 2
            * (1 - odds)
            / max(odds * trials, 1.0)
        )
    apart = (0.8 if upper else 0.5) * (1 - min(1.0, (1 + rest) / total))
    spread = 1.96 * math.hypot(math.sqrt(variance) / total, apart)
    lowest = total * math.exp(-math.hypot(math.log(total / (visible + low)), spread))
    highest = total * math.exp(math.hypot(math.log((visible + high) / total), spread))
    in_all = sum(copies.values())
    by_group = {g: sum(copies[e, g] for e in edits) / in_all for g in groups}
    return {
        "value": min(1.0, (1 + rest) / total),
        "low": min(1.0, (1 + rest) / highest),
        "high": min(1.0, (1 + rest) / lowest),
        "mixture": {e: of_edit[e] / in_all for e in edits},
        "of_edit": {
            e: sum(
                falls[e, g, d] * recall[g, d] * by_group[g]
                for g in groups
                for d in damages
            )
            for e in names
        },
        "hidden": unseen / total,
        "at_worst": at_worst,
        "unlike": unlike,
    }
