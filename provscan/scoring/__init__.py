"""Score matches by the rarity of their wording, and decide which are findings.

- ``lengths``: length classes and scripts of texts.
- ``background``: the rarity of a text's wording, in bits.
- ``rule``: the scores of matches, and the rule for findings.
- ``hashtags``: hashtags and names, which are labels and no wording.
- ``clusters``: texts with similar wording, whose chance matches count as one.
- ``authorship``: author, year and language of texts.
"""
