"""Ref-Diff: a referring text to a mask by diffusion cross-attention, mask proposals and CLIP (arXiv 2308.16777)."""
