# SPDX-License-Identifier: LGPL-2.1-or-later
"""Verbs that ask, print and end."""

import json
import os
import subprocess
import unittest

from cli_story import CliStory
from fake_dmjobd import Refused

VOLUMES = [
    {"name": "data", "device": "/dev/sdc", "size": 10 << 30, "managed": True, "active": True, "job": "data"},
    {"name": "vg-root", "device": "/dev/dm-0", "size": 1536 << 20, "managed": False, "active": True},
]


def refuse(text, error_class="GenericError"):
    def handler(_arguments):
        raise Refused(text, error_class)
    return handler


class Volumes(CliStory):
    def test_attach_sends_an_absolute_path(self):
        self.expect(self.dmjob("--quiet", "attach", "data", "disk.img"), 0, out="")
        path = os.path.join(self.folder.name, "disk.img")
        self.expect_asked(("volume-attach", {"name": "data", "device": path}))

    def test_release_sends_the_path_and_says_what_it_means(self):
        self.daemon.handlers["disk-release"] = lambda arguments: {"volume": "data"}
        released = self.dmjob("release", "/dev/sdb")
        self.assertIn("volume 'data'", released.stderr)
        self.assertIn("wipefs", released.stderr)
        self.expect_asked(("disk-release", {"device": "/dev/sdb"}))

    def test_volumes_shows_the_hidden_disks_that_somebody_must_care_for(self):
        self.daemon.hidden_disks = [
            {"device": "/dev/sda", "volume": "data", "role": "disk"},
            {"device": "/dev/sdb", "volume": "data", "role": "old disk"},
            {"device": "/dev/sdc", "volume": "data", "role": "target", "until-reboot": True},
            {"device": "/dev/sdd", "volume": "data", "role": "old disk", "until-reboot": True},
            {"device": "/dev/sde", "volume": "", "role": "target", "until-reboot": True}]
        shown = self.dmjob("volumes").stdout.splitlines()
        self.assertNotIn("/dev/sda", "".join(shown))
        old, target, nameless, nobodys = shown[-4:]
        self.assertIn("dmjob release /dev/sdb", old)
        self.assertNotIn("until the next boot only", old)
        self.assertRegex(target, "/dev/sdc .* until the next boot only.* /dev/mapper/data in fstab")
        self.assertRegex(nameless, "/dev/sdd .* until the next boot only.*dmjob release /dev/sdd")
        self.assertRegex(nobodys, "/dev/sde .* until the next boot only.* before its job has ended")

    def test_attach_copy_and_complete_warn_of_what_the_boot_names(self):
        self.daemon.boot_warnings = ["/etc/fstab line 1 names /dev/sdb"]
        self.daemon.add_job("vol1", "ready")
        for words in ("attach", "data", "/dev/sdb"), ("copy", "vol1", "/dev/sdc"), ("complete", "vol1"):
            self.assertIn("warning: /etc/fstab line 1", self.dmjob(*words).stderr)

    def test_what_an_answer_warns_of_is_remarked(self):
        self.daemon.add_job("j", "running")
        for command in "volume-attach", "volume-detach", "job-pause", "blockdev-mirror", "volume-snapshot":
            self.daemon.handlers[command] = lambda arguments: {"warning": "not written down"}
        for words in (("attach", "data", "/dev/sdb"), ("detach", "data"), ("pause", "j"), ("snapshot", "data"),
                      ("copy", "data", "/dev/sdc", "--id", "j")):
            done = self.dmjob(*words)
            self.assertEqual(done.returncode, 0, words)
            self.assertIn("warning: not written down", done.stderr)

    def test_what_is_not_frozen_is_said_before_an_instant_is_asked_for(self):
        self.daemon.not_frozen = {"data": ["md0 is not"], "home": ["loop0 is not"]}
        self.daemon.add_job("j", "ready", volume="data")
        data, home = "warning: md0 is not\n", "warning: loop0 is not\n"
        for err, *words in ((data + home, "backup", "data", "/dev/sdb", "home", "/dev/sdc"),
                            (data, "backup", "data", "/dev/sdb"),
                            (data, "copy", "data", "/dev/sdb"), ("", "copy", "data", "/dev/sdb", "--pivot", "--timeout", "1"),
                            ("", "copy", "other", "/dev/sdb"), (data, "compare", "data", "/dev/sdb"),
                            (data, "snapshot", "data"), (data, "cancel", "j")):
            before = len(self.daemon.asked)
            shown = self.dmjob(*words)
            self.assertEqual([line for line in shown.stderr.splitlines(True) if line.startswith("warning")],
                             err.splitlines(True), words)
            self.assertGreater(len(self.daemon.asked), before, shown)

    def test_a_refusal_comes_after_the_warning(self):
        self.daemon.not_frozen = {"data": ["md0 is not"]}
        self.daemon.handlers["blockdev-backup"] = refuse("no")
        self.expect(self.dmjob("backup", "data", "/dev/sdb"), 1, out="", err="warning: md0 is not\ndmjob: no\n")
        self.expect(self.dmjob("--quiet", "backup", "data", "/dev/sdb"), 1, out="", err="dmjob: no\n")

    def test_untrack_sends_the_name(self):
        self.expect(self.dmjob("untrack", "data"), 0, out="")
        self.expect_asked(("volume-untrack", {"name": "data"}))

    def test_detach_sends_the_name(self):
        self.expect(self.dmjob("detach", "data"), 0, out="")
        self.expect_asked(("volume-detach", {"name": "data"}))

    def test_detach_by_force_tells_what_is_lost(self):
        self.daemon.handlers["volume-detach"] = lambda arguments: {"lost": "all\nof it"}
        self.expect(self.dmjob("detach", "data", "--force"), 0, out="", err="warning: all?of it\n")
        self.expect_asked(("volume-detach", {"name": "data", "force": True}))

    def test_a_refusal_is_one_line_and_status_1(self):
        self.daemon.handlers["volume-detach"] = refuse("volume 'data' is in use\nby a mount; unmount it")
        self.expect(self.dmjob("detach", "data"), 1, out="",
                    err="dmjob: volume 'data' is in use?by a mount; unmount it\n")

    def test_volumes_is_a_table(self):
        self.daemon.volumes = VOLUMES
        self.expect(self.dmjob("volumes"), 0, out=(
            "NAME     SIZE  DISK       KIND     JOB   STATE\n"
            "data     10G   /dev/sdc   managed  data  active\n"
            "vg-root  1.5G  /dev/dm-0  foreign  -     active\n"))

    def test_volumes_in_json_are_the_daemons(self):
        self.daemon.volumes = VOLUMES
        self.assertEqual(self.expect_json(self.dmjob("--json", "volumes")), VOLUMES)


class Overlays(CliStory):
    def test_overlay_sends_absolute_paths(self):
        self.expect(self.dmjob("--quiet", "overlay", "data", "/dev/sdb", "--target", "/dev/sdc"), 0, out="")
        self.expect_asked(("volume-overlay", {"name": "data", "backing": "/dev/sdb", "target": "/dev/sdc"}))

    def test_snapshot_and_rollback_name_the_volume(self):
        self.expect(self.dmjob("--quiet", "snapshot", "data", "--scratch", "/s", "--force"), 0, out="")
        self.expect(self.dmjob("--quiet", "rollback", "data"), 0, out="")
        self.expect_asked(("volume-snapshot", {"name": "data", "scratch": "/s", "force": True}),
                          ("volume-rollback", {"name": "data"}))

    def test_stream_and_commit_print_the_id(self):
        self.expect(self.dmjob("stream", "data", "/dev/sdc", "--id", "s", "--on-source-error", "stop"), 0, out="s\n")
        self.expect(self.dmjob("commit", "data", "--id", "c", "--manual-dismiss"), 0, out="c\n")
        self.expect_asked(
            ("block-stream", {"device": "data", "target": "/dev/sdc", "job-id": "s", "on-source-error": "stop"}),
            ("block-commit", {"device": "data", "job-id": "c", "auto-dismiss": False}))

    def test_a_held_volume_is_seen_at_once(self):
        overlay = {"origin": "/dev/sdb", "read-only": True, "scratch": "/s", "size": 1 << 30, "used": 1 << 29,
                   "held": True, "to-do": "stream the volume"}
        self.daemon.volumes = [{**VOLUMES[0], "overlay": overlay}]
        self.expect(self.dmjob("volumes"), 0, out=(
            "NAME  SIZE  DISK      KIND     JOB   STATE\n"
            "data  10G   /dev/sdc  managed  data  "
            "HELD, its writes wait: stream the volume; 512M of 1G in /s\n"))


class Copy(CliStory):
    def test_copy_prints_the_id(self):
        self.expect(self.dmjob("copy", "data", "/dev/sdb"), 0, out="vol1\n")
        self.expect_asked(("blockdev-mirror", {"device": "data", "target": "/dev/sdb", "sync": "full"}))

    def test_copy_finds_the_id_that_the_daemon_does_not_tell(self):
        def start(arguments):
            self.daemon.qmp_blockdev_mirror(arguments)
        self.daemon.handlers["blockdev-mirror"] = start
        self.expect(self.dmjob("copy", "/dev/mapper/vol1", "/dev/sdb"), 0, out="vol1\n")

    def test_copy_finds_the_id_of_a_job_that_has_ended_already(self):
        def start(arguments):
            self.daemon.qmp_blockdev_mirror(arguments)
            self.daemon.end("vol1")
        self.daemon.handlers["blockdev-mirror"] = start
        self.expect(self.dmjob("copy", "/tmp/a.img", "/tmp/b.img"), 0, out="vol1\n")

    def test_paths_lose_their_dots_but_not_behind_a_name_that_may_be_a_link(self):
        self.dmjob("copy", ".//a.img", "./x/../b.img")
        folder = self.folder.name
        self.expect_asked(("blockdev-mirror", {
            "device": f"{folder}/a.img", "target": f"{folder}/./x/../b.img", "sync": "full"}))

    def test_every_option_is_sent(self):
        self.expect(self.dmjob(
            "copy", "./a.img", "b.img", "--id", "j1", "--speed", "5M", "--scratch", "s", "--granularity=64k",
            "--on-source-error", "ignore", "--on-target-error", "enospc", "--manual-finalize", "--manual-dismiss",
            "--error-map", "m", "--force"), 0, out="j1\n")
        folder = self.folder.name
        self.expect_asked(("blockdev-mirror", {
            "device": f"{folder}/a.img", "target": f"{folder}/b.img", "sync": "full", "job-id": "j1",
            "speed": 5 << 20, "scratch": f"{folder}/s", "granularity": 65536, "on-source-error": "ignore",
            "on-target-error": "enospc", "error-map": f"{folder}/m", "auto-finalize": False, "auto-dismiss": False, "force": True}))

    def test_a_file_taken_for_a_volume_is_explained(self):
        self.make_file("a.img")
        self.daemon.handlers["blockdev-mirror"] = refuse("there is no volume 'a.img'", "DeviceNotFound")
        self.expect(self.dmjob("copy", "a.img", "b.img"), 1, out="", err="write ./a.img")

    def test_json_is_one_object(self):
        self.assertEqual(self.expect_json(self.dmjob("--json", "copy", "data", "/dev/sdb")), {"id": "vol1"})


class Backup(CliStory):
    def test_a_backup_begins_a_chain_or_continues_it(self):
        self.expect(self.dmjob("backup", "data", "/dev/sdb", "--track"), 0, out="data\n")
        self.expect(self.dmjob("backup", "data", "/dev/sdb", "--incremental"), 0, out="data\n")
        asked = [("blockdev-backup", {"device": "data", "target": "/dev/sdb", **more})
                 for more in ({"sync": "full", "x-track": True}, {"sync": "incremental"})]
        self.expect_asked(*asked)
        self.expect(self.dmjob("backup", "data", "/dev/sdb", "--track", "--incremental"), 2, out="",
                    err="dmjob: --track makes a full backup: it does not go with --incremental\n")

    def test_what_is_not_proven_is_said_on_stderr_unless_it_is_to_be_quiet(self):
        def start(_arguments):
            self.daemon.add_job("data", **{"target": "/dev/sdb", "not-proven": "known by a sample only"})
            self.daemon.end("data")
        self.daemon.handlers["blockdev-backup"] = start
        words = ("backup", "data", "/dev/sdb", "--incremental")
        result = self.dmjob(*words)
        self.expect(result, 0, out="data\n", err="data: known by a sample only\n")
        self.assertEqual(result.stderr.count("sample"), 1)
        self.expect(self.dmjob("--quiet", *words), 0, out="data\n")

    def test_one_pair_is_a_backup(self):
        self.expect(self.dmjob("backup", "data", "/dev/sdb", "--scratch", "/dev/sdc"), 0, out="data\n")
        self.expect_asked(("blockdev-backup", {
            "device": "data", "target": "/dev/sdb", "sync": "full", "scratch": "/dev/sdc"}))

    def test_several_pairs_are_one_grouped_transaction(self):
        self.expect(self.dmjob("backup", "data", "/dev/sdb", "--speed", "5M", "home", "/dev/sdc"), 0, out="data\nhome\n")
        data = [{"device": device, "target": target, "sync": "full", "speed": 5 << 20}
                for device, target in (("data", "/dev/sdb"), ("home", "/dev/sdc"))]
        self.expect_asked(("transaction", {"properties": {"completion-mode": "grouped"}, "actions": [
            {"type": "blockdev-backup", "data": one} for one in data]}))

    def test_json_of_several_is_an_array(self):
        self.assertEqual(self.expect_json(self.dmjob("--json", "backup", "a", "/dev/sdb", "b", "/dev/sdc")),
                         [{"id": "a"}, {"id": "b"}])

    def test_what_is_for_one_is_refused_for_several(self):
        for option in (("--id", "j"), ("--error-map", "/m")):
            self.expect(self.dmjob("backup", "a", "/dev/sdb", "b", "/dev/sdc", *option), 2, out="",
                        err=f"dmjob: {option[0]} is for one backup, not for several\n")

    def test_a_source_without_a_target_is_a_usage_error(self):
        self.expect(self.dmjob("backup", "a", "/dev/sdb", "b"), 2, out="",
                    err="dmjob: TARGET is missing: 'b' is a source without one\n")

    def test_a_timeout_needs_a_wait(self):
        self.expect(self.dmjob("backup", "a", "/dev/sdb", "--timeout", "5"), 2, out="",
                    err="dmjob: --timeout has no meaning without --wait\n")


class Looking(CliStory):
    def test_list_is_a_table(self):
        self.daemon.add_job("vol2", "paused", **{"io-status": "nospace", "rate": 0})
        self.daemon.add_job("vol1", len=4 << 30, offset=3 << 30, rate=100 << 20)
        self.expect(self.dmjob("list"), 0, out=(
            "ID    TYPE    STATUS            PROGRESS  SPEED   VOLUME  TARGET\n"
            "vol1  mirror  running           75.0%     100M/s  vol1    /dev/sdb\n"
            "vol2  mirror  paused (nospace)  45.0%     -       vol2    /dev/sdb\n"))

    def test_list_all_has_those_that_ended(self):
        for job_id, error in (("a", None), ("b", "Input/output error"), ("c", "Operation canceled")):
            self.daemon.add_job(job_id)
            self.daemon.end(job_id, error)
        lines = self.dmjob("list", "--all").stdout.splitlines()
        self.assertEqual([line.split()[2] for line in lines[1:]], ["cancelled", "failed", "done"])
        self.assertEqual(self.dmjob("list").stdout.count("\n"), 1)

    def test_list_in_json_is_an_array(self):
        self.assertEqual(self.expect_json(self.dmjob("--json", "list")), [])
        job = self.daemon.add_job()
        self.assertEqual(self.expect_json(self.dmjob("list", "--json")), [job])

    def test_info_in_json_is_the_job_with_its_id(self):
        job = self.daemon.add_job()
        self.assertEqual(self.expect_json(self.dmjob("--json", "info", "vol1")), job)

    def test_info_finds_a_job_that_is_gone(self):
        self.daemon.add_job()
        self.daemon.end("vol1", "Input/output error")
        result = self.dmjob("info", "vol1")
        self.expect(result, 0)
        self.assertIn("failed, 0 s ago", result.stdout)
        self.assertIn("error     Input/output error", result.stdout)

    def test_info_knows_that_a_foreign_volume_cannot_be_switched(self):
        self.daemon.volumes = VOLUMES
        self.daemon.add_job("vg-root", "ready")
        result = self.dmjob("info", "vg-root")
        self.assertIn("cannot be switched", result.stdout)
        self.assertNotIn("dmjob complete", result.stdout)

    def test_info_shows_what_its_volume_has_left(self):
        self.daemon.hidden_disks = [{"device": "/dev/sdb", "volume": "vol1", "role": "old disk"},
                                    {"device": "/dev/sdc", "volume": "other", "role": "old disk"}]
        self.daemon.add_job("vol1")
        shown = self.dmjob("info", "vol1").stdout
        self.assertIn("dmjob release /dev/sdb", shown)
        self.assertNotIn("/dev/sdc", shown)

    def test_info_of_nothing_is_status_1(self):
        self.expect(self.dmjob("info", "x"), 1, out="", err="there is no job 'x'")

    def test_events_are_lines_of_json(self):
        self.daemon.add_job()
        lines = self.dmjob("events").stdout.splitlines()
        self.assertEqual([json.loads(line)["number"] for line in lines], [1, 2])


class Steering(CliStory):
    def test_each_verb_is_one_command(self):
        self.daemon.add_job("j", "concluded")
        for words in ("pause", "resume", "complete", "finalize"):
            self.daemon.handlers["job-" + words] = lambda arguments: None
            self.expect(self.dmjob(words, "j"), 0, out="")
        self.expect(self.dmjob("speed", "j", "2G"), 0, out="")
        self.expect(self.dmjob("dismiss", "j"), 0, out="")
        self.expect_asked(("job-pause", {"id": "j"}), ("job-resume", {"id": "j"}), ("job-complete", {"id": "j"}),
                          ("job-finalize", {"id": "j"}), ("block-job-set-speed", {"device": "j", "speed": 2 << 30}),
                          ("job-dismiss", {"id": "j"}))

    def test_a_verb_for_a_job_that_is_not_there_is_explained(self):
        for words in (["pause", "x"], ["speed", "x", "1"], ["complete", "x", "--wait"], ["cancel", "x"]):
            with self.subTest(words=words):
                for command in ("job-pause", "block-job-set-speed", "job-complete", "block-job-cancel"):
                    self.daemon.handlers[command] = refuse("Job not found")
                self.expect(self.dmjob(*words), 1, out="", err="there is no job 'x'; `dmjob list --all`")

    def test_json_names_the_job(self):
        self.assertEqual(self.expect_json(self.dmjob("--json", "pause", "j")), {"id": "j"})


class ExitStatus(CliStory):
    def test_usage_is_2_and_touches_nothing(self):
        for words in (["frob"], [], ["copy", "a"], ["list", "x"], ["speed", "j", "fast"], ["wait", "j", "--for", "x"],
                      ["copy", "a", "b", "--pivot", "--finish"], ["copy", "a", "b", "--timeout", "1"],
                      ["copy", "a", "b", "--on-target-error", "x"], ["cancel", "j", "--async", "--timeout", "1"],
                      ["complete", "j", "--timeout", "1"], ["wait", "j", "--timeout", "-1"], ["list", "--al"]):
            with self.subTest(words=words):
                self.expect(self.dmjob(*words), 2, out="", err="dmjob: ")
        self.expect_asked()

    def test_no_daemon_is_3(self):
        self.daemon.stop()
        self.expect(self.dmjob("list"), 3, out="", err=["no daemon answers at", "systemctl start dmjobd"])

    def test_a_full_stdout_is_1(self):
        with open("/dev/full", "w") as full:
            result = subprocess.run(self.command("list"), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((result.returncode, result.stderr), (1, "dmjob: cannot write to stdout\n"))

    def test_the_socket_is_taken_from_the_environment(self):
        os.environ["DMJOB_SOCKET"] = self.socket
        self.addCleanup(os.environ.pop, "DMJOB_SOCKET")
        self.assertEqual(subprocess.run([os.environ["DMJOB"], "list"], check=False).returncode, 0)


if __name__ == "__main__":
    unittest.main()
