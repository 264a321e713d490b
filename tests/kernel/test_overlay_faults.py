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

    def test_a_merge_that_fails_is_reported_or_tried_again(self):
        self.overlay_on_origin()
        self.stamp.stop()
        self.start_stream('--manual-dismiss')
        self.slow()
        self.fail_in_the_merge()
        self.assertIn('the merge into /dev/mapper/target has failed', self.wait_status('j', 'concluded')['error'])
        self.dmjob('dismiss', 'j')
        self.slow()
        self.stamp.verify()
        self.dmjob('commit', 'vol', '--id', 'j', '--on-error', 'ignore')
        self.fail_in_the_merge()
        self.until_error()
        self.quick()
        self.wait_status('j', 'ready')
        self.dmjob('complete', 'j')
        self.finish_well()

    def test_a_scratch_that_fails_in_the_merge_keeps_all_for_a_commit(self):
        self.overlay_on_origin()
        self.stamp.stop()
        self.start_stream('--manual-dismiss')
        self.slow()
        self.until_phase('merging')
        self.break_target('scratch')
        self.assertIn('has failed', self.wait_status('j', 'concluded')['error'])
        self.dmjob('dismiss', 'j')
        self.assertRegex(self.dmjob('volumes').stdout, 'vol .* FAILED: the merge into its disk has failed; nothing is '
                         'lost: see to the disks, then resume its job, or commit the volume')
        self.quick()
        self.dmjob('commit', 'vol', '--id', 'j', '--on-error', 'stop')
        self.resume_in_vain()
        self.dmjob('cancel', 'j', '--force')
        self.heal_target('scratch')
        self.dmjob('commit', 'vol', '--id', 'j')
        self.wait_status('j', 'ready')
        self.wait_for(lambda: 'trouble' not in self.volume()['overlay'], 30, 'the trouble to be over')
        self.dmjob('complete', 'j')
        self.finish_well()

    def test_notes_that_fail_and_blocks_that_cannot_be_read_end_the_stream_and_nothing_else(self):
        self.overlay_on_origin()
        self.linear('notes', self.disk(3), length=32768)
        self.start_stream('--speed', '4M', '--manual-dismiss', '--scratch', '/dev/mapper/notes')
        self.until_offset(4 * MIB)
        self.break_target('notes')
        self.assertIn('scratch on /dev/mapper/notes: cannot write', self.wait_status('j', 'concluded')['error'])
        self.dmjob('dismiss', 'j')
        self.dm_remove('notes')
        self.assertEqual(self.volume()['overlay']['origin'], self.origin)
        self.break_target('origin', BAD, 8)
        self.start_stream('--on-source-error', 'ignore', '--manual-dismiss')
        job = self.wait_status('j', 'concluded')
        self.assertIn('could not be read in every place', job['error'])
        self.assertEqual(job['x-error-map'], [dict(offset=BAD * 512, length=4096)])
        self.dmjob('dismiss', 'j')
        self.assertEqual(self.volume()['overlay']['origin'], self.origin)
        self.heal_target('origin')
        self.start_stream()
        self.dmjob('wait', 'j')
        self.stamp.stop()
        self.expect_flat(self.target)
        self.expect_backing_untouched()

    # How it is done.

    def fail_in_the_merge(self):
        """Of a target that is slow."""
        self.until_phase('merging')
        self.dm_switch('target', f'0 {self.sectors(self.disk(1))} error')

    def overlay_on_origin(self):
        self.dmjob('overlay', 'vol', self.origin, '--scratch', self.scratch)
        self.start_writing(writes=500, size=8 * MIB)
        self.until_used(3 * MIB)

    def start_stream(self, *options):
        self.dmjob('stream', 'vol', self.target, '--id', 'j', '--force', *options)

    def resume_in_vain(self):
        self.wait_status('j', 'paused')
        before = self.errors()
        self.dmjob('resume', 'j')
        self.wait_for(lambda: self.errors() > before, 30, 'another error')
        self.wait_status('j', 'paused')

    def errors(self):
        return self.dmjob('events').stdout.count('BLOCK_JOB_ERROR')

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
