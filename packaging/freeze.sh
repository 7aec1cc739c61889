#!/usr/bin/env bash
# Builds the frozen program in dist/maskwright (or $OUT/maskwright), with its desktop files on Linux.
# $PYTHON must be an environment with Maskwright's dependencies and the extra [freeze]; `make freeze` sees to that.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
out=${OUT:-dist}

QT_QPA_PLATFORM=offscreen "$python" -m PyInstaller --noconfirm --log-level WARN \
    --distpath "$out" --workpath build/freeze packaging/maskwright.spec
if [ "$(uname -s)" = Linux ]; then
    share=$out/maskwright/share
    install -Dm644 packaging/linux/maskwright.desktop "$share/applications/maskwright.desktop"
    install -Dm644 packaging/linux/maskwright.xml "$share/mime/packages/maskwright.xml"
    install -Dm644 packaging/linux/maskwright.metainfo.xml "$share/metainfo/maskwright.metainfo.xml"
    mkdir -p "$share/icons" && cp -r build/freeze/icons/hicolor "$share/icons/hicolor"
fi
echo "$out/maskwright: $(du -sm "$out/maskwright" | cut -f1) MB"
