"""Kernels that search for licensed texts and verify them, in the order of a scan.

- Whole records: :mod:`~provscan.kernels.search.whole_records`.
- Passages: :mod:`~provscan.kernels.search.minimizers` computes seeds,
  :mod:`~provscan.kernels.search.seeding` looks them up, and
  :mod:`~provscan.kernels.search.fingerprints` rejects most of the candidates.
- Verification: :mod:`~provscan.kernels.search.verify` compares a candidate with its
  text, by 5-grams (:mod:`~provscan.kernels.search.grams`,
  :mod:`~provscan.kernels.search.hits`) and at edited edges by
  :mod:`~provscan.kernels.search.align`.
- After that: :mod:`~provscan.kernels.search.variants`,
  :mod:`~provscan.kernels.search.spacing` and
  :mod:`~provscan.kernels.search.suppress`.
- Spans in the original records: :mod:`~provscan.kernels.search.liftover`.
- Scores and displays: :mod:`~provscan.kernels.search.background` and
  :mod:`~provscan.kernels.search.worddiff`.
"""
