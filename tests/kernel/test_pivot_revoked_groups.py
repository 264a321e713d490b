# SPDX-License-Identifier: LGPL-2.1-or-later
"""As test_pivot_revoked, of two volumes that pivot together: the target of one fails between decision and switch."""
import harness
from state_disk import StateDisk

MACHINE = dict(disks=['48M', '48M', '48M', '48M', '16M', '16M', '16M'], mem='512M', timeout=300, kernel='uml')


class PivotRevokedGroupTest(StateDisk, harness.KernelTest):
    def setUp(self):
        super().setUp()
        self.put_state_on(self.disk(6))
        self.targets = {name: self.linear(f'target-{name}', self.disk(2 + i)) for i, name in enumerate('ab')}

    def log(self, name):
        return f'{self.lasting_dir()}/{name}.log'

    def start_group(self):
        actions = [dict(type='blockdev-mirror', data=dict(device=name, target=self.targets[name], sync='full',
                                                          scratch=self.disk(4 + i)))
                   for i, name in enumerate('ab')]
        self.execute('transaction', actions=actions, properties={'completion-mode': 'grouped'})
        for name in 'ab':
            self.wait_for(lambda name=name: self.info(name)['phase'] == 'ready' and self.info(name)['dirty'] == 0, 90,
                          f'{name} to be equal')

    def test_no_pivot_of_the_group_counts_after_the_boot(self):
        if self.boot == 1:
            self.start_daemon()
            for i, name in enumerate('ab'):
                self.dmjob('attach', name, self.disk(i))
                self.writer(f'/dev/mapper/{name}', log=self.log(name), iops=200).start()
            self.start_group()
            self.until_noted()
            self.hang_at_the_decision('a', 'b')
            self.break_target('target-a')
            self.until_failed_side('dmjob-a-wr')
            self.keep_state_file()
            self.state_is_well()
            for name in 'ab':
                self.until_written_to(self.log(name), patience=90)
            self.cut_power()
        self.assertEqual(len(self.decisions()), 2)  # the state file still says so
        self.start_daemon()
        for name in 'ab':
            self.wait_for(lambda name=name: self.managed_volumes()[name]['active'], 60, 'the volume')
            self.assertIn(f"the pivot of volume '{name}' was decided and revoked", self.daemon_log())
            self.writer(f'/dev/mapper/{name}', log=self.log(name), fill=False).verify()


if __name__ == '__main__':
    harness.main()
