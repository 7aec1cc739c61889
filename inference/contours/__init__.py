"""Contour helpers of the drawing tools, Qt-free: live-wire (intelligent scissors) and wand (flood by colour)."""
