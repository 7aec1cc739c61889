"""Peekaboo: a caption to a mask by score distillation through Stable Diffusion (arXiv 2211.13224)."""
