"""Stable Diffusion 1.x as parts: found in a folder, checked, loaded once for the engines that look through it."""
