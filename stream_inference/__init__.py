"""The day: folds live events into the frozen model and keeps every up-next list fresh."""
