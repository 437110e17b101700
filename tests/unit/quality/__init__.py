"""How good lists are where the truth is known, and on real ratings."""
