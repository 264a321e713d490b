# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files of the tree, as the lint checks see them."""
import os

SKIPPED_FOLDERS = {'.git', '.cache', 'build', '__pycache__'}
CPP = ('.h', '.cc')


class SourceFile:
    def __init__(self, root, path):
        self.path = path  # from the root, with slashes
        with open(os.path.join(root, path), errors='replace') as file:
            self.text = file.read()
        self.lines = self.text.split('\n')[:-1] if self.text.endswith('\n') else self.text.split('\n')

    @property
    def name(self):
        return os.path.basename(self.path)

    @property
    def folder(self):
        return os.path.dirname(self.path)

    def is_cpp(self):
        return self.path.endswith(CPP)

    def is_header(self):
        return self.path.endswith('.h')

    def is_python(self):
        return self.path.endswith('.py') or (self.is_script() and 'python' in self.lines[0])

    def is_script(self):
        return bool(self.lines) and self.lines[0].startswith('#!')

    def is_source(self):
        """Something that we programmed, as opposed to documentation and data."""
        return (self.path.endswith(CPP + ('.py', '.sh', '.cmake')) or self.name == 'CMakeLists.txt' or
                self.is_script())


def is_binary(path):
    with open(path, 'rb') as file:
        return b'\0' in file.read(4096)


def load(root):
    """All text files below the root, sorted by path."""
    paths = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(set(subfolders) - SKIPPED_FOLDERS)
        paths += [os.path.join(folder, name) for name in names]
    paths = [path for path in paths if os.path.isfile(path) and not is_binary(path)]
    return [SourceFile(root, os.path.relpath(path, root)) for path in sorted(paths)]
