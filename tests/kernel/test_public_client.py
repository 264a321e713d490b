# SPDX-License-Identifier: LGPL-2.1-or-later
"""A QMP client that knows nothing of dmjob drives a copy to its pivot: see public_client.go."""
import json

import copying
import harness
from copy_story import event_word

MACHINE = dict(disks=['48M', '64M', '16M'], mem='512M', timeout=240, kernel='uml')

# As QEMU 7.2 sends them; in lower case the statuses of JOB_STATUS_CHANGE.
PIVOT = 'created running ready READY waiting pending COMPLETED concluded null'


class PublicClientTest(copying.CopyingTest):
    def test_it_drives_a_copy_to_its_pivot(self):
        source, target = self.disk(0), self.disk(1)
        self.sh(self._program('stamp'), 'fill', source)
        lines = self.sh(self._program('public_client'), self.socket_path, 'vol', source, target).stdout
        events = [json.loads(line) for line in lines.splitlines()]
        of_jobs = [event for event in events if 'JOB' in event['event']]
        self.assertEqual(' '.join(event_word(event['event'], event['data']) for event in of_jobs), PIVOT)
        self.expect_lives_on('vol', target)
        self.expect_identical('/dev/mapper/vol', source)
        self.nothing_left(volumes=['vol'])


if __name__ == '__main__':
    harness.main()
