# SPDX-License-Identifier: LGPL-2.1-or-later
"""Includes point downward only, and are written from the root.

    tool/dmjobd -> libjob/drivers -> libjob/volumes -> libjob/{core,io,store} and dm/topology -> dm -> threads

The rooms of libjob/drivers are a stair of their own, in the order of their rows. core and dm include nothing of ours
but threads; dm and io do not know each other; tool/dmjob speaks to the daemon only. Tests and benches may include all.
"""
import os
import re

# Headers of core without any state of a job in them, which io and store may use.
CORE_LEAVES = {f'libjob/core/{name}.h' for name in ('clock', 'rate_limit', 'progress', 'error_policy')}

LOWER = ('libjob/core', 'libjob/io', 'libjob/store', 'dm/topology', 'dm')
BELOW_DRIVERS = LOWER + ('libjob/volumes',)

# What a room of libjob/drivers may include of the others.
ROOMS = {
    'plan': (),
    'check': ('plan',),
    'transfer': ('plan',),
    'base': ('plan', 'transfer'),
    'copy': ('plan', 'check', 'transfer', 'base'),
    'backup': ('plan', 'check', 'transfer', 'base'),
    'overlay': ('plan', 'check', 'transfer', 'base'),
    'compare': ('plan', 'check', 'transfer', 'base', 'backup'),
}


def of_rooms(rooms):
    return tuple(f'libjob/drivers/{room}' for room in rooms)


# A folder may include itself and these. The first one that a path lies in is its own.
MAY_INCLUDE = {
    'dm/topology': ('dm',),
    'threads': (),
    'dm': (),
    'libjob/core': (),
    'libjob/io': (),
    'libjob/store': ('libjob/io',),
    'libjob/volumes': LOWER,
    **{f'libjob/drivers/{room}': BELOW_DRIVERS + of_rooms(others) for room, others in ROOMS.items()},
    'libjob/drivers': BELOW_DRIVERS + of_rooms(ROOMS),
    'libjob/example': ('libjob', 'libjob/core'),
    'libjob': ('libjob/core',),
    'tool/dmjobd': BELOW_DRIVERS + of_rooms(ROOMS) + ('libjob/drivers',),
    'tool/dmjob': (),
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
    return folder_of(included) in (folder, 'threads') + MAY_INCLUDE[folder]


def check_line(root, path, line):
    if DEVMAPPER.match(line) and path != 'dm/task.cc':
        yield 'libdevmapper.h is for dm/task.cc only'
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
