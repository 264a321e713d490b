# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file over 400 lines says at its head why ("Long because: ..."); no function is over 80."""
import ast
import re

FILE_LIMIT = 400
FUNCTION_LIMIT = 80
HEAD = 30
REASON = re.compile(r'^(//|#) Long because: \S')

# What is no code, taken out with its length in lines kept: comments, strings, characters (not 1'000'000).
NO_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])*\'|^[ \t]*#[^\n]*',
                     re.DOTALL | re.MULTILINE)
SCOPE = re.compile(r'\b(namespace|class|struct|union|enum|extern)\b(?![^(]*\))')
# Before the brace of a body: the end of a parameter list and what may follow that.
BODY = re.compile(r'\)(\s*(const|noexcept(\([^)]*\))?|override|final|try|mutable|&&?|->[^;{}]*|requires[^;{}]*|'
                  r'\w+\([^()]*\)))*\s*$')
MEMBER_INITIALIZER = re.compile(r'\)[^;{}]*[^:]:[^:][^;{}]*[\w>]\s*$|^\s*,[^;{}]*[\w>]\s*$')


def code_only(text):
    return NO_CODE.sub(lambda match: '\n' * match[0].count('\n'), text)


def kind_of(before, previous):
    """What a brace opens, by the text before it and by the kind of the block that ended just there."""
    if previous == 'initializer' and not before.strip():
        return 'function'
    if SCOPE.search(before) and not BODY.search(before):
        return 'scope'
    if MEMBER_INITIALIZER.search(before) and (')' in before or previous == 'initializer'):
        return 'initializer'
    return 'function' if BODY.search(before) else 'other'


def cpp_functions(text):
    """Yields (first line, last line) of each function that is not within another one."""
    stack, line, start, before, previous = [], 1, 1, '', None
    for character in code_only(text):
        if character == '{':
            kind = 'inner' if 'function' in stack else kind_of(before, previous)
            if kind == 'function' and previous == 'initializer':
                start = constructor_start
            if kind == 'initializer' and previous != 'initializer':
                constructor_start = start
            if kind == 'function':
                first = start
            stack.append(kind)
            before, previous = '', None
        elif character == '}':
            previous = stack.pop() if stack else None
            if previous == 'function':
                yield first, line
            before = ''
        elif character == ';':
            before, previous = '', None
        else:
            if not before.strip() and not character.isspace():
                start = line
            before += character
        line += character == '\n'


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            yield node.lineno, node.end_lineno


def check(root, files):
    del root
    for file in files:
        if not file.is_source():
            continue
        if len(file.lines) > FILE_LIMIT and not any(REASON.match(line) for line in file.lines[:HEAD]):
            yield f'{file.path}:1: {len(file.lines)} lines; over {FILE_LIMIT} the head says "Long because: ..."'
        functions = cpp_functions if file.is_cpp() else python_functions if file.is_python() else lambda _: ()
        for first, last in functions(file.text):
            if last - first + 1 > FUNCTION_LIMIT:
                yield f'{file.path}:{first}: a function of {last - first + 1} lines; {FUNCTION_LIMIT} is the limit'
