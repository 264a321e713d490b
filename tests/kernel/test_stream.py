# SPDX-License-Identifier: LGPL-2.1-or-later
"""Overlays that get a disk of their own while they are written to."""
import random
import time

import harness
import overlay_story

MACHINE = dict(disks=['48M', '64M', '16M', '64M'], mem='512M', timeout=240, kernel='uml',
               newer=['test_stream_under_a_writer_leaves_a_volume_of_its_own'])
MIB = 1 << 20


class StreamTest(overlay_story.OverlayStory):
    def test_stream_under_a_writer_leaves_a_volume_of_its_own(self):
        self.begin()
        self.overlay('--target', self.target)
        self.start_writing(size=8 * MIB)
        self.until_used(2 * MIB)
        self.dmjob('stream', 'vol', '--id', 'j', '--speed', '8M')
        self.until_offset(8 * MIB)
        self.dmjob('pause', 'j')
        self.wait_status('j', 'paused')
        self.dmjob('speed', 'j', 0)
        self.dmjob('resume', 'j')
        self.dmjob('wait', 'j')
        time.sleep(0.5)
        self.expect_written()
        self.expect_flat(self.target)
        self.expect_backing_untouched()

    def test_a_held_snapshot_streams_to_the_end(self):
        self.begin()
        self.snapshot()
        self.start_writing(writes=4000)
        self.until_held()
        self.start_stream('--speed', '4M')
        self.until_offset(4 * MIB)
        self.assertIn('HELD: writes to it wait, since its scratch is full; none is lost, they go on when the merge '
                      'begins', self.dmjob('info', 'j').stdout)
        self.dmjob('speed', 'j', 0)
        self.dmjob('wait', 'j')
        time.sleep(0.5)
        self.expect_written()
        self.expect_flat(self.target)
        self.expect_backing_untouched()

    def test_a_cancelled_stream_leaves_a_whole_volume(self):
        self.begin()
        self.overlay()
        self.start_writing(size=8 * MIB)
        self.until_used(2 * MIB)
        self.start_stream('--speed', '4M')
        self.until_offset(4 * MIB)
        self.dmjob('cancel', 'j')
        self.assertEqual(self.volume()['overlay']['origin'], self.backing)
        self.stop_in_the_merge()
        self.dmjob('cancel', 'j', '--force')
        volume = self.volume()['overlay']
        self.assertEqual((volume['origin'], volume['read-only']), (self.target, False))
        self.assertIn('cannot go back', self.refused('rollback', 'vol'))
        self.expect_written()
        self.dmjob('commit', 'vol', '--pivot')
        self.stamp.verify()
        self.expect_flat(self.target)
        self.expect_backing_untouched()

    def test_kills_at_random_moments_lose_nothing(self):
        self.begin()
        self.overlay()
        self.start_writing(writes=1000, size=10 * MIB)
        self.start_stream('--speed', '24M', '--manual-finalize')
        moments = random.Random(3)
        for _ in range(12):
            time.sleep(moments.uniform(0, 0.4))
            self.restart()
        self.wait_status('j', 'pending')
        for seconds in (0, 0.01, 0.03):
            self.dmjob('finalize', 'j', check=False)
            time.sleep(seconds)
            self.restart()
        self.dmjob('finalize', 'j', check=False)  # all of them may have been forgotten
        self.dmjob('wait', 'j', check=False)
        self.expect_written()
        self.expect_flat(self.target)
        self.expect_backing_untouched()

    def test_a_power_cut_in_the_merge_or_the_copy_is_carried_on(self):
        self.begin()
        if self.boot == 1:
            self.overlay()
            self.start_writing()
            self.until_used(3 * MIB)
            self.start_stream('--speed', '8M', '--scratch', self.disk(3))
            self.until_offset(16 * MIB)
            self.stamp.process.kill()
            self.cut_power()
        if self.boot == 2:
            self.until_offset(16 * MIB)
            self.writer(self.vol, self.log, fill=False).verify()
            self.slow()
            self.dmjob('speed', 'j', 0)
            self.until_phase('merging')
            self.cut_power()
        self.dmjob('wait', 'j', check=False)
        self.writer(self.vol, self.log, fill=False).verify()
        self.expect_flat(self.target)

    def test_after_a_power_cut_a_target_that_tells_no_name_is_not_trusted(self):
        self.target_uuid = None
        self.begin()
        if self.boot == 1:
            self.overlay()
            self.start_stream('--speed', '8M', '--scratch', self.disk(3), '--manual-dismiss')
            self.until_offset(16 * MIB)
            self.cut_power()
        self.assertIn('cannot be shown to be the disk that the job began with',
                      self.wait_status('j', 'concluded')['error'])
        self.assertEqual(self.volume()['overlay']['origin'], self.backing)

    # How it is done.

    def start_stream(self, *options):
        self.dmjob('stream', 'vol', self.target, '--id', 'j', '--force', *options)

    def stop_in_the_merge(self):
        """A stream that is paused half-way through its merge."""
        self.start_stream()
        self.slow()
        self.until_phase('merging')
        self.dmjob('pause', 'j')
        self.wait_status('j', 'paused')
        self.assertIn(' snapshot ', self.dm_table('vol'))
        self.quick()


if __name__ == '__main__':
    harness.main()
