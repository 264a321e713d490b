# SPDX-License-Identifier: LGPL-2.1-or-later
"""list_tests.py FILE...: prints a line of fields, separated by semicolons, for each test method of the files:

    NAME;KERNEL;TIMEOUT;FILE;CLASS.METHOD;OPTION,OPTION...

NAME is kernel.SUBJECT.METHOD, without the word test; OPTIONs are those of the machine. Files are parsed, not run.
MACHINE's `newer` names the methods that run on the newer kernel (uml-new) as well.
"""
import ast
import os
import sys

DEFAULTS = dict(disks=[], mem='512M', timeout=180, kernel='uml', init='', newer=[])
NEWER = 'uml-new'


def machine_of(tree):
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == 'MACHINE':
            # dict(...) of literals: the notation that reads best
            return DEFAULTS | {word.arg: ast.literal_eval(word.value) for word in node.value.keywords}
    sys.exit('no MACHINE')


def methods_of(tree):
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name.startswith('test_'):
                    yield node.name, item.name


def options_of(machine):
    words = ['--mem', machine['mem'], '--timeout', str(machine['timeout'])]
    for size in machine['disks']:
        words += ['--disk', size]
    if machine['init'] == 'systemd':
        words.append('--systemd')
    return ','.join(words)


def list_file(path):
    with open(path) as file:
        tree = ast.parse(file.read(), path)
    machine = machine_of(tree)
    unknown = set(machine) - set(DEFAULTS)
    if unknown:
        sys.exit(f'{path}: MACHINE has no {", ".join(unknown)}')
    subject = os.path.basename(path).removeprefix('test_').removesuffix('.py')
    kernels = machine['kernel'] if isinstance(machine['kernel'], list) else [machine['kernel']]
    methods = list(methods_of(tree))
    strangers = set(machine['newer']) - {method for _, method in methods}
    if strangers:
        sys.exit(f'{path}: there is no {", ".join(sorted(strangers))} to run on a newer kernel')
    for kernel in [*kernels, NEWER]:
        for class_name, method in methods:
            if kernel == NEWER and method not in machine['newer']:
                continue
            name = f'kernel.{subject}.{method.removeprefix("test_")}' + ('' if kernel == kernels[0] else f'.{kernel}')
            yield name, kernel, str(machine['timeout']), path, f'{class_name}.{method}', options_of(machine)


def main():
    rows = [row for path in sys.argv[1:] for row in list_file(path)]
    names = [row[0] for row in rows]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        sys.exit(f'not unique: {", ".join(sorted(twice))}')
    for row in rows:
        print(';'.join(row))


if __name__ == '__main__':
    main()
