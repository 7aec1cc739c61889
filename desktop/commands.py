"""What every command does, its key of ux.md §7, and why it may be disabled. Read by :mod:`desktop.actions`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from desktop.actions import Command, Scope
from desktop.dataset.model import ReviewState
from desktop.panels.relabel_dialog import relabel
from desktop.workspace import ColourBy
from desktop.workspace.operations import Operation

if TYPE_CHECKING:
    from desktop.main_window import MainWindow


def tr(text: str) -> str:
    return QCoreApplication.translate("Commands", text)


TOOLS: tuple[tuple[str, str, str, str], ...] = (
    ("select", "Select", "V", "Click picks, Shift adds, drag moves, drag from an empty place selects an area."),
    ("point", "Point", "Q", "Left click: part of the object. Right click: not part of it. Drag: a box."),
    ("box", "Box", "W", "Drag a box round the object; right-drag excludes an area."),
    ("scribble", "Scribble", "S", "Draw over the object; right button over what does not belong to it."),
    ("reference", "Reference", "Y", "Mark a region of another image: the engine looks for the same here."),
    ("text", "Text", "T", "Describe what to find in words."),
    ("polygon", "Polygon", "P", "Click vertices; Enter, a double-click or the first vertex closes."),
    ("rectangle", "Rectangle", "M", "Drag a rectangle; Shift: square, Ctrl: from the centre."),
    ("lasso", "Lasso", "L", "Draw round a region; the right button subtracts."),
    ("brush", "Brush", "B", "Paint pixels; the right button erases; hold Shift for a straight line."),
    ("eraser", "Eraser", "E", "Erase pixels; the right button paints."),
    ("wand", "Wand", "G", "Click a colour, drag changes the tolerance, Enter keeps the region."),
    ("livewire", "Live-wire", "K", "Click along an edge; the outline follows it. Backspace takes the last anchor."),
    ("split", "Split", "J", "Draw a line across the selected instance, or round a part: the pieces become instances."),
)

TOOL_FAMILIES: tuple[tuple[str, ...], ...] = (
    ("tool.select",),
    ("tool.point", "tool.box", "tool.scribble", "tool.text", "tool.reference"),
    ("tool.polygon", "tool.rectangle", "tool.lasso", "tool.brush", "tool.eraser", "tool.wand", "tool.livewire"),
    ("tool.split", "object.union", "object.subtract", "object.intersect", "object.exclude"),
)


def tool_name(tool: str) -> str:
    """The translated name of a tool; the region of interest is a tool without a button."""
    known = {name: title for name, title, _, _ in TOOLS}
    return tr(known.get(tool, "Region of interest"))


def tool_help(tool: str) -> str:
    """One line of mouse help."""
    known = {name: text for name, _, _, text in TOOLS}
    return tr(known.get(tool, "Drag the region that the engine shall see at full resolution; Esc leaves."))


def commands(window: MainWindow) -> list[Command]:
    """All commands of a window."""
    return [
        *_file(window),
        *_edit(window),
        *_view(window),
        *_image(window),
        *_tools(window),
        *_object(window),
        *_engine(window),
        *_review(window),
        *_classes(window),
        *_help(window),
    ]


def _file(w: MainWindow) -> list[Command]:
    ws = w.workspace

    def opened() -> str:
        return "" if ws.images else tr("Open images or a project first.")

    def writable() -> str:
        return opened() or ws.read_only

    return [
        Command("file.open_folder", tr("Open folder…"), w.ask_folder, ("Ctrl+O",), menu="File", icon="folder"),
        Command("file.open_images", tr("Open images…"), w.ask_images, ("Ctrl+Shift+O",), menu="File", icon="images"),
        Command("file.open_project", tr("Open project…"), w.ask_project, ("Ctrl+P",), menu="File", icon="project"),
        Command("file.new_project", tr("New project…"), w.ask_new_project, ("Ctrl+N",), menu="File", icon="plus"),
        Command("file.sample", tr("Try the sample"), ws.open_sample, menu="File", icon="point"),
        Command("file.import", tr("Import…"), w.show_import, menu="File", group=1, icon="import", reason=writable),
        Command("file.export", tr("Export…"), w.show_export, ("Ctrl+E",), menu="File", group=1, icon="export",
                reason=lambda: opened() or ("" if ws.project is not None else tr("There is nothing to export yet."))),
        Command("file.save", tr("Save now"), ws.save_now, ("Ctrl+S",), menu="File", group=1, icon="save",
                reason=opened),
        Command("file.close", tr("Close project"), ws.close_project, ("Ctrl+W",), menu="File", group=2,
                reason=opened),
        Command("file.settings", tr("Settings…"), w.show_settings, ("Ctrl+,",), menu="File", group=3, icon="settings"),
        Command("file.quit", tr("Quit"), w.close, ("Ctrl+Q",), menu="File", group=4),
    ]  # fmt: skip


def _edit(w: MainWindow) -> list[Command]:
    ws = w.workspace
    canvas = Scope.CANVAS

    def selected() -> str:
        return "" if ws.selection else tr("Select an instance first.")

    def changeable() -> str:
        return selected() or ws.editable()

    return [
        Command("edit.undo", tr("Undo"), ws.undo, ("Ctrl+Z",), menu="Edit", icon="undo",
                title=lambda: ws.undo_name or tr("Undo"),
                reason=lambda: "" if ws.undo_name else tr("There is nothing to undo.")),
        Command("edit.redo", tr("Redo"), ws.redo, ("Ctrl+Shift+Z", "Ctrl+Y"), menu="Edit", icon="redo",
                title=lambda: ws.redo_name or tr("Redo"),
                reason=lambda: "" if ws.redo_name else tr("There is nothing to redo.")),
        Command("edit.cut", tr("Cut"), ws.cut_selected, ("Ctrl+X",), menu="Edit", group=1, icon="cut",
                reason=changeable),
        Command("edit.copy", tr("Copy"), ws.copy_selected, ("Ctrl+C",), menu="Edit", group=1, icon="copy",
                reason=selected),
        Command("edit.paste", tr("Paste"), ws.paste, ("Ctrl+V",), menu="Edit", group=1, icon="paste",
                reason=lambda: ws.editable() or ("" if ws.has_clipboard() else tr("Nothing was copied yet."))),
        Command("edit.duplicate", tr("Duplicate"), ws.duplicate_selected, ("Ctrl+D",), menu="Edit", group=1,
                icon="duplicate", reason=changeable),
        Command("edit.copy_previous", tr("Copy all from previous image"), ws.copy_all_from_previous, ("Ctrl+Shift+V",),
                menu="Edit", group=1, reason=ws.can_copy_from_previous),
        Command("edit.delete", tr("Delete"), ws.delete_selected, ("Del",), canvas, menu="Edit", group=1, icon="trash",
                reason=changeable),
        Command("edit.select_all", tr("Select all"), ws.select_all, ("Ctrl+A",), menu="Edit", group=2,
                reason=w.needs_instances),
        Command("edit.invert", tr("Invert selection"), ws.invert_selection, ("Ctrl+I",), menu="Edit", group=2,
                reason=w.needs_instances),
        Command("edit.next", tr("Next instance"), partial(w.select_next, 1), ("Tab",), canvas, menu="Edit", group=2,
                reason=w.needs_instances),
        Command("edit.previous", tr("Previous instance"), partial(w.select_next, -1), ("Shift+Tab",), canvas,
                menu="Edit", group=2, reason=w.needs_instances),
        Command("edit.menu", tr("Context menu"), w.canvas.open_menu_by_key, ("Shift+F10",), canvas, menu="Edit",
                group=3, reason=w.needs_image),
        Command("edit.palette", tr("Command palette…"), w.show_palette, ("Ctrl+K",), menu="Edit", group=3,
                icon="command"),
    ]  # fmt: skip


def _view(w: MainWindow) -> list[Command]:
    ws, view, link = w.workspace, w.canvas, w.link
    canvas = Scope.CANVAS
    image = w.needs_image

    def coloured_by(rule: ColourBy) -> bool:
        return ws.colour_by is rule

    def theme_is(name: str) -> bool:
        return ws.settings.text("appearance.theme") == name

    return [
        Command("view.fit", tr("Fit image"), view.zoom_to_fit, ("Ctrl+0",), menu="View", icon="zoom-fit", reason=image),
        Command("view.actual", tr("100 %"), view.zoom_to_100, ("Ctrl+1",), menu="View", icon="zoom-100", reason=image),
        Command("view.fit_selection", tr("Fit selection"), view.zoom_to_selection, ("Ctrl+2",), menu="View",
                reason=lambda: "" if ws.selection else tr("Select an instance first.")),
        Command("view.zoom_in", tr("Zoom in"), view.zoom_in, ("Ctrl++", "Ctrl+="), menu="View", icon="zoom-in",
                reason=image),
        Command("view.zoom_out", tr("Zoom out"), view.zoom_out, ("Ctrl+-",), menu="View", icon="zoom-out",
                reason=image),
        Command("view.style", tr("Next overlay style"), link.cycle_style, ("O",), canvas, menu="View", group=1,
                icon="eye"),
        Command("view.labels", tr("All class labels"), link.toggle_labels, ("Shift+O",), canvas, menu="View", group=1),
        Command("view.more_fill", tr("More fill"), lambda: link.change_opacity(5), ("=",), canvas, menu="View",
                group=1),
        Command("view.less_fill", tr("Less fill"), lambda: link.change_opacity(-5), ("-",), canvas, menu="View",
                group=1),
        Command("view.uncertainty", tr("Uncertainty"), link.toggle_uncertainty, ("U",), canvas, menu="View", group=1,
                icon="uncertainty", reason=link.can_show_uncertainty, checked=lambda: link.uncertainty),
        Command("view.doubt", tr("Show doubt"), link.toggle_doubt, ("Shift+U",), canvas, menu="View", group=1,
                checked=lambda: link.doubt, mouse=tr("Hatches where the mask is nearly undecided.")),
        Command("view.adjustments", tr("Image adjustments"), w.toggle_adjustments, ("Shift+I",), canvas, menu="View",
                group=1, icon="adjustments", checked=lambda: w.adjustments.isVisible()),
        Command("view.hide_all", tr("Hide all instances"), ws.toggle_hide_all, ("Shift+H",), canvas, menu="View",
                group=2, icon="eye-off", checked=lambda: ws.all_hidden),
        Command("view.history", tr("History"), w.toggle_history, menu="View", group=3, icon="history",
                checked=lambda: w.history.isVisible()),
        Command("view.panels", tr("Panels"), w.toggle_panels, menu="View", group=3,
                checked=lambda: w.panel_dock.isVisible()),
        Command("view.strip", tr("Image strip"), w.toggle_strip, menu="View", group=3,
                checked=lambda: w.strip_dock.isVisible()),
        Command("view.strip_left", tr("Image strip at the left"), w.toggle_strip_side, menu="View", group=3,
                checked=w.strip_is_left),
        Command("view.tool_text", tr("Text on tool buttons"), w.toggle_tool_text, menu="View", group=3,
                checked=lambda: ws.settings.flag("appearance.tool_text")),
        Command("view.hide_panels", tr("Hide all panels"), w.toggle_all_panels, ("F11",), menu="View", group=3),
        Command("view.next_panel", tr("Next panel"), lambda: w.move_focus(1), ("F6",), menu="View", group=3),
        Command("view.previous_panel", tr("Previous panel"), lambda: w.move_focus(-1), ("Shift+F6",), menu="View",
                group=3),
        Command("view.reset", tr("Reset layout"), w.reset_layout, menu="View", group=3),
        *(
            Command(f"view.colour_by_{rule.value}", title, partial(ws.set_colour_by, rule), menu="View/Colour by",
                    group=1, checked=partial(coloured_by, rule))
            for rule, title in (
                (ColourBy.CLASS, tr("Class")),
                (ColourBy.INSTANCE, tr("Instance")),
                (ColourBy.SOURCE, tr("Source")),
                (ColourBy.REVIEW, tr("Review state")),
            )
        ),
        *(
            Command(f"view.theme_{name}", title, partial(w.set_theme, name), menu="View/Theme", group=4,
                    checked=partial(theme_is, name))
            for name, title in (("system", tr("System")), ("light", tr("Light")), ("dark", tr("Dark")))
        ),
    ]  # fmt: skip


def _image(w: MainWindow) -> list[Command]:
    ws = w.workspace
    canvas = Scope.CANVAS
    image = w.needs_image
    return [
        Command("image.previous", tr("Previous image"), ws.go_previous, ("A", "PgUp"), canvas, menu="Image",
                icon="previous", reason=image),
        Command("image.next", tr("Next image"), ws.go_next, ("D", "PgDown"), canvas, menu="Image", icon="next",
                reason=image),
        Command("image.previous_unfinished", tr("Previous unfinished image"), ws.go_previous_unfinished, ("Shift+A",),
                canvas, menu="Image", reason=image),
        Command("image.next_unfinished", tr("Next unfinished image"), ws.go_next_unfinished, ("Shift+D",), canvas,
                menu="Image", reason=image),
        Command("image.done", tr("Mark done and go to the next unfinished"), ws.mark_done,
                ("Ctrl+Return", "Ctrl+Enter"), menu="Image", group=1, icon="done",
                reason=lambda: image() or ws.read_only),
        Command("image.filter", tr("Filter images"), w.focus_image_filter, ("Ctrl+F",), menu="Image", group=2,
                icon="filter", reason=image),
    ]  # fmt: skip


def _tools(w: MainWindow) -> list[Command]:
    def is_current(name: str) -> bool:
        return w.reference_pane.isVisible() if name == "reference" else w.canvas.tool == name

    sizes = (
        ("tool.smaller", tr("Smaller brush"), -1, ("[",)),
        ("tool.larger", tr("Larger brush"), 1, ("]",)),
        ("tool.much_smaller", tr("Much smaller brush"), -5, ("Shift+[", "{")),
        ("tool.much_larger", tr("Much larger brush"), 5, ("Shift+]", "}")),
    )
    tools = [
        Command(
            f"tool.{name}",
            tr(title),
            partial(w.choose_tool, name),
            (key,),
            Scope.CANVAS,
            icon=name,
            checked=partial(is_current, name),
            mouse=tr(text),
            menu="Edit/Tools",
            group=4,
        )
        for name, title, key, text in TOOLS
    ]
    return tools + [
        Command(name, title, partial(w.canvas.change_size, steps), keys, Scope.CANVAS, menu="Edit/Tools", group=5)
        for name, title, steps, keys in sizes
    ]


def _object(w: MainWindow) -> list[Command]:
    ws = w.workspace
    canvas = Scope.CANVAS

    def one() -> str:
        return ("" if ws.selection else tr("Select an instance first.")) or ws.editable()

    def two() -> str:
        return ("" if len(ws.selection) > 1 else tr("Select two or more instances first.")) or ws.editable()

    return [
        Command("object.refine", tr("Refine"), ws.refine_selected, ("R",), canvas, menu="Object", icon="refine",
                reason=ws.can_refine),
        Command("object.edit", tr("Class and attributes…"), w.edit_selection, ("F2",), menu="Object", icon="edit",
                reason=one),
        Command("object.union", tr("Union"), ws.union_selected, ("Ctrl+Alt+U",), menu="Object", group=1, icon="union",
                reason=two),
        Command("object.subtract", tr("Subtract"), ws.subtract_selected, ("Ctrl+Alt+S",), menu="Object", group=1,
                icon="subtract", reason=two, mouse=tr("The first selected minus the others.")),
        Command("object.intersect", tr("Intersect"), ws.intersect_selected, ("Ctrl+Alt+I",), menu="Object", group=1,
                icon="intersect", reason=two),
        Command("object.exclude", tr("Exclude"), ws.exclude_selected, ("Ctrl+Alt+X",), menu="Object", group=1,
                icon="exclude", reason=two),
        Command("object.merge", tr("Merge into one instance"), ws.merge_selected, ("Ctrl+G",), menu="Object", group=1,
                icon="merge", reason=two),
        Command("object.split", tr("Split parts"), ws.split_parts, ("Ctrl+Shift+G",), menu="Object", group=1,
                icon="split", reason=one),
        Command("object.fill_all_holes", tr("Fill all holes"), ws.fill_holes, menu="Object", group=2, icon="fill-holes",
                reason=one),
        *(
            Command(f"object.{operation.value.replace(' ', '_')}", title, partial(w.shape, operation), menu="Object",
                    group=2, icon=icon, reason=one)
            for operation, title, icon in (
                (Operation.FILL_HOLES, tr("Fill small holes…"), ""),
                (Operation.REMOVE_SMALL, tr("Remove small parts…"), ""),
                (Operation.GROW, tr("Grow or shrink…"), "grow"),
                (Operation.SMOOTH, tr("Smooth…"), "smooth"),
                (Operation.SIMPLIFY, tr("Simplify…"), "simplify"),
            )
        ),
        Command("object.relabel", tr("Relabel by model…"), lambda: relabel(ws, w), menu="Object", group=2, icon="label",
                reason=ws.can_relabel),
        Command("object.forward", tr("Forward"), ws.raise_selected, ("Ctrl+]",), menu="Object", group=3, icon="up",
                reason=one),
        Command("object.backward", tr("Backward"), ws.lower_selected, ("Ctrl+[",), menu="Object", group=3, icon="down",
                reason=one),
        Command("object.front", tr("To the front"), lambda: ws.raise_selected(to_front=True), ("Ctrl+Shift+]",),
                menu="Object", group=3, icon="front", reason=one),
        Command("object.back", tr("To the back"), lambda: ws.lower_selected(to_back=True), ("Ctrl+Shift+[",),
                menu="Object", group=3, icon="back", reason=one),
        Command("object.hide", tr("Hide or show"), ws.toggle_hide_selected, ("H",), canvas, menu="Object", group=4,
                icon="eye-off", reason=lambda: "" if ws.selection else tr("Select an instance first.")),
        Command("object.solo", tr("Show only these"), ws.toggle_solo_selected, ("Alt+H",), canvas, menu="Object",
                group=4, icon="solo"),
        Command("object.lock", tr("Lock or unlock"), ws.toggle_lock_selected, ("Ctrl+L",), menu="Object", group=4,
                icon="lock", reason=lambda: "" if ws.selection else tr("Select an instance first.")),
    ]  # fmt: skip


def _engine(w: MainWindow) -> list[Command]:
    ws = w.workspace
    canvas = Scope.CANVAS

    def session() -> str:
        return "" if ws.session is not None else tr("There is no open session: prompt something first.")

    def candidates() -> str:
        found = ws.session
        return "" if found is not None and len(found.candidates) > 1 else tr("There are no other candidates.")

    def acceptable() -> str:
        # a drawing on the canvas is finished by the same key
        return "" if w.drawing else ws.can_accept() and w.cannot_ask()

    return [
        Command("session.accept", tr("Accept"), w.accept, ("Return", "Enter", "F"), canvas, menu="Engine",
                icon="accept", reason=acceptable),
        Command("session.accept_class", tr("Accept with class…"), w.accept_with_class,
                ("Shift+Return", "Shift+Enter"), canvas, menu="Engine", icon="class", reason=ws.can_accept),
        Command("session.accept_next", tr("Accept and start the next"), w.accept_next, ("N",), canvas, menu="Engine",
                icon="accept-next", reason=acceptable),
        Command("session.cancel", tr("Cancel"), w.escape, ("Esc",), canvas, menu="Engine", icon="discard"),
        Command("session.next", tr("Next candidate"), lambda: ws.cycle_candidate(1), ("C",), canvas, menu="Engine",
                group=1, icon="candidates", reason=candidates),
        Command("session.previous", tr("Previous candidate"), lambda: ws.cycle_candidate(-1), ("Shift+C",), canvas,
                menu="Engine", group=1, reason=candidates),
        Command("session.back", tr("Remove last prompt"), ws.undo_prompt, ("Backspace",), canvas, menu="Engine",
                group=1, reason=session),
        Command("session.invert", tr("Invert last prompt"), ws.invert_last_prompt, ("I",), canvas, menu="Engine",
                group=1, icon="swap", reason=session),
        Command("session.polarity", tr("Swap positive and negative"), w.swap_polarity, ("X",), canvas, menu="Engine",
                group=1, checked=lambda: not ws.options.positive),
        Command("session.suggestion", tr("Take the suggested class"), ws.take_suggestion, ("Z",), canvas, menu="Engine",
                group=1, icon="label", reason=ws.can_take_suggestion),
        Command("session.roi", tr("Region of interest"), w.toggle_region, ("Ctrl+Shift+B",), menu="Engine", group=1,
                icon="roi", reason=w.needs_image, checked=lambda: ws.region_of_interest is not None),
        Command("engine.run", tr("Run again"), ws.run, ("Ctrl+R",), menu="Engine", group=2, icon="run",
                reason=ws.can_run),
        Command("engine.everything", tr("Run on the whole image"), ws.run_everything, ("Ctrl+B",), menu="Engine",
                group=2, icon="everything", reason=ws.can_run_everything),
        Command("engine.batch", tr("Batch…"), w.show_batch, ("Ctrl+Alt+B",), menu="Engine", group=2, icon="everything",
                reason=ws.can_batch),
        Command("engine.follow", tr("Apply to following images…"), w.ask_following, ("Ctrl+Shift+F",), menu="Engine",
                group=2, icon="images", reason=ws.can_follow),
        Command("engine.options", tr("Engine options…"), w.show_engine_options, menu="Engine", group=2, icon="settings",
                reason=w.has_engine_options),
        Command("engine.compare", tr("Compare with another engine…"), w.compare, menu="Engine", group=2, icon="compare",
                reason=w.can_compare),
        Command("engine.models", tr("Models…"), w.show_models, menu="Engine", group=3, icon="engine"),
    ]  # fmt: skip


def _review(w: MainWindow) -> list[Command]:
    ws = w.workspace
    review = Scope.REVIEW

    def proposals() -> str:
        return "" if ws.proposals else tr("There are no proposals: run an engine on the whole image first.")

    return [
        Command("review.accept_all", tr("Accept all checked proposals"), ws.accept_all_proposals,
                ("Ctrl+Shift+Return",), menu="Review", icon="check", reason=proposals),
        Command("review.reject_all", tr("Reject all proposals"), ws.reject_all_proposals, menu="Review", icon="close",
                reason=proposals),
        Command("review.next_proposals", tr("Next image with proposals"), ws.go_to_next_proposals, ("Alt+D",),
                menu="Review", icon="next",
                reason=lambda: "" if ws.images_with_proposals else tr("No image has proposals.")),
        Command("review.mode", tr("Review…"), w.review.toggle, ("Shift+F9",), menu="Review", group=2, icon="review",
                reason=w.review.can_start, checked=lambda: ws.reviewing,
                title=lambda: tr("Leave the review") if ws.reviewing else tr("Review…")),
        Command("review.quality", tr("Quality…"), w.show_quality, ("F8",), menu="Review", group=2, icon="warning",
                reason=w.needs_image),
        Command("review.statistics", tr("Statistics…"), w.review.show_statistics, menu="Review", group=2,
                icon="statistics", reason=w.review.needs_project),
        Command("review.approve", tr("Approve and go on"), ws.approve, ("Return", "Enter"), review, menu="Review",
                group=3, icon="check", reason=lambda: w.review.needs_review() or ws.can_decide()),
        Command("review.send_back", tr("Send back with a comment…"), w.review.bar.ask_comment, ("Backspace",), review,
                menu="Review", group=3, icon="back", reason=lambda: w.review.needs_review() or ws.can_decide()),
        Command("review.next", tr("Next item without deciding"), lambda: ws.review_step(1), ("D", "PgDown"), review,
                menu="Review", group=3, icon="next", reason=w.review.needs_review),
        Command("review.previous", tr("Previous item"), lambda: ws.review_step(-1), ("A", "PgUp"), review,
                menu="Review", group=3, icon="previous", reason=w.review.needs_review),
        Command("review.show", tr("Show the item"), ws.show_review_item, ("Home",), review, menu="Review", group=3,
                reason=w.review.needs_review),
        Command("review.leave", tr("Leave the review without deciding"), ws.leave_review, ("Esc",), review,
                reason=w.review.needs_review),
        Command("review.difference", tr("Show what the review changed"), w.review.toggle_difference, ("Ctrl+Shift+D",),
                menu="Review", group=3, icon="compare", reason=w.review.can_show_difference,
                checked=lambda: ws.difference_shown),
        *(
            Command(f"review.instance_{state.name.lower()}", title, partial(w.mark_selected, state),
                    menu="Review/Mark selected instances", group=1,
                    reason=lambda: ("" if ws.selection else tr("Select an instance first.")) or ws.editable())
            for state, title in (
                (ReviewState.DRAFT, tr("Draft")), (ReviewState.DONE, tr("Done")),
                (ReviewState.REVIEWED, tr("Reviewed")), (ReviewState.NEEDS_WORK, tr("Needs work")),
            )
        ),
        *(
            Command(f"review.image_{state}", title, partial(w.mark_image, state), menu="Review", group=1,
                    reason=lambda: w.needs_image() or ws.read_only)
            for state, title in (
                ("draft", tr("Mark image as draft")),
                ("done", tr("Mark image as done")),
                ("reviewed", tr("Mark image as reviewed")),
                ("rejected", tr("Send image back")),
            )
        ),
    ]  # fmt: skip


def _classes(w: MainWindow) -> list[Command]:
    ws = w.workspace

    def choose(number: int) -> None:
        ws.apply_category(ws.categories[number].id)

    def missing(number: int) -> str:
        return "" if number < len(ws.categories) else tr("There is no class {n}.").format(n=number + 1)

    found = [
        Command("class.filter", tr("Filter classes"), w.focus_class_filter, ("/",), Scope.CANVAS, icon="filter"),
        Command("class.add", tr("Add class…"), w.add_class, reason=lambda: ws.read_only or w.needs_image()),
    ]
    for number in range(20):
        digit = str((number + 1) % 10)
        key = digit if number < 10 else f"Alt+{digit}"
        found.append(
            Command(
                f"class.{number + 1}",
                tr("Class {n}").format(n=number + 1),
                partial(choose, number),
                (key,),
                Scope.CANVAS,
                reason=partial(missing, number),
            )
        )
    return found


def _help(w: MainWindow) -> list[Command]:
    return [
        Command("help.keys", tr("Keys"), w.show_cheat_sheet, ("F1",), menu="Help", icon="keyboard"),
        Command("help.keys_canvas", tr("Keys of the canvas"), w.show_cheat_sheet, ("?",), Scope.CANVAS),
        Command("help.shortcuts", tr("Edit shortcuts…"), w.show_shortcuts, menu="Help", icon="keyboard"),
        Command("help.messages", tr("Message log"), w.show_messages, menu="Help", icon="info"),
        Command("help.about", tr("About Maskwright"), w.show_about, menu="Help", group=1, icon="help"),
    ]
