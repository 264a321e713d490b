# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests of copies have in common: a daemon that runs, volumes and jobs. No test in here."""
import os

import devices
import harness


class CopyingTest(harness.KernelTest):
    def setUp(self):
        super().setUp()
        self.start_daemon()

    def attach(self, name, disk):
        """A managed volume over a disk. Returns its path."""
        self.dmjob('attach', name, disk)
        return devices.dm_path(name)

    def copy(self, source, target, *options):
        """Starts a copy and returns the job's id."""
        return self.dmjob('copy', source, target, *options).stdout.strip()

    def wait_offset(self, job, least, timeout=60):
        """Until so many bytes are copied."""
        self.wait_for(lambda: self.info(job)['offset'] >= least, timeout, f'{job} to have copied {least} bytes')

    def pause(self, job):
        self.dmjob('pause', job)
        return self.wait_status(job, ['paused', 'standby'])

    def pivot(self, job):
        self.dmjob('complete', job, '--wait')

    def outcome(self, job):
        """How a job ended, of which only the history knows."""
        return next(entry for entry in self.history() if entry['id'] == job)

    def table_on(self, disk, length=None):
        """The table of a volume that is nothing but a disk."""
        return f'0 {(length or self.size(disk)) // 512} linear {self.number(disk)} 0'

    def expect_lives_on(self, name, disk):
        self.assertEqual(self.dm_table(name), self.table_on(disk, self.size(devices.dm_path(name))))

    def refused(self, *words, status=1, warned=None, **options):
        """The command fails with one line on stderr, which is returned, and says nothing on stdout.

        warned: in each warning before that line, of which there is one at least; None: there is none.
        """
        result = self.dmjob(*words, check=False, **options)
        self.assertEqual((result.returncode, result.stdout), (status, ''), f'{words}: {result}')
        *warnings, line = result.stderr.splitlines() or ['']
        self.assertEqual(bool(warnings), warned is not None, f'{words}: {result.stderr}')
        for warning in warnings:
            self.assertTrue(warning.startswith('warning: ') and warned in warning, f'{words}: {result.stderr}')
        self.assertTrue(line, f'{words}: {result}')
        return line

    def expect_refused(self, text, *words, **options):
        self.assertIn(text, self.refused(*words, **options))

    @staticmethod
    def number(path):
        """MAJOR:MINOR"""
        number = os.stat(path).st_rdev
        return f'{os.major(number)}:{os.minor(number)}'

    @staticmethod
    def write(path, offset, data):
        """Past the page cache's delays: on the device when it returns."""
        fd = os.open(path, os.O_WRONLY)
        try:
            os.pwrite(fd, data, offset)
            os.fsync(fd)
        finally:
            os.close(fd)
