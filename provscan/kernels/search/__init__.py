"""Kernels that search for licensed texts and verify them, in the order of a scan.

- Whole records: :mod:`~provscan.kernels.search.whole_records`.
- Passages: :mod:`~provscan.kernels.search.minimizers` computes seeds,
  :mod:`~provscan.kernels.search.seeding` looks them up, and
  :mod:`~provscan.kernels.search.fingerprints` rejects most of the candidates.
- Verification: :mod:`~provscan.kernels.search.verify` compares a candidate with its
  text, by 5-grams (:mod:`~provscan.kernels.search.grams`,
  :mod:`~provscan.kernels.search.hits`) and at edited edges by
  :mod:`~provscan.kernels.search.align`.
- More matches: :mod:`~provscan.kernels.search.variants` finds other texts around a
  match, and :mod:`~provscan.kernels.search.spacing` restores missing spaces, after
  which a passage is searched again.
- Overlaps: :mod:`~provscan.kernels.search.suppress` keeps the best match of each place.
- Spans in the original records: :mod:`~provscan.kernels.search.liftover`.
- Scores and displays: :mod:`~provscan.kernels.search.background` and
  :mod:`~provscan.kernels.search.worddiff`.
"""
