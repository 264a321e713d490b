# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is taken, is taken for everybody, at every moment: by what is being made, and by volumes that are not active."""
import os
import subprocess

import devices
import harness
from copying import CopyingTest

MIB = 1 << 20
MACHINE = dict(disks=['32M', '32M', '40M', '40M', '64M', '16M'], mem='512M', timeout=180, kernel='uml')
A, B, TARGET_A, TARGET_B, SPARE, SMALL = range(6)


class TakenTest(CopyingTest):
    def at_once(self, *commands):
        """Runs all of them side by side; their exit status and what they said."""
        start = [[self._program('dmjob'), '--socket', self.socket_path, *command] for command in commands]
        running = [subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    text=True) for words in start]
        said = [process.communicate(timeout=120)[1].strip() for process in running]
        return [(process.returncode, text) for process, text in zip(running, said)]

    def expect_one(self, results, *texts):
        """One of them has succeeded, the others are refused for a reason."""
        self.assertEqual(sorted(status for status, _ in results), [0] + [1] * (len(results) - 1), results)
        for status, said in results:
            if status:
                self.assertTrue(any(text in said for text in texts), said)
                self.assertEqual(said.count('\n'), 0, said)

    def mounted(self, name, disk):
        """A volume with a file system on it: the folder."""
        volume, folder = self.attach(name, disk), f'/run/{name}'
        self.sh('mkfs.ext4', '-q', volume)
        os.makedirs(folder, exist_ok=True)
        self.sh('mount', volume, folder)
        return folder

    # No volume waits for itself.

    def test_two_copies_whose_scratch_is_on_each_others_volume_do_not_both_begin(self):
        """Both at one moment: their stacks would wait for each other until the reboot."""
        folders = dict(a=self.mounted('a', self.disk(A)), b=self.mounted('b', self.disk(B)))
        for _ in range(4):
            results = self.at_once(
                ('copy', 'a', self.disk(TARGET_A), '--scratch', f"{folders['b']}/s", '--speed', '1M', '--force'),
                ('copy', 'b', self.disk(TARGET_B), '--scratch', f"{folders['a']}/s", '--speed', '1M', '--force'))
            self.expect_one(results, 'each would wait for the other', 'lives on the source itself')
            self.write_and_sync(*folders.values())
            for job in self.list():
                self.dmjob('cancel', job['id'], '--force')
            self.wait_for(lambda: not self.list(), 60, 'the copy to end')
        for folder in folders.values():
            self.sh('umount', folder)
        self.nothing_left(volumes='ab')

    def test_a_circle_over_a_target_is_refused_and_a_chain_is_not(self):
        """As long as the first is not equal to its target, no table tells that its volume will wait for it."""
        for name, disk in ('a', A), ('b', B):
            self.attach(name, self.disk(disk))
        self.attach('c', self.disk(SPARE))
        on_b, on_c = self.part_of('b'), self.part_of('c')
        self.attach('d', self.disk(SMALL))
        self.copy('d', on_b, '--id', 'first', '--speed', '64K', '--force', '--scratch', '/run')
        on_d = self.linear('on-d', '/dev/mapper/d', length=15 * 2048)
        self.expect_refused("whose writes wait for volume 'b'", 'snapshot', 'b', '--scratch', on_d)
        said = self.refused('backup', 'b', self.disk(TARGET_B), '--scratch', on_d, '--id', 'second')
        self.assertIn("scratch /dev/mapper/on-d depends on volume 'd'", said)
        self.assertIn("job 'first'", said)
        self.dmjob('backup', 'b', self.disk(TARGET_B), '--scratch', on_c, '--id', 'chain', '--wait')
        self.dmjob('cancel', 'first', '--force')
        self.wait_for(lambda: not self.list(), 60, 'all to end')
        for name in 'on-b', 'on-c', 'on-d':
            self.dm_remove(name)
        self.nothing_left(volumes='abcd')

    def part_of(self, volume):
        return self.linear(f'on-{volume}', f'/dev/mapper/{volume}', length=16 * 2048)

    def write_and_sync(self, *folders):
        for folder in folders:
            self.sh('dd', 'if=/dev/zero', f'of={folder}/data', 'bs=64k', 'count=32', 'conv=fsync', timeout=60)

    # Two requests at one moment.

    def test_one_scratch_serves_one_snapshot_however_they_are_asked_for(self):
        for name, disk in ('a', A), ('b', B):
            self.attach(name, self.disk(disk))
        results = self.at_once(('snapshot', 'a', '--scratch', self.disk(SMALL)),
                               ('snapshot', 'b', '--scratch', self.disk(SMALL)))
        self.expect_one(results, 'is in use')
        holders = [name for name in 'ab' if 'overlay' in self.managed_volumes()[name]]
        self.dmjob('rollback', holders[0])
        self.nothing_left(volumes='ab')

    def test_a_file_for_one_scratch_serves_one_snapshot(self):
        folder = self.mounted('c', self.disk(SPARE))
        for name, disk in ('a', A), ('b', B):
            self.attach(name, self.disk(disk))
        results = self.at_once(('snapshot', 'a', '--scratch', f'{folder}/s'), ('snapshot', 'b', '--scratch', f'{folder}/s'))
        self.expect_one(results, 'is in use', 'exists already')

    def test_one_disk_becomes_one_volume(self):
        self.expect_one(self.at_once(('attach', 'a', self.disk(A)), ('attach', 'b', self.disk(A))), 'is in use', 'is held')

    # What runs.

    def test_the_scratch_of_an_offline_copy_is_nobody_elses(self):
        self.attach('a', self.disk(A))
        self.dmjob('copy', self.disk(B), self.disk(TARGET_B), '--scratch', self.disk(SMALL), '--id', 'j', '--speed', '64K')
        for options in (), ('--force',):
            self.expect_refused(f"scratch {self.disk(SMALL)} is in use by job 'j'", 'snapshot', 'a', '--scratch',
                                self.disk(SMALL), *options)
        self.wait_for(lambda: self.info('j')['phase'] == 'copying', 60, 'the copy to be under way')
        with self.assertRaises(OSError):  # neither is it anybody's outside
            os.close(os.open(self.disk(SMALL), os.O_RDONLY | os.O_EXCL))
        self.dmjob('cancel', 'j', '--force')

    # What is not active.

    def test_what_volumes_name_is_theirs_while_they_are_not_active(self):
        """A boot with a late backing disk: the scratch has the only copy of what was written."""
        scratch, target = (self.dm_create(name, self._linear_table(self.disk(disk), 0, None), uuid=f'the-{name}')
                           for name, disk in (('scratch', SMALL), ('target', SPARE)))
        backing = self.dm_create('back', self._linear_table(self.disk(A), 0, None), uuid='the-back')
        self.attach('b', self.disk(B))
        self.dmjob('overlay', 'over', backing, '--target', target, '--scratch', scratch)
        self.sh('dd', 'if=/dev/urandom', 'of=/dev/mapper/over', 'bs=64k', 'count=8', 'conv=fsync')
        written = devices.DirectReader('/dev/mapper/over')
        before = bytes(written.read(0, MIB))
        written.close()
        self.as_after_a_boot_with_a_late('back')
        self.assertIn('DM_snapshot_cow', self.sh('blkid', '-p', scratch).stdout)
        for disk, role in (scratch, 'scratch'), (target, 'target'), (self.disk(SMALL), 'scratch'):
            self.expect_refused(f"is in use by volume 'over' (its {role})", 'snapshot', 'b', '--scratch', disk, '--force')
        self.expect_refused("is in use by volume 'over' (its target)", 'copy', 'b', target, '--force', '--scratch', '/run')
        for disk, role in (scratch, 'scratch'), (target, 'target'):
            self.expect_refused(f"is in use by volume 'over' (its {role})", 'attach', 'new', disk)
        self.dm_create('back', self._linear_table(self.disk(A), 0, None), uuid='the-back')
        self.wait_for(lambda: self.managed_volumes()['over']['active'], 60, 'the volume to be active')
        reader = devices.DirectReader('/dev/mapper/over')
        self.assertEqual(bytes(reader.read(0, MIB)), before)
        reader.close()

    def as_after_a_boot_with_a_late(self, disk):
        self.stop_daemon()
        self.dm_remove('over')
        for name in self.dm_names():
            if name.startswith('dmjob-'):
                self.dm_remove(name)
        self.dm_remove(disk)
        self.start_daemon()
        self.wait_for(lambda: not self.managed_volumes()['over']['active'], 60, 'the volume to be late')

    def test_a_scratch_whose_owner_is_known_by_it_is_not_overwritten_under_another_path(self):
        """A disk that tells no name, and has another one after a boot."""
        scratch, backing = self.linear('scratch', self.disk(SMALL)), self.linear('back', self.disk(A))
        self.attach('b', self.disk(B))
        self.dmjob('overlay', 'over', backing, '--scratch', scratch)
        self.stop_daemon()
        self.dm_remove('over')
        for name in self.dm_names():
            if name.startswith('dmjob-'):
                self.dm_remove(name)
        self.dm_remove('back')
        self.dm_remove('scratch')
        self.linear('moved', self.disk(SMALL))
        self.start_daemon()
        for options in (), ('--force',):
            self.expect_refused("/dev/mapper/moved holds the scratch of volume 'over'", 'snapshot', 'b', '--scratch',
                                '/dev/mapper/moved', *options)


if __name__ == '__main__':
    harness.main()
