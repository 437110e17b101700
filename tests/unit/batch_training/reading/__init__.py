"""Reading: what is taken, and what is put aside."""
