"""MinHash signatures, and the band keys and two-bit sketches derived from them."""
