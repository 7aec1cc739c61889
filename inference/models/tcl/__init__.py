"""TCL (CVPR 2023): text-grounded dense masks from a frozen CLIP and a small gated decoder."""
