# SPDX-License-Identifier: LGPL-2.1-or-later
"""udev/11-dmjob.rules under a real udevd: what lies under a volume is hidden, the volume is not."""
import os
import shutil

import harness

MACHINE = dict(disks=['64M'], mem='256M', timeout=120, kernel='uml')

RULES = os.path.join(os.path.dirname(__file__), '../../udev/11-dmjob.rules')
SYSTEM_RULES = '/usr/lib/udev/rules.d'
FS_UUID = '11111111-2222-3333-4444-555555555555'
BY_UUID = f'/dev/disk/by-uuid/{FS_UUID}'
# As they are named in Debian, and by their authors.
AUTHORS_NAMES = {'55-dm.rules': '10-dm.rules', '60-persistent-storage-dm.rules': '13-dm-disk.rules'}


class UdevRulesTest(harness.KernelTest):
    def start_udevd(self, with_rules=True):
        if with_rules:
            os.makedirs('/etc/udev/rules.d', exist_ok=True)
            shutil.copy(RULES, '/etc/udev/rules.d')
        del os.environ['DM_DISABLE_UDEV']
        self.sh('/lib/systemd/systemd-udevd', '--daemon')
        self.sh('mkfs.ext4', '-q', '-U', FS_UUID, '-L', 'label', self.disk(0))

    def device(self, name, uuid):
        return self.dm_create(name, f'0 {self.sectors(self.disk(0))} linear {self.disk(0)} 0', uuid)

    def properties(self, path):
        self.sh('udevadm', 'settle', '--timeout=30')
        lines = self.sh('udevadm', 'info', '--query=property', path).stdout.splitlines()
        return dict(line.split('=', 1) for line in lines)

    def expect_hidden(self, path):
        found = self.properties(path)
        self.assertEqual(found['DEVLINKS'], path)
        self.assertEqual(found['SYSTEMD_READY'], '0')
        self.assertNotIn('ID_FS_UUID', found)

    def test_a_device_of_a_job_gets_no_links(self):
        self.start_udevd()
        self.expect_hidden(self.device('dmjob-j1-base', 'DMJOB-abc-base'))

    def test_the_same_without_the_rules_does(self):
        self.start_udevd(with_rules=False)
        path = self.device('dmjob-j1-base', 'DMJOB-abc-base')
        self.assertIn(BY_UUID, self.properties(path)['DEVLINKS'].split())

    def test_it_stays_hidden_when_udev_looks_again(self):
        self.start_udevd()
        path = self.device('dmjob-j1-base', 'DMJOB-abc-base')
        for action in ('change', 'add'):
            self.sh('udevadm', 'trigger', f'--action={action}', path)
            self.expect_hidden(path)

    def test_it_is_hidden_while_suspended(self):
        self.start_udevd()
        path = self.device('dmjob-j1-base', 'DMJOB-abc-base')
        self.sh('dmsetup', 'suspend', path)
        self.sh('udevadm', 'trigger', '--action=change', path)
        self.expect_hidden(path)
        self.sh('dmsetup', 'resume', path)

    def test_the_volume_above_has_all_links(self):
        self.start_udevd()
        self.device('dmjob-j1-base', 'DMJOB-abc-base')
        found = self.properties(self.device('vol', 'DMJOBV-abc'))
        self.assertIn(BY_UUID, found['DEVLINKS'].split())
        self.assertIn('/dev/disk/by-label/label', found['DEVLINKS'].split())
        self.assertEqual(found['SYSTEMD_READY'], '1')
        self.assertEqual(os.path.realpath(BY_UUID), os.path.realpath('/dev/mapper/vol'))

    def test_the_order_that_the_authors_of_device_mapper_chose_works_too(self):
        for debian, authors in AUTHORS_NAMES.items():
            os.rename(f'{SYSTEM_RULES}/{debian}', f'{SYSTEM_RULES}/{authors}')
        self.start_udevd()
        self.expect_hidden(self.device('dmjob-j1-base', 'DMJOB-abc-base'))
        self.assertIn(BY_UUID, self.properties(self.device('vol', 'DMJOBV-abc'))['DEVLINKS'].split())

    def test_udevd_finds_nothing_wrong_with_them(self):
        self.start_udevd()
        path = self.device('dmjob-j1-base', 'DMJOB-abc-base')
        said = self.sh('udevadm', 'test', self.sh('udevadm', 'info', '--query=path', path).stdout.strip()).stderr
        about_ours = [line for line in said.splitlines() if os.path.basename(RULES) in line]
        self.assertEqual(about_ours, [f'Reading rules file: /etc/udev/rules.d/{os.path.basename(RULES)}'])


if __name__ == '__main__':
    harness.main()
