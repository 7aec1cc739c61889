# Has never run (README.md). Builds dist\maskwright.
$ErrorActionPreference = "Stop"
Set-Location (Join-Path $PSScriptRoot "..\..")
py -3.11 -m venv .venv
.venv\Scripts\python -m pip install --quiet -c constraints.txt -e ".[freeze]"
.venv\Scripts\python -m PyInstaller --noconfirm --distpath dist --workpath build\freeze packaging\maskwright.spec
dist\maskwright\maskwright.exe doctor
