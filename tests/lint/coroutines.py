# SPDX-License-Identifier: LGPL-2.1-or-later
"""g++ 12 compiles some co_await expressions into crashes, without a word (HACKING.md). So a co_await is the whole of a
statement, or of a variable's initial value: never part of a condition, of ?:, && or ||, or of another call's arguments,
and no lambda with captures by value is written inside its expression.
"""
import re

STATEMENT = re.compile(r'[^;{}]*\bco_await\b[^;{}]*[;{}]')
COMMENT = re.compile(r'//[^\n]*')
STRING = re.compile(r'"(?:\\.|[^"\\])*"')
# What may stand before: nothing but a guard without a co_await in it, a declaration, an assignment, or a return.
GUARD = r'(?:\s*(?:if|while|for)\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|\s*else)*'
BEGINNING = re.compile(GUARD + r'\s*(?:co_return\s+|(?:[\w:<>,&*\s]+?(?:[\w.>-]*|\[[\w, ]+\])\s*=\s*))?$')
LAMBDA = re.compile(r'\[(?!&?\])[^\]]*\]\s*(?:\([^)]*\))?\s*(?:mutable\s*)?(?:->[^{]*)?$')


def blank(match):
    return re.sub(r'[^\n]', ' ', match[0])


def problem(statement):
    before, _, after = statement.partition('co_await')
    if not BEGINNING.match(before):
        return 'co_await within a larger expression: give its result a name first'
    if 'co_await' in after:
        return 'two co_await in one statement'
    if re.search(r'&&|\|\||\?', after):
        return 'co_await beside &&, || or ?: give its result a name first'
    if statement.endswith('{') and LAMBDA.search(after[:-1]):
        return 'a lambda inside a co_await expression: give it a name first'
    return None


def check(root, files):
    del root
    for file in files:
        if not file.path.endswith(('.cc', '.h')):
            continue
        text = STRING.sub(blank, COMMENT.sub(blank, file.text))
        for match in STATEMENT.finditer(text):
            found = problem(match[0])
            if found:
                line = text.count('\n', 0, match.start() + match[0].index('co_await')) + 1
                yield f'{file.path}:{line}: {found}'
