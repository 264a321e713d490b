# SPDX-License-Identifier: LGPL-2.1-or-later
"""The events of each ending, as a client sees them, compared with golden/NAME.jsonl: QEMU's names, members and order.
"all" stands for an offset that has reached len, as it must for a job that is ready or has succeeded; "some" for bytes that
depend on the moment, "?" for the text of an error. To make a file anew, take what the test prints."""
import json
import os

import copy_story
import harness

MACHINE = dict(disks=['16M', '16M', '16M', '16M'], mem='512M', timeout=240, kernel='uml')
GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'golden')
BAD_BLOCK = 1000  # of 4096 bytes


class GoldenTest(copy_story.CopyStory):
    def setUp(self):
        super().setUp()
        self.dm_create('dust', f'0 {self.sectors(self.disk(0))} dust {self.disk(0)} 0 4096')
        self.tell_dust('quiet')
        self.tell_dust('enable')
        self.target_disk = self.disk(1)
        self.linear('target', self.target_disk)
        self.target, self.scratch = '/dev/mapper/target', self.disk(2)
        self.start_daemon()
        self.dmjob('attach', 'vol', '/dev/mapper/dust')
        self.told = self.last_number()

    def tell_dust(self, *words):
        self.sh('dmsetup', 'message', 'dust', '0', *words)

    # What was seen.

    def last_number(self):
        return max((event['number'] for event in self.execute('query-events', since=0)), default=0)

    def seen(self):
        events = self.execute('query-events', since=self.told)
        self.told = max(event['number'] for event in events)
        return [self.as_line(event) for event in events if event['event'].startswith(('JOB_STATUS', 'BLOCK_JOB'))]

    def as_line(self, event):
        data = event['data']
        if 'error' in data:
            data['error'] = '?'
        if 'offset' in data:
            reached = event['event'] != 'BLOCK_JOB_CANCELLED' and data['offset'] == data['len']
            data['offset'] = data['len'] = 'all' if reached else 'some'
            data['speed'] = 0
        return json.dumps({event['event']: data}, sort_keys=True)

    def expect(self, *names):
        """The events since the last time are those of the files, one after the other."""
        lines = self.seen()
        golden = []
        for name in names:
            path = f'{GOLDEN}/{name}.jsonl'
            golden += open(path).read().splitlines() if os.path.exists(path) else []
        self.assertEqual(lines, golden, f'{names}; as it was:\n' + '\n'.join(lines))

    # What happens.

    def be_slow(self, *options, **more):
        self.start_copy(*options, speed='512K', **more)
        self.until_copied(64 << 10)

    def be_ready(self, *options, **more):
        self.start_copy(*options, **more)
        self.until_equal()

    def until_gone(self):
        self.wait_for(lambda: not self.execute('query-jobs'), 60, 'the end of the jobs')

    def until_seen(self, status):
        self.until(lambda job: job['status'] == status, status)

    def start_copy(self, *options, **more):
        """Without --manual-dismiss."""
        self.job = 'j'
        words = {'speed': '0', **more}
        for name, value in words.items():
            options += ('--' + name.replace('_', '-'), value)
        self.dmjob('copy', 'vol', self.target, '--id', 'j', '--scratch', self.scratch, '--force', *options)

    def run_stories(self, *stories):
        for story in stories:
            with self.subTest(story.__name__):
                story()

    # The jobs that end an overlay.

    def test_endings_of_a_stream_and_a_commit(self):
        self.run_stories(self.stream_with_a_cancel_before, self.commit_that_is_kept_then_completed)

    def stream_with_a_cancel_before(self):
        self.job = 'j'
        backing = self.linear('backing', self.disk(3), 0, 16384)  # so that the target has a tail for notes
        self.dmjob('overlay', 'over', backing, '--scratch', self.scratch)
        self.dmjob('stream', 'over', self.target, '--id', 'j', '--speed', '512K', '--force')
        self.until_copied(64 << 10)
        self.dmjob('cancel', 'j')
        self.until_gone()
        self.expect('stream-cancelled')
        self.dmjob('stream', 'over', self.target, '--id', 'j', '--force')
        self.until_gone()
        self.expect('stream-completed')

    def commit_that_is_kept_then_completed(self):
        self.dmjob('snapshot', 'over', '--scratch', self.scratch, '--force')
        for verb in 'cancel', 'complete':
            self.dmjob('commit', 'over', '--id', 'j')
            self.until_seen('ready')
            self.expect('commit-ready')
            self.dmjob(verb, 'j')
            self.until_gone()
            self.expect('commit-completed')

    # The endings of one job.

    def test_endings_without_an_error(self):
        self.run_stories(self.soft_cancel, self.cancel_in_each_status, self.pause_and_resume, self.success,
                         self.success_that_is_finalized_and_dismissed_by_hand)

    def success(self):
        self.be_ready()
        self.expect('start', 'ready')
        self.dmjob('complete', 'j')
        self.until_gone()
        self.expect('completed')
        self.target = '/dev/mapper/dust'  # and back

    def soft_cancel(self):
        self.be_ready()
        self.dmjob('cancel', 'j')
        self.until_gone()
        self.expect('start', 'ready', 'completed')

    def success_that_is_finalized_and_dismissed_by_hand(self):
        self.be_ready('--manual-finalize', '--manual-dismiss')
        self.dmjob('complete', 'j')
        self.until_seen('pending')
        self.expect('start', 'ready', 'pending')
        self.dmjob('finalize', 'j')
        self.until_seen('concluded')
        self.expect('finalized')
        self.dmjob('dismiss', 'j')
        self.expect('dismissed')

    def cancel_in_each_status(self):
        self.be_slow()
        self.cancel_with_force()
        self.expect('start', 'cancelled')
        self.be_slow()
        self.pause('paused')
        self.cancel_with_force()
        self.expect('start', 'paused', 'cancelled-when-paused')
        self.be_ready()
        self.cancel_with_force()
        self.expect('start', 'ready', 'cancelled')
        self.be_ready()
        self.pause('standby')
        self.cancel_with_force()
        self.expect('start', 'ready', 'standby', 'cancelled-in-standby')
        self.be_ready('--manual-finalize')
        self.dmjob('complete', 'j')
        self.until_seen('pending')
        self.cancel_with_force()
        self.expect('start', 'ready', 'pending', 'cancelled')

    def cancel_with_force(self):
        self.execute('job-cancel', id='j')
        self.until_gone()

    def pause_and_resume(self):
        self.be_slow()
        self.pause('paused')
        self.dmjob('resume', 'j')
        self.hurry()
        self.until_equal()
        self.pause('standby')
        self.dmjob('resume', 'j')
        self.until_equal()
        self.expect('start', 'paused', 'resumed', 'ready', 'standby', 'resumed-in-standby')
        self.cancel_with_force()
        self.seen()

    # Errors, by policy.

    def test_errors(self):
        self.run_stories(self.source_error, self.target_error, self.an_error_that_is_ignored_changes_no_status)

    def source_error(self):
        self.tell_dust('addbadblock', str(BAD_BLOCK))
        self.start_copy(on_source_error='report')
        self.until_gone()
        self.expect('start', 'source-error-report')
        self.start_copy(on_source_error='enospc')
        self.until_gone()
        self.expect('start', 'source-error-report')
        self.start_copy(on_source_error='stop')
        self.until_seen('paused')
        self.expect('start', 'source-error-stop')
        self.tell_dust('removebadblock', str(BAD_BLOCK))
        self.dmjob('resume', 'j')
        self.until_equal()
        self.expect('resumed', 'ready')
        self.cancel_with_force()
        self.seen()

    def target_error(self):
        self.be_slow(on_target_error='report')
        self.break_target()
        self.until_gone()
        self.expect('start', 'target-error-report')
        self.quick_target()
        self.be_slow(on_target_error='stop')
        self.break_target()
        self.until_seen('paused')
        self.expect('start', 'target-error-stop')
        self.quick_target()
        self.hurry()
        self.dmjob('resume', 'j')
        self.until_equal()
        self.expect('resumed', 'ready')
        self.cancel_with_force()
        self.seen()

    def an_error_that_is_ignored_changes_no_status(self):
        self.tell_dust('addbadblock', str(BAD_BLOCK))
        self.start_copy(on_source_error='ignore')
        self.until_equal()
        self.dmjob('complete', 'j')
        self.until_gone()
        lines = self.seen()
        ignored = json.dumps({'BLOCK_JOB_ERROR': dict(action='ignore', device='j', operation='read')}, sort_keys=True)
        self.assertIn(ignored, lines)
        without = [line for line in lines if line != ignored]
        golden = ''.join(open(f'{GOLDEN}/{name}.jsonl').read() for name in ('start', 'ready', 'completed'))
        self.assertEqual(without, golden.splitlines())

    # Backups.

    def test_backups(self):
        self.run_stories(self.backup, self.comparisons, self.backup_that_is_cancelled, self.backup_that_fails)

    def start_backup(self, verb='backup', **more):
        self.job = 'j'
        options = [word for name, value in more.items() for word in ('--' + name.replace('_', '-'), value)]
        self.dmjob(verb, 'vol', self.target, '--id', 'j', '--scratch', self.scratch, '--force', *options)

    def backup(self):
        self.start_backup()
        self.until_gone()
        self.expect('start', 'backup-completed')

    def comparisons(self):
        """Of what was backed up, and of what is so no more."""
        for name in ('compare-completed', 'compare-differ'):
            self.start_backup(verb='compare')
            self.until_gone()
            self.expect('start', name)
            self.sh('dd', 'if=/dev/urandom', 'of=/dev/mapper/vol', 'bs=4096', 'count=1', 'oflag=direct')

    def backup_that_is_cancelled(self):
        self.start_backup(speed='512K')
        self.until_copied(64 << 10)
        self.cancel_with_force()
        self.expect('start', 'backup-cancelled')

    def backup_that_fails(self):
        self.tell_dust('addbadblock', str(BAD_BLOCK))
        self.start_backup()
        self.until_gone()
        self.expect('start', 'backup-source-error-report')
        self.tell_dust('removebadblock', str(BAD_BLOCK))
        self.start_backup(speed='512K', on_target_error='stop')
        self.until_copied(64 << 10)
        self.break_target()
        self.until_seen('paused')
        self.quick_target()
        self.hurry()
        self.dmjob('resume', 'j')
        self.until_gone()
        self.expect('start', 'target-error-stop', 'resumed', 'backup-completed')

    # Groups.

    def test_groups(self):
        self.dmjob('attach', 'other', self.disk(3))
        self.dm_create('other-target', '0 32768 zero')
        self.run_stories(self.grouped_failure, self.a_transaction_that_cannot_start, self.grouped_success)

    def start_group(self, **options):
        options = dict(sync='full', force=True, **options)
        actions = [('vol', self.target), ('other', '/dev/mapper/other-target')]
        self.execute('transaction', properties={'completion-mode': 'grouped'}, actions=[
            dict(type='blockdev-mirror', data={'job-id': device, 'device': device, 'target': target, **options})
            for device, target in actions])
        self.job = 'vol'

    def expect_each(self, **golden):
        """By job: the names of its files, whose job is called j."""
        lines = self.seen()
        for job, names in golden.items():
            own = [line for line in map(json.loads, lines) if job in self.ids_in(line)]
            as_j = [json.dumps(line, sort_keys=True).replace(f'"{job}"', '"j"') for line in own]
            wanted = [line for name in names for line in open(f'{GOLDEN}/{name}.jsonl').read().splitlines()]
            self.assertEqual(as_j, wanted, job)

    @staticmethod
    def ids_in(line):
        return [data.get('id', data.get('device')) for data in line.values()]

    def both_ready(self):
        for self.job in ('other', 'vol'):
            self.until_equal()

    def grouped_success(self):
        self.start_group()
        self.both_ready()
        self.dmjob('complete', 'vol')
        self.until_seen('waiting')
        self.dmjob('complete', 'other')
        self.until_gone()
        self.expect_each(vol=['start', 'ready', 'completed'], other=['start', 'ready', 'completed'])

    def grouped_failure(self):
        self.start_group()
        self.both_ready()
        self.dmjob('complete', 'vol')
        self.until_seen('waiting')
        self.execute('job-cancel', id='other')
        self.until_gone()
        self.expect_each(vol=['start', 'ready', 'cancelled-in-waiting'], other=['start', 'ready', 'cancelled'])

    def a_transaction_that_cannot_start(self):
        action = dict(type='blockdev-mirror', data={'job-id': 'j', 'device': 'vol', 'target': self.target, 'sync': 'full'})
        bad = dict(type='blockdev-mirror', data={'job-id': 'k', 'device': 'nothing', 'target': self.target, 'sync': 'full'})
        with self.assertRaisesRegex(AssertionError, "Cannot find volume 'nothing'"):
            self.execute('transaction', actions=[action, bad])
        self.until_gone()
        self.expect('not-started')


if __name__ == '__main__':
    harness.main()
