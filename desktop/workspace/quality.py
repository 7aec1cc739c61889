"""Going to what the quality rules found, and putting it right as one undo step of its image."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from desktop.dataset.changes import DeleteInstances, ReplaceInstances
from desktop.dataset.model import Instance
from desktop.dataset.quality import Finding, Rule, check_image
from desktop.workspace.following import Following


class Quality(Following):
    """See :class:`desktop.workspace.Workspace`."""

    def show_finding(self, finding: Finding) -> None:
        """Go to the image and select the instances concerned."""
        self.go_to_image(finding.image_id)
        self.select([i for i in finding.instance_ids if i in self._instances])

    def fix_finding(self, finding: Finding) -> str:
        """Go there and carry out the fix; returns why it was not done, or an empty text."""
        if self.read_only:
            return self.read_only
        self.show_finding(finding)
        if self._image is None or self._image.id != finding.image_id:
            return self.tr("The image is not in the project any more.")
        known = {category.id for category in self.categories}
        present = check_image(self._image, list(self._instances.values()), known)
        if not any(
            (f.rule, f.instance_ids, f.text) == (finding.rule, finding.instance_ids, finding.text) for f in present
        ):
            return self.tr("The instances have changed since the check; check again.")
        changed: list[Instance] = []
        removed: list[Instance] = []
        for change in finding.fix:
            if isinstance(change, ReplaceInstances):
                changed += change.instances
            elif isinstance(change, DeleteInstances):
                removed += [self._instances[i] for i in change.instance_ids if i in self._instances]
        name = self.tr("Fix: {rule}").format(rule=rule_title(finding.rule))
        return "" if self._change_instances(name, changed, removed) else self.tr("There was nothing to change.")


def rule_title(rule: Rule) -> str:
    """What a rule is called in the list and in the history."""
    translate = QCoreApplication.translate
    titles = {
        Rule.SMALL: translate("Quality", "Empty or very small"),
        Rule.DUPLICATE: translate("Quality", "Duplicates"),
        Rule.OVERLAP: translate("Quality", "Overlapping, same class"),
        Rule.STRAY_PARTS: translate("Quality", "Stray parts"),
        Rule.PIN_HOLES: translate("Quality", "Pin-holes"),
        Rule.UNLABELLED: translate("Quality", "Unlabelled"),
        Rule.UNKNOWN_CLASS: translate("Quality", "Class not in the list"),
        Rule.LOW_SCORE: translate("Quality", "Low score"),
        Rule.NO_INSTANCES: translate("Quality", "Done without instances"),
        Rule.FILE: translate("Quality", "File and project differ"),
    }
    return titles[rule]
