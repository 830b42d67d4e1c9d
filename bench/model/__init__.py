"""The model container's benchmark: each figure a ratio, in one run, against plain diffusers with the same weights."""
