# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints what was measured: a table for people, and a line "RESULT {json}" for bench/run."""
import json


def report(title, unit, rows):
    """rows: (name, value) pairs, the first one being what the others are compared with."""
    base = rows[0][1]
    print(f'\n{title} ({unit})')
    for name, value in rows:
        print(f'  {name:52} {value:10.2f}   {value / base if base else 0:6.2f} x')
    print('RESULT ' + json.dumps(dict(title=title, unit=unit, rows=[(n, round(v, 3)) for n, v in rows])), flush=True)
