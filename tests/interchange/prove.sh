#!/usr/bin/env bash
# Exports read by other people's readers, and what they write imported again (docs/formats.md).
# usage: prove.sh PYTHON   (the project's); the readers go into an environment of their own that is thrown away.
set -euo pipefail
python=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m venv "$work/readers"
"$work/readers/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
"$python" -m tests.interchange.write "$work/exports"
status=0
"$work/readers/bin/python" "$here/read.py" "$work/exports" 2>"$work/errors" || status=1
"$python" -m tests.interchange.back "$work/exports" || status=1
if [ $status -ne 0 ]; then cat "$work/errors" >&2; fi
exit $status
