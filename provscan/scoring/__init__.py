"""Scoring: the rarity of a match's wording, and the rule that decides which matches
are findings.
"""
