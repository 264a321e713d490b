# SPDX-License-Identifier: LGPL-2.1-or-later
"""The example of libjob's public header, as its users would run it."""
import json
import os
import signal
import subprocess
import tempfile
import unittest

CONTENT = bytes(range(256)) * 4096  # 1 MiB


class ChecksumTest(unittest.TestCase):
    def setUp(self):
        self.file = tempfile.NamedTemporaryFile()
        self.addCleanup(self.file.close)
        self.file.write(CONTENT)
        self.file.flush()

    def start(self, *words):
        return subprocess.Popen([os.environ['EXAMPLE'], *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def words(self, lines):
        events = [json.loads(line) for line in lines if line.startswith('{')]
        return ' '.join(event['data'].get('status', event['event']) for event in events)

    def until(self, process, word):
        lines = []
        while word not in self.words(lines):
            lines.append(process.stdout.readline())
            self.assertTrue(lines[-1], f'it ended before {word}: {lines}')
        return lines

    def test_the_sum_and_the_events_of_a_success(self):
        output, _ = self.start(self.file.name).communicate()
        self.assertEqual(self.words(output.splitlines()),
                         'created running waiting pending BLOCK_JOB_COMPLETED concluded null')
        self.assertEqual(int(output.splitlines()[-1]), sum(CONTENT))

    def test_paused_resumed_and_cancelled(self):
        process = self.start(self.file.name, '65536')  # takes 16 s
        self.until(process, 'running')
        process.send_signal(signal.SIGUSR1)
        self.until(process, 'paused')
        process.send_signal(signal.SIGUSR1)
        self.until(process, 'running')
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
        self.assertEqual(self.words(output.splitlines()), 'aborting BLOCK_JOB_CANCELLED concluded null')
        self.assertEqual(process.returncode, 1)

    def test_a_failure_is_told(self):
        process = self.start('/nowhere')
        output, _ = process.communicate()
        self.assertEqual(self.words(output.splitlines()), 'created running aborting BLOCK_JOB_COMPLETED concluded null')
        self.assertEqual(process.returncode, 1)


if __name__ == '__main__':
    unittest.main()
