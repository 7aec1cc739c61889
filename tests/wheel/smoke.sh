#!/usr/bin/env bash
# The wheel, installed with its dependencies into an empty environment and used from another folder.
# With a file (a wheel or a source distribution) that one is used instead of a wheel of the checkout.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ $# -gt 0 ]; then
    wheel=$1
else
    # A copy, so that building leaves nothing in the checkout and takes nothing from it that git does not know.
    mkdir "$work/source"
    git -C "$root" ls-files -z | (cd "$root" && xargs -0 sh -c 'for f; do [ -e "$f" ] && printf "%s\0" "$f"; done' _) \
        | tar -C "$root" --null -T - -cf - | tar -C "$work/source" -xf -
    "$python" -m build --wheel --outdir "$work/dist" "$work/source" >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
    wheel=$(echo "$work"/dist/*.whl)
fi

[[ $wheel != *.whl ]] || "$python" - "$wheel" <<'PY'
import sys, zipfile
names = zipfile.ZipFile(sys.argv[1]).namelist()
for part in ("resources/sample/images/coffee.jpg", "resources/sample/instances.json", "resources/icons/", "desktop/py.typed"):
    assert any(name.startswith(part) for name in names), f"{part} is not in the wheel"
assert not any(name.startswith("tests/") for name in names), "tests are in the wheel"
PY

"$python" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check -c "$root/constraints.txt" "$wheel"

cd "$work"
export QT_QPA_PLATFORM=offscreen
bin=$work/venv/bin
"$bin/maskwright" doctor --json >doctor.json || { cat doctor.json; exit 1; }
photo=$("$bin/python" -c 'from resources import resource; print(resource("sample", "images", "coffee.jpg"))')
"$bin/maskwright" segment "$photo" --engine classic --point 300,200 --out m.png --json >segment.json
"$bin/python" - "$photo" <<'PY'
import json, sys
import numpy as np
from PIL import Image
mask, photo = Image.open("m.png"), Image.open(sys.argv[1])
found = json.load(open("segment.json"))
assert mask.size == photo.size, (mask.size, photo.size)
assert int((np.array(mask) == 255).sum()) == found["candidates"][0]["area"] > 0
assert json.load(open("doctor.json"))["ok"] is True
PY
echo "The wheel works in an empty environment."
