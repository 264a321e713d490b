# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tests of test_dm.py in which threads race, on a kernel with two processors."""
import harness

MACHINE = dict(disks=['64M', '64M', '64M'], mem='1024M', timeout=600, kernel='qemu')


class DmSmpTest(harness.KernelTest):
    def run_suites(self, suites):
        program = f'{self.bin_dir}/dm_kernel_test'
        print(self.sh(program, '--gtest_brief=1', f'--gtest_filter={suites}', timeout=560).stdout)

    def test_tables_change_under_writers(self):
        self.run_suites('CopyStackKernelTest.AWholeCopy*:CopyStackKernelTest.Interpose*:CopyStackKernelTest.Many*:'
                        'CopyStackKernelTest.ForceWithdraw*:CopyStackKernelTest.APivot*:'
                        'MirrorTest.AFailedTarget*:TrackerTest.Rotation*:TrackerTest.AWriteError*')

    def test_events_and_stuck_suspensions(self):
        self.run_suites('EventTest.*:StuckSuspension.*')


if __name__ == '__main__':
    harness.main()
