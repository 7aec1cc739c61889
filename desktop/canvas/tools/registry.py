"""All tools of the canvas by name."""

from __future__ import annotations

from desktop.canvas.host import ToolHost
from desktop.canvas.tools.base import Surface, Tool
from desktop.canvas.tools.box import BoxTool
from desktop.canvas.tools.brush import BrushTool, EraserTool
from desktop.canvas.tools.lasso import LassoTool
from desktop.canvas.tools.livewire import LivewireTool
from desktop.canvas.tools.point import PointTool
from desktop.canvas.tools.polygon import PolygonTool
from desktop.canvas.tools.rectangle import RectangleTool
from desktop.canvas.tools.region_of_interest import RegionOfInterestTool
from desktop.canvas.tools.scribble import ScribbleTool
from desktop.canvas.tools.select import SelectTool
from desktop.canvas.tools.split import SplitTool
from desktop.canvas.tools.text import TextTool
from desktop.canvas.tools.wand import WandTool

TOOLS: tuple[type[Tool], ...] = (
    SelectTool,
    PointTool,
    BoxTool,
    ScribbleTool,
    TextTool,
    PolygonTool,
    RectangleTool,
    LassoTool,
    BrushTool,
    EraserTool,
    WandTool,
    LivewireTool,
    SplitTool,
    RegionOfInterestTool,
)


def make_tools(host: ToolHost, surface: Surface) -> dict[str, Tool]:
    """One tool of each kind, by name."""
    return {kind.name: kind(host, surface) for kind in TOOLS}
