# SPDX-License-Identifier: LGPL-2.1-or-later
"""Partition tables, each with one partition over all of a disk. Plain functions; no test in here."""
import binascii
import errno
import fcntl
import os
import struct
import time
import uuid

import devices

BLKRRPART = 0x125F
SECTOR = 512
FIRST = 2048  # sector of the partition
LINUX_DATA = uuid.UUID('0fc63daf-8483-4772-8e79-3d69d8477de4')
ENTRIES = 128 * 128  # bytes
ENTRY_SECTORS = ENTRIES // SECTOR


def make_partition(disk, number_of_disk=0x12345678):
    """In a DOS table; its PARTUUID is 12345678-01."""
    entry = struct.pack('<B3sB3sII', 0, bytes(3), 0x83, bytes(3), FIRST, devices.sectors(disk) - FIRST)
    write_table(disk, {0: bytes(440) + struct.pack('<I', number_of_disk) + bytes(2) + entry + bytes(48) + b'\x55\xaa'})


def make_gpt_partition(disk, partuuid, partlabel, is_read=True):
    """In a GPT, which names it twice; returns its length in sectors. is_read: by the kernel, which does not for dm."""
    end = devices.sectors(disk) - 1
    last = end - ENTRY_SECTORS - 1
    label = partlabel.encode('utf-16-le').ljust(72, b'\0')
    entry = LINUX_DATA.bytes_le + uuid.UUID(partuuid).bytes_le + struct.pack('<QQQ', FIRST, last, 0) + label
    entries = entry.ljust(ENTRIES, b'\0')
    protective = struct.pack('<B3sB3sII', 0, bytes(3), 0xEE, bytes(3), 1, end)
    write_table(disk, {0: bytes(446) + protective + bytes(48) + b'\x55\xaa',
                       1: gpt_header(1, end, 2, last, entries), 2: entries,
                       end - ENTRY_SECTORS: entries, end: gpt_header(end, 1, end - ENTRY_SECTORS, last, entries)},
                is_read)
    return last + 1 - FIRST


def gpt_header(here, other, where_entries, last, entries):
    def header(crc):
        return struct.pack('<8sIIIIQQQQ16sQIII', b'EFI PART', 0x10000, 92, crc, 0, here, other, FIRST, last,
                           bytes(16), where_entries, 128, 128, binascii.crc32(entries))
    return header(binascii.crc32(header(0))).ljust(SECTOR, b'\0')


def write_table(disk, pieces, is_read=True):
    """Bytes by the sector at which they begin."""
    fd = os.open(disk, os.O_RDWR | os.O_SYNC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)  # udev, which would read the table itself, waits
        for sector, piece in pieces.items():
            os.pwrite(fd, piece, sector * SECTOR)
        if is_read:
            read_partitions(fd)
    finally:
        os.close(fd)
    if os.path.exists('/run/udev/control'):
        devices.run('udevadm', 'settle')


def read_partitions(fd, timeout=60):
    """Somebody may have a partition of before open for a moment."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return fcntl.ioctl(fd, BLKRRPART)
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.05)
