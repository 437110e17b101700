"""Training: fits the matrix factorisation; the one room that knows `implicit`."""
