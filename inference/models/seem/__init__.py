"""SEEM (Zou et al., "Segment Everything Everywhere All at Once", NeurIPS 2023), compatible with released checkpoints.

The parts bear the paper's words: image encoder (``focal``, ``vit``), pixel decoder (``pixel_decoder``,
``deformable``), text encoder (``text``), visual sampler (``sampler``) and the SEEM decoder (``decoder``), whose prompts
are groups of vectors tied together by a visibility table (``layout``).
"""
