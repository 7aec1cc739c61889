"""The sizes of a SEEM model: the released ones, and those that an official configuration states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Sizes: TypeAlias = Mapping[str, tuple[int, ...]]
"""Official tensor names with the shapes of their tensors."""

TEXT = "sem_seg_head.predictor.lang_encoder."
PREDICTOR = "sem_seg_head.predictor."
PIXEL_DECODER = "sem_seg_head.pixel_decoder."


@dataclass(frozen=True, slots=True)
class FocalShape:
    """A focal modulation network; ``depthwise``: the ``focal_dw`` class of Focal-T (spec of the blocks: ``focal``)."""

    width: int
    depths: tuple[int, ...]
    levels: tuple[int, ...]
    windows: tuple[int, ...]
    depthwise: bool
    mlp_ratio: float = 4.0

    @property
    def channels(self) -> tuple[int, ...]:
        return tuple(self.width << stage for stage in range(len(self.depths)))


@dataclass(frozen=True, slots=True)
class VitShape:
    """SAM's plain vision transformer with a simple feature pyramid of ``channels`` (res2 … res5) behind it."""

    width: int
    depth: int
    heads: int
    global_blocks: tuple[int, ...]
    grid: int = 64
    window: int = 14
    patch: int = 16
    channels: tuple[int, ...] = (128, 256, 512, 1024)
    middle: tuple[int, int, int] = (256, 256, 1024)
    """Inner widths of the branches to 1/4, 1/8 and 1/32."""

    @property
    def image_side(self) -> int:
        return self.grid * self.patch


@dataclass(frozen=True, slots=True)
class TextShape:
    """The text encoder; ``vocabulary`` counts token ids, of which the largest ends a text."""

    width: int = 512
    layers: int = 12
    heads: int = 8
    context: int = 77
    vocabulary: int = 49408


@dataclass(frozen=True, slots=True)
class SeemShape:
    """Everything that fixes the tensors of a model and the heads of its attention."""

    backbone: FocalShape | VitShape
    text: TextShape = TextShape()
    hidden: int = 512
    pyramid: int = 512
    """Channels of the pixel decoder's maps (``CONVS_DIM``)."""
    mask: int = 512
    projection: int = 512
    """Width of the joint space of class vectors and texts (``DIM_PROJ``)."""
    queries: int = 101
    memories: int = 32
    heads: int = 8
    feedforward: int = 2048
    layers: int = 9
    encoder_layers: int = 6
    max_points: int = 512
    """Points that the visual sampler keeps per sign (``MAX_SPATIAL_LEN``)."""
    queries_per_object: int = 3
    """Query rows of one object in the multi-object layout (``QUERY_NUMBER``)."""

    @property
    def deformable(self) -> bool:
        """SAM-ViT models have the deformable pixel decoder."""
        return isinstance(self.backbone, VitShape)

    @property
    def divisor(self) -> int:
        """Image sides are padded to multiples of this."""
        return self.backbone.image_side if isinstance(self.backbone, VitShape) else 32


FOCAL_T = SeemShape(FocalShape(96, (2, 2, 6, 2), (3, 3, 3, 3), (3, 3, 3, 3), depthwise=True))
FOCAL_L = SeemShape(FocalShape(192, (2, 2, 18, 2), (4, 4, 4, 4), (3, 3, 3, 3), depthwise=False))
SAM_VIT_B = SeemShape(VitShape(768, 12, 12, (2, 5, 8, 11), middle=(384, 384, 1536)))
SAM_VIT_L = SeemShape(VitShape(1024, 24, 16, (5, 11, 17, 23), middle=(512, 512, 2048)))

RELEASED = {"Focal-T": FOCAL_T, "Focal-L": FOCAL_L, "SAM-ViT-B": SAM_VIT_B, "SAM-ViT-L": SAM_VIT_L}
"""The architectures of the released files."""


def from_official(config: Mapping[str, Any], sizes: Sizes) -> SeemShape:
    """The shape of a Focal model from its official configuration (``MODEL`` and ``ATTENTION_ARCH``).

    ``sizes`` gives what the configuration leaves to other files: token ids, memory tokens.
    Raises ``KeyError`` when an entry is missing.
    """
    model, arch = config["MODEL"], config["ATTENTION_ARCH"]
    text, encoder, decoder = model["TEXT"], model["ENCODER"], model["DECODER"]
    return SeemShape(
        backbone=focal_from_official(model["BACKBONE"]),
        text=TextShape(
            text["WIDTH"],
            text["LAYERS"],
            text["HEADS"],
            text["CONTEXT_LENGTH"],
            sizes[TEXT + "lang_encoder.token_embedding.weight"][0],
        ),
        hidden=decoder["HIDDEN_DIM"],
        pyramid=encoder["CONVS_DIM"],
        mask=encoder["MASK_DIM"],
        projection=model["DIM_PROJ"],
        queries=decoder["NUM_OBJECT_QUERIES"],
        memories=sizes[PREDICTOR + "spatial_featured.weight"][0],
        heads=decoder["NHEADS"],
        feedforward=decoder["DIM_FEEDFORWARD"],
        layers=decoder["DEC_LAYERS"] - 1,
        encoder_layers=encoder["TRANSFORMER_ENC_LAYERS"],
        max_points=decoder["MAX_SPATIAL_LEN"][0],
        queries_per_object=arch.get("QUERY_NUMBER", 3),
    )


def focal_from_official(backbone: Mapping[str, Any]) -> FocalShape:
    """The shape of a focal network from the ``BACKBONE`` entry of a configuration."""
    focal = backbone["FOCAL"]
    return FocalShape(
        width=focal["EMBED_DIM"],
        depths=tuple(focal["DEPTHS"]),
        levels=tuple(focal["FOCAL_LEVELS"]),
        windows=tuple(focal["FOCAL_WINDOWS"]),
        depthwise=backbone["NAME"] == "focal_dw",
        mlp_ratio=focal["MLP_RATIO"],
    )
