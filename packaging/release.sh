#!/usr/bin/env bash
# Makes everything that a release consists of in dist/, installs each in an empty place and uses it. An hour and 20 GB.
# REHEARSAL=1 leaves out the checks that the version is written up and everything is committed.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' inference/__init__.py)

if [ -z "${REHEARSAL:-}" ]; then
    grep -q "^## \[$version\]" CHANGELOG.md || { echo "CHANGELOG.md has no section [$version]." >&2; exit 1; }
    [ -z "$(git status --porcelain)" ] || { echo "There are changes that are not committed." >&2; exit 1; }
fi
grep -q "<release version=\"$version\"" packaging/linux/maskwright.metainfo.xml \
    || { echo "packaging/linux/maskwright.metainfo.xml does not name the release $version." >&2; exit 1; }

rm -rf dist
# a copy of what git knows, so that nothing else gets into a release
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
git archive HEAD | tar -C "$source" -xf -
"$python" -m build --outdir dist "$source"
for file in dist/*.whl dist/*.tar.gz; do
    PYTHON=$python bash tests/wheel/smoke.sh "$PWD/$file"
done

PYTHON=$python bash packaging/freeze.sh
PYTHON=$python bash packaging/smoke.sh dist/maskwright
cp dist/maskwright/_internal/sbom.cdx.json "dist/maskwright-$version-frozen.cdx.json"
"$python" packaging/sbom.py >"dist/maskwright-$version-wheel.cdx.json"

if command -v dpkg-deb >/dev/null; then
    bash packaging/debian.sh dist/maskwright
    dpkg-deb -x dist/maskwright_*.deb "$source/unpacked"
    PYTHON=$python bash packaging/smoke.sh "$source/unpacked/usr/lib/maskwright"
fi
tar -C dist -czf "dist/maskwright-$version-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m).tar.gz" maskwright
(cd dist && sha256sum ./*.whl ./*.tar.gz ./*.cdx.json ./*.deb >SHA256SUMS)
cat dist/SHA256SUMS
