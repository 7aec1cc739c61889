"""The SAM family: SAM on its own package; SAM 2, EdgeTAM and SAM 3 on transformers (docs/engines/sam.md)."""
