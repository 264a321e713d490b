# SPDX-License-Identifier: LGPL-2.1-or-later
"""Incremental backups: what has changed is copied, all of it and nothing else, whatever happens in between; and a
chain that cannot be proven says so."""
import random
import time

import harness
import incremental_story
from incremental_story import REGION

MACHINE = dict(disks=['48M', '64M', '160M', '10M'], mem='512M', timeout=300, kernel='uml',
               newer=['test_what_has_changed_is_copied_and_no_more'])


class IncrementalTest(incremental_story.IncrementalStory):
    def test_what_has_changed_is_copied_and_no_more(self):
        self.begin()
        self.change(range(0, 768, 7))
        self.assertIn('has no chain', self.incremental(check=False).stderr)
        self.full()
        self.expect_equal()
        for regions in ([0], [1, 2, 3, 767], range(100, 140), [], [5, 200, 400]):
            self.change(regions)
            self.note_target()
            self.incremental()
            self.expect_copied(len(regions) * REGION)
            self.expect_equal()
            self.assertIn('backup of what has changed', self.dmjob('info', f'b{self.runs}').stdout)
        self.a_failed_one_is_made_up_for()
        self.the_target_is_the_chains()
        self.a_change_of_the_target_is_found()
        self.another_is_found_by_reading_back()
        self.a_chain_to_a_file()
        self.begun_anew_and_ended()

    def a_failed_one_is_made_up_for(self):
        self.change([10, 11, 12])
        self.break_target_writes()
        self.assertNotEqual(self.incremental(check=False).returncode, 0)
        self.quick_target()
        self.change([12, 13])
        self.note_target()
        self.incremental()
        self.expect_copied(4 * REGION)
        self.expect_equal()

    def the_target_is_the_chains(self):
        self.assertIn('holds the last backup', self.run_backup('--force', check=False).stderr)
        for words in ('copy', 'vol', self.target), ('snapshot', 'vol'):
            self.assertIn('dmjob untrack vol', self.dmjob(*words, check=False).stderr)
        other = f'{incremental_story.FOLDER}/other.img'
        self.assertIn('does not hold the last backup', self.incremental(check=False, target=other).stderr)
        self.change([20])
        self.run_backup(target=other)
        self.expect_identical(self.vol, other)
        self.note_target()
        self.incremental()
        self.expect_copied(REGION)
        self.expect_equal()

    def a_change_of_the_target_is_found(self):
        self.change([30])
        self.change([3], device=self.target)
        self.assertIn('was written to since it got the last backup', self.incremental(check=False).stderr)
        self.assertEqual(self.chain()['state'], 'proven')
        self.assertIn('which no mark explains', self.run_backup('--incremental', '--verify', check=False).stderr)
        self.expect_broken('which no mark explains')
        self.wait_for(lambda: 'dmjob-_vol-log0' not in self.dm_names(), 30, 'the tracker to be taken away')
        self.nothing_left(volumes=['vol'])

    def another_is_found_by_reading_back(self):
        self.full()
        self.dmjob('compare', 'vol', self.target, '--wait')
        self.assertEqual(self.chain()['state'], 'proven')
        self.change([17], device=self.target)  # where the sample does not look
        self.assertIn('does not hold', self.run_backup('--incremental', '--verify', check=False).stderr)
        self.expect_broken('read back')

    def a_chain_to_a_file(self):
        file = f'{incremental_story.FOLDER}/chain.img'
        self.run_backup('--track', target=file)
        self.change([0, 21, 767])
        self.incremental(target=file)
        self.assertEqual(self.last_job()['len'], 3 * REGION)
        self.expect_identical(self.vol, file)

    def begun_anew_and_ended(self):
        self.full()
        self.expect_equal()
        self.assertEqual(self.chain()['state'], 'proven')
        self.dmjob('untrack', 'vol')
        self.assertEqual(self.dm_table('vol'), self.own_table)
        self.assertNotIn('tracking', self.volume())
        self.nothing_left(volumes=['vol'])
        self.full()
        self.dmjob('detach', 'vol')
        self.nothing_left()

    def test_over_power_cuts(self):
        if self.boot == 1:
            self.begin()
            self.full()
            self.start_writer()
            self.incremental()
            self.cut_power()
        if self.boot == 4:
            self.boot_after_a_change_without_us()
            return
        self.begin_boot()
        self.start_daemon(*self.daemon_options)
        self.assertEqual(self.chain()['state'], 'proven')
        if self.boot == 2:
            self.writer(self.vol, fill=False).verify()
            self.change([400])
            self.dmjob('backup', 'vol', self.target, '--incremental', '--speed', '100K', '--id', 'slow')
            self.wait_for(lambda: self.info('slow')['offset'] > 0, 30, 'the first bytes')
            self.cut_power()
        self.note_target()
        self.incremental()
        self.assertLess(self.written_to_target() - self.written_before, 8 << 20)
        self.expect_equal()
        self.cut_power()

    def boot_after_a_change_without_us(self):
        self.begin_boot()
        self.change([500], device=self.source)
        self.start_daemon(*self.daemon_options)
        self.assertTrue(self.volume()['active'])
        self.own_table = self.dm_table('vol')
        self.expect_broken('was written to before the volume was active')
        self.full()
        self.change([1])
        self.incremental()
        self.expect_equal()

    def test_killed_at_random_moments(self):
        self.begin()
        self.full('--scratch', incremental_story.FOLDER)
        self.start_writer()
        seed = time.time_ns()
        print('seed', seed)
        moments = random.Random(seed)
        for _ in range(8):
            self.runs += 1
            self.dmjob('backup', 'vol', self.target, '--incremental', '--id', f'b{self.runs}', '--speed', '2M')
            time.sleep(moments.random())
            self.kill_daemon()
            self.start_daemon(*self.daemon_options)
            self.wait_for(lambda: 'job' not in self.volume(), 60, 'the end of the backup')
            self.assertEqual(self.chain()['state'], 'proven')
        self.stamp.stop()
        self.incremental()
        self.expect_equal()
        self.stamp.verify()

    def test_what_fails_under_the_tracker(self):
        self.begin()
        self.full()
        self.a_write_that_the_disk_refuses()
        self.a_scratch_that_gets_full()
        self.a_log_that_fails()

    def a_write_that_the_disk_refuses(self):
        harness.KernelTest.break_target(self, 'source', first=100 * REGION // 512, count=8)
        with self.assertRaises(OSError):
            self.write_block(self.vol, 100 * REGION)
        self.fresh_region = 200
        self.assertFalse(self.can_write())
        self.wait_for(self.can_write, 20, 'writes to be taken again')
        self.heal_target('source')
        self.change([50, 51])
        self.incremental()
        self.expect_equal()

    def a_scratch_that_gets_full(self):
        """With what is written over while the backup runs: it fails, and its marks stay."""
        self.change(range(300, 400))
        self.runs += 1
        backup = f'b{self.runs}'
        self.dmjob('backup', 'vol', self.target, '--incremental', '--id', backup, '--speed', '1M', '--scratch',
                   self.disk(3), '--manual-dismiss')
        self.wait_for(lambda: self.info(backup)['offset'] > 0, 30, 'the first bytes')
        self.change(range(200, 600))
        self.assertRegex(self.wait_status(backup, 'concluded')['error'], 'is lost: scratch .* is full')
        self.dmjob('dismiss', backup)
        self.assertEqual(self.chain()['state'], 'proven')
        self.note_target()
        self.incremental()
        self.expect_copied(400 * REGION)
        self.expect_equal()

    def can_write(self):
        """To a region that has no mark yet; to others it can."""
        self.fresh_region += 1
        try:
            self.change([self.fresh_region])
        except OSError:
            return False
        return True

    def a_log_that_fails(self):
        harness.KernelTest.break_target(self, 'scratch')
        self.change([70])
        self.expect_broken('could not write its log')
        self.change([71])


if __name__ == '__main__':
    harness.main()
