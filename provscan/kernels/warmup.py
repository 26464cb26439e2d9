"""Compile the kernels of a run before it begins, in two processes: ``python -m
provscan.kernels.warmup PART``.

Each kernel that every run calls is listed with arguments of its actual types. Kernels
that only some files or indexes need are compiled when they are first called. The two
parts share as few helpers as possible, since each process compiles its own, and take
about the same time. Later runs find the machine code in the cache of
:mod:`provscan.kernels.jit`.
"""

import contextlib
import gc
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
import numpy as np

from provscan.kernels.jit import cache_folder

PARTS = 2
# The maximum number of characters of the reason why a kernel was not compiled.
MOST_OF_A_REASON = 500


def _calls(part: int) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Yield the kernels of a part with arguments."""
    from provscan.kernels import records as r
    from provscan.kernels.canonical import chunks, liftover, normalize, utf8
    from provscan.kernels.reading import garbled, json_lines, subtitles
    from provscan.kernels.search import (
        background,
        fingerprints,
        minimizers,
        seeding,
        spacing,
        suppress,
        variants,
        verify,
        whole_records,
        worddiff,
    )
    from provscan.kernels.search import grams as gram_sets
    from provscan.kernels.sketch import bands, minhash
    from provscan.kernels.storage import digests, keys, packing, postings, radix

    u8, u16, u32, u64 = (
        np.zeros(4, dtype) for dtype in (np.uint8, np.uint16, np.uint32, np.uint64)
    )
    i32, i64, f64 = np.zeros(4, np.int32), np.zeros(4, np.int64), np.zeros(4)
    pairs, flags = np.zeros((1, 2), np.uint64), np.zeros(1, np.bool_)
    spans, three = np.zeros((1, 2), np.int64), np.zeros((1, 3), np.int32)
    text = r.frozen(r.TextBuffer(u8, i64))
    codes, raw = r.CodeBuffer(u32, i64), text.text
    tables = r.frozen(
        r.CanonicalTables(
            np.zeros(1, np.uint16),
            np.zeros((1, 256), np.uint32),
            u32,
            u64,
            u32,
            u64,
            u32[None],
            u32,
        )
    )
    room = r.CanonicalScratch(
        np.zeros((3, 1), np.uint32), np.zeros((4, 1), np.int32), u8[None], u32, i32
    )
    if part == 0:
        yield normalize.codes_batch, (text, 0, tables, room, flags, codes, i64)
        yield chunks.cut_texts, (*text, 2048, i64, i64)
        yield utf8.encode_rows, (codes, i64, r.TextBuffer(u8, i64))
        yield utf8.decode_rows, (text, i64, codes)
        yield utf8.gather, (text, i64, r.TextBuffer(u8, i64))
        yield utf8.whole_numbers, (text, i64)
        yield utf8.code_points, (raw,)
        yield utf8.byte_places, (raw, text.offsets, i64, spans, spans)
        yield utf8.newlines, (raw,)
        columns = r.StringColumns(u8[None], i64[None], u8[None])
        yield garbled.garbled, (raw, text.offsets, i64[None])
        yield subtitles.timed, (raw, text.offsets, i64)
        yield json_lines.top_level_values, (raw, raw, text.offsets, raw, columns)
        yield normalize.canonical_mapped, (raw, tables, room, i64, i64)
        matches = liftover.LiftoverInput(raw, i64, i64, i64, spans, spans, text, f64)
        out = liftover.LiftoverOutput(spans, three, u8)
        yield (
            liftover.liftover,
            (
                r.frozen(matches),
                tables,
                liftover.liftover_scratch(room, room, room),
                out,
            ),
        )
        chars = r.frozen(codes).codes
        yield background.count_grams, (chars, i64, 0, 1, 6, pairs, 1)
        yield background.rehash, (pairs, pairs)
        model = background.NgramModel(6, 0.75, 17.0, pairs)
        yield background.score_texts, (chars, i64, model, i64, pairs, pairs[None], f64)
        side = worddiff.ComparedText(u32, i64, i64, chars, spans, spans)
        yield worddiff.differing_runs, (side, side, three)
        return
    yield packing.measure, (i64, spans)
    yield packing.pack, (i64, spans, u64)
    yield (
        packing.unpack,
        (r.read_only(u64), r.read_only(spans), r.read_only(i64), i64),
    )
    yield bands.band_keys, (u32[None], 32, 4, pairs)
    yield bands.two_bit_sketch, (u32[None], pairs)
    seed_params = r.SeedParams(10, 4)
    scratch = r.SeedScratch(u32, i32, u32[None], u32[None])
    count, seeds = r.counters(), r.Seeds(u32, i32, i32, i64)
    table = r.Postings(u32, u32, 1, 8)
    bloom_filter = r.BloomFilter(u64, np.uint32(1))
    seed_table = r.frozen(r.SeedTable(table, u8, bloom_filter))
    grams, candidates = r.Grams(u32, u32, i64), r.Candidates(i64, i64, i64, i64)
    thresholds = r.Thresholds(0.3, 0.5, 20, 40)
    yield (
        minhash.signatures,
        (text, r.frozen(codes).codes, r.frozen(codes).codes, u32, u32[None]),
    )
    yield (
        verify.verify,
        (
            grams,
            grams,
            candidates,
            thresholds,
            verify.verify_scratch(4, 4),
            r.VerifiedRows(i64, spans, spans, three, f64, u8, f64[:, None]),
            True,
        ),
    )
    yield gram_sets.gram_hashes, (u32, u32)
    yield gram_sets.compare_rows, (codes, codes, gram_sets.set_scratch(4, 4), spans)
    yield gram_sets.pieces_of_rows, (codes, codes, gram_sets.set_scratch(4, 4), flags)
    yield fingerprints.fingerprints, (*codes, u8)
    yield (
        fingerprints.agreeing,
        (
            fingerprints.FingerprintedRecords(*codes, u8),
            fingerprints.NumberedTexts(*text, r.read_only(i64)),
            candidates,
            thresholds,
            fingerprints.fingerprints_scratch(4),
            flags,
        ),
    )
    entry_scratch = r.SeedEntriesScratch(u32, u32, i32, scratch)
    yield minimizers.seed_entries, (text, 0, seed_params, entry_scratch, u64, (20, u8))
    yield minimizers.seeds_of, (codes, seed_params, scratch, seeds)
    yield minimizers.seed_levels, (u64, u8)
    yield (
        minimizers.seeds_within,
        (
            r.read_only(u64),
            r.read_only(u8),
            r.read_only(u16),
            np.zeros(1, np.uint16),
            u64,
        ),
    )
    yield minimizers.mark_seeds, (u64, bloom_filter)
    state = r.frozen(seeding.SeedingState(i64, i64, i64))._replace(
        last=np.zeros((1, 4), np.int32)
    )
    yield (
        seeding.seed_candidates,
        (seeds, seed_table, 16, state, seeding.seeding_scratch(), candidates, count),
    )
    text_table = r.frozen(r.TextTable(table, table, bloom_filter, pairs))
    asked = r.Sketches(pairs, pairs, pairs)
    whole_limits = whole_records.WholeLimits(64, 77, 16)
    whole_scratch = whole_records.whole_scratch(1, 16)
    yield (
        whole_records.whole_candidates,
        (asked, text_table, whole_limits, whole_scratch, candidates, count),
    )
    yield (
        variants.variants,
        (
            codes,
            (i64, spans, f64),
            text_table.exact,
            variants.VariantLimits(0.8, 16),
            variants.variant_scratch(),
            candidates,
        ),
    )
    yield (
        suppress.suppress,
        (i64, spans, i64, suppress.Grid(i64, i64, i64, i64, i64, i64), flags),
    )
    words, passages = spacing.Words(u32, 100), spacing.Passages(u32, i64, i64, i64)
    yield spacing.word_hashes, (u32, i64, u64)
    yield spacing.add_words, (u64, u32, u32)
    yield spacing.find, (u32, i64, spans)
    yield (
        spacing.restore,
        (u32, i64, spans, words, spacing.spacing_scratch(), passages),
    )
    yield keys.text_keys, (text, pairs)
    yield keys.number_texts, (pairs, pairs, u32, 0, i64)
    yield keys.move_texts, (pairs, u32, pairs, u32)
    yield postings.renumber, (u64, np.uint64(0), u32)
    yield radix.scatter, (u64, np.uint64(0), i64, u64)
    yield postings.mark_bands, (u64, 32, bloom_filter)
    yield postings.pack_entries, (u64, 8, 32, 0, u32, u8)
    yield postings.bucket_offsets, (r.read_only(u64), 0, 1, u32)
    yield postings.close_bucket_offsets, (u32,)
    yield radix.sort, (u64, u64, spans)
    yield radix.row_entries, (r.read_only(pairs), i64, u64, np.uint64(0), u64)
    yield radix.merge, (r.read_only(u64), r.read_only(u64), u64)
    yield radix.by_level, (u64, u8, i64, u64)
    yield radix.by_text, (i64, u32, u32, i64, i64)
    yield digests.add_column, (text, pairs)
    yield digests.content_keys, (raw, r.frozen(text).offsets, 64, np.uint64(1), u64)


def compile_part(part: int) -> None:
    """Compile the kernels of a part that are not in the cache. The first that fails
    ends the process, with its name and the reason as the last line of standard error.
    """
    gc.disable()
    for function, arguments in _calls(part):
        try:
            function.compile(tuple(map(numba.typeof, arguments)))
        except Exception as error:
            reason = " ".join(str(error).split())
            name = f"{function.__module__}.{function.__name__}"
            error.add_note(f"{name}: {reason[:MOST_OF_A_REASON]}")
            raise


def _marker() -> Path | None:
    """Return the file whose existence in the cache folder shows that all kernels are
    compiled for this processor and Python; None if there is no such folder.
    """
    folder = cache_folder()
    if folder is None or numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        return None
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    processor = llvmlite.binding.get_host_cpu_name()
    return folder / f"complete-{processor}-{python}-{numba.__version__}"


def compile_all(report: Callable[[float], None]) -> None:
    """Compile all kernels unless this was done before; ``report`` is called with the
    elapsed seconds.

    If a kernel fails to compile here, a warning names it and the reason. It and the
    following kernels are compiled when they are first used.
    """
    marker = _marker()
    if marker is None or marker.exists():
        return
    command = [sys.executable, "-m", __name__]
    begin, out = time.monotonic(), subprocess.DEVNULL
    processes: list[subprocess.Popen[bytes]] = []
    with contextlib.ExitStack() as files:
        # A file takes any amount of text, unlike a pipe that nobody reads meanwhile.
        errors = [files.enter_context(tempfile.TemporaryFile()) for _ in range(PARTS)]
        try:
            for part, error in enumerate(errors):
                processes.append(
                    subprocess.Popen([*command, str(part)], stdout=out, stderr=error)
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
    compile_part(int(sys.argv[1]))
