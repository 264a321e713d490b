# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each source names its licence in its first line (a script in the second); each header has #pragma once."""

LICENCE = 'SPDX-License-Identifier: LGPL-2.1-or-later'


def check(root, files):
    del root
    for file in files:
        if not file.is_source():
            continue
        expected = f'// {LICENCE}' if file.is_cpp() else f'# {LICENCE}'
        line = 1 if file.is_script() else 0
        if file.lines[line:line + 1] != [expected]:
            yield f'{file.path}:{line + 1}: this line must be: {expected}'
        if file.is_header() and '#pragma once' not in file.lines:
            yield f'{file.path}:1: #pragma once is missing'
