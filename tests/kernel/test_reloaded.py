# SPDX-License-Identifier: LGPL-2.1-or-later
"""Somebody else gives a volume another table while a job is at work on it: LVM, which knows nothing of us, or a hand on
dmsetup. Whatever the job was doing, it fails at once and says why; the volume is left as its owner made it, with all
that was written to it, and nothing of ours is left.

    vg-lv   a logical volume on disk 0, written to all the time where it can be
    disk 1  target
    disk 2  scratch"""
import devices
import harness
import incremental_story
from copying import CopyingTest
from test_sources import LVM_CONFIG

MACHINE = dict(disks=['96M', '96M', '160M'], mem='512M', timeout=300, kernel='uml')
EXTENT = 4 << 20
FIRST = 2048  # sectors before a volume on its disk, as LVM lays it out
WORDS = 'the table of volume .* was replaced by somebody else \\(LVM perhaps'


class ReloadedTest(CopyingTest):
    def begin(self):
        self.lvm('vgcreate', 'vg', self.disk(0))
        self.lvm('lvcreate', '--noudevsync', '-y', '-Zn', '-Wn', '-L', '32M', '-n', 'lv', 'vg')
        self.name, self.volume = 'vg-lv', devices.dm_path('vg-lv')
        self.extents = 8

    # What others do, while the volume is in use.

    def refresh(self):
        self.lvm('lvchange', '--noudevsync', '--refresh', 'vg/lv')

    def extend(self):
        self.lvm('lvextend', '--noudevsync', '-l', '+1', 'vg/lv')
        self.extents += 1

    def reload(self):
        self.dm_switch(self.name, self.own_table())

    def own_table(self):
        return f'0 {self.extents * EXTENT // 512} linear {self.number(self.disk(0))} {FIRST}'

    # What it is done to.

    def copy_running(self):
        self.start('copy', '--speed', '2M')
        self.wait_offset('j', EXTENT)

    def copy_ready(self):
        self.start('copy')
        self.wait_status('j', 'ready')

    def copy_paused(self):
        self.copy_running()
        self.pause('j')

    def copy_standby(self):
        self.copy_ready()
        self.pause('j')

    def backup_running(self):
        self.start('backup', '--speed', '2M')
        self.wait_offset('j', EXTENT)

    def backup_paused(self):
        self.backup_running()
        self.pause('j')

    def compare_running(self):
        self.start('compare', '--speed', '2M')
        self.wait_offset('j', EXTENT)

    PHASES = (copy_running, copy_ready, copy_paused, copy_standby, backup_running, backup_paused, compare_running)

    def start(self, verb, *options):
        self.dmjob(verb, self.name, self.disk(1), '--id', 'j', '--scratch', self.disk(2), '--force', '--manual-dismiss',
                   *options)

    # What comes of it.

    def each_phase(self, hand):
        self.begin()
        for phase in self.PHASES:
            with self.subTest(phase=phase.__name__):
                with self.writer(self.volume) as writer:
                    phase(self)
                    hand()
                    self.expect_failed()
                self.expect_owners(writer)

    def expect_failed(self):
        job = self.wait_status('j', 'concluded')  # first: a ready job is one that nobody waits for
        self.assertEqual(self.dmjob('wait', 'j', check=False).returncode, 1)
        self.assertRegex(job.get('error', 'it ended well'), WORDS)
        self.assertRegex(job['error'], 'start (it|the job) again')
        self.dmjob('dismiss', 'j')

    def expect_owners(self, writer):
        """It was written to before and after."""
        self.assertEqual(self.dm_table(self.name), self.own_table())
        view = self.linear('view', self.disk(0), FIRST, self.filled)  # what it was when it was filled
        writer.verify(view)
        self.dm_remove('view')
        self.nothing_left()

    def writer(self, device, *args, **options):
        self.filled = self.sectors(device)
        return super().writer(device, *args, **options)

    def lvm(self, command, *words):
        return self.sh(command, '--config', LVM_CONFIG, *words)

    def test_lvchange_refresh(self):
        self.each_phase(self.refresh)

    def test_lvextend(self):
        self.each_phase(self.extend)

    def test_dmsetup_reload(self):
        self.each_phase(self.reload)

    def test_lvchange_off_and_on(self):
        """Of a volume that nobody has open: LVM makes another device of that name."""
        self.begin()
        for phase in self.PHASES:
            with self.subTest(phase=phase.__name__):
                phase(self)
                self.lvm('lvchange', '--noudevsync', '-an', 'vg/lv')
                self.lvm('lvchange', '--noudevsync', '-ay', 'vg/lv')
                self.expect_failed()
                self.assertEqual(self.dm_table(self.name), self.own_table())
                self.nothing_left()

    def test_a_copy_is_not_kept_that_was_left_a_moment_before(self):
        """The end is asked for before anybody has looked."""
        self.begin()
        for options in ((), ('--force',)):
            with self.writer(self.volume) as writer:
                self.copy_ready()
                self.refresh()
                self.dmjob('cancel', 'j', *options, check=False)
                if options:
                    self.wait_status('j', 'concluded')
                    self.dmjob('dismiss', 'j')
                else:
                    self.expect_failed()
            self.expect_owners(writer)


    def test_lvrename(self):
        """LVM gives the volume its table anew when it renames it."""
        self.each_phase(self.rename)

    def rename(self):
        old, new = self.name, 'vg-new' if self.name == 'vg-lv' else 'vg-lv'
        self.lvm('lvrename', '--noudevsync', old.replace('-', '/'), new.replace('-', '/'))
        self.name, self.volume = new, devices.dm_path(new)


class ReloadedManagedTest(CopyingTest):
    def test_a_volume_is_not_pivoted_that_was_left_a_moment_before(self):
        volume = self.attach('vol', self.disk(0))
        own = self.dm_table('vol')
        with self.writer(volume) as writer:
            self.copy('vol', self.disk(1), '--id', 'j', '--scratch', self.disk(2), '--manual-dismiss')
            self.wait_status('j', 'ready')
            self.dm_switch('vol', own)
            self.dmjob('complete', 'j', '--wait', check=False)
            job = self.wait_status('j', 'concluded')
            self.assertRegex(job.get('error', 'it ended well'), WORDS)
        self.dmjob('dismiss', 'j')
        self.assertEqual(self.dm_table('vol'), own)
        writer.verify(volume)
        self.nothing_left(volumes=['vol'])
        self.kill_daemon_when_noted()
        self.start_daemon()
        self.expect_lives_on('vol', self.disk(0))


class ReloadedTrackerTest(incremental_story.IncrementalStory):
    def test_a_chain_is_broken_loudly(self):
        """What was written past the tracker has no mark."""
        self.begin()
        self.full()
        self.change([3])
        self.dm_switch('vol', self.own_table)
        self.change([5])
        tracking = self.wait_for(lambda: self.broken_chain(), 30, 'the chain to be broken')
        self.assertIn('its table was replaced by somebody else', tracking['broken'])
        self.assertIn('replaced by somebody else', self.incremental(check=False).stderr)
        self.assertEqual(self.dm_table('vol'), self.own_table)
        self.wait_for(lambda: not any(name.startswith('dmjob-_vol') for name in self.dm_names()), 30,
                      'the tracker to be taken away')
        self.full()
        self.expect_equal()

    def test_an_incremental_backup_ends_with_it(self):
        self.begin()
        self.full()
        self.change(range(0, 700, 2))
        self.job = 'j'
        self.dmjob('backup', 'vol', self.target, '--incremental', '--id', 'j', '--speed', '2M', '--manual-dismiss')
        self.until_copied(1 << 20)
        self.dm_switch('vol', self.own_table)
        self.change([5])
        self.assertRegex(self.until_failed(), WORDS)
        self.wait_for(self.broken_chain, 30, 'the chain to be broken')
        self.assertEqual(self.dm_table('vol'), self.own_table)

    def broken_chain(self):
        tracking = self.managed_volumes()['vol']['tracking']
        return tracking if tracking['state'] == 'broken' else None


class ResizedCryptTest(CopyingTest):
    """`cryptsetup resize` loads the table of its mapping anew, if it finds its own there."""

    def test_of_the_volume_that_is_copied(self):
        """It finds ours, and refuses."""
        volume = self.open_luks(self.disk(0))
        own = self.dm_table('luks')
        with self.writer(volume) as writer:
            self.dmjob('copy', 'luks', self.disk(1), '--id', 'j', '--scratch', self.disk(2), '--force')
            self.wait_status('j', 'ready')
            ours = self.dm_table('luks')
            self.assertNotEqual(self.resize(check=False).returncode, 0)
            self.assertEqual(self.dm_table('luks'), ours)
        self.dmjob('cancel', 'j')
        self.expect_identical(volume, self.disk(1))
        self.assertEqual(self.dm_table('luks'), own)
        writer.verify(volume)
        self.nothing_left()

    def test_above_a_volume_that_is_copied(self):
        """It is no matter of the volume's."""
        volume = self.open_luks(self.attach('vol', self.disk(0)))
        size = str(self.sectors(volume) - 8)
        self.resize('--size', size)
        with self.writer(volume) as writer:
            self.dmjob('copy', 'vol', self.disk(1), '--id', 'j', '--scratch', self.disk(2), '--force')
            self.wait_status('j', 'ready')
            self.resize()
            self.pivot('j')
        self.expect_lives_on('vol', self.disk(1))
        self.resize('--size', size)  # what was filled
        writer.verify(volume)
        self.nothing_left(volumes=['vol'])

    def test_below_a_snapshot(self):
        """The mapping is reloaded, and the volume over it is not."""
        volume = self.attach('vol', self.open_luks(self.disk(0)))
        self.dmjob('snapshot', 'vol', '--scratch', self.disk(2))
        with self.writer(volume) as writer:
            self.resize()
        self.dmjob('commit', 'vol', '--pivot', '--wait')
        self.assertNotIn('overlay', self.volume())
        writer.verify(volume)

    def open_luks(self, disk):
        self.sh('echo secret | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 '
                f'{disk}')
        self.sh(f'echo secret | cryptsetup open --disable-keyring {disk} luks')
        return devices.dm_path('luks')

    def resize(self, *options, check=True):
        return self.sh(f'echo secret | cryptsetup resize --disable-keyring luks {" ".join(options)}', check=check)


if __name__ == '__main__':
    harness.main()
