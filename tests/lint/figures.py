# SPDX-License-Identifier: LGPL-2.1-or-later
"""figures.py [--rev REV]: what the house looks like, in figures; of a revision of the git history, or of the tree.

Needs universal-ctags. What is counted is what is shipped: dm, libjob and tool, without tests and benches.
"""
import argparse
import collections
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COUNTED = ('dm', 'libjob', 'tool')
LARGEST = 10
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def sources(root):
    for top in COUNTED:
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith(('.h', '.cc')):
                    yield os.path.relpath(os.path.join(folder, name), root)


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8') as file:
        return file.read()


def tags(root, paths):
    command = ['ctags', '--output-format=json', '--fields=+neKs', '--kinds-C++=+p', '-L', '-', '-f', '-']
    output = subprocess.run(command, cwd=root, input='\n'.join(paths), capture_output=True, text=True, check=True)
    return [json.loads(line) for line in output.stdout.splitlines()]


def spread(values):
    values = sorted(values)
    return f'median {statistics.median(values):g}, p90 {values[int(len(values) * 0.9)]}, longest {values[-1]}'


def show_files(root, paths):
    folders = collections.Counter(os.path.dirname(path) for path in paths)
    print(f'files: {len(paths)} in {len(folders)} folders; most:',
          ', '.join(f'{folder} {count}' for folder, count in folders.most_common(6)))
    lengths = [read(root, path).count('\n') for path in paths]
    print('lines of a file:', spread(lengths), f'({sum(lengths)} in all)')


def show_functions(all_tags):
    lengths = [tag['end'] - tag['line'] + 1 for tag in all_tags if tag['kind'] == 'function' and 'end' in tag]
    print(f'lines of a function: {spread(lengths)} ({len(lengths)} functions)')


def classes_of(all_tags):
    """Class: (fields, names of functions)."""
    classes = collections.defaultdict(lambda: [0, set()])
    for tag in all_tags:
        if tag.get('scopeKind') not in ('class', 'struct') or not tag['path'].endswith('.h'):
            continue
        if tag['kind'] == 'member':
            classes[tag['scope']][0] += 1
        elif tag['kind'] in ('function', 'prototype'):
            classes[tag['scope']][1].add((tag['name'], tag['line']))
    return {name: (fields, len(functions)) for name, (fields, functions) in classes.items()}


def show_classes(all_tags):
    classes = classes_of(all_tags)
    by_size = sorted(classes.items(), key=lambda item: -sum(item[1]))
    print(f'classes: {len(classes)}; the largest, fields / functions:')
    for name, (fields, functions) in by_size[:LARGEST]:
        print(f'  {name.removeprefix("dmjob::"):40} {fields:3} / {functions}')


def show_arrows(root, paths):
    """Between folders; upward is one of a pair that include each other, in the direction that fewer lines take."""
    arrows = collections.Counter()
    for path in paths:
        for included in INCLUDE.findall(read(root, path)):
            pair = os.path.dirname(path), os.path.dirname(included)
            if pair[0] != pair[1]:
                arrows[pair] += 1
    both = [pair for pair in arrows if pair[::-1] in arrows and pair[0] < pair[1]]
    print(f'arrows between folders: {len(arrows)}, of which in both directions: {len(both)}', both or '')


def show_duplicates(root, paths):
    """Runs of six lines and more that stand in two places: every window of six lines of code."""
    places = collections.defaultdict(list)
    for path in paths:
        lines = [line.strip() for line in read(root, path).split('\n')]
        code = [(number, line) for number, line in enumerate(lines, 1)
                if line and not line.startswith(('//', '#include')) and re.search(r'\w', line)]
        for i in range(len(code) - 5):
            places[tuple(line for _, line in code[i:i + 6])].append((path, code[i][0]))
    twice = [where for where in places.values() if len(where) > 1]
    pairs = {tuple(sorted({path for path, _ in where})) for where in twice}
    print(f'runs of six like lines that stand twice: {len(twice)}, in {len(pairs)} pairs of files')


def show(root):
    paths = list(sources(root))
    all_tags = tags(root, paths)
    show_files(root, paths)
    show_functions(all_tags)
    show_classes(all_tags)
    show_arrows(root, paths)
    show_duplicates(root, paths)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--rev', help='a commit; default: the tree as it is')
    rev = parser.parse_args().rev
    if not rev:
        show(ROOT)
        return
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(['git', 'archive', rev, *COUNTED], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(['tar', '-x', '-C', folder], input=archive, check=True)
        show(folder)


if __name__ == '__main__':
    sys.exit(main())
