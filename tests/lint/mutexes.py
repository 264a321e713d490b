# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mutex is a threads::Mutex, which clang's thread-safety analysis knows, and guards something by DMJOB_GUARDED_BY."""
import re

ANNOTATED = 'threads/mutex.h'
# By their names, as they may be moved; with the reason.
WITHOUT = {
    'overlay_stack.cc': 'guards nothing: a condition variable wants one',
    'task.cc': 'guards libdevmapper, and is tried for a time',
    'live_copy.h': 'guards a table of the kernel, and is tried',
}
STD_MUTEX = re.compile(r'\bstd::(recursive_|shared_|timed_)*mutex\b(?!>)')
MUTEX = re.compile(r'\bthreads::Mutex\s+(\w+);')


def check(root, files):
    del root
    for file in files:
        if not file.is_cpp() or file.path == ANNOTATED:
            continue
        for number, line in enumerate(file.lines, 1):
            if STD_MUTEX.search(line.split('//')[0]) and file.name not in WITHOUT:
                yield f'{file.path}:{number}: std::mutex is not checked by clang: take threads::Mutex'
            mutex = MUTEX.search(line)
            if mutex and f'DMJOB_GUARDED_BY({mutex[1]})' not in file.text:
                yield f'{file.path}:{number}: nothing is DMJOB_GUARDED_BY({mutex[1]})'
