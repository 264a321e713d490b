# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the stories of the command line have in common: a fake daemon, and the real program run against it."""

import json
import os
import subprocess
import tempfile
import unittest

from fake_dmjobd import FakeDaemon

DMJOB = os.environ["DMJOB"]
TIME_LIMIT = 60


class CliStory(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="dmjob-cli.")
        self.addCleanup(self.folder.cleanup)
        self.socket = os.path.join(self.folder.name, "qmp.sock")
        self.daemon = FakeDaemon(self.socket)
        self.addCleanup(self.daemon.close)

    def command(self, *words):
        return [DMJOB, "--socket", self.socket, *words]

    def make_file(self, name):
        with open(os.path.join(self.folder.name, name), "w", encoding="ascii"):
            pass

    def dmjob(self, *words):
        """Runs it to its end."""
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=TIME_LIMIT,
                              cwd=self.folder.name, check=False)

    def start(self, *words):
        process = subprocess.Popen(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process

    def ended(self, process):
        out, err = process.communicate(timeout=TIME_LIMIT)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def expect(self, result, status, out=None, err=None):
        """err: words that the one line on stderr holds; None: nothing is there."""
        self.assertEqual(result.returncode, status, result.stderr)
        if out is not None:
            self.assertEqual(result.stdout, out)
        if err is None:
            self.assertEqual(result.stderr, "")
        else:
            for words in [err] if isinstance(err, str) else err:
                self.assertIn(words, result.stderr)
        if status != 0:
            self.assertEqual(len([line for line in result.stderr.splitlines() if line.startswith("dmjob: ")]), 1)

    def expect_json(self, result, status=0):
        self.assertEqual(result.returncode, status, result.stderr)
        return json.loads(result.stdout)

    def expect_asked(self, *commands):
        self.assertEqual(self.daemon.asked, list(commands))
