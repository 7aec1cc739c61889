#!/usr/bin/env bash
# Uses the frozen program as a person without Python would: in an empty folder, with nothing on the path and no display.
#     packaging/smoke.sh dist/maskwright
# Checks the parts, the start-up, the main job with its export, what a kill leaves behind, and the size. A Python with
# pycocotools ($PYTHON) reads the export afterwards, so that the program does not judge itself.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=$(cd "${1:?the folder of the frozen program}" && pwd)
program=$folder/maskwright
python=${PYTHON:-python3}
most_startup_ms=${MOST_STARTUP_MS:-3000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

clean() {
    env -i HOME="$work" PATH=/nonexistent LC_ALL=C.UTF-8 QT_QPA_PLATFORM=offscreen \
        ${OMP_NUM_THREADS:+OMP_NUM_THREADS="$OMP_NUM_THREADS"} "$program" "$@"
}
# The program may still be winding down when its parent is done with it, so this waits a little.
leftovers() {
    for _ in $(seq 50); do
        pgrep -f "^$program" >/dev/null || return 0
        sleep 0.1
    done
    pgrep -af "^$program"
    return 1
}
shared_memory() { find /dev/shm -maxdepth 1 -name '*maskwright*' -o -maxdepth 1 -name 'psm_*' 2>/dev/null | sort; }

before=$(shared_memory)
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$here/../inference/__init__.py")
[ "$(clean --version)" = "$version" ] || { echo "This is not version $version."; exit 1; }
broken=$(find "$folder" -xtype l)
[ -z "$broken" ] || { echo "Links to nothing: $broken"; exit 1; }
clean doctor --json >doctor.json || { cat doctor.json; exit 1; }

clean bench startup --json >startup.json 2>startup.err || { cat startup.err; exit 1; }

clean demo --out demo >demo.txt 2>demo.err || { cat demo.txt demo.err; exit 1; }
! grep -iE "traceback|resource_tracker|leaked" demo.err || { echo "The demo complained."; exit 1; }
clean new again.maskwright demo/photos >/dev/null
clean import again.maskwright --format coco "$(find demo/coco -name "*.json" | head -n 1)" --json >import.json || { cat import.json; exit 1; }
leftovers || { echo "Processes were left behind by the demo."; exit 1; }

# An interpreter of another program must be able to start a child, and a child must notice the death of its parent.
(clean demo --out killed >/dev/null 2>&1 || true) &
for _ in $(seq 300); do
    [ "$(pgrep -f "^$program" | wc -l)" -ge 2 ] && break
    sleep 0.1
done
pids=$(pgrep -f "^$program") || { echo "The demo did not start again."; exit 1; }
[ "$(wc -w <<<"$pids")" -ge 2 ] || { echo "No worker was started."; exit 1; }
kill -KILL "$(head -n 1 <<<"$pids")"
wait
leftovers || { echo "The worker outlived the program."; exit 1; }
[ "$(shared_memory)" = "$before" ] || { echo "Shared memory was left behind."; exit 1; }

"$python" "$here/check_export.py" demo doctor.json startup.json "$most_startup_ms"
echo "Size: $(du -sm "$folder" | cut -f1) MB in $(find "$folder" -type f | wc -l) files."
echo "The frozen program works without Python."
