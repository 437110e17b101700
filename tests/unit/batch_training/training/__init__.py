"""Training: from histories to a frozen model."""
