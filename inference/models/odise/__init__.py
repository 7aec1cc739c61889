"""ODISE (CVPR 2023): open-vocabulary panoptic segmentation from the features of Stable Diffusion and CLIP."""
