# SPDX-License-Identifier: LGPL-2.1-or-later
"""A snapshot that is committed under a writer while the daemon is killed, the power goes, or the scratch is full."""
import random
import time

import harness
import overlay_story

MACHINE = dict(disks=['48M', '64M', '16M'], mem='512M', timeout=240, kernel='uml')
MIB = 1 << 20
MOMENTS = (0, 0.02)  # behind a verb


class CommitKillTest(overlay_story.OverlayStory):
    def test_kills_at_random_moments_lose_nothing(self):
        self.begin_over_origin()
        self.snapshot()
        self.start_writing(writes=1000, size=10 * MIB)
        self.until_used(8 * MIB)
        self.slow_origin()
        self.commit()
        moments = random.Random(seed := time.time_ns())
        print('seed', seed)
        for verb in ['pause', 'resume'] * 3:
            time.sleep(moments.uniform(0, 0.1))
            self.kill_behind(verb, moments.uniform(0, 0.1))
        self.assertIn(self.info('j')['status'], ('running', 'paused'), 'it was over before the last kill')
        self.quick_origin()
        self.begun_anew_over_kills()
        self.ended_over_kills()
        self.expect_written()
        self.expect_flat(self.origin)

    def begun_anew_over_kills(self):
        self.end_over_kills('cancel')
        self.until_used(MIB)
        self.assertIn(' snapshot ', self.dm_table('vol'))

    def ended_over_kills(self):
        self.commit()
        self.end_over_kills('complete')

    def end_over_kills(self, verb):
        self.until_ready()
        for seconds in MOMENTS:
            self.kill_behind(verb, seconds)
        self.tell(verb)
        self.wait_status('j', ['pending', 'null'])  # a cancel of a pending job ends it
        for seconds in MOMENTS:
            self.kill_behind('finalize', seconds)
        self.tell('finalize')
        self.until_gone()

    def test_power_cuts_in_each_phase_lose_nothing(self):
        self.begin_over_origin(slow=self.boot <= 2)
        if self.boot > 1:
            self.assertTrue(self.volume()['active'])  # an answer: before it, the daemon only listens
            self.writer(self.vol, self.log, fill=False).verify()
        story = [self.cut_in_the_merge, self.cut_in_a_pause, self.cut_when_ready, self.cut_at_the_end]
        if self.boot <= len(story):
            story[self.boot - 1]()
            self.cut_power()
        self.dmjob('finalize', 'j', check=False)
        self.until_gone()
        self.writer(self.vol, self.log, fill=False).verify()
        self.expect_flat(self.origin)

    def cut_in_the_merge(self):
        self.snapshot()
        self.start_writing(size=8 * MIB)
        self.until_used(3 * MIB)
        self.commit()
        self.until_phase('merging')

    def cut_in_a_pause(self):
        self.start_writing(size=8 * MIB)
        self.until_phase('merging')
        self.dmjob('pause', 'j')
        self.wait_status('j', 'paused')
        self.until_used(self.volume()['overlay']['used'] + MIB // 4)

    def cut_when_ready(self):
        self.assertEqual(self.info('j')['status'], 'paused')
        self.start_writing(size=8 * MIB)
        self.dmjob('resume', 'j')
        self.wait_status('j', 'ready')

    def cut_at_the_end(self):
        self.start_writing(size=8 * MIB)
        self.wait_status('j', 'ready')
        self.dmjob('complete', 'j')
        self.wait_status('j', 'pending')
        self.dmjob('finalize', 'j')

    def test_a_full_scratch_holds_the_volume_until_it_is_committed(self):
        self.begin()
        self.snapshot()
        self.start_writing(writes=4000)
        self.until_held()
        self.assertRegex(self.dmjob('volumes').stdout, 'vol .* HELD, its writes wait: commit the volume; ')
        self.dmjob('commit', 'vol', '--pivot')
        time.sleep(0.5)
        self.expect_written()
        self.expect_flat(self.backing)

    # How it is done.

    def begin_over_origin(self, slow=False):
        """The volume's disk is one that can be slow, so that a merge is met."""
        self.origin = self.linear('origin', self.disk(0))
        if slow:
            self.slow_origin()
        self.begin()
        self.backing = self.origin

    def slow_origin(self, milliseconds=50):
        disk = self.disk(0)
        self.dm_switch('origin', f'0 {self.sectors(disk)} delay {disk} 0 0 {disk} 0 {milliseconds}')

    def quick_origin(self):
        self.dm_switch('origin', f'0 {self.sectors(self.disk(0))} linear {self.disk(0)} 0')

    def commit(self):
        self.dmjob('commit', 'vol', '--id', 'j', '--manual-finalize')

    def kill_behind(self, verb, seconds):
        self.tell(verb)
        time.sleep(seconds)
        self.restart()

    def tell(self, verb):
        """It may be refused: what a daemon heard just before it was killed may be remembered, or not."""
        self.dmjob(verb, 'j', *(['--async'] if verb == 'cancel' else []), check=False)

    def until_ready(self):
        """Also if it was paused in between."""
        self.wait_status('j', ['running', 'paused', 'ready', 'standby'])
        self.dmjob('resume', 'j', check=False)
        self.wait_status('j', 'ready')

    def until_gone(self):
        self.wait_for(lambda: not self.list(), 30, 'the end of the job')


if __name__ == '__main__':
    harness.main()
