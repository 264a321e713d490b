# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether a backup is a volume as it was at one instant, to the byte, by the log of the stamping writer on the volume.

The writer has one write on its way at a time, each with a number of its own. So what the volume was at an instant is all
writes up to some number, the last of them perhaps in part; and the backup itself tells which number that is: its newest."""
import mmap
import os
import struct

BLOCK = 4096
STAMP = struct.Struct('<8sQQ')  # of tests/support/stamp_block.cc: magic, block, sequence
CHUNK = 1 << 20


def newest_number(path, length):
    """Of the stamps in the first `length` bytes."""
    buffer = mmap.mmap(-1, CHUNK)
    newest = 0
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        for place in range(0, length, CHUNK):
            count = os.preadv(fd, [buffer], place)
            for offset in range(0, min(count, length - place), BLOCK):
                newest = max(newest, STAMP.unpack_from(buffer, offset)[2])
    finally:
        os.close(fd)
    return newest


def numbers(log):
    """(what, number) of each line: '>' for a write that begins, '<' for one that is acknowledged."""
    with open(log) as lines:
        for line in lines.read().split('\n')[:-1]:
            what, _, _, number = line.split()
            yield what, int(number)


def last(log, what):
    return max((number for kind, number in numbers(log) if kind == what), default=0)


def cut(log, number, path):
    """A log of everything before the acknowledgement of a write, which may so be there or not."""
    with open(log) as lines, open(path, 'w') as short:
        for line in lines.read().split('\n')[:-1]:
            if int(line.split()[3]) > number:
                break
            if line.startswith('<') and int(line.split()[3]) == number:
                break
            short.write(line + '\n')
