"""Model weights: what there is, what is on this machine, and how to get more (docs/weights.md).

Engines say what they need and get paths; nothing here touches the network but :mod:`inference.weights.fetching`, which
runs only when a person asks for it::

    from inference import weights

    found = weights.locate("sam-vit-b", "SAM")          # raises NoWeights, a WeightsMissing, when there is none
    found.path                                          # the .pth file
    folder = weights.locate("stable-diffusion-1.4", "Peekaboo").path        # a folder in diffusers' form
    unet = weights.locate("stable-diffusion-1.4").files["unet/diffusion_pytorch_model.safetensors"]
    weights.find("sam") is not None                     # cheap enough for ``installed()``

Free of torch, of the network and of code in files: the window may import it.
"""

from inference.weights.entries import Catalogue, Entry, EntryFile, Family, UnknownWeights, catalogue, readable
from inference.weights.finding import Located, NoWeights, find, find_all, locate, names_for, recognise
from inference.weights.places import FOLDER_VARIABLE, folder
from inference.weights.tensors import CodeInside, tensors_of

__all__ = [
    "FOLDER_VARIABLE",
    "Catalogue",
    "CodeInside",
    "Entry",
    "EntryFile",
    "Family",
    "Located",
    "NoWeights",
    "UnknownWeights",
    "catalogue",
    "find",
    "find_all",
    "folder",
    "locate",
    "names_for",
    "readable",
    "recognise",
    "tensors_of",
]
