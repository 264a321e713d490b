# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of backups have in common: a volume that is written to all the time, and a target.

    vol     managed, over disk 0
    target  a linear volume over disk 1
    disk 2  scratch

A story goes: begin(), start_backup(), something happens, ..., expect_success() or the like; all of them end with
expect_as_before(), since a backup leaves nothing on the volume."""
import os

import copy_story
import instant



class BackupStory(copy_story.CopyStory):
    def start_backup(self, *options, target=None, scratch=True, speed='0', on_target_error='report',
                     on_source_error='report'):
        """Its id is that of all that follows. Notes what the writer had done before."""
        self.job = 'j'
        self.backup_target = target or self.target
        where = ['--scratch', self.scratch] if scratch else []
        self.acknowledged_before = instant.last(self.stamp.log, '<')
        self.dmjob('backup', 'vol', self.backup_target, '--id', self.job, '--speed', speed, '--on-target-error',
                   on_target_error, '--on-source-error', on_source_error, '--manual-dismiss', *where, *options)

    def until_instant(self):
        """And notes what the writer had begun by then."""
        self.until(lambda job: job['phase'] == 'copying' or job['status'] in ('paused', 'concluded'), 'the instant')
        self.begun_by_then = instant.last(self.stamp.log, '>')

    def backup_until_bulk(self, *options, **more):
        self.start_backup(*options, speed='3M', **more)
        self.until_instant()
        self.until_copied(6 << 20)

    def expect_success(self):
        job = self.until_status('concluded')
        self.assertEqual(job.get('error'), None, job)
        self.dmjob('dismiss', self.job)

    def expect_instant(self, target=None):
        """The target is the volume as it was when the job started, to the byte."""
        self.expect_instant_of(self.stamp, target or self.backup_target, copy_story.WRITABLE,
                               self.acknowledged_before, self.begun_by_then)

    def expect_instant_of(self, stamp, target, length, at_least, at_most):
        number = instant.newest_number(target, length)
        self.assertGreaterEqual(number, at_least, 'the backup lacks a write from before its start')
        self.assertLessEqual(number, at_most, 'the backup has a write from after its instant')
        log = f'{stamp.log}.cut'
        instant.cut(stamp.log, number, log)
        report = self.verify_against(log, target, stamp)
        self.assertEqual(report['mismatches'], 0, report)
        os.unlink(log)

    def verify_against(self, log, target, stamp):
        whole, stamp.log = stamp.log, log
        try:
            return stamp.report(target)
        finally:
            stamp.log = whole
