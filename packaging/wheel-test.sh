#!/usr/bin/env bash
# Builds the wheel, installs it with its dependencies into an empty environment, and uses it from another folder.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"$root/.venv/bin/python" -m build --quiet --wheel --outdir "$room/dist" "$root"
python3 -m venv "$room/env"
"$room/env/bin/python" -m pip install --quiet -c "$root/constraints.txt" "$room"/dist/*.whl
cd "$room"
env/bin/maskwright doctor --json >doctor.json
photo=$(env/bin/python -c 'import resources; print(resources.resource("sample", "images", "coins.jpg"))')
env/bin/maskwright segment "$photo" --engine classic --point 60,60 --out mask.png --json >segment.json
env/bin/python - <<'PY'
import json
from PIL import Image
json.load(open("doctor.json"))
answer = json.load(open("segment.json"))
mask = Image.open("mask.png")
assert answer["engine"] == "classic" and answer["candidates"], answer
assert mask.size == (384, 303) and set(mask.getdata()) == {0, 255}, (mask.size, mask.mode)
print("wheel: doctor and segment run from an empty environment")
PY
