"""The roof: the one place that knows both wings, and how to run them."""
