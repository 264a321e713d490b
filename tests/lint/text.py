# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nothing unfinished, no blanks at the end of a line, no path of one developer's machine."""
import re

NOT_OURS = re.compile(r'^LICENSE$|^tests/fuzz/corpus/')
# Written in two halves, for this file to pass.
UNFINISHED = re.compile(r'\b(' + '|'.join(('TO' 'DO', 'FIX' 'ME', 'X' 'XX')) + r')\b')
PRIVATE_PATH = re.compile(r'(?<![\w.)}\]*/$-])/' r'work\b')


def check_line(line):
    word = UNFINISHED.search(line)
    if word:
        yield f'{word[0]}: do it, or write in plain words what does not work'
    if line != line.rstrip():
        yield 'blanks at the end'
    if PRIVATE_PATH.search(line):
        yield 'a path that only one machine has'


def check(root, files):
    del root
    for file in files:
        if NOT_OURS.match(file.path):
            continue
        for number, line in enumerate(file.lines, 1):
            for finding in check_line(line):
                yield f'{file.path}:{number}: {finding}'
        if file.text and not file.text.endswith('\n'):
            yield f'{file.path}:{len(file.lines)}: no newline at the end'
