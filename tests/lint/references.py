# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file that a document or a comment names is there: by its path from the root, or by the end of it."""
import re

NAME = re.compile(r'(?<![\w/.<-])[\w/.-]*\w\.(?:h|cc|py|md|rules)\b(?!\.)')
OF_OTHERS = {'libdevmapper.h', 'include/qemu/ratelimit.h'}
# In documents only what is set as code is a name.
CODE = re.compile(r'`([^`\n]+)`')
COMMENT = {'//': re.compile(r'(?:^|\s)//(.*)'), '#': re.compile(r'(?:^|\s)#(.*)')}


def texts_of(file):
    """(line, text) of whatever may name a file."""
    for line, text in enumerate(file.lines, 1):
        if file.path.endswith('.md'):
            yield from ((line, code) for code in CODE.findall(text))
        elif file.is_source():
            found = COMMENT['//' if file.is_cpp() else '#'].search(text)
            if found:
                yield line, found[1]


def check(root, files):
    del root
    ends = set()
    for file in files:
        parts = file.path.split('/')
        ends.update('/'.join(parts[at:]) for at in range(len(parts)))
    for file in files:
        for line, text in texts_of(file):
            for name in NAME.findall(text):
                if name not in ends | OF_OTHERS:
                    yield f'{file.path}:{line}: there is no file {name}'
