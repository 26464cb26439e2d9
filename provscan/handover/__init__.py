"""Results of runs, handed over so that the other party can check them."""
