# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that write and know what they were told is durable. After each such write they leave a numbered mark in the
logs of the disks (write_log.py). No test in here."""
import mmap
import os
import threading

BLOCK = 4096
SLOTS = 64  # blocks that are written over again and again


def block_of(number):
    return (b'%015d\n' % number) * (BLOCK // 16)


def number_of(block):
    """None: it is no block_of()."""
    text = block[:15]
    return int(text) if text.isdigit() and block == block_of(int(text)) else None


def newest(slot, number):
    """What a slot holds, or something newer, when that number is durable."""
    return number - (number - slot) % SLOTS


class Writer(threading.Thread):
    """Writes 0, 1, 2, ... until end(). `place` is a function that tells on which disk the volume is, by the daemon's
    record; `places` has the answers of just before the marks of each number."""

    def __init__(self, logs, place):
        super().__init__(daemon=True)
        self.logs, self.place = logs, place
        self.places = []
        self.error = None
        self.over = False
        self.changed = threading.Condition()

    def run(self):
        try:
            while not self.over:
                number = len(self.places)
                self.write(number)
                place = self.place()
                for log in self.logs:
                    log.mark(str(number))
                with self.changed:
                    self.places.append(place)
                    self.changed.notify_all()
        except Exception as error:  # end() tells
            with self.changed:
                self.error = error
                self.changed.notify_all()

    def more(self, count):
        """Until so many more writes have begun and ended."""
        with self.changed:
            wanted = len(self.places) + count + 1
            if not self.changed.wait_for(lambda: self.error or len(self.places) >= wanted, 90):
                raise AssertionError('the writer hangs')
        if self.error:
            raise self.error

    def end(self):
        self.over = True
        self.join(90)
        if self.error or self.is_alive():
            raise self.error or AssertionError('the writer hangs')


class RawWriter(Writer):
    """Blocks of a device, written over again and again, each with an fsync."""

    def __init__(self, device, logs, place):
        super().__init__(logs, place)
        self.file = os.open(device, os.O_RDWR | os.O_DIRECT)
        self.buffer = mmap.mmap(-1, BLOCK)

    def write(self, number):
        self.buffer[:] = block_of(number)
        os.pwrite(self.file, self.buffer, number % SLOTS * BLOCK)
        os.fsync(self.file)

    def end(self):
        super().end()
        os.close(self.file)


class FileWriter(Writer):
    """New files, each with an fsync of it and of the folder; and blocks of a file written over past the page cache with
    O_DSYNC, for which a file system asks for a FUA and no flush, where the disk says that it has it."""

    def __init__(self, folder, logs, place):
        super().__init__(logs, place)
        self.folder = folder
        self.buffer = mmap.mmap(-1, BLOCK)
        path = os.path.join(folder, 'slots')
        with open(path, 'wb') as file:
            file.write(bytes(SLOTS * BLOCK))
            file.flush()
            os.fsync(file.fileno())
        self.file = os.open(path, os.O_WRONLY | os.O_DIRECT | os.O_DSYNC)
        self.folder_file = os.open(folder, os.O_RDONLY)

    def write(self, number):
        with open(os.path.join(self.folder, f'f{number}'), 'wb') as file:
            file.write(block_of(number))
            file.flush()
            os.fsync(file.fileno())
        os.fsync(self.folder_file)
        self.buffer[:] = block_of(number)
        os.pwrite(self.file, self.buffer, number % SLOTS * BLOCK)

    def end(self):
        super().end()
        os.close(self.file)
        os.close(self.folder_file)


def lost_in(blocks, number):
    """Which of the numbers up to this one are not in their slots, nor anything newer."""
    wanted = range(max(0, number - SLOTS + 1), number + 1)
    found = {slot: number_of(blocks[slot * BLOCK:(slot + 1) * BLOCK]) for slot in range(SLOTS)}
    return [n for n in wanted if found[n % SLOTS] is None or found[n % SLOTS] < n]


def lost_files(folder, number):
    """The same of the files."""
    lost = []
    for n in range(number + 1):
        try:
            with open(os.path.join(folder, f'f{n}'), 'rb') as file:
                if file.read() != block_of(n):
                    lost.append(n)
        except OSError:
            lost.append(n)
    return lost
