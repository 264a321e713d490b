# SPDX-License-Identifier: LGPL-2.1-or-later
"""check_units.py FOLDER: systemd finds nothing wrong with the units, nor with the boot that they are part of; every
line that is more open than it might be has its note in README.md.

The program itself need not be installed: /bin/true takes its place."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

SERVICE = "dmjobd.service"
SOCKET = "dmjobd.socket"
WANTED_BY = {SERVICE: "sysinit.target.wants", SOCKET: "sockets.target.wants"}
# Of 10; see `systemd-analyze security`. What is left open has a note.
MOST_EXPOSURE = 32
# What the program is nothing without, and says so or fails only at the worst moment.
NEEDED_CAPABILITIES = ("CAP_SYS_ADMIN", "CAP_SYS_RESOURCE", "CAP_MKNOD", "CAP_DAC_OVERRIDE")
# Lines that every service could have and this one must not, or not so far.
RELAXED = ("PrivateTmp", "PrivateDevices", "DevicePolicy", "ProtectClock", "PrivateIPC", "PrivateNetwork",
           "PrivateUsers", "ProtectSystem", "ProtectHome", "ProtectProc", "CapabilityBoundingSet", "AF_NETLINK",
           "KillMode", "OOMScoreAdjust", "LimitMEMLOCK", "User", "WatchdogSec", "RuntimeDirectoryPreserve",
           "DefaultDependencies", "SystemCallFilter")


def install(folder, place):
    with open(os.path.join(folder, SERVICE + ".in"), encoding="utf-8") as file:
        text = file.read()
    with open(os.path.join(place, SERVICE), "w", encoding="utf-8") as file:
        file.write(re.sub(r"(?m)^ExecStart=.*$", "ExecStart=/bin/true", text))
    shutil.copy(os.path.join(folder, SOCKET), place)
    for unit, wants in WANTED_BY.items():
        os.mkdir(os.path.join(place, wants))
        os.symlink("../" + unit, os.path.join(place, wants, unit))


def analyze(place, *words):
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": place + ":", "SYSTEMD_LOG_LEVEL": "notice"}
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, env=environment, check=False)


def complaints(place):
    """multi-user.target too: only a whole boot shows an ordering cycle."""
    units = [os.path.join(place, SERVICE), os.path.join(place, SOCKET)]
    checked = analyze(place, "verify", "--man=no", *units, "multi-user.target")
    for line in checked.stderr.splitlines():
        if "dmjob" in line:
            yield line
    if checked.returncode != 0 and "dmjob" not in checked.stderr:
        yield f"systemd-analyze verify: {checked.stderr}"
    exposed = analyze(place, "security", "--offline=true", f"--threshold={MOST_EXPOSURE}", units[0])
    if exposed.returncode != 0:
        yield f"more exposed than {MOST_EXPOSURE / 10}: {exposed.stdout.splitlines()[-1:]}{exposed.stderr}"


def missing_capabilities(place):
    with open(os.path.join(place, SERVICE), encoding="utf-8") as file:
        line = re.search(r"(?m)^CapabilityBoundingSet=(.*)$", file.read())
    for capability in NEEDED_CAPABILITIES:
        if capability not in line[1].split():
            yield f"{SERVICE}: CapabilityBoundingSet= lacks {capability}"


def missing_notes(folder):
    with open(os.path.join(folder, "README.md"), encoding="utf-8") as file:
        notes = file.read()
    for word in RELAXED:
        if not re.search(rf"`[^`]*\b{word}\b", notes):
            yield f"README.md: there is no note for {word}"


def main():
    folder = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="dmjob-units.") as place:
        install(folder, place)
        found = [*complaints(place), *missing_capabilities(place), *missing_notes(folder)]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
