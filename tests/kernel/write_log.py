# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk whose every write is written down by dm-log-writes, and what a power cut would have left of it.

The kernel puts a write into the log when it is on the disk for good: with the flush that makes it so, or at once if it
is a FUA. So the log up to any place in it is a disk whose cache has lost all that was not flushed by then. The device
says "write back", with FUA."""
import os
import struct

import devices

FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
BLOCK = 512


class WriteLog:
    """The device NAME over a disk that is all zeroes; its log is on another one."""

    def __init__(self, name, disk, log):
        self.name, self.disk, self.log = name, disk, log
        devices.dm_create(name, f'0 {devices.sectors(disk)} log-writes {disk} {log}', uuid=f'{name}-1')
        self.path = devices.dm_path(name)

    def mark(self, text):
        """All that has been flushed by now lies before it."""
        devices.run('dmsetup', 'message', self.name, '0', 'mark', text)

    def end(self):
        """Takes the device away, with which the log is complete."""
        devices.dm_remove(self.name)

    def entries(self):
        """(flags, offset in bytes, data) of each; of a mark the data is its text. Of a device that is there yet only
        what the log has by now."""
        reader = devices.DirectReader(self.log)
        try:
            for flags, offset, at, length, text in self._headers(reader):
                if flags & DISCARD:
                    yield flags, offset, bytes(length)
                else:
                    yield flags, offset, text if flags & MARK else self._read(reader, at, length)
        finally:
            reader.close()

    def kinds(self):
        """(flags, text of a mark) of each."""
        reader = devices.DirectReader(self.log)
        try:
            return [(flags, text) for flags, _, _, _, text in self._headers(reader)]
        finally:
            reader.close()

    def barriers(self):
        """How many flushes and FUAs there were."""
        return sum(1 for flags, _ in self.kinds() if flags & (FLUSH | FUA))

    def _headers(self, reader):
        """A superblock, then of each entry a block, with its text, and its data, which starts at `at`."""
        at = BLOCK
        for _ in range(self._count(reader)):
            block = bytes(reader.read(at, BLOCK))
            sector, sectors, flags, length = struct.unpack('<QQQQ', block[:32])
            at += BLOCK
            yield flags, sector * 512, at, sectors * 512, block[32:32 + length].split(b'\0')[0] if flags & MARK else b''
            at += 0 if flags & DISCARD else sectors * 512

    @staticmethod
    def _read(reader, at, length):
        parts = range(at, at + length, devices.CHUNK)
        return b''.join(bytes(reader.read(part, min(devices.CHUNK, at + length - part))) for part in parts)

    def _count(self, reader):
        """The status tells it; the superblock does only after a FUA, or at the end."""
        if self.name in devices.dm_names():
            return int(devices.dm_status(self.name).split()[3])
        return struct.unpack('<QQQL', bytes(reader.read(0, BLOCK)[:28]))[2]


class Replay:
    """What is on the disk for good, entry by entry, as a file."""

    def __init__(self, log, image):
        self.image = image
        self.file = os.open(image, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.ftruncate(self.file, devices.size(log.disk))
        self.entries = log.entries()
        self.done = 0

    def to(self, count):
        """So many entries."""
        while self.done < count:
            flags, offset, data = next(self.entries)
            if not flags & MARK:
                os.pwrite(self.file, data, offset)
            self.done += 1

    def close(self):
        os.close(self.file)


def cuts_of(log):
    """(entries before it, last mark before it, next mark after it) of each moment in which the power may go: at each
    mark, flush and FUA. Marks are numbers here."""
    found, last = [], None
    kinds = log.kinds()
    upcoming = [None] * len(kinds)
    for at in reversed(range(len(kinds) - 1)):
        following, text = kinds[at + 1]
        upcoming[at] = int(text) if following & MARK and text.isdigit() else upcoming[at + 1]
    for at, (flags, text) in enumerate(kinds):
        if flags & MARK and text.isdigit():
            last = int(text)
        if last is not None and flags & (FLUSH | FUA | MARK):
            found.append((at + 1, last, upcoming[at]))
    return found


def marks_of(log):
    """How many entries there are up to each mark that is a number."""
    return {int(text): at + 1 for at, (flags, text) in enumerate(log.kinds()) if flags & MARK and text.isdigit()}


def spread(of, count):
    """At most so many of them, the first and the last among them."""
    if len(of) <= count:
        return of
    return [of[number * (len(of) - 1) // (count - 1)] for number in range(count)]
