"""The night: learns from the interaction history and publishes a frozen model."""
