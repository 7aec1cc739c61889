"""The whole network of ``lite`` and its file of weights."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from inference.models.lite.backbone import EfficientNetLite0, normalised
from inference.models.lite.decoder import Decoder, Prediction, Prompting
from inference.models.lite.labels import LabelHead
from inference.models.lite.layers import fold_normalisation
from inference.models.lite.neck import Context, Neck


class LiteModel(nn.Module):
    """Backbone, neck, decoder and, when it has ``classes``, the class head.

    ``look`` once per view, ``answer`` once per round of prompts.
    """

    def __init__(self, backbone: EfficientNetLite0 | None = None, classes: Sequence[str] = ()) -> None:
        super().__init__()
        self.classes = tuple(classes)
        self.backbone = backbone or EfficientNetLite0()
        self.neck = Neck()
        self.decoder = Decoder()
        self.labels = LabelHead(len(self.classes)) if self.classes else None

    def look(self, pixels: Tensor) -> Context:
        """The context of views: uint8 or float RGB 0..255 (B, 3, H, W), H and W multiples of 32."""
        x = normalised(pixels)
        context: Context = self.neck(x, self.backbone(x))
        return context

    def answer(self, context: Context, prompting: Prompting) -> Prediction:
        """The masks for prompts, one prompt set per view of ``context``."""
        prediction: Prediction = self.decoder(context, prompting)
        return prediction

    def fold(self) -> LiteModel:
        """For use after training: fold normalisations, freeze, evaluation mode."""
        self.eval().requires_grad_(False)
        fold_normalisation(self)
        return self
