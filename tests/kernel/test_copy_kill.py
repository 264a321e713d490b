# SPDX-License-Identifier: LGPL-2.1-or-later
"""A live copy whose daemon is killed at any moment, again and again. Also on two processors, where it meets others."""
import random
import time

import copy_story
import harness

MACHINE = dict(disks=['48M', '64M', '16M'], mem='512M', timeout=300, kernel=['uml', 'qemu'])


class CopyKillTest(copy_story.CopyStory):
    def kill_at_random_moments(self, times, within, seed):
        """While the copy is taken up, catches up, rotates its log, hands over and is ready."""
        moments = random.Random(seed)
        for _ in range(times):
            time.sleep(moments.uniform(0, within))
            self.kill_daemon()
            self.restart_daemon()

    def test_kills_at_random_moments_lose_nothing(self):
        self.begin(writes=1000)
        self.start_copy()
        self.kill_at_random_moments(times=15, within=0.6, seed=17)
        self.pivot()
        self.expect_moved()

    def test_kills_at_random_moments_of_a_copy_that_is_slow_lose_nothing(self):
        self.begin(writes=1000)
        self.slow_target(20)
        self.start_copy(speed='40M')
        self.kill_at_random_moments(times=15, within=0.8, seed=4)
        self.quick_target()
        self.hurry()
        self.pivot()
        self.expect_moved()

    # Close behind a verb.

    def each_time_a_little_later(self, what):
        for milliseconds in (0, 5, 10, 20, 35, 60, 100):
            what(milliseconds / 1000)

    def kill_after(self, seconds):
        time.sleep(seconds)
        self.kill_daemon()
        self.restart_daemon()

    def test_kills_as_the_job_completes_leave_the_volume_on_one_side_with_everything(self):
        self.begin(source=self.linear('left', self.disk(0)), writes=1000)
        self.each_time_a_little_later(self.complete_and_kill)
        self.expect_undisturbed()
        self.stamp.verify(self.vol)
        self.nothing_left(volumes=['vol'])

    def complete_and_kill(self, seconds):
        self.copy_until_ready()
        self.dmjob('complete', self.job)
        self.kill_after(seconds)
        self.complete_if_it_was_not_heard()
        self.turn_round()

    def test_kills_as_the_job_is_cancelled_leave_all_as_it_was(self):
        self.begin(writes=1000)
        self.each_time_a_little_later(self.cancel_and_kill)
        self.expect_as_before()

    def cancel_and_kill(self, seconds):
        self.copy_until_ready()
        self.dmjob('cancel', self.job, '--force', '--async')
        self.kill_after(seconds)
        self.cancel_if_it_was_not_heard()

    def cancel_if_it_was_not_heard(self):
        job = self.until(lambda job: job['status'] == 'concluded' or job['phase'] == 'ready', 'the job to settle')
        if job['status'] == 'ready':
            self.force_cancel()
        else:
            self.assertEqual(job['error'], 'Operation canceled')
            self.dmjob('dismiss', self.job)

    def complete_if_it_was_not_heard(self):
        job = self.until(lambda job: job['status'] == 'concluded' or job['phase'] == 'ready', 'the job to settle')
        if job['status'] == 'concluded':
            self.dmjob('dismiss', self.job)
        else:
            self.pivot()

    def turn_round(self):
        """The next copy goes back to where this one came from."""
        self.target = dict(left='/dev/mapper/target', target='/dev/mapper/left')[self.target.rpartition('/')[2]]


if __name__ == '__main__':
    harness.main()
