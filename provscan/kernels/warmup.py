"""Compile the kernels of a run before it begins, in two processes: ``python -m
provscan.kernels.warmup 1`` and ``-1``.

The kernels that most runs call are listed with arguments of their actual types. Kernels
that only some files or indexes need are compiled when they are first called. One
process compiles the list from its beginning, the other from its end. Where they meet,
each finds the rest in the cache of :mod:`provscan.kernels.jit`, as later runs do.
Kernels that share helpers are close to each other in the list, since each process
compiles its own helpers.
"""

import contextlib
import gc
import hashlib
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
import numpy as np

from provscan.kernels.jit import cache_folder

# The maximum number of characters of the reason why a kernel was not compiled.
MOST_OF_A_REASON = 500


def _calls() -> list[tuple[Any, tuple[Any, ...]]]:
    """Return the kernels to compile, each with arguments of the types of a run.

    The values of the arguments are irrelevant. A test runs a match after the warm-up,
    and fails if it compiles a kernel that is missing here or called with other types.
    """
    from provscan.kernels import records as r
    from provscan.kernels.canonical import chunks, normalize, utf8
    from provscan.kernels.reading import other_texts, repeated_keys
    from provscan.kernels.search import (
        background,
        fingerprints,
        grams,
        liftover,
        minimizers,
        seeding,
        spacing,
        suppress,
        variants,
        verify,
        whole_records,
        worddiff,
    )
    from provscan.kernels.sketch import bands, minhash
    from provscan.kernels.storage import digests, keys, packing, postings, radix

    # Arrays of one dimension are named after their type; "fixed" ones are read-only.
    u8, u16, u32, u64 = (
        np.zeros(4, dtype) for dtype in (np.uint8, np.uint16, np.uint32, np.uint64)
    )
    i32, i64, f64 = np.zeros(4, np.int32), np.zeros(4, np.int64), np.zeros(4)
    flags = np.zeros(1, np.bool_)
    fixed_u8, fixed_u16, fixed_u32, fixed_u64, fixed_i64 = map(
        r.read_only, (u8, u16, u32, u64, i64)
    )
    # Tables of two columns, and of three.
    pairs, spans, three = (
        np.zeros((1, 2), np.uint64),
        np.zeros((1, 2), np.int64),
        np.zeros((1, 3), np.int32),
    )
    # Texts, and what is computed from them.
    texts, new_texts = r.TextBuffer(fixed_u8, fixed_i64), r.TextBuffer(u8, i64)
    codes = r.CodeBuffer(u32, i64)
    tables = r.frozen(
        r.CanonicalTables(u16, u32[None], u32, u64, u32, u64, u32[None], u32)
    )
    room = r.CanonicalScratch(u32[None], i32[None], u8[None], u32, i32)
    # The tables of an index.
    bloom = r.BloomFilter(u64, np.uint32(1))
    form = r.EntryForm(np.uint64(0), 0, 24, 8)
    table = r.Postings(u32, u32, 1, 8)
    seed_table = r.frozen(r.SeedTable(table, u8, bloom))
    text_table = r.frozen(r.TextTable(table, table, bloom, pairs))
    # A scan.
    seed_params = r.SeedParams(10, 4)
    seed_scratch = r.SeedScratch(u32, i32, u32[None], u32[None])
    seeds = r.Seeds(u32, u8, i32, i64)
    hashed = r.Grams(u32, u32, i64)
    candidates = r.Candidates(i64, i64, i64, i64)
    passages = r.Candidates(i32, i32, i32, i32)
    thresholds = r.Thresholds(0.3, 0.5, 20, 40, 25, 6)
    gram_sets = grams.set_scratch(4, 4)
    model = background.NgramModel(6, 0.75, 17.0, pairs)
    compared = worddiff.ComparedText(u32, i64, i64, fixed_u32, spans, spans)
    return [
        # Texts are read and made canonical.
        (normalize.codes_batch, (texts, 0, tables, room, flags, codes, i64)),
        (normalize.canonical_mapped, (fixed_u8, tables, room, i64, i64)),
        (
            liftover.liftover,
            (
                r.frozen(
                    liftover.LiftoverInput(
                        u8, i64, i64, i64, spans, spans, new_texts, f64
                    )
                ),
                tables,
                liftover.liftover_scratch(room, room, room),
                liftover.LiftoverOutput(spans, three, u8),
            ),
        ),
        (grams.gram_hashes, (u32, u32)),
        (grams.compare_rows, (codes, codes, gram_sets, spans)),
        (grams.copied_wording_of_rows, (codes, codes, gram_sets, spans, flags, f64)),
        (
            other_texts.lines_with_texts,
            (
                fixed_u8,
                r.FieldTree(
                    fixed_u8,
                    fixed_i64,
                    fixed_i64,
                    fixed_i64,
                    fixed_i64,
                    fixed_i64,
                    fixed_i64,
                ),
                spans,
                u8,
            ),
        ),
        (other_texts.values_with_texts, (fixed_u8, fixed_i64, 1, u8)),
        (repeated_keys.lines_with_repeated_keys, (fixed_u8, i64, u64, u8)),
        (chunks.cut_texts, (fixed_u8, fixed_i64, 2048, i64, i64)),
        (utf8.encode_rows, (codes, i64, new_texts)),
        (utf8.decode_rows, (texts, i64, codes)),
        (utf8.whole_numbers, (texts, i64)),
        (utf8.code_points, (fixed_u8,)),
        (utf8.byte_places, (fixed_u8, fixed_i64, i64, spans, spans)),
        (utf8.newlines, (fixed_u8,)),
        # The passages of matches are judged.
        (background.count_grams, (fixed_u32, i64, 0, 1, 6, pairs, 1)),
        (background.rehash, (pairs, pairs)),
        (
            background.score_texts,
            (fixed_u32, i64, model, i64, pairs, pairs[None], f64),
        ),
        (background.cap_bits, (fixed_u32, i64, 1.0, u64, f64)),
        (worddiff.differing_runs, (compared, compared, three)),
        # The tables of an index are built and read.
        (packing.measure, (i64, spans)),
        (packing.pack, (i64, spans, u64)),
        (packing.unpack, (fixed_u64, r.read_only(spans), fixed_i64, i64)),
        (digests.add_column, (texts, pairs)),
        (digests.content_keys, (fixed_u8, fixed_i64, 64, np.uint64(1), u64)),
        (keys.text_keys, (texts, pairs)),
        (keys.number_texts, (pairs, pairs, u32, 0, i64)),
        (radix.scatter, (u64, np.uint64(0), i64, u64)),
        (radix.sort, (u64, u64, spans)),
        (
            radix.row_entries,
            (r.read_only(pairs), i64, u64, np.uint64(0), u64),
        ),
        (radix.merge, (fixed_u64, fixed_u64, u64)),
        (radix.by_level, (u64, u8, i64, u64)),
        (radix.by_text, (i64, u32, u32, i64, i64)),
        (postings.mark_bands, (u64, 32, bloom)),
        (postings.pack_entries, (u64, form, 8, 32, u32, u8)),
        (postings.renumber, (u64, form, u32)),
        (postings.bucket_offsets, (fixed_u64, form, 0, 1, u32)),
        (bands.band_keys, (u32[None], 32, 4, pairs)),
        (bands.two_bit_sketch, (u32[None], pairs)),
        (minhash.signatures, (texts, fixed_u32, fixed_u32, u32, u32[None])),
        # Seeds are computed and looked up, and candidates are verified.
        (
            minimizers.seed_entries,
            (
                texts,
                0,
                seed_params,
                r.SeedEntriesScratch(u32, u32, i32, seed_scratch),
                u64,
                20,
                u8,
                False,
            ),
        ),
        (minimizers.lengths, (*codes, i64)),
        (minimizers.seeds_of, (codes, seed_params, seed_scratch, seeds)),
        (minimizers.seed_levels, (u64, form, u8)),
        (minimizers.seeds_within, (fixed_u64, form, fixed_u8, fixed_u16, u16, u64)),
        (minimizers.mark_seeds, (u64, form, bloom)),
        (
            seeding.seed_candidates,
            (
                seeds,
                seed_table,
                16,
                fixed_i64,
                seeding.seeding_scratch(16),
                passages,
                r.counters(),
            ),
        ),
        (
            whole_records.whole_candidates,
            (
                r.Sketches(pairs, pairs, pairs),
                text_table,
                whole_records.WholeLimits(64, 77, 16),
                whole_records.whole_scratch(1, 16),
                candidates,
                r.counters(),
            ),
        ),
        (
            variants.variants,
            (
                codes,
                variants.MatchedPlaces(i64, spans, f64),
                text_table.exact,
                variants.VariantLimits(0.8, 16),
                variants.variant_scratch(),
                variants.Variants(i64, i64, i64, i64),
            ),
        ),
        (
            suppress.suppress,
            (i64, spans, i64, suppress.Grid(i64, i64, i64, i64, i64, i64), flags),
        ),
        (spacing.word_hashes, (u32, i64, u64)),
        (spacing.add_words, (u64, u32, u32)),
        (spacing.find, (u32, i64, spans)),
        (
            spacing.restore,
            (
                u32,
                i64,
                spans,
                spacing.Words(u32, 100),
                spacing.spacing_scratch(),
                spacing.Passages(u32, i64, i64, i64),
            ),
        ),
        (fingerprints.fingerprints, (*codes, u8)),
        (
            fingerprints.agreeing,
            (
                fingerprints.FingerprintedRecords(*codes, u8),
                texts,
                passages,
                thresholds,
                fingerprints.fingerprints_scratch(4),
                i64,
            ),
        ),
        (
            verify.verify,
            (
                hashed,
                hashed,
                candidates,
                thresholds,
                verify.verify_scratch(4, 4),
                r.VerifiedRows(i64, spans, spans, three, f64, u8, f64[:, None]),
                True,
            ),
        ),
    ]


def compile_each(step: int) -> None:
    """Compile the kernels that are not in the cache: from the first of the list on if
    ``step`` is 1, from the last on if it is -1. The first that fails ends the process,
    with its name and the reason as the last line of standard error.
    """
    gc.disable()
    for function, arguments in _calls()[::step]:
        try:
            function.compile(tuple(map(numba.typeof, arguments)))
        except Exception as error:
            reason = " ".join(str(error).split())
            name = f"{function.__module__}.{function.__name__}"
            error.add_note(f"{name}: {reason[:MOST_OF_A_REASON]}")
            raise


def _marker() -> Path | None:
    """Return the file whose existence in the cache folder shows that all listed kernels
    are compiled for this processor, Python and installation; None if there is no such
    folder. Numba keeps code by the path and the time of its source, so that another
    installation with the same sources, or the next one, compiles the kernels again.
    """
    folder = cache_folder()
    if folder is None or numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        return None
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    processor = llvmlite.binding.get_host_cpu_name()
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    stamps = repr([(str(path), path.stat().st_mtime_ns) for path in sources])
    installed = hashlib.sha256(stamps.encode()).hexdigest()[:16]
    return folder / f"complete-{processor}-{python}-{numba.__version__}-{installed}"


def compile_all(report: Callable[[float], None]) -> None:
    """Compile all listed kernels unless this was done before; ``report`` is called with
    the elapsed seconds.

    A process stops at the first kernel that fails to compile, and a warning names that
    kernel and the reason. Kernels that neither process has compiled are compiled when
    they are first used.
    """
    marker = _marker()
    if marker is None or marker.exists():
        return
    command = [sys.executable, "-m", __name__]
    begin = time.monotonic()
    processes: list[subprocess.Popen[bytes]] = []
    with contextlib.ExitStack() as files:
        # A file takes any amount of text, unlike a pipe that nobody reads meanwhile.
        errors = [files.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
        try:
            for step, error in zip(("1", "-1"), errors, strict=True):
                processes.append(
                    subprocess.Popen(
                        [*command, step], stdout=subprocess.DEVNULL, stderr=error
                    )
                )
            while any(process.poll() is None for process in processes):
                report(time.monotonic() - begin)
                time.sleep(0.1)
        finally:
            for process in processes:
                process.kill()
        failed = False
        for process, error in zip(processes, errors, strict=True):
            if process.returncode:
                failed = True
                error.seek(0)
                lines = error.read().decode(errors="replace").strip().splitlines()
                reason = lines[-1] if lines else f"exit code {process.returncode}"
                warnings.warn(
                    "some kernels could not be compiled before the run and are "
                    f"compiled when they are first used ({reason})",
                    stacklevel=2,
                )
    if not failed:
        marker.touch()


if __name__ == "__main__":
    compile_each(int(sys.argv[1]))
