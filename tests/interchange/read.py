"""``python read.py FOLDER``, in an environment with other people's readers: what they see in Maskwright's exports.

Prints one line for each reader: masks, how many of them are pixel for pixel the same, the worst IoU. Ends with an error
when a mask is missing, of another class, or worse than that reader's way of filling outlines explains. Knows nothing of
Maskwright. It also has the readers write what they read, for ``back.py``.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import warnings
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

warnings.filterwarnings("ignore")
os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["YOLO_OFFLINE"] = "true"

Found = Iterable[tuple[str, str, np.ndarray]]
"""(image path or its end, class name, mask) of each object that a reader sees."""


class Proof:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failed = False
        self.truth = []
        for key, mask in np.load(folder / "truth.npz").items():
            image, number, name, crowd = key.split("|")
            self.truth.append((image, int(number), name, crowd == "1", mask))

    def compare(
        self, title: str, found: Found, *, crowds: bool = True, exact: bool = True, at_least: float = 1.0
    ) -> None:
        """``crowds``: whether the format has them. Without ``exact`` an IoU of ``at_least`` is asked of each mask."""
        left = [(image, name, mask.astype(bool)) for image, name, mask in found]
        expected = [row for row in self.truth if crowds or not row[3]]
        extra, worst, same = len(left) - len(expected), 1.0, 0
        for image, _number, name, _crowd, mask in expected:
            stem = image.rsplit(".", 1)[0]
            here = [
                (float((mask & m).sum() / (mask | m).sum()), i)
                for i, (where, what, m) in enumerate(left)
                if what == name and where.replace("__", "/").rsplit(".", 1)[0].endswith(stem)
            ]
            best, index = max(here, default=(0.0, -1))
            if index >= 0:
                left.pop(index)
            worst, same = min(worst, best), same + (best == 1.0)
        good = not extra and (same == len(expected) if exact else worst >= at_least)
        self.failed |= not good
        print(
            f"{'ok ' if good else 'BAD'} {title}: {len(expected)} masks, {same} identical, worst IoU {worst:.3f}",
            end="",
        )
        print(f", {extra:+} objects" if extra else "")

    def check(self, title: str, good: bool) -> None:
        self.failed |= not good
        print(f"{'ok ' if good else 'BAD'} {title}")


def with_pycocotools(proof: Proof) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    for name in ("coco", "coco-rle"):
        file = proof.folder / name / "instances.json"
        with contextlib.redirect_stdout(io.StringIO()):
            data = COCO(str(file))
        names = {c["id"]: c["name"] for c in data.cats.values()}
        seen = [
            (data.imgs[a["image_id"]]["file_name"], names[a["category_id"]], data.annToMask(a))
            for a in data.anns.values()
        ]
        proof.compare(f"pycocotools {version('pycocotools')}, {name}", seen)
        results = [
            {"image_id": a["image_id"], "category_id": a["category_id"], "segmentation": data.annToRLE(a), "score": 1.0}
            for a in data.anns.values()
            if not a["iscrowd"]
        ]
        for each in results:
            counts = each["segmentation"]["counts"]
            each["segmentation"]["counts"] = counts.decode() if isinstance(counts, bytes) else counts
        with contextlib.redirect_stdout(io.StringIO()):
            judge = COCOeval(data, data.loadRes(results), "segm")
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
        proof.check(
            f"pycocotools, {name}: COCOeval of the file with itself has AP {judge.stats[0]:.3f}", judge.stats[0] > 0.999
        )


def with_datumaro(proof: Proof) -> None:
    import datumaro
    from datumaro.components.annotation import AnnotationType

    def masks(path: str, kind: str, **options: object) -> Found:
        data = datumaro.Dataset.import_from(str(proof.folder / path), kind, **options)
        labels = data.categories()[AnnotationType.label]
        for item in data:
            rings: dict[tuple[int, int], np.ndarray] = {}
            for found in item.annotations:
                label = labels[found.label].name
                if label == "ignored":  # its name for void
                    continue
                if found.type is AnnotationType.mask:
                    yield item.id, label, np.asarray(found.image)
                elif found.type is AnnotationType.polygon:
                    from pycocotools import mask as coco

                    drawn = coco.decode(coco.merge(coco.frPyObjects([found.points], 96, 128)))
                    key = (found.label, found.group or 1000 + len(rings))
                    rings[key] = rings[key] | drawn if key in rings else drawn
            for (number, _), drawn in rings.items():
                yield item.id, labels[number].name, drawn

    number = version("datumaro")
    arranged(proof)
    proof.compare(f"Datumaro {number}, datumaro", masks("datumaro", "datumaro"))
    proof.compare(f"Datumaro {number}, datumaro with polygons", masks("datumaro-polygons", "datumaro"))
    proof.compare(f"Datumaro {number}, coco", masks("as-datumaro-asks/coco", "coco_instances"))
    proof.compare(f"Datumaro {number}, coco-panoptic", masks("as-datumaro-asks/panoptic", "coco_panoptic"))
    proof.compare(f"Datumaro {number}, voc", masks("voc", "voc_segmentation"), crowds=False)
    data = datumaro.Dataset.import_from(str(proof.folder / "datumaro"), "datumaro")
    attributes = [dict(a.attributes) for item in data for a in item.annotations]
    kept = sum(a.get("colour") == "red" for a in attributes), sum(bool(a.get("is_crowd")) for a in attributes)
    proof.check(
        f"Datumaro {number}: attributes of {kept[0]} and crowds of {kept[1]} instances are there", kept == (4, 4)
    )
    for kind in ("datumaro", "coco_instances"):
        data.export(str(proof.folder / "back" / f"datumaro-{kind}"), kind, save_media=True)


def arranged(proof: Proof) -> None:
    """Datumaro asks for ``annotations/instances_SUBSET.json`` and for PNGs in a folder named like the JSON."""
    target = proof.folder / "as-datumaro-asks"
    for kind, file, into in (
        ("coco", "instances.json", "instances_all.json"),
        ("coco-panoptic", "panoptic.json", "panoptic_all.json"),
    ):
        home = target / kind.removeprefix("coco-")
        (home / "annotations").mkdir(parents=True, exist_ok=True)
        (home / "annotations" / into).write_bytes((proof.folder / kind / file).read_bytes())
        links = [("images", home / "images")]
        if kind != "coco":
            links.append(("panoptic", home / "annotations" / "panoptic_all"))
        for source, link in links:
            if not link.exists():
                link.symlink_to((proof.folder / kind / source).resolve())


def with_supervision(proof: Proof) -> None:
    import supervision

    def masks(data: supervision.DetectionDataset) -> Found:
        for path, _, found in data:
            for index in range(len(found)):
                where = path.split("images/", 1)[1] if "images/" in path else path
                yield where, data.classes[found.class_id[index]], found.mask[index]

    number = version("supervision")
    for name in ("coco", "coco-rle"):
        images, file = proof.folder / name / "images", proof.folder / name / "instances.json"
        data = supervision.DetectionDataset.from_coco(str(images), str(file), force_masks=True)
        # polygons are filled together with their outline
        proof.compare(f"supervision {number}, {name}", masks(data), exact=name == "coco-rle", at_least=0.8)
    for folder in ("photos", "photos/deep"):
        yolo = proof.folder / "yolo"
        data = supervision.DetectionDataset.from_yolo(
            str(yolo / "images" / folder), str(yolo / "labels" / folder), str(yolo / "data.yaml"), force_masks=True
        )
        here = Proof(proof.folder)
        here.truth = [row for row in proof.truth if row[0].rsplit("/", 1)[0] == folder]
        here.compare(f"supervision {number}, yolo, folder {folder}", masks(data), exact=False, at_least=0.7)
        proof.failed |= here.failed
    exact = supervision.DetectionDataset.from_coco(
        str(proof.folder / "coco-rle/images"), str(proof.folder / "coco-rle/instances.json"), force_masks=True
    )
    exact.as_coco(annotations_path=str(proof.folder / "back/supervision-coco/x.json"))


def with_ultralytics(proof: Proof) -> None:
    import yaml
    from ultralytics.data.utils import img2label_paths, polygons2masks, verify_image_label

    root = proof.folder / "yolo"
    names = yaml.safe_load((root / "data.yaml").read_text("utf-8"))["names"]
    images = sorted((root / "images").rglob("*.png"))
    found, messages, empty = [], [], 0
    for image, label in zip(images, img2label_paths([str(i) for i in images]), strict=True):
        read = verify_image_label((str(image), label, "", False, len(names), 0, 0, False))
        if read[0] is None or read[9]:
            messages.append(str(read[9]))
            continue
        empty += read[7]
        height, width = read[2]
        scaled = [segment * (width, height) for segment in read[3]]
        for row, mask in zip(read[1], polygons2masks((height, width), scaled, 1), strict=True) if scaled else ():
            found.append((image.relative_to(root / "images").as_posix(), names[int(row[0])], mask))
    number = version("ultralytics")
    proof.check(
        f"Ultralytics {number}: every label passes verify_image_label, {empty} empty {messages or ''}", not messages
    )
    # it fills the rounded outline together with its border, bridges included
    proof.compare(f"Ultralytics {number}, yolo", found, exact=False, at_least=0.7)


def with_labelme(proof: Proof) -> None:
    from labelme._label_file import LabelFile, write_label_file
    from labelme.utils import img_arr_to_b64, shape_to_mask

    def as_text(mask: np.ndarray | None) -> str | None:
        return None if mask is None else img_arr_to_b64(mask)

    number = version("labelme")
    for name in ("labelme", "labelme-masks", "labelme-polygons"):
        found, plain, grouped = [], 0, {}
        for file in sorted((proof.folder / name).rglob("*.json")):
            read = LabelFile(str(file))
            size = Image.open(io.BytesIO(read.imageData)).size
            for shape in read.shapes:
                if shape["shape_type"] == "mask":
                    (x0, y0), (x1, y1) = shape["points"]
                    mask = np.zeros((size[1], size[0]), bool)
                    mask[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1] = shape["mask"]
                else:
                    plain += 1
                    mask = shape_to_mask((size[1], size[0]), shape["points"], shape["shape_type"])
                where = file.relative_to(proof.folder / name).as_posix()
                group = (where, shape["label"], shape["group_id"])
                if shape["group_id"] is not None and group in grouped:
                    grouped[group] |= mask
                else:
                    grouped[group] = mask
                    found.append((where, shape["label"], mask))
            back = proof.folder / "back" / name / file.relative_to(proof.folder / name)
            back.parent.mkdir(parents=True, exist_ok=True)
            shapes = [{**shape, **shape["other_data"], "mask": as_text(shape["mask"])} for shape in read.shapes]
            for shape in shapes:
                del shape["other_data"]
            write_label_file(
                str(back), shapes=shapes, image_path=read.imagePath, image_height=size[1], image_width=size[0]
            )
        # Pillow draws polygons together with their outline
        proof.compare(f"labelme {number}, {name} ({plain} polygons)", found, exact=not plain, at_least=0.8)


def by_panopticapis_rules(proof: Proof) -> None:
    """id = R + 256 G + 256² B; each id of the PNG is one of ``segments_info`` and has that area; 0 is void."""
    root = proof.folder / "coco-panoptic"
    document = json.loads((root / "panoptic.json").read_text("utf-8"))
    names = {c["id"]: c["name"] for c in document["categories"]}
    images = {i["id"]: i for i in document["images"]}
    faults, found = [], []
    if len({a["image_id"] for a in document["annotations"]}) != len(images):
        faults.append("not one annotation for each image")
    if not all(c["isthing"] in (0, 1) for c in document["categories"]):
        faults.append("a category without isthing")
    for each in document["annotations"]:
        picture = Image.open(root / "panoptic" / each["file_name"])
        image = images[each["image_id"]]
        if picture.mode != "RGB" or picture.size != (image["width"], image["height"]):
            faults.append(f"{each['file_name']}: {picture.mode} {picture.size}")
        red, green, blue = np.moveaxis(np.asarray(picture).astype(np.int64), 2, 0)
        ids = red + 256 * green + 256**2 * blue
        infos = {s["id"]: s for s in each["segments_info"]}
        if set(np.unique(ids).tolist()) - {0} != set(infos) or len(infos) != len(each["segments_info"]):
            faults.append(f"{each['file_name']}: ids differ")
        for number, info in infos.items():
            mask = ids == number
            x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
            if info["area"] != mask.sum() or info["bbox"] != [x, y, width, height] or info["category_id"] not in names:
                faults.append(f"{each['file_name']}: segment {number}")
            found.append((image["file_name"], names[info["category_id"]], mask))
    proof.check(f"panoptic format rules: {faults or 'all kept'}", not faults)
    proof.compare("panoptic format rules, coco-panoptic", found)


if __name__ == "__main__":
    proof = Proof(Path(sys.argv[1]))
    (proof.folder / "back").mkdir(exist_ok=True)
    for reader in (
        with_pycocotools, by_panopticapis_rules, with_datumaro, with_supervision, with_ultralytics, with_labelme,
    ):  # fmt: skip
        try:
            reader(proof)
        except Exception as error:  # the other readers are still to be heard
            proof.check(f"{reader.__name__}: {type(error).__name__}: {error}", False)
    sys.exit(int(proof.failed))
