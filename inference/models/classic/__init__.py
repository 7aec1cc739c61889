"""The parts of the Classic engine, on numpy and OpenCV alone (docs/engines/classic.md)."""
