# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads that are on their way when the kernel gives a snapshot up: they end well, with what was written after the
instant. The source's reads are held; its writes pass. The looker of the backup is held, too, so that it is the look
after the last read, and not luck, that finds it."""
import mmap
import os

import copy_story
import harness
import one_thread

MACHINE = dict(disks=['8M', '8M', '16M'], mem='512M', timeout=180, kernel='uml')

REGION = 64 << 10
REGIONS = 128
SCRATCH = 9 << 19


class LateReadsTest(copy_story.CopyStory):
    def test_a_backup_whose_last_reads_are_late_has_no_instant(self):
        self.begin_held()
        self.expect_lost('backup')
        self.expect_lost('compare')
        self.nothing_left(volumes=['vol'])

    def begin_held(self):
        disk = self.disk(0)
        reads, writes = self.linear('reads', disk), self.linear('writes', disk)
        source = self.dm_create('source', f'0 {self.sectors(disk)} delay {reads} 0 0 {writes} 0 0')
        self.linear('target', self.disk(1))
        self.linear('scratch', self.disk(2), length=SCRATCH // 512)
        self.addCleanup(self.sh, 'dmsetup', 'resume', 'reads')  # whatever waits for it
        self.start_daemon()
        self.dmjob('attach', 'vol', source)
        self.vol = '/dev/mapper/vol'

    def expect_lost(self, verb):
        self.job = 'j'
        self.dmjob(verb, 'vol', '/dev/mapper/target', '--id', 'j', '--scratch', '/dev/mapper/scratch', '--speed', '1',
                   '--manual-dismiss')
        self.until(lambda job: job['phase'] in ('copying', 'comparing'), 'the instant')
        self.dmjob('pause', 'j')
        self.until_status('paused')
        last = self.fill_scratch()
        self.sh('dmsetup', 'suspend', '--noflush', '--nolockfs', 'reads')
        self.dmjob('speed', 'j', '0')
        self.dmjob('resume', 'j')
        self.wait_for(self.reads_wait, 30, 'reads that wait')
        with one_thread.held(self.looker()):
            self.write(self.vol, last)
            self.assertIn('Invalid', self.dm_status('dmjob-j-snap'))
            self.sh('dmsetup', 'resume', 'reads')
            self.wait_for(self.all_is_read, 30, 'the end of the reads')
        self.assertRegex(self.until_status('concluded').get('error', 'it succeeded'), 'is lost: scratch .* is full')
        self.dmjob('dismiss', 'j')

    def fill_scratch(self):
        """To the brim, from the front. Returns the last region, which the scratch has no room for any more."""
        for region in range(REGIONS):
            used, size = map(int, self.dm_status('dmjob-j-snap').split()[3].split('/'))
            if size - used < REGION // 512:
                return REGIONS - 1
            self.write(self.vol, region)
        return self.fail('the scratch is too large')

    @staticmethod
    def write(device, region):
        fd = os.open(device, os.O_WRONLY | os.O_DIRECT)
        try:
            buffer = mmap.mmap(-1, 4096)
            buffer.write(os.urandom(4096))
            os.pwrite(fd, buffer, region * REGION)
        finally:
            os.close(fd)

    def in_flight(self):
        """Reads of the snapshot."""
        name = self.sh('dmsetup', 'info', '-c', '--noheadings', '-o', 'blkdevname', 'dmjob-j-snap').stdout.strip()
        with open(f'/sys/block/{name}/inflight') as counts:
            return int(counts.read().split()[0])

    def reads_wait(self):
        return self.in_flight() > 0

    def all_is_read(self):
        job = self.info('j')
        return job['status'] == 'concluded' or (job['offset'] == job['len'] and self.in_flight() == 0)

    def looker(self):
        """The thread that wakes up several times a second."""
        pid = self.daemon.pid
        before = one_thread.switches(pid)
        found = []

        def is_found():
            found[:] = [tid for tid, count in one_thread.switches(pid).items() if count - before.get(tid, 0) > 10]
            return found
        self.wait_for(is_found, 30, 'the looker')
        return found[0]


if __name__ == '__main__':
    harness.main()
