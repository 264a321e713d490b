# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk that was written to in this boot before the overlay on it was active: what the scratch holds belongs to what
the disk was."""
import harness
import overlay_story

MACHINE = dict(disks=['48M', '64M', '16M'], mem='512M', timeout=180, kernel='uml')
MIB = 1 << 20


class OverlayOriginTest(overlay_story.OverlayStory):
    def test_under_an_overlay_it_is_refused_until_a_boot_without_that(self):
        if self.boot == 1:
            self.begin()
            self.overlay()
            self.write_and_cut_power()
        if self.boot == 2:
            self.rewrite_a_block()
        self.begin()
        if self.boot == 2:
            self.expect_refused_and_untouched()
            self.assertNotIn('dmjob rollback', self.volume()['error'])
            self.restart()
            self.expect_refused_and_untouched()
            self.cut_power()
        self.assertTrue(self.volume()['active'], self.volume())
        self.writer(self.vol, self.log, fill=False).verify()

    def test_under_a_snapshot_it_is_refused_with_a_way_out(self):
        if self.boot == 1:
            self.begin()
            self.snapshot()
            self.write_and_cut_power()
        self.sh(f'dd if=/dev/urandom of={self.disk(0)} bs=1M count=1 conv=notrunc')
        after = self.digest(self.disk(0))
        self.begin()
        self.expect_refused_and_untouched()
        self.assertIn('throw away what the scratch holds (dmjob rollback vol)', self.volume()['error'])
        self.dmjob('rollback', 'vol')
        self.restart()
        self.assertTrue(self.volume()['active'], self.volume())
        self.expect_flat(self.backing)
        self.assertEqual(self.digest(self.vol), after)

    def test_that_the_volume_itself_has_written_to_is_not_asked(self):
        """By a merge that is live, after a boot in which nobody else has written."""
        self.begin()
        if self.boot == 1:
            self.snapshot()
            self.write_and_cut_power()
        before = self.diskstats(self.backing)['sectors_written']
        self.dmjob('commit', 'vol', '--id', 'j')
        self.wait_status('j', 'ready')
        self.assertGreater(self.diskstats(self.backing)['sectors_written'], before)
        self.restart_when_noted()
        self.assertTrue(self.volume()['active'], self.volume())
        self.writer(self.vol, self.log, fill=False).verify()

    # How it is done.

    def write_and_cut_power(self):
        self.start_writing(size=8 * MIB)
        self.until_used(2 * MIB)
        self.stamp.process.kill()
        self.cut_power()

    def rewrite_a_block(self):
        """With what it holds: the next boot finds the disk as the scratch knows it."""
        disk = self.disk(0)
        self.sh(f'dd if={disk} of=/run/block bs=4096 count=1; dd if=/run/block of={disk} bs=4096 conv=notrunc,fsync')

    def expect_refused_and_untouched(self):
        volume = self.volume()
        self.assertFalse(volume['active'], volume)
        self.assertIn(f'{self.backing} was written to in this boot before volume \'vol\' was active', volume['error'])
        self.assertNotIn('vol', self.dm_names())
        self.assertEqual(self.diskstats(self.scratch_disk)['sectors_written'], 0)


if __name__ == '__main__':
    harness.main()
