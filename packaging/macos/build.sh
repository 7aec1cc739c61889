#!/usr/bin/env bash
# Has never run (README.md). Builds Maskwright.app and a disk image of it.
set -euo pipefail
cd "$(dirname "$0")/../.."
bash packaging/freeze.sh
hdiutil create -volname Maskwright -srcfolder dist/Maskwright.app -ov -format UDZO dist/Maskwright.dmg
dist/Maskwright.app/Contents/MacOS/maskwright doctor
