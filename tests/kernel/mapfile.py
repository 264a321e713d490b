# SPDX-License-Identifier: LGPL-2.1-or-later
"""An error map as ddrescue's own tool understands it. Status: "+" copied, "-" bad, "?" not tried."""
import devices

SECTOR = 512


def blocks(path, status, block=SECTOR):
    """The numbers of all blocks that have that status, in part at least."""
    devices.run('ddrescuelog', '--show-status', path)  # which checks the whole of it
    lines = devices.run('ddrescuelog', '-b', str(block), f'--list-blocks={status}', path).stdout
    return [int(line) for line in lines.split()]


def size(path, status):
    """Bytes with that status. Of a source of whole sectors."""
    return SECTOR * len(blocks(path, status))


def is_done(path):
    """Nothing is left to be rescued."""
    return devices.run('ddrescuelog', '--quiet', '--done-status', path, check=False).returncode == 0
