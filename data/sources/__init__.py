"""Where interactions and catalogues come from: files, MovieLens-1M, a synthetic sample."""
