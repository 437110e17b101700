"""The demo: a night and a day on real viewing data, in one command."""

from deploy.demo.run import DemoOptions, run_demo

__all__ = ["DemoOptions", "run_demo"]
