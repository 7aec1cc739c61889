; Has never run (README.md). Inno Setup 6: iscc /DVersion=0.1.0 packaging\windows\maskwright.iss
[Setup]
AppId=maskwright
AppName=Maskwright
AppVersion={#Version}
DefaultDirName={autopf}\Maskwright
PrivilegesRequired=lowest
OutputDir=..\..\dist
OutputBaseFilename=maskwright-{#Version}-setup
SetupIconFile=..\..\build\freeze\icons\maskwright.ico
LicenseFile=..\..\LICENSE
ChangesAssociations=yes

[Files]
Source: "..\..\dist\maskwright\*"; DestDir: "{app}"; Flags: recursesubdirs

[Icons]
Name: "{autoprograms}\Maskwright"; Filename: "{app}\maskwright.exe"

[Registry]
Root: HKA; Subkey: "Software\Classes\.maskwright"; ValueType: string; ValueData: "Maskwright.Project"
Root: HKA; Subkey: "Software\Classes\Maskwright.Project"; ValueType: string; ValueData: "Maskwright project"
Root: HKA; Subkey: "Software\Classes\Maskwright.Project\shell\open\command"; ValueType: string; ValueData: """{app}\maskwright.exe"" ""%1"""
