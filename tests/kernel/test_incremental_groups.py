# SPDX-License-Identifier: LGPL-2.1-or-later
"""Incremental backups of several volumes in one transaction: of one instant each time, and what becomes of the chains
when one of them fails, the daemon dies or the power goes."""
import os
import random
import time

import harness
import incremental_story
import state_edit
from incremental_story import REGION
from order_writer import OrderWriter

MACHINE = dict(disks=['8M', '8M', '8M', '8M', '8M', '8M', '64M'], mem='512M', timeout=240, kernel='uml')
NAMES = 'abc'
LAST = (8 << 20) // REGION - 1  # the region that the OrderWriters write to


class IncrementalGroupsTest(incremental_story.IncrementalStory):
    def begin_boot(self):
        """All but the daemon. One of the disks holds the trackers' logs."""
        if self.boot == 1:
            self.sh('mkfs.ext4', '-q', self.disk(6))
        os.makedirs(incremental_story.FOLDER)
        self.sh('mount', self.disk(6), incremental_story.FOLDER)
        self.addCleanup(self.sh, 'umount', '-l', incremental_story.FOLDER)
        self.sources = {name: self.linear(f'source-{name}', self.disk(i)) for i, name in enumerate(NAMES)}
        self.targets = {name: self.linear(f'target-{name}', self.disk(i + 3)) for i, name in enumerate(NAMES)}
        self.volumes = {name: f'/dev/mapper/{name}' for name in NAMES}
        self.daemon_options = ('--scratch-dir', incremental_story.FOLDER)

    def begin(self):
        self.begin_boot()
        self.start_daemon(*self.daemon_options)
        for name, source in self.sources.items():
            self.dmjob('attach', name, source)

    # Backups.

    def backup(self, *options, names=NAMES, wait=True, check=True):
        words = [word for name in names for word in (name, self.targets[name])]
        return self.dmjob('backup', *words, *(['--wait'] if wait else []), *options, check=check)

    def start(self, **speeds):
        """Incremental ones of all, of which some are slow (bytes a second)."""
        data = [dict(device=name, target=self.targets[name], sync='incremental', speed=speeds.get(name, 0))
                for name in NAMES]
        self.execute('transaction', actions=[dict(type='blockdev-backup', data=one) for one in data],
                     properties={'completion-mode': 'grouped'})

    def until_gone(self):
        self.wait_for(lambda: not self.execute('query-jobs'), 90, 'the end of the jobs')

    def outcomes(self):
        """Of the last ones: what each has copied, and its error."""
        history = self.execute('query-job-history')
        last = [next(job for job in history if job['id'] == name) for name in NAMES]
        return [job['offset'] for job in last], [job.get('error', '') for job in last]

    # Volumes.

    def chains(self):
        tracked = {name: volume.get('tracking') for name, volume in self.managed_volumes().items()}
        return [tracked[name] and tracked[name]['state'] for name in NAMES]

    def change_each(self, a=(), b=(), c=()):
        for name, regions in zip(NAMES, (a, b, c)):
            self.change(regions, device=self.volumes[name])

    def writers(self):
        """A number that goes from a to b, and one from b to c; they leave no other trace."""
        place = LAST * REGION
        return OrderWriter(self.volumes['a'], self.volumes['b'], place), \
            OrderWriter(self.volumes['b'], self.volumes['c'], place + 4096)

    def expect_order(self, one, other):
        for writer, (first, second) in ((one, 'ab'), (other, 'bc')):
            ahead, behind = writer.read(self.targets[first]), writer.read(self.targets[second])
            self.assertIn(ahead - behind, (0, 1))
            self.assertGreater(behind, 0)

    def expect_next_copies(self, *regions):
        """Those that there are for each, and afterwards the targets are the volumes."""
        self.backup('--incremental')
        self.assertEqual(self.outcomes(), ([count * REGION for count in regions], ['', '', '']))
        for name in NAMES:
            self.expect_identical(self.volumes[name], self.targets[name])

    # The stories.

    def test_each_is_of_one_instant_and_a_failure_breaks_no_chain(self):
        self.begin()
        one, other = self.writers()
        with one, other:
            for options in ('--track', '--force'), ('--incremental',):
                self.backup(*options)
                self.expect_order(one, other)
        self.change_each(a=[1, 2], c=[3, 4, 5])
        self.expect_next_copies(3, 1, 4)
        self.one_fails_before_the_others_have_copied()
        self.one_fails_when_the_others_have_copied()

    def one_fails_before_the_others_have_copied(self):
        self.change_each(a=range(10, 15), b=range(10, 15), c=[20])
        harness.KernelTest.break_target(self, 'target-c')
        self.start(a=REGION, b=REGION)
        self.until_gone()
        errors = self.outcomes()[1]
        self.assertEqual(errors[:2], ['Operation canceled'] * 2)
        self.assertIn('target /dev/mapper/target-c cannot be written', errors[2])
        self.assertEqual(self.chains(), ['proven'] * 3)
        self.heal_target('target-c')
        self.change_each(b=[14, 15], c=[21])
        self.expect_next_copies(5, 6, 2)

    def one_fails_when_the_others_have_copied(self):
        self.change_each(a=[30], b=[31], c=range(32, 40))
        self.start(c=REGION)
        for self.job in 'ab':
            self.until_status('waiting')
        harness.KernelTest.break_target(self, 'target-c')
        self.until_gone()
        self.assertEqual(self.outcomes()[1][:2], ['Operation canceled'] * 2)
        self.heal_target('target-c')
        self.assertEqual(self.chains(), ['proven'] * 3)
        self.change_each(b=[50])
        self.expect_next_copies(0, 1, 8)

    def test_kills_leave_each_chain_proven_or_none(self):
        self.begin()
        moments = random.Random(seed := time.time_ns())
        print('seed', seed)
        one, other = self.writers()
        with one, other:
            for options in [['--track', '--force']] * 2 + [['--incremental', '--speed', '1M']] * 3:
                self.backup(*options, wait=False, check=False)
                time.sleep(moments.uniform(0, 0.8))
                self.kill_daemon()
                self.start_daemon(*self.daemon_options)
                self.until_gone()
                self.until_settled()
            self.backup('--track', '--force')
            self.expect_order(one, other)
        self.expect_next_copies(1, 1, 1)

    def until_settled(self):
        self.wait_for(lambda: set(self.chains()) <= {'proven', None}, 20, lambda: f'chains to settle: {self.chains()}')

    def test_a_power_cut_and_a_lost_log_break_one_chain_and_keep_the_others(self):
        if self.boot == 1:
            self.begin()
            with self.writers()[0]:
                self.backup('--track', '--force')
                self.change_each(a=[1], b=[2], c=[3])
                self.cut_power()
        self.begin_boot()
        self.lose_the_log_of('b')
        self.start_daemon(*self.daemon_options)
        self.assertEqual(self.chains(), ['proven', 'broken', 'proven'])
        refused = self.backup('--incremental', check=False)
        self.assertRegex(refused.stderr, "volume 'b' has no chain of incremental backups any more .*scratch")
        self.until_gone()
        self.assertEqual(self.chains(), ['proven', 'broken', 'proven'])
        self.backup('--track', names='b')
        self.change_each(b=[6, 7])
        self.expect_next_copies(2, 2, 1)

    def lose_the_log_of(self, name):
        volume = next(v for v in state_edit.read(self.state_dir)['volumes'] if v['name'] == name)
        with open(volume['tracking']['scratch']['path'], 'r+b') as log:
            log.write(bytes(os.fstat(log.fileno()).st_size))


if __name__ == '__main__':
    harness.main()
