#!/usr/bin/env bash
# Exports read by other people's readers, and what they write imported again (docs/formats.md).
# usage: prove.sh PYTHON   (the project's); the readers go into an environment of their own that is thrown away.
set -euo pipefail
python=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m venv "$work/readers"
readers=$work/readers/bin
"$readers/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
# Ultralytics asks for torch: the project's is last on the path, instead of gigabytes of another one
"$readers/pip" install --quiet --disable-pip-version-check --no-deps -r "$here/requirements-alone.txt"
"$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
    >"$("$readers/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/project.pth"
"$python" -m tests.interchange.write "$work/exports"
status=0
YOLO_CONFIG_DIR=$work "$readers/python" "$here/read.py" "$work/exports" 2>"$work/errors" || status=1
"$python" -m tests.interchange.back "$work/exports" || status=1
if [ $status -ne 0 ]; then cat "$work/errors" >&2; fi
exit $status
