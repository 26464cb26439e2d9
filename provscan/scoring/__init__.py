"""Score matches by the rarity of their wording, and decide which are findings."""
