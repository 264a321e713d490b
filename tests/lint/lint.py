# SPDX-License-Identifier: LGPL-2.1-or-later
"""lint.py CHECK ROOT: runs one check on the tree. Prints a line for each finding; exit status 1 if there is one.

A check is a module with a function check(root, files), which yields findings as text, "PATH:LINE: what and why".
"""
import importlib
import sys

import source_tree


def main():
    name, root = sys.argv[1:]
    files = source_tree.load(root)
    findings = list(importlib.import_module(name).check(root, files))
    for finding in findings:
        print(finding)
    print(f'{name}: {len(files)} files, {len(findings)} findings')
    sys.exit(1 if findings or not files else 0)


if __name__ == '__main__':
    main()
