#!/usr/bin/env bash
# System libraries that the Qt wheels load but do not bring. Installs what is missing on Debian and Ubuntu when that is
# allowed, else says what to install. Does nothing on other systems or when everything is there.
set -euo pipefail

packages=(
    libegl1 libgl1 libopengl0 libglib2.0-0 libdbus-1-3 libfontconfig1 libfreetype6 libxkbcommon0 libxkbcommon-x11-0
    libx11-xcb1 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0
    libxcb-shape0 libxcb-shm0 libxcb-sync1 libxcb-xfixes0 libxcb-xkb1 fonts-dejavu-core
)

[ "$(uname -s)" = Linux ] || exit 0
command -v dpkg-query >/dev/null || exit 0

# Debian's stand-in packages (libglib2.0-0t64) provide the old names, so ask for what is provided, too.
installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package} ${Provides}\n' | sed -n 's/^ii //p' | tr ', ' '\n\n' | sort -u)
missing=()
for package in "${packages[@]}"; do
    grep -qxF "$package" <<<"$installed" || missing+=("$package")
done
if ! "${PYTHON:-python3}" -c 'import ensurepip' 2>/dev/null; then
    missing+=(python3-venv)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing: ${missing[*]}" >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
    echo "Qt needs system packages that are not installed. Please run:" >&2
    echo "    sudo apt-get install ${missing[*]}" >&2
fi
