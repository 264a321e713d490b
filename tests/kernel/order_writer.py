# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes to two volumes in turns: a number to the first, then the same number to the second, then the next one. So at
any instant the first has the same number as the second, or the next one. Whatever copies of the two claim to be of one
instant must show that."""
import mmap
import os
import threading

BLOCK = 4096


class OrderWriter:
    def __init__(self, first, second, offset):
        """Offset in bytes, of a block that nobody else writes to. It has its contents back at the end."""
        self.paths, self.offset = (first, second), offset
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.number = 0

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def read(self, disk):
        """The number that a disk has."""
        fd = os.open(disk, os.O_RDONLY | os.O_DIRECT)
        try:
            return int.from_bytes(self._read_block(fd)[:8], 'little')
        finally:
            os.close(fd)

    def _read_block(self, fd):
        block = mmap.mmap(-1, BLOCK)
        os.preadv(fd, [block], self.offset)
        return block

    def _run(self):
        fds = [os.open(path, os.O_RDWR | os.O_DIRECT) for path in self.paths]
        before = [self._read_block(fd) for fd in fds]
        self._write_numbers(fds)
        for fd, block in zip(fds, before):
            os.pwritev(fd, [block], self.offset)
            os.close(fd)

    def _write_numbers(self, fds):
        block = mmap.mmap(-1, BLOCK)
        while not self.stopping.is_set():
            self.number += 1
            block[:8] = self.number.to_bytes(8, 'little')
            for fd in fds:
                os.pwritev(fd, [block], self.offset)
