# SPDX-License-Identifier: LGPL-2.1-or-later
"""DECISIONS.md: each number is given once, the index has those of each topic in their order, and what refers to a number
(D-017) refers to one that is there."""
import re

NUMBER = re.compile(r'\bD-\d{3}\b')
DECISIONS = 'DECISIONS.md'


def topics_of(lines):
    """[(topic, [(line, number)])] of the headings and the decisions under them."""
    topics = []
    for line, text in enumerate(lines, 1):
        if text.startswith('## '):
            topics.append((text[3:], []))
        elif text.startswith('**') and topics:
            head = re.match(r'\*\*(D-\d{3})\. ', text)
            topics[-1][1].append((line, head and head[1]))
    return topics


def index_line(topic, numbers):
    anchor = re.sub('[^a-z0-9 -]', '', topic.lower()).replace(' ', '-')
    return f'- [{topic}](#{anchor}): {" ".join(numbers)}'


def check_decisions(file):
    given = set()
    for topic, decisions in topics_of(file.lines):
        for line, number in decisions:
            if not number:
                yield f'{file.path}:{line}: a decision begins with its number, "**D-123. "'
            elif number in given:
                yield f'{file.path}:{line}: {number} is given already'
            given.add(number)
        expected = index_line(topic, [number for _, number in decisions if number])
        if expected not in file.lines:
            yield f'{file.path}:1: the index lacks this line: {expected}'


def check(root, files):
    del root
    given = set()
    for file in files:
        if file.path == DECISIONS:
            given = {number for _, decisions in topics_of(file.lines) for _, number in decisions}
            yield from check_decisions(file)
    for file in files:
        for line, text in enumerate(file.lines, 1):
            for number in NUMBER.findall(text):
                if number not in given and not file.path.startswith('tests/lint/'):
                    yield f'{file.path}:{line}: {DECISIONS} has no {number}'
