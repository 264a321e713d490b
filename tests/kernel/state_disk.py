# SPDX-License-Identifier: LGPL-2.1-or-later
"""A state folder on a small file system of its own, whose disk can be slow, hang and fail: for what happens between the
decision of a pivot and the switch. The disk is slow while the decision is made, so that a test sees the decision in the
page cache before it is on disk, and hangs the disk then. Everything after that has its order, however long it takes."""
import os
import time

import state_edit

SLOW = 700  # ms, of each write; a save takes a dozen


class StateDisk:
    """A mixin for a KernelTest."""

    def put_state_on(self, disk):
        self.mount_point = '/tmp/state-fs'
        self.state_dir = f'{self.mount_point}/state'
        self.state_disk = disk
        os.makedirs(self.mount_point)
        self.linear('state', disk)
        if self.boot == 1:
            self.sh('mkfs.ext4', '-q', '/dev/mapper/state')
        self.sh('mount', '/dev/mapper/state', self.mount_point)

    def state_becomes(self, kind):
        self.dm_switch('state', f'0 {self.sectors("/dev/mapper/state")} {kind}', noflush=True)

    def state_is_well(self):
        self.state_becomes(f'linear {self.state_disk} 0')

    def decisions(self):
        """The target of each volume whose pivot is decided, as the page cache has it."""
        try:
            volumes = state_edit.read(self.state_dir)['volumes']
        except (OSError, ValueError):  # between two names
            return []
        return [volume['pivot-to'] for volume in volumes if 'pivot-to' in volume]

    def hang_at_the_decision(self, *jobs):
        """Completes the jobs. Upon return what they decide is on its way to the disk, which hangs."""
        self.state_becomes(f'delay {self.state_disk} 0 0 {self.state_disk} 0 {SLOW}')
        for job in jobs:
            self.dmjob('complete', job)
        self.wait_for(self.decisions, 90, 'the decision')
        self.sh('dmsetup', 'suspend', '--noflush', '--nolockfs', 'state')

    def keep_state_file(self):
        """No other can be put in its place, as if there were no room. By a mount, which needs no disk: that hangs."""
        self.sh('mount', '--bind', '/dev/null', f'{self.state_dir}/state.json')

    def until_failed_side(self, mirror):
        self.wait_for(lambda: 'D' in self.dm_status(mirror).split()[8], 60,
                      lambda: f'a side to fail: {self.dm_status(mirror)}')

    def until_written_to(self, log, patience):
        """More is acknowledged, by a writer with that log."""
        before = os.path.getsize(log)
        self.wait_for(lambda: os.path.getsize(log) > before + 8192, patience, 'writes to go on')
        time.sleep(1)  # some more

    def stalled(self):
        return [event['data'] for event in self.execute('query-events', since=0) if event['event'] == 'JOB_STALLED']
