# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the program's installation leaves in /etc, for the boots of a machine with systemd; and a service that notes
what is on the disks before anybody can have written to them."""
import os
import re
import shutil

import devices
from udev_host import UDEV

UNIT = os.path.join(os.path.dirname(__file__), '../../systemd/dmjobd.service.in')
STATE_BEFORE = '/run/state-before'


class Fingerprints:
    """Of whole disks, past the page cache, at a moment of the boot. In /run, since they are of this boot."""

    @staticmethod
    def path(moment):
        return f'/run/fingerprints-{moment}'

    def command(self, moment, disks):
        """A word of shell."""
        return (f'for disk in {" ".join(disks)}; do dd if=$disk iflag=direct bs=1M status=none | sha256sum; done '
                f'>{self.path(moment)}')

    def read_at(self, moment):
        """One a disk; none if that moment has not been."""
        if not os.path.exists(self.path(moment)):
            return []
        with open(self.path(moment)) as file:
            return [line.split()[0] for line in file]


FINGERPRINTS = Fingerprints()


class Installation:
    def __init__(self, lasting_dir, program):
        self.program = program
        self.state_dir = f'{lasting_dir}/state'
        self.rules = f'{lasting_dir}/etc/udev/rules.d'
        self.units = f'{lasting_dir}/etc/systemd/system'
        self.disks = f'{lasting_dir}/disks'

    def install(self, disks):
        """For the next boots; of this one, the rules."""
        os.makedirs(self.rules)
        os.makedirs(f'{self.units}/sysinit.target.wants')
        for name in '11-dmjob.rules', '59-dmjob.rules', '64-0-dmjob.rules':
            shutil.copy(os.path.join(UDEV, name), self.rules)
        start = f'ExecStart={self.program} --state-dir {self.state_dir}'
        with open(UNIT) as source:
            text = re.sub(r'(?m)^ExecStart=.*$', start, source.read()).replace('Wants=dmjobd.socket\n', '')
        self.add_service('dmjobd', text)
        self.add_service('look-at-disks', self.looker(disks))
        with open(self.disks, 'w') as file:
            file.write(' '.join(disks))
        devices.run('mount', '--bind', self.rules, '/etc/udev/rules.d')
        devices.run('udevadm', 'control', '--reload')

    def add_service(self, name, text):
        with open(f'{self.units}/{name}.service', 'w') as unit:
            unit.write(text)
        os.symlink(f'../{name}.service', f'{self.units}/sysinit.target.wants/{name}.service')

    def looker(self, disks):
        return f"""[Unit]
DefaultDependencies=no
Before=systemd-udevd.service systemd-udev-trigger.service dmjobd.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'cp -r {self.state_dir} {STATE_BEFORE}'
ExecStart=/bin/sh -c '{FINGERPRINTS.command("power-on", disks).replace("$", "$$")}'
"""

    def set_late(self, late):
        """At the next boot the daemon starts only when udev has looked at all disks, as if it had to be loaded from a
        slow one; and that nobody has written to these is noted."""
        folder = f'{self.units}/dmjobd.service.d'
        shutil.rmtree(folder, ignore_errors=True)
        if not late:
            return
        os.mkdir(folder)
        with open(self.disks) as file:
            look = FINGERPRINTS.command('start', file.read().split())
        with open(f'{folder}/late.conf', 'w') as file:
            file.write(f"""[Unit]
After=systemd-udev-trigger.service
[Service]
ExecStartPre=+udevadm settle
ExecStartPre=+/bin/sh -c '{look.replace("$", "$$")}'
""")
