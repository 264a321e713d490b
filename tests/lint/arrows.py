# SPDX-License-Identifier: LGPL-2.1-or-later
"""Includes point downward only, and are written from the root.

    tool -> libjob/{drivers,volumes} -> libjob/{core,io,store} and dm

core and dm include nothing of ours; dm and io do not know each other. Tests and benches may include all.
"""
import os
import re

# Headers of core without any state of a job in them, which io and store may use.
CORE_LEAVES = {f'libjob/core/{name}.h' for name in ('clock', 'rate_limit', 'progress', 'error_policy')}

LOWER = ('libjob/core', 'libjob/io', 'libjob/store', 'dm')
MIDDLE = ('libjob/volumes', 'libjob/drivers')

# A folder may include itself and these.
MAY_INCLUDE = {
    'dm': (),
    'libjob/core': (),
    'libjob/io': (),
    'libjob/store': ('libjob/io',),
    'libjob/volumes': LOWER,
    'libjob/drivers': LOWER + ('libjob/volumes',),
    'tool/dmjobd': LOWER + MIDDLE,
    'tool/dmjob': LOWER + MIDDLE,
}
USES_CORE_LEAVES = ('libjob/io', 'libjob/store')

OURS = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
DEVMAPPER = re.compile(r'^\s*#\s*include\s+[<"]libdevmapper\.h[>"]')


def folder_of(path):
    return next((folder for folder in MAY_INCLUDE if path.startswith(folder + '/')), None)


def allowed(path, included):
    folder = folder_of(path)
    if folder is None:
        return True
    if folder in USES_CORE_LEAVES and included in CORE_LEAVES:
        return True
    return folder_of(included) in (folder,) + MAY_INCLUDE[folder]


def check_line(root, path, line):
    if DEVMAPPER.match(line) and not (path.startswith('dm/') and path.endswith('.cc')):
        yield 'libdevmapper.h is for the sources in dm/ only'
    match = OURS.match(line)
    if not match:
        return
    included = match[1]
    if not os.path.isfile(os.path.join(root, included)):
        yield f'"{included}" is not the path of a file, from the root'
    elif not allowed(path, included):
        yield f'{folder_of(path)} must not know {included}'


def check(root, files):
    for file in files:
        if file.is_cpp():
            for number, line in enumerate(file.lines, 1):
                for finding in check_line(root, file.path, line):
                    yield f'{file.path}:{number}: {finding}'
