"""Quality: what each part brings on MovieLens-1M; writes its part of ``docs/quality.md``."""
