#!/usr/bin/env bash
# What Qt's wheels need from the system (Debian and Ubuntu names): installs what is missing, or says what to install.
set -euo pipefail
[ "$(uname -s)" = Linux ] || exit 0
declare -A package_of=(
    [libEGL.so.1]=libegl1 [libGL.so.1]=libgl1 [libxkbcommon.so.0]=libxkbcommon0 [libfontconfig.so.1]=libfontconfig1
    [libdbus-1.so.3]=libdbus-1-3 [libglib-2.0.so.0]=libglib2.0-0 [libxcb-cursor.so.0]=libxcb-cursor0
    [libxkbcommon-x11.so.0]=libxkbcommon-x11-0 [libxcb-icccm.so.4]=libxcb-icccm4 [libxcb-keysyms.so.1]=libxcb-keysyms1
)
known=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p)
missing=()
for library in "${!package_of[@]}"; do
    grep -qF "$library" <<<"$known" || missing+=("${package_of[$library]}")
done
# Qt draws no text at all without a font.
[ -n "$(find /usr/share/fonts -name '*.ttf' -print -quit 2>/dev/null)" ] || missing+=(fonts-dejavu-core)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
    echo "Maskwright's window needs these system packages: ${missing[*]} (apt install, or your system's names)" >&2
fi
