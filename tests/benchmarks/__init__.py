"""How fast and how good, measured in ratios from one run."""
