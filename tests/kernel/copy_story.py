# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the live copy have in common: a volume that is written to all the time, and a target that can be
slowed down, broken and hung.

    vol     managed, over disk 0
    target  a linear volume over disk 1, no larger than vol unless the test says so
    disk 2  scratch

A story goes: begin(), start_copy(), until_...(), something happens, ..., then pivot() or force_cancel(), and at last
expect_moved() or expect_as_before(), each of which ends the writer and has its every acknowledged write checked."""
import json
import os
import time

import harness
from qmp_client import QmpClient

DISKS = ['48M', '64M', '16M']
WRITABLE = 32 << 20  # bytes of vol that the writer writes to: a copy must not be all differences
TAILED = (64 << 20) // 512  # sectors of a target with room for the scratch in its tail


def event_word(name, data):
    """An event as in QEMU's documents: a status in lower case, a BLOCK_JOB_ event without that prefix."""
    if name == 'JOB_STATUS_CHANGE':
        return data['status']
    return name.removeprefix('BLOCK_JOB_') + ('(error)' if 'error' in data else '')


class CopyStory(harness.KernelTest):
    """Binds the words of the story to a machine with DISKS."""

    longest_stall_ms = 20_000  # of a write, on a machine that has much else to do

    # The beginning.

    def begin(self, source=None, target_sectors=None, target_uuid=None, writes=300, daemon=(), writable=(0, WRITABLE)):
        """Everything up to a running writer."""
        self.source = source or self.disk(0)
        self.target_disk, self.scratch = self.disk(1), self.disk(2)
        table = f'0 {target_sectors or self.sectors(self.source)} linear {self.target_disk} 0'
        self.target = self.dm_create('target', table, uuid=target_uuid)
        self.daemon_options = daemon
        self.start_daemon(*daemon)
        self.dmjob('attach', 'vol', self.source)
        self.vol = '/dev/mapper/vol'
        self.own_table = self.dm_table('vol')
        offset, length = map(str, writable)
        self.stamp = self.writer(self.vol, iops=writes, options=('--offset', offset, '--length', length))
        self.stamp.start()

    def start_copy(self, *options, speed='0', on_target_error='report', on_source_error='report', scratch=True,
                   job='j'):
        """Its id is that of all that follows."""
        self.job = job
        where = ['--scratch', self.scratch] if scratch else []
        self.dmjob('copy', 'vol', self.target, '--id', job, '--speed', speed, '--on-target-error', on_target_error,
                   '--on-source-error', on_source_error, '--manual-dismiss', *where, *options)

    # Waiting.

    def until(self, predicate, what, timeout=90):
        """Looks at the job often; the predicate is given its members. Returns them."""
        client = QmpClient(self.socket_path)
        seen = {}

        def holds():
            seen.clear()
            seen.update(next(j for j in client.execute('query-block-jobs') if j['id'] == self.job))
            return predicate(seen)
        try:
            self.wait_for(holds, timeout, lambda: f'{what}; the job is {seen}')
        finally:
            client.close()
        return seen

    def until_phase(self, phase, **more):
        return self.until(lambda job: job['phase'] == phase, f'phase {phase}', **more)

    def until_copied(self, size, **more):
        return self.until(lambda job: job['offset'] >= size, f'{size} bytes to be copied', **more)

    def until_status(self, status, **more):
        return self.until(lambda job: job['status'] == status, f'status {status}', **more)

    def until_equal(self, **more):
        """Ready, and not only by name: after an interruption a ready job first has to catch up."""
        return self.until(lambda job: job['status'] == 'ready' and job['phase'] == 'ready' and job['dirty'] == 0,
                          'both sides to be equal', **more)

    # To a certain point of a copy.

    def copy_until_bulk(self, *words, **options):
        self.start_copy(*words, speed='3M', **options)
        self.until_copied(6 << 20)

    def copy_until_resync(self, *words, **options):
        """The kernel is copying what is left, and will be for a while."""
        self.slow_target()
        self.start_copy(*words, **options)
        self.until_phase('resync')

    def copy_until_ready(self, *words, **options):
        self.start_copy(*words, **options)
        self.until_equal()

    def hurry(self):
        self.dmjob('speed', self.job, '0')

    # What can happen to a target.

    def slow_target(self, milliseconds=150):
        self._target_becomes(f'delay {self.target_disk} 0 0 {self.target_disk} 0 {milliseconds}')

    def quick_target(self):
        self._target_becomes(f'linear {self.target_disk} 0')

    def break_target(self):
        """All its I/O fails until quick_target()."""
        self._target_becomes('error')

    def break_target_writes(self):
        """Writes fail, reads do not, as with a disk that has gone read-only; until quick_target()."""
        self._target_becomes(f'flakey {self.target_disk} 0 0 3600 1 error_writes')

    def hang_target(self, name='target'):
        """And the copy is stuck there already."""
        super().hang_target(name)
        time.sleep(1.5)

    def take_target_away(self):
        """As when a cable is pulled: its I/O fails, and the name is free for the next disk."""
        self.sh('dmsetup', 'rename', 'target', 'gone')
        self.target_table = self.dm_table('gone')
        self.dm_switch('gone', f'0 {self.sectors("/dev/mapper/gone")} error', noflush=True)

    def bring_target_back(self, uuid=None):
        """Under another device number. Nobody may have the old one open any more."""
        self.dm_create('placeholder', '0 8 error')
        number = os.stat('/dev/mapper/gone').st_rdev
        self.dm_remove('gone')  # a UUID is there but once
        self.dm_create('second-placeholder', '0 8 error')
        self.dm_create('target', self.target_table, uuid=uuid)
        self.assertNotEqual(os.stat('/dev/mapper/target').st_rdev, number)

    def wipe_target_disk(self):
        self.sh(f'dd if=/dev/zero of={self.target_disk} bs=1M oflag=direct', check=False)

    def written_to_target(self):
        """Bytes, since the machine's start. The disk is asked, not the device over it, which may be another one."""
        return 512 * self.diskstats(self.target_disk)['sectors_written']

    # The scratch, on a device that can fail.

    def put_scratch_on_a_device_that_can_break(self):
        self.scratch = self.linear('scratch', self.disk(2))

    def break_scratch(self):
        self.dm_switch('scratch', f'0 {self.sectors("/dev/mapper/scratch")} error', noflush=True)

    def slow_scratch(self, milliseconds=1100):
        """Of each write and flush: a log takes longer than a volume is kept waiting for it."""
        sectors = self.sectors('/dev/mapper/scratch')
        self.dm_switch('scratch', f'0 {sectors} delay {self.disk(2)} 0 0 {self.disk(2)} 0 {milliseconds}', noflush=True)

    def quick_scratch(self):
        self.dm_switch('scratch', f'0 {self.sectors("/dev/mapper/scratch")} linear {self.disk(2)} 0', noflush=True)

    # Verbs.

    def events(self):
        """(name, data) of what has happened since the daemon's start."""
        return [(event['event'], event['data'])
                for event in map(json.loads, self.dmjob('events').stdout.splitlines())]

    def story(self):
        """The job's events, one word each."""
        return ' '.join(event_word(name, data) for name, data in self.events()
                        if self.job in (data.get('id'), data.get('device')))

    def pivot(self):
        self.until_equal()
        self.dmjob('complete', self.job, '--wait', '--timeout', '90')
        self.dmjob('dismiss', self.job)

    def force_cancel(self):
        self.dmjob('cancel', self.job, '--force', '--timeout', '90')
        self.dmjob('dismiss', self.job)

    def until_failed(self, timeout=60):
        """Returns what the job says about it."""
        error = self.until_status('concluded', timeout=timeout)['error']
        self.dmjob('dismiss', self.job)
        return error

    def pause(self, status):
        self.dmjob('pause', self.job)
        self.until_status(status)

    def restart_daemon(self):
        self.start_daemon(*self.daemon_options)

    # Expectations.

    def expect_silence(self, *disks, seconds=1.5):
        """None of the disks is read or written."""
        time.sleep(0.3)  # what was in flight comes home
        before = [self.diskstats(disk) for disk in disks]
        time.sleep(seconds)
        self.assertEqual([self.diskstats(disk) for disk in disks], before)

    def expect_few_events(self, seconds):
        """What is tried again and again is not tried in a tight loop."""
        before = len(self.dmjob('events').stdout.splitlines())
        time.sleep(seconds)
        self.assertLess(len(self.dmjob('events').stdout.splitlines()) - before, 10 * seconds)

    def expect_undisturbed(self):
        """The writer has seen no error and did not wait for ever. It writes no more."""
        stats = self.stamp.stop()
        self.assertLess(stats['worst_ms'], self.longest_stall_ms, 'a write hung')

    def expect_as_before(self):
        """vol has its own table, to the letter, and all that was written; nothing of ours is left."""
        self.expect_undisturbed()
        self.assertEqual(self.dm_table('vol'), self.own_table)
        self.stamp.verify(self.vol)
        self.nothing_left(volumes=['vol'])

    def expect_moved(self):
        """vol lives on the target alone, with all that was written."""
        self.expect_undisturbed()
        number = os.stat('/dev/mapper/target').st_rdev
        self.assertEqual(self.dm_table('vol'), f'0 {self.sectors(self.vol)} linear '
                                               f'{os.major(number)}:{os.minor(number)} 0')
        self.stamp.verify(self.vol)
        self.nothing_left(volumes=['vol'])

    def expect_one_side_with_everything(self):
        """Whichever disk the volume lives on."""
        self.expect_undisturbed()
        self.stamp.verify(self.vol)
        self.dmjob('dismiss', self.job, check=False)
        self.nothing_left(volumes=['vol'])

    # Below here: how it is done.

    def _target_becomes(self, kind):
        """Another table under the target. Requests that wait there meet the new one."""
        self.dm_switch('target', f'0 {self.sectors("/dev/mapper/target")} {kind}', noflush=True)
