# SPDX-License-Identifier: LGPL-2.1-or-later
"""Volumes of others, with all sorts of tables: copied while they are written to, given back to the letter, and never
pivoted."""
import devices
import harness
from copying import CopyingTest

MACHINE = dict(disks=['24M', '24M', '64M'], mem='512M', timeout=240, kernel='uml')
TARGET = 2
LVM_CONFIG = 'activation{udev_sync=0 udev_rules=0 monitoring=0} devices{use_devicesfile=0 scan=["/dev"] ' \
             'filter=["a|^/dev/ubd[ab]$|","r|.*|"]} global{event_activation=0 use_lvmpolld=0}'
KEY = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'


class SourcesTest(CopyingTest):
    def test_two_segments(self):
        one, other = self.disk(0), self.disk(1)
        self.dm_create('two', f'0 20480 linear {one} 2048\n20480 16384 linear {other} 0')
        self.copy_and_give_back('two', 'another program')

    def test_stripes(self):
        self.dm_create('striped', f'0 65536 striped 2 128 {self.disk(0)} 0 {self.disk(1)} 0')
        self.copy_and_give_back('striped', 'another program')

    def test_a_table_with_a_key(self):
        self.dm_create('crypt', f'0 40960 crypt aes-xts-plain64 {KEY} 0 {self.disk(0)} 4096')
        self.copy_and_give_back('crypt', 'another program')

    def test_plain_encryption(self):
        self.sh(f'echo secret | cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 256 --hash sha256 '
                f'{self.disk(0)} plain')
        self.copy_and_give_back('plain', 'cryptsetup')
        self.sh('cryptsetup', 'close', 'plain')

    def test_luks_needs_its_key_in_the_table(self):
        self.sh(f'echo secret | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 '
                f'{self.disk(0)}')
        self.sh(f'echo secret | cryptsetup open {self.disk(0)} luks')
        table = self.dm_table('luks')
        remedy = 'cryptsetup refresh --disable-keyring luks'
        self.expect_refused(f"'{remedy}'", 'copy', 'luks', self.disk(TARGET))
        self.assertEqual(self.dm_table('luks'), table)
        self.sh(f'echo secret | {remedy}')
        self.copy_and_give_back('luks', 'cryptsetup')
        self.sh('cryptsetup', 'close', 'luks')

    def test_tables_that_cannot_be_active_twice(self):
        self.dm_create('origin', f'0 16384 snapshot-origin {self.disk(0)}')
        self.expect_refused('snapshot-origin target, which must not be active twice', 'copy', 'origin',
                            self.disk(TARGET))
        self.assertEqual(self.list() + self.history(), [])

    def test_read_only_volumes_are_copied_as_they_are(self):
        self.sh('mkfs.ext4', '-q', self.disk(1), '8M')
        table = f'0 16384 linear {self.disk(1)} 0'
        volume = self.dm_create('frozen', table, readonly=True)
        target = self.disk(TARGET)
        for verb, source in ('copy', 'frozen'), ('backup', volume):
            self.dmjob(verb, source, target, '--force', '--wait')
            self.expect_identical(volume, target)
            self.dmjob('compare', source, target, '--wait')
        self.assertIn('linear', self.dm_table('frozen'))
        self.sh('mount', '-o', 'ro', volume, '/mnt')
        self.addCleanup(self.sh, 'umount', '/mnt', check=False)
        self.expect_refused('is mounted on /mnt, and is read-only', 'copy', 'frozen', target, '--force')

    def test_a_read_only_logical_volume_is_copied(self):
        self.lvm('vgcreate', 'vg', self.disk(0), self.disk(1))
        self.lvm('lvcreate', '--noudevsync', '-y', '-Zn', '-Wn', '-L', '8M', '-n', 'lv', 'vg')
        self.lvm('lvchange', '--noudevsync', '-pr', 'vg/lv')
        self.expect_refused("is held by dm-0 (LVM's volume vg-lv)", 'copy', self.disk(TARGET), self.disk(0), '--force')
        self.dmjob('copy', 'vg-lv', self.disk(TARGET), '--force', '--wait')
        self.expect_identical(devices.dm_path('vg-lv'), self.disk(TARGET))

    def test_a_logical_volume(self):
        self.lvm('vgcreate', 'vg', self.disk(0), self.disk(1))
        self.lvm('lvcreate', '--noudevsync', '-y', '-Zn', '-Wn', '-L', '40M', '-n', 'lv', 'vg')
        self.copy_and_give_back('vg-lv', 'LVM')
        self.lvm('lvchange', '--noudevsync', '-an', 'vg/lv')
        self.nothing_left()

    def copy_and_give_back(self, name, owner):
        volume, target, table = devices.dm_path(name), self.disk(TARGET), self.dm_table(name)
        reason = f"volume '{name}' belongs to {owner}, which would bring the old disk back at the next boot"
        self.expect_refused(reason, 'copy', name, target, '--pivot')
        with self.writer(volume) as writer:
            self.copy(name, target, '--id', 'j', '--speed', '16M')
            self.wait_status('j', 'ready')
            self.expect_refused(reason, 'complete', 'j')
            self.assertEqual(self.info('j')['status'], 'ready')
        self.dmjob('cancel', 'j')
        self.expect_identical(volume, target)
        writer.verify(volume)
        self.assertEqual(self.dm_table(name), table)
        self.nothing_left()
        self.dmjob('copy', volume, target, '--force', '--finish')
        self.assertEqual(self.dm_table(name), table)
        self.nothing_left()

    def lvm(self, command, *words):
        return self.sh(command, '--config', LVM_CONFIG, *words)


if __name__ == '__main__':
    harness.main()
