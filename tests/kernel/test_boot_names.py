# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Debian boot with systemd: whatever fstab names a volume's file system by, the volume is mounted, after dmjobd has
activated it, and no other disk is touched. The power goes at a random moment of a move to the other disk at each
second boot. The disks are partitions that only their entry in the partition table names.

For people: 20 boots, half of them after such a cut, are what `ctest --test-dir build/dev -V -N -R boot_names` shows as
the test's command, with DMJOB_BOOTS=20 after its word `env`. DMJOB_SEED, there too, is the seed of a run before."""
import os
import random
import subprocess
import threading
import time

import devices
import harness
import state_edit
from boot_units import FINGERPRINTS, STATE_BEFORE, Installation
from partitions import make_gpt_partition
from udev_host import links_of_contents

MACHINE = dict(disks=['40M', '40M'], mem='512M', timeout=900, kernel='uml', init='systemd')
FS_UUID = '11111111-2222-3333-4444-555555555555'
ENTRY = 'aaaaaaaa-0000-4000-8000-00000000000{}'
NAMES = [f'UUID={FS_UUID}', 'LABEL=files', 'PARTUUID=' + ENTRY.format(0), 'PARTLABEL=part-0', '/dev/mapper/data']
BOOTS = int(os.environ.get('DMJOB_BOOTS', '4'))  # after the first one
VOLUME = '/dev/mapper/data'
WHERE = '/srv'
MORE = [f'/media/{number}' for number in range(len(NAMES) - 1)]


class BootNamesTest(harness.KernelTest):
    def setUp(self):
        super().setUp()
        self.installation = Installation(self.lasting_dir(), self._program('dmjobd'))
        self.state_dir = self.installation.state_dir
        self.partitions = [self.disk(number) + '1' for number in (0, 1)]

    def test_the_volume_is_mounted_however_fstab_names_it(self):
        if self.boot == 1:
            self.keep('seed', os.environ.get('DMJOB_SEED') or str(time.time_ns()))
            self.installation.install([self.disk(0), self.disk(1)])
            self.make_volume()
        else:
            self.expect_the_volume_is_mounted()
            self.expect_no_other_disk_was_touched()
            self.end_the_move()
        if self.boot <= BOOTS:
            self.random = random.Random(f'{self.kept("seed")} {self.boot}')
            self.installation.set_late(self.random.choice((True, False)))
            self.write_fstab()
            if self.boot % 2:
                self.shut_down()
            else:
                self.move_until_the_power_goes()
            self.cut_power()

    def keep(self, name, text):
        with open(f'{self.lasting_dir()}/{name}', 'w') as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def kept(self, name):
        with open(f'{self.lasting_dir()}/{name}') as file:
            return file.read()

    # The first boot.

    def make_volume(self):
        """How long a move takes here is the time in which the power will go."""
        for number in 0, 1:
            make_gpt_partition(self.disk(number), ENTRY.format(number), f'part-{number}')
        self.start_daemon()
        self.dmjob('attach', 'data', self.partitions[0])
        self.sh('mkfs.ext4', '-q', '-U', FS_UUID, '-L', 'files', VOLUME)
        self.sh('mount', VOLUME, WHERE)
        self.note(1)
        self.keep_duration('copy', 'copy', 'data', self.partitions[1], '--id', 'move', '--wait')
        self.keep_duration('pivot', 'complete', 'move', '--wait')
        self.note(2)

    def keep_duration(self, stage, *words):
        began = time.monotonic()
        self.dmjob(*words)
        self.keep(stage, str(time.monotonic() - began))

    # Each other one.

    def expect_the_volume_is_mounted(self):
        volume = os.stat(VOLUME).st_rdev
        for where in [WHERE, *MORE]:
            self.assertEqual(os.stat(where).st_dev, volume, self.told(where))
        self.assertEqual(set(links_of_contents().values()), {os.path.realpath(VOLUME)}, links_of_contents())
        noted = self.noted()
        self.assertEqual(set(self.kept('acknowledged').split()) - set(noted), set())
        self.assertEqual(noted, [str(number + 1) for number in range(len(noted))])
        self.assertEqual(self.managed_volumes()['data']['active'], True)

    def told(self, where):
        return '\n'.join([where, self.kept('etc/fstab'), self.sh('systemctl', '--failed', check=False).stdout,
                          self.sh('cat', '/proc/self/mountinfo').stdout])

    def expect_no_other_disk_was_touched(self):
        """By nobody before the daemon started; afterwards, what no job writes to."""
        before = FINGERPRINTS.read_at('power-on')
        if late := FINGERPRINTS.read_at('start'):
            self.assertEqual(late, before, 'a disk was written to before dmjobd has started')
        state = state_edit.read(STATE_BEFORE)
        volume = state['volumes'][0]
        lives_on = os.path.realpath(volume.get('pivot-to') or volume['device'])
        print(f'boot {self.boot}: jobs', [(job['id'], job['status']) for job in state['jobs']], 'volume on', lives_on,
              '' if not late else 'the daemon came late', flush=True)
        if not state['jobs'] or 'pivot-to' in volume:
            other = next(number for number in (0, 1) if self.partitions[number] != lives_on)
            self.assertEqual(devices.fingerprint(self.disk(other)), before[other], 'the old disk was written to')

    def end_the_move(self):
        def ended():
            if jobs := self.list():
                if jobs[0]['status'] == 'ready':
                    self.dmjob('complete', 'move', check=False)
            return not jobs
        self.wait_for(ended, 120, self.list)

    def write_fstab(self):
        """Another name is the first to be mounted, and is checked, each time."""
        first = self.boot % len(NAMES)
        lines = [f'{NAMES[first]} {WHERE} ext4 x-systemd.device-timeout=300 0 2']
        for where, name in zip(MORE, NAMES[:first] + NAMES[first + 1:]):
            lines.append(f'{name} {where} ext4 x-systemd.device-timeout=300,x-systemd.requires-mounts-for={WHERE} 0 0')
        self.keep('etc/fstab', '\n'.join(lines) + '\n')

    def shut_down(self):
        if self.boot == 1:
            self.sh('umount', WHERE)
            self.stop_daemon()
            return
        self.sh('umount', *MORE, WHERE)
        self.sh('systemctl', 'stop', 'dmjobd.service')

    def move_until_the_power_goes(self):
        """To the disk that it does not live on."""
        volume = os.path.realpath(self.managed_volumes()['data']['device'])
        target = next(path for path in self.partitions if path != volume)
        stage = ('copy', 'pivot')[self.boot // 2 % 2]
        copy = ['copy', 'data', target, '--force', '--id', 'move']
        threading.Thread(target=self.note_for_ever, daemon=True).start()
        if stage == 'pivot':
            self.dmjob(*copy, '--wait')
        moment = self.random.uniform(0, 1.2 * float(self.kept(stage)))
        print(f'boot {self.boot}: the power goes {moment:.3f} s after the beginning of a {stage}, '
              f'seed {self.kept("seed")}', flush=True)
        words = [*copy, '--pivot'] if stage == 'copy' else ['complete', 'move', '--wait']
        subprocess.Popen([self._program('dmjob'), '--quiet', *words])
        time.sleep(moment)

    # What is written must be there at the next boot.

    @staticmethod
    def noted():
        with open(f'{WHERE}/notes') as file:
            return file.read().split()

    def note_for_ever(self):
        for number in range(len(self.noted()) + 1, 1 << 30):
            self.note(number)
            time.sleep(0.02)

    def note(self, number):
        for path in f'{WHERE}/notes', f'{self.lasting_dir()}/acknowledged':
            with open(path, 'a') as file:
                print(number, file=file, flush=True)
                os.fsync(file.fileno())


if __name__ == '__main__':
    harness.main()
