# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chains of incremental backups whose target or source somebody else has written to: none may succeed. And those where
nobody has: each must."""
import os
import shutil

import harness
import incremental_story
from incremental_story import FOLDER, REGION

MACHINE = dict(disks=['48M', '64M', '160M'], mem='512M', timeout=300, kernel='uml')

MOUNTED = '/run/mounted'
CHANGED = 2 << 20  # bytes of a file


class IncrementalProofTest(incremental_story.IncrementalStory):
    def test_a_target_that_was_mounted(self):
        self.begin()
        self.make_file_system()
        self.full()
        self.only_looked_at()
        self.incremental()
        self.overwrite(self.target)
        refused = self.incremental(check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn('was written to since it got the last backup', refused.stderr)
        self.assertEqual(self.chain()['state'], 'proven')
        self.assertNotEqual(self.run_backup('--incremental', '--verify', check=False).returncode, 0)
        self.expect_broken('the target')
        self.full('--force')
        self.expect_equal()
        self.taken_away_and_put_back()
        self.written_to_with_the_same_bytes()

    def only_looked_at(self):
        self.sh('dd', f'if={self.target}', 'of=/dev/null', 'bs=1M')
        os.makedirs(MOUNTED, exist_ok=True)
        self.sh('mount', '-o', 'ro,noload', self.target, MOUNTED)
        self.sh('umount', MOUNTED)

    def taken_away_and_put_back(self):
        """The count of the disk begins anew: what is left is the sample, and that is said."""
        self.take_away_and_put_back()
        self.change([50])
        self.incremental()
        self.expect_equal()
        self.assertIn('known by a sample only', self.dmjob('info', f'b{self.runs}').stdout)
        self.change([51])
        self.incremental()
        self.assertNotIn('known by a sample only', self.dmjob('info', f'b{self.runs}').stdout)

    def take_away_and_put_back(self):
        table = self.dm_table('target')
        self.dm_remove('target')
        self.dm_create('target', table, uuid='target-1')

    def written_to_with_the_same_bytes(self):
        """Nothing differs, but only who reads all can know."""
        self.sh('dd', f'if={self.target}', f'of={self.target}', 'bs=64K', 'count=1', 'skip=90', 'seek=90', 'conv=notrunc',
                'oflag=direct')
        self.assertIn('was written to', self.incremental(check=False).stderr)
        self.run_backup('--incremental', '--verify')
        self.incremental()
        self.expect_equal()

    def test_an_older_image_over_a_file(self):
        self.begin()
        image = f'{FOLDER}/chain.img'
        self.run_backup('--track', target=image)
        shutil.copyfile(image, f'{image}.old')
        self.change([400, 401])
        self.incremental(target=image)
        times = os.stat(image)
        shutil.copyfile(f'{image}.old', image)
        os.utime(image, ns=(times.st_atime_ns, times.st_mtime_ns))
        self.assertIn('was written to', self.incremental(check=False, target=image).stderr)
        self.assertIn('is not what the last backup has left',
                      self.run_backup('--incremental', '--verify', check=False, target=image).stderr)

    def test_a_target_that_was_mounted_before_a_boot(self):
        if self.boot == 1:
            self.begin()
            self.make_file_system()
            self.full()
            self.overwrite(self.target)
            self.cut_power()
        self.begin_boot()
        self.start_daemon(*self.daemon_options)
        self.assertIn('is not what the last backup has left', self.incremental(check=False).stderr)
        self.assertEqual(self.chain()['state'], 'broken')

    def test_an_older_image_over_a_disk_before_a_boot(self):
        old = f'{self.lasting_dir()}/old.img'
        if self.boot == 1:
            self.begin()
            self.full()
            self.sh('dd', f'if={self.target}', f'of={old}', 'bs=1M')
            self.change([400])
            self.incremental()
            self.sh('dd', f'if={old}', f'of={self.target}', 'bs=1M', 'oflag=direct')
            self.cut_power()
        self.begin_boot()
        self.start_daemon(*self.daemon_options)
        self.assertIn('is not what the last backup has left', self.incremental(check=False).stderr)

    def test_a_rescue_system_that_wrote_to_the_source(self):
        if self.boot == 1:
            self.begin()
            self.make_file_system()
            self.full()
            self.cut_power()
        self.begin_boot()
        if self.boot == 2:
            self.overwrite(self.source)
            self.cut_power()
        self.start_daemon(*self.daemon_options)
        self.assertTrue(self.volume()['active'])
        self.own_table = self.dm_table('vol')
        self.expect_broken('by another system perhaps')
        self.full('--force')
        self.incremental()
        self.expect_equal()

    def test_nothing_but_boots(self):
        if self.boot == 1:
            self.begin()
            self.make_file_system()
            self.full()
        else:
            self.begin_boot()
            self.start_daemon(*self.daemon_options)
            self.assertTrue(self.volume()['active'])
        self.overwrite(self.vol)
        self.incremental()
        self.assertLess(self.last_job()['len'], 16 << 20)
        self.expect_equal()
        note = self.dmjob('info', f'b{self.runs}').stdout
        (self.assertIn if self.boot > 1 else self.assertNotIn)('the target and the volume', note)
        if self.boot < 3:
            self.sh('sync')
            self.cut_power()

    def test_what_only_a_sample_knows_is_said_at_the_start(self):
        """To whoever starts the increment, waits or not; and nothing where all is proved."""
        self.begin()
        self.full()
        self.change([50])
        self.assertNotIn('sample', self.incremental().stderr)
        self.take_away_and_put_back()
        self.runs += 1
        words = ('backup', 'vol', self.target, '--incremental', '--id', f'b{self.runs}')
        said = self.dmjob(*words, '--speed', '64K').stderr
        self.assertIn(f'b{self.runs}: that nobody has written to the disk of the target past dmjob', said)
        self.assertEqual(len(said.splitlines()), 1)
        self.dmjob('wait', f'b{self.runs}')
        self.take_away_and_put_back()
        self.assertIn('known by a sample only', self.incremental().stderr)
        self.take_away_and_put_back()
        self.assertNotIn('sample', self.run_backup('--incremental', '--verify').stderr)

    def test_a_partition_that_comes_or_goes_beside_the_target(self):
        """What is written past a partition cannot be told then, which is no write; what is written to it can."""
        self.begin()
        self.put_target_on_a_partition()
        self.sh('addpart', self.target_disk, '2', '110592', '2048')
        self.sh('dd', 'if=/dev/zero', f'of={self.target_disk}2', 'bs=4k', 'count=10', 'oflag=direct')
        self.full()
        self.assertNotIn('sample', self.incremental().stderr)
        self.sh('delpart', self.target_disk, '2')
        self.change([50])
        self.assertIn('known by a sample only', self.incremental().stderr)
        self.assertNotIn('sample', self.incremental().stderr)
        self.sh('addpart', self.target_disk, '3', '110592', '2048')
        self.assertIn('known by a sample only', self.incremental().stderr)
        self.expect_equal()
        self.sh('delpart', self.target_disk, '3')
        self.sh('dd', 'if=/dev/zero', f'of={self.target}', 'bs=4k', 'count=1', 'seek=5000', 'oflag=direct')
        self.assertIn('was written to', self.incremental(check=False).stderr)

    def put_target_on_a_partition(self):
        self.dm_remove('target')
        self.sh('addpart', self.target_disk, '1', '2048', str(self.sectors(self.source)))
        self.target = f'{self.target_disk}1'

    def test_a_partition_that_is_written_to_past_itself(self):
        self.begin()
        self.put_target_on_a_partition()
        self.full()
        self.sh('dd', 'if=/dev/zero', f'of={self.target_disk}', 'bs=4k', 'count=1', 'seek=5000', 'oflag=direct')
        self.assertIn('was written to', self.incremental(check=False).stderr)

    def test_what_was_left_behind_and_is_taken_away_later(self):
        """The target is known from then on, as after any other increment. Most of the time the job tries in vain."""
        self.begin()
        self.full()
        self.change([50])
        self.runs += 1
        job = f'b{self.runs}'
        self.dmjob('backup', 'vol', self.target, '--incremental', '--id', job, '--manual-finalize', '--speed', '64K')
        snapshot = self.dm_path_of('snap')
        with open(snapshot, 'rb'):
            self.dmjob('speed', job, '0')
            self.wait_status(job, 'pending', timeout=120)
            self.assertIn('left-behind', self.info(job))
        self.dmjob('finalize', job)
        self.wait_for(lambda: any(entry['id'] == job for entry in self.history()), 60, 'the job to be over')
        self.assertNotIn('left-behind', self.last_job())
        self.incremental()
        self.assertNotIn('not-proven', self.last_job())
        self.expect_equal()

    def dm_path_of(self, part):
        """Of an inner device of a job, once it has its node: the kernel has it a little before."""
        paths = lambda: (f'/dev/mapper/{name}' for name in self.dm_names() if name.endswith(f'-{part}'))
        return self.wait_for(lambda: next(filter(os.path.exists, paths()), None), 60, f'a device {part}')

    def test_a_rescue_system_that_touched_only_what_is_marked(self):
        """Nothing is lost: what is marked is copied, whoever has written to it."""
        if self.boot == 1:
            self.begin()
            self.full()
            self.change([50, 51])
            self.cut_power()
        self.begin_boot()
        if self.boot == 2:
            self.change([50], device=self.source)
            self.cut_power()
        self.start_daemon(*self.daemon_options)
        self.assertTrue(self.volume()['active'])
        self.assertIn('the target and the volume', self.incremental().stderr)
        self.expect_equal()

    def make_file_system(self):
        self.sh('mkfs.ext4', '-q', self.vol)
        self.overwrite(self.vol)

    def overwrite(self, device):
        os.makedirs(MOUNTED, exist_ok=True)
        self.sh('mount', device, MOUNTED)
        path = f'{MOUNTED}/file'
        with open(path, 'r+b' if os.path.exists(path) else 'wb') as file:
            file.write(os.urandom(CHANGED))
        self.sh('umount', MOUNTED)
        assert CHANGED > REGION


if __name__ == '__main__':
    harness.main()
