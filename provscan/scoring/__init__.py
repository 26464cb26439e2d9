"""Scoring: how rare the wording of a match is, and which matches count."""
