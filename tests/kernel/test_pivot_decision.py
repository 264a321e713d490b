# SPDX-License-Identifier: LGPL-2.1-or-later
"""The power goes just after a pivot was decided, and at the next boot the target is late, or has another name. What was
decided is written into the state file by the test: the moment is too short to be met."""
import json
import os

import copy_story
import harness

MACHINE = dict(disks=['48M', '64M', '16M', '64M'], mem='512M', timeout=240, kernel='uml')


def crc32c(data):
    """Castagnoli's, as in RFC 3720."""
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


class PivotDecisionTest(copy_story.CopyStory):
    def cut_power_in_ready(self):
        self.begin(writable=(0, 8 << 20))
        self.copy_until_ready()
        self.cut_power()

    def setUp(self):
        super().setUp()
        self.state_dir = f'{self.lasting_dir()}/state'
        self.job = 'j'

    def state(self):
        with open(f'{self.state_dir}/state.json') as file:
            return json.load(file)

    def decide(self, target):
        """As the daemon writes it before it switches."""
        state = self.state()
        content = state['content']
        content['volumes'][0]['pivot-to'] = target
        record = content['jobs'][0]
        record['status'] = 'pending'
        record['flags'] |= dict(complete=True, preparing=True)
        text = json.dumps(content, sort_keys=True, separators=(',', ':'))
        state['crc32c'] = f'{crc32c(text.encode()):08x}'
        with open(f'{self.state_dir}/state.json', 'w') as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())

    def expect_all_on(self, target):
        number = os.stat(target).st_rdev
        self.assertEqual(self.dm_table('vol').split()[2:4], ['linear', f'{os.major(number)}:{os.minor(number)}'])
        self.writer('/dev/mapper/vol', fill=False).verify()

    def test_a_target_that_is_late_revokes_nothing(self):
        if self.boot == 1:
            self.cut_power_in_ready()
        self.decide('/dev/mapper/target')
        self.start_daemon()
        self.assertIn('by decision', self.until_failed())
        self.assertEqual(self.state()['content']['volumes'][0]['pivot-to'], '/dev/mapper/target')
        self.stop_daemon()
        target = self.linear('target', self.disk(1))
        self.start_daemon()
        self.expect_all_on(target)

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
        self.assertEqual(self.state()['content']['volumes'][0]['device'], target)


if __name__ == '__main__':
    harness.main()
