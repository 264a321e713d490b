# SPDX-License-Identifier: LGPL-2.1-or-later
"""The power goes just after a pivot was decided, and at the next boot the target is late, or has another name. What was
decided is written into the state file by the test: the moment is too short to be met."""
import os

import copy_story
import harness
import state_edit

MACHINE = dict(disks=['48M', '64M', '16M', '64M'], mem='512M', timeout=240, kernel='uml')


class PivotDecisionTest(copy_story.CopyStory):
    def cut_power_in_ready(self):
        self.begin(writable=(0, 8 << 20))
        self.copy_until_ready()
        self.cut_power()

    def setUp(self):
        super().setUp()
        self.state_dir = f'{self.lasting_dir()}/state'
        self.job = 'j'

    def decide(self, target):
        """As the daemon writes it before it switches."""
        def change(content):
            content['volumes'][0]['pivot-to'] = target
            record = content['jobs'][0]
            record['status'] = 'pending'
            record['flags'] |= dict(complete=True, preparing=True)
        state_edit.edit(self.state_dir, change)

    def stored_volume(self):
        return state_edit.read(self.state_dir)['volumes'][0]

    def expect_all_on(self, target):
        number = os.stat(target).st_rdev
        self.assertEqual(self.dm_table('vol').split()[2:4], ['linear', f'{os.major(number)}:{os.minor(number)}'])
        self.writer('/dev/mapper/vol', fill=False).verify()

    def test_a_target_that_is_late_revokes_nothing(self):
        if self.boot == 1:
            self.cut_power_in_ready()
        self.decide('/dev/mapper/target')
        self.start_daemon()
        self.wait_for(lambda: '/dev/mapper/target' in self.info('j').get('waiting-for', ''), 20,
                      lambda: self.info('j'))
        self.assertNotEqual(self.dmjob('cancel', 'j', '--force', check=False).returncode, 0)
        self.stop_daemon()
        self.assertEqual(self.stored_volume()['pivot-to'], '/dev/mapper/target')
        self.start_daemon()
        target = self.linear('target', self.disk(1))
        self.until_status('concluded')
        self.assertNotIn('error', self.info('j'))
        self.expect_all_on(target)
        self.assertEqual(self.stored_volume()['device'], target)

    def test_another_disk_under_the_name_that_the_user_gave_is_left_alone(self):
        if self.boot == 1:
            self.cut_power_in_ready()
        target = self.linear('by-another-name', self.disk(1))
        self.linear('target', self.disk(3))
        self.decide(target)
        self.start_daemon()
        self.until_status('concluded')
        self.assertNotIn('error', self.info('j'))
        self.expect_all_on(target)
        self.assertEqual(self.diskstats(self.disk(3))['sectors_written'], 0)
        self.assertEqual(self.stored_volume()['device'], target)

    def test_a_pivot_without_its_job_is_finished_if_the_volume_shows_it(self):
        if self.boot == 1:
            self.cut_power_in_ready()
        target = self.linear('target', self.disk(1))
        self.decide(target)
        state_edit.edit(self.state_dir, lambda content: content['jobs'].clear())
        self.start_daemon()
        self.expect_all_on(target)
        self.assertEqual(self.stored_volume()['device'], target)
        self.assertNotIn('pivot-to', self.stored_volume())


if __name__ == '__main__':
    harness.main()
