# SPDX-License-Identifier: LGPL-2.1-or-later
"""dm/ on a real device-mapper: runs the suites of dm_kernel_test, each on a machine of its own."""
import os
import re

import harness

MACHINE = dict(disks=['64M', '64M', '64M'], mem='512M', timeout=400, kernel='uml',
               newer=['test_tracker',
                      'test_copy_stack'])

SUITES = dict(
    control='ControlTest.*',
    stuck_suspension='StuckSuspension.*',
    events='EventTest.*',
    tracker='TrackerTest.*:DiscardTest.*',
    tracked_volume='TrackedVolumeKernelTest.*',
    unreadable_sector='UnreadableSector.*',
    mirror='MirrorTest.*',
    suspend_guard='SuspendGuardKernelTest.*',
    copy_stack='CopyStackKernelTest.*',
    any_table='*AnyTable.*',
    find='FindKernelTest.*',
    udev='UdevTest.*',
)


class DmTest(harness.KernelTest):
    def run_suites(self, name):
        program = f'{self.bin_dir}/dm_kernel_test'
        print(self.sh(program, '--gtest_brief=1', f'--gtest_filter={SUITES[name]}', timeout=360).stdout)

    def test_control(self):
        self.run_suites('control')

    def test_stuck_suspension(self):
        self.run_suites('stuck_suspension')

    def test_events(self):
        self.run_suites('events')

    def test_tracker(self):
        self.run_suites('tracker')

    def test_tracked_volume(self):
        self.run_suites('tracked_volume')

    def test_unreadable_sector(self):
        self.run_suites('unreadable_sector')

    def test_mirror(self):
        self.run_suites('mirror')

    def test_suspend_guard(self):
        self.run_suites('suspend_guard')

    def test_copy_stack(self):
        self.run_suites('copy_stack')

    def test_any_table(self):
        self.run_suites('any_table')

    def test_find(self):
        self.run_suites('find')

    def test_udev(self):
        del os.environ['DM_DISABLE_UDEV']
        self.sh('/lib/systemd/systemd-udevd', '--daemon')
        self.run_suites('udev')

    def test_no_suite_is_forgotten(self):
        program = f'{self.bin_dir}/dm_kernel_test'
        listed = self.sh(program, '--gtest_list_tests').stdout
        suites = set(re.findall(r'^(\S+\.)$', listed, re.MULTILINE))
        run = {suite for pattern in ':'.join(SUITES.values()).split(':')
               for suite in suites if suite.endswith(pattern.removeprefix('*').removesuffix('*'))}
        self.assertEqual(suites - run, set())
        self.assertTrue(all(hasattr(self, f'test_{name}') for name in SUITES))


if __name__ == '__main__':
    harness.main()
