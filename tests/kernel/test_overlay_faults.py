# SPDX-License-Identifier: LGPL-2.1-or-later
"""Errors of each disk of an overlay, in each phase of its stream: by policy, and afterwards nothing is lost."""
import harness
import overlay_story

MACHINE = dict(disks=['48M', '64M', '16M', '64M'], mem='512M', timeout=240, kernel='uml')
MIB = 1 << 20
BAD = 60000  # a sector of the backing disk that can be broken


class OverlayFaultsTest(overlay_story.OverlayStory):
    def setUp(self):
        super().setUp()
        self.begin()
        self.origin = self.linear('origin', self.backing)

    def test_a_target_that_fails_in_the_copy(self):
        self.overlay_on_origin()
        self.start_stream('--on-target-error', 'stop', '--speed', '4M')
        self.until_offset(4 * MIB)
        self.break_target()
        self.wait_status('j', 'paused')
        self.assertEqual(self.info('j')['io-status'], 'failed')
        self.heal_target()
        self.dmjob('cancel', 'j', '--force')
        self.start_stream('--speed', '4M', '--manual-dismiss')
        self.until_offset(4 * MIB)
        self.break_target()
        self.assertIn('cannot be written', self.wait_status('j', 'concluded')['error'])
        self.heal_target()
        self.dmjob('dismiss', 'j')
        self.assertEqual(self.volume()['overlay']['origin'], self.origin)
        self.start_stream('--speed', '24M', '--on-target-error', 'ignore')
        self.break_target()
        self.until_error()
        self.heal_target()
        self.finish_well()

    def test_a_target_that_fails_in_the_merge(self):
        self.overlay_on_origin()
        self.stamp.stop()  # from the merge on the target is the volume's own disk
        self.start_stream('--on-target-error', 'stop')
        self.slow()
        self.until_phase('merging')
        self.dm_switch('target', f'0 {self.sectors(self.disk(1))} error')
        self.wait_status('j', 'paused')
        self.quick()
        self.dmjob('resume', 'j')
        self.finish_well()

    def test_a_backing_disk_with_a_bad_sector(self):
        self.overlay_on_origin()
        self.break_target('origin', BAD, 8)
        self.start_stream('--manual-dismiss')
        self.assertIn('cannot be read', self.wait_status('j', 'concluded')['error'])
        self.dmjob('dismiss', 'j')
        self.start_stream('--on-source-error', 'stop')
        self.wait_status('j', 'paused')
        self.heal_target('origin')
        self.dmjob('resume', 'j')
        self.finish_well()

    def test_a_scratch_that_fails_loses_nothing_that_was_acknowledged(self):
        self.overlay_on_origin()
        self.break_target('scratch')
        self.sh('dd', 'if=/dev/zero', 'of=' + self.vol, 'oflag=direct', 'bs=4K', 'seek=5000', 'count=1', check=False)
        self.stamp.process.wait()
        self.wait_for(lambda: 'trouble' in self.volume()['overlay'], 30, 'the trouble to be seen')
        self.assertIn('FAILED', self.dmjob('volumes').stdout)
        self.heal_target('scratch')
        self.wait_for(lambda: 'trouble' not in self.volume()['overlay'], 30, 'the scratch to be taken up again')
        self.stamp.verify()
        self.start_stream()
        self.dmjob('wait', 'j', check=False)
        self.stamp.verify()
        self.expect_flat(self.target)

    # How it is done.

    def overlay_on_origin(self):
        self.dmjob('overlay', 'vol', self.origin, '--scratch', self.scratch)
        self.start_writing(writes=500, size=8 * MIB)
        self.until_used(3 * MIB)

    def start_stream(self, *options):
        self.dmjob('stream', 'vol', self.target, '--id', 'j', '--force', *options)

    def until_error(self):
        self.wait_for(lambda: 'BLOCK_JOB_ERROR' in self.dmjob('events').stdout.splitlines()[-1], 30, 'an error')

    def finish_well(self):
        self.dmjob('wait', 'j', check=False)
        if self.stamp.process:
            self.stamp.stop()
        self.stamp.verify()
        self.expect_flat(self.target)
        self.expect_backing_untouched()


if __name__ == '__main__':
    harness.main()
