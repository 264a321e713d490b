# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many threads that write to a device, each one block after the other, and what came of it. No test in here."""
import mmap
import os
import random
import struct
import threading

BLOCK = 4096


class ManyWriters:
    """Each thread has blocks of its own, so that the last write to a block that was acknowledged is what must be read.
    An error of a write is counted, and its block is not known from then on."""

    def __init__(self, device, threads, blocks):
        self.device, self.threads, self.blocks = device, threads, blocks
        self.failed, self.done, self.written = 0, 0, {}
        self._stop, self._lock, self._running = threading.Event(), threading.Lock(), []

    def start(self):
        self._running = [threading.Thread(target=self._write, args=(number,), daemon=True)
                         for number in range(self.threads)]
        for thread in self._running:
            thread.start()
        return self

    def stop(self):
        """To be called when no write waits any more."""
        self._stop.set()
        for thread in self._running:
            thread.join()

    def lost(self):
        """Blocks that do not hold what was acknowledged last."""
        fd = os.open(self.device, os.O_RDONLY | os.O_DIRECT)
        page, lost = mmap.mmap(-1, BLOCK), []
        for block, stamp in self.written.items():
            os.preadv(fd, [page], block * BLOCK)
            if stamp is not None and struct.unpack_from('<QQ', page) != (block, stamp):
                lost.append(block)
        os.close(fd)
        return lost

    def _write(self, number):
        fd = os.open(self.device, os.O_RDWR | os.O_DIRECT)
        page, moments = mmap.mmap(-1, BLOCK), random.Random(number)
        own = range(number, self.blocks, self.threads)
        stamp = 0
        while not self._stop.is_set():
            block, stamp = moments.choice(own), stamp + 1
            struct.pack_into('<QQ', page, 0, block, stamp)
            try:
                os.pwritev(fd, [page], block * BLOCK)
                self.written[block] = stamp
                self.done += 1
            except OSError:
                self.written[block] = None
                with self._lock:
                    self.failed += 1
        os.close(fd)
