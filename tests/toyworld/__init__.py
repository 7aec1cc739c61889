"""A toy world: scenes of coloured shapes with captions and known masks, and tiny models trained on it.

It proves that engines *localise*, without weights of gigabytes: the tiny models are made of the same classes as Stable
Diffusion and CLIP, so the engines run on them unchanged. See docs/toyworld.md.
"""
