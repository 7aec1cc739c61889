"""CLIP as transformers has it: names for any masks of an image, by masked attention."""
