# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds one thread of a process, so that a test can have something happen between two of its looks.

    with one_thread.held(tid):
        ...                             # the thread does nothing; the others go on
"""
import contextlib
import ctypes
import os

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WAIT_ALL = 0x40000000  # __WALL

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request, tid):
    if _libc.ptrace(request, tid, None, None) == -1:
        raise OSError(ctypes.get_errno(), f'ptrace {request:#x} of {tid}')


@contextlib.contextmanager
def held(tid):
    _ptrace(PTRACE_SEIZE, tid)
    _ptrace(PTRACE_INTERRUPT, tid)
    os.waitpid(tid, WAIT_ALL)
    try:
        yield
    finally:
        _ptrace(PTRACE_DETACH, tid)


def switches(pid):
    """How often each thread but the first went to sleep by itself: {tid: count}."""
    counts = {}
    for tid in map(int, os.listdir(f'/proc/{pid}/task')):
        with open(f'/proc/{pid}/task/{tid}/status') as status:
            line = next(line for line in status if line.startswith('voluntary_ctxt_switches'))
        if tid != pid:
            counts[tid] = int(line.split()[1])
    return counts
