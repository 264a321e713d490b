# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks and device-mapper devices, as the tests handle them. Plain functions; no test in here."""
import hashlib
import mmap
import os
import stat
import subprocess

CHUNK = 1 << 20


def run(*command, check=True, timeout=120, **options):
    """Runs a command (words, or one string for the shell) and returns its CompletedProcess, output as text."""
    shell = len(command) == 1 and ' ' in command[0]
    result = subprocess.run(command[0] if shell else command, shell=shell, stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=timeout, **options)
    if check and result.returncode != 0:
        raise AssertionError(f'{command} ended with {result.returncode}\n{result.stdout}{result.stderr}')
    return result


def size(path):
    """Bytes of a block device or a file."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.lseek(fd, 0, os.SEEK_END)
    finally:
        os.close(fd)


def sectors(path):
    return size(path) // 512


def dm_path(name):
    return f'/dev/mapper/{name}'


def dm_create(name, table, uuid=None, readonly=False):
    """A table of several lines is one of several segments. Returns the path of the device."""
    options = (['--uuid', uuid] if uuid else []) + (['--readonly'] if readonly else [])
    run('dmsetup', 'create', name, *options, '--table', table)
    return dm_path(name)


def dm_switch(name, table, noflush=False):
    """Another table under a live device: load ahead, then suspend, then resume; the only order. With noflush, I/O
    that cannot get on is queued and meets the new table; without, the suspension waits for it."""
    run('dmsetup', 'load', name, '--table', table)
    run('dmsetup', 'suspend', '--nolockfs', *(['--noflush'] if noflush else []), name)
    run('dmsetup', 'resume', name)


def in_two_parts(table):
    """The same table of one linear segment, in two."""
    start, length, kind, disk, offset = table.split()
    return f'{start} 8 {kind} {disk} {offset}\n8 {int(length) - 8} {kind} {disk} {int(offset) + 8}'


def dm_remove(name):
    run('dmsetup', 'remove', '--retry', name)


def dm_table(name):
    return run('dmsetup', 'table', '--showkeys', name).stdout.strip()


def dm_status(name):
    return run('dmsetup', 'status', '--noflush', name).stdout.strip()


def dm_devices():
    """Each device's name, uuid and whether it is suspended, as dicts."""
    lines = run('dmsetup', 'info', '-c', '--noheadings', '--separator', '|', '-o', 'name,uuid,suspended').stdout
    rows = [line.split('|') for line in lines.splitlines() if '|' in line]
    return [dict(name=name, uuid=uuid, suspended=state == 'Suspended') for name, uuid, state in rows]


def dm_suspended(name):
    return next(device['suspended'] for device in dm_devices() if device['name'] == name)


def dm_names():
    return sorted(device['name'] for device in dm_devices())


def loop_devices():
    return run('losetup', '--list', '--noheadings', '--output', 'NAME,BACK-FILE').stdout.split('\n')[:-1]


def flip_byte(path, offset):
    """Changes one bit of a byte on the disk, behind everybody's back."""
    fd = os.open(path, os.O_RDWR | os.O_SYNC)
    try:
        byte = os.pread(fd, 1, offset)[0]
        os.pwrite(fd, bytes([byte ^ 1]), offset)
    finally:
        os.close(fd)


def disk_stats(path):
    """The kernel's counters: reads and writes completed, sectors of both, requests in flight."""
    number = os.stat(path).st_rdev
    with open(f'/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat') as file:
        fields = [int(field) for field in file.read().split()]
    return dict(reads=fields[0], sectors_read=fields[2], writes=fields[4], sectors_written=fields[6],
                in_flight=fields[8])


class DirectReader:
    """Reads a device past the page cache, which may hold what the disk does not. A file on a tmpfs has no other
    place; it is read as it is."""

    def __init__(self, path):
        direct = os.O_DIRECT if stat.S_ISBLK(os.stat(path).st_mode) else 0
        self.fd = os.open(path, os.O_RDONLY | direct)
        self.buffer = mmap.mmap(-1, CHUNK)

    def read(self, offset, count):
        view = memoryview(self.buffer)[:count]
        got = os.preadv(self.fd, [view], offset)
        assert got == count, f'short read at {offset}: {got} of {count}'
        return view

    def close(self):
        os.close(self.fd)


def fingerprint(path):
    """Of all bytes of a disk, past the page cache."""
    reader = DirectReader(path)
    total = hashlib.sha256()
    try:
        for offset in range(0, size(path), CHUNK):
            total.update(reader.read(offset, min(CHUNK, size(path) - offset)))
    finally:
        reader.close()
    return total.hexdigest()


def first_difference(one, other, length):
    """The first 512-byte sector in which two devices differ, or None."""
    a, b = DirectReader(one), DirectReader(other)
    try:
        for offset in range(0, length, CHUNK):
            count = min(CHUNK, length - offset)
            left, right = a.read(offset, count), b.read(offset, count)
            if left != right:
                return next((offset + i) // 512 for i in range(0, count, 512) if left[i:i + 512] != right[i:i + 512])
        return None
    finally:
        a.close()
        b.close()
