# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of incremental backups have in common.

    vol     managed, over `source`, a linear device over disk 0
    target  a linear device over disk 1
    disk 2  a file system for scratch, the tracker's too; it and the state outlive a power cut

A story goes: begin(), full(), change(regions), incremental(), ..."""
import mmap
import os

import backup_story

REGION = 64 << 10
FOLDER = '/run/scratch'


class IncrementalStory(backup_story.BackupStory):
    def setUp(self):
        super().setUp()
        self.state_dir = f'{self.lasting_dir()}/state'
        self.runs = 0
        self.changes = 0

    def begin_boot(self):
        """All but the daemon."""
        if self.boot == 1:
            self.sh('mkfs.ext4', '-q', self.disk(2))
        os.makedirs(FOLDER)
        self.scratch_disk = self.linear('scratch', self.disk(2))
        self.sh('mount', self.scratch_disk, FOLDER)
        self.addCleanup(self.sh, 'umount', '-l', FOLDER)
        self.source = self.dm_create('source', self._linear_table(self.disk(0), 0, None), uuid='source-1')
        self.target_disk = self.disk(1)
        size = self.sectors(self.source)  # no tail for scratch: what is written to it is the backup
        self.target = self.dm_create('target', self._linear_table(self.disk(1), 0, size), uuid='target-1')
        self.vol = '/dev/mapper/vol'
        self.daemon_options = ('--scratch-dir', FOLDER)

    def begin(self):
        self.begin_boot()
        self.start_daemon(*self.daemon_options)
        self.dmjob('attach', 'vol', self.source)
        self.own_table = self.dm_table('vol')

    def start_writer(self):
        self.stamp = self.writer(self.vol, iops=300, options=('--offset', '0', '--length', str(4 << 20)))
        self.stamp.start()

    # Backups.

    def run_backup(self, *options, check=True, target=None):
        self.runs += 1
        return self.dmjob('backup', 'vol', target or self.target, '--id', f'b{self.runs}', '--wait', *options, check=check)

    def full(self, *options):
        self.run_backup('--track', *options)

    def incremental(self, **more):
        return self.run_backup('--incremental', **more)

    def expect_copied(self, size):
        """By the last one: by its own count, and by that of the target's disk since note_target()."""
        last = self.last_job()
        self.assertEqual((last['offset'], last['len']), (size, size))
        self.assertEqual(self.written_to_target() - self.written_before, size)

    def last_job(self):
        return next(j for j in self.execute('query-job-history') if j['device'] == f'b{self.runs}')

    def note_target(self):
        self.written_before = self.written_to_target()

    def expect_equal(self):
        self.expect_identical(self.vol, self.target)

    # What the chain is.

    def chain(self):
        return self.volume().get('tracking')

    def until_untracked(self):
        self.wait_for(lambda: self.dm_table('vol') == self.own_table, 20, 'the tracker to be taken away')

    def expect_broken(self, why):
        self.wait_for(lambda: self.chain()['state'] == 'broken', 20, 'the chain to be broken')
        self.assertIn(why, self.chain()['broken'])
        refused = self.incremental(check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn('--track makes a full backup', refused.stderr)
        self.until_untracked()

    # Changes.

    def change(self, regions, device=None):
        """Writes a block into each of them."""
        self.changes += 1
        for region in regions:
            self.write_block(device or self.vol, region * REGION + 4096)

    def write_block(self, device, offset):
        buffer = mmap.mmap(-1, 4096)
        buffer.write(bytes([self.changes % 255 + 1]) * 4096)
        fd = os.open(device, os.O_WRONLY | os.O_DIRECT)
        try:
            os.pwrite(fd, buffer, offset)
            os.fsync(fd)
        finally:
            os.close(fd)
