# SPDX-License-Identifier: LGPL-2.1-or-later
"""Verbs that wait: for ready, for the end, through errors, restarts, time-outs and Ctrl-C."""

import json
import os
import pty
import re
import signal
import threading
import time
import unittest

from cli_story import CliStory
from fake_dmjobd import Refused

COPY = ("copy", "vol1", "/dev/sdb")
START = ("blockdev-mirror", {"device": "vol1", "target": "/dev/sdb", "sync": "full"})
START_TO_PIVOT = ("blockdev-mirror", {**START[1], "pivot": True})
COMPLETE = ("job-complete", {"id": "vol1"})
SOFT_CANCEL = ("block-job-cancel", {"device": "vol1", "force": False})


class CopyAndWait(CliStory):
    def ready_after(self, seconds):
        self.daemon.after(seconds, self.daemon.set_status, "vol1", "ready")

    def test_wait_ends_at_ready_and_switches_nothing(self):
        self.ready_after(0.3)
        self.expect(self.dmjob(*COPY, "--wait"), 0, out="vol1\n", err="`dmjob complete vol1` switches to /dev/sdb")
        self.expect_asked(START)

    def test_wait_ends_with_an_offline_copy(self):
        self.daemon.after(0.3, self.daemon.end, "vol1")
        self.expect(self.dmjob(*COPY, "--wait"), 0, out="vol1\n", err="job 'vol1' is done")

    def test_pivot_completes_at_ready_and_not_before(self):
        self.ready_after(0.3)
        self.expect(self.dmjob(*COPY, "--pivot"), 0, out="vol1\n", err="job 'vol1' is done")
        self.expect_asked(START_TO_PIVOT, COMPLETE)

    def test_finish_cancels_softly_at_ready(self):
        self.ready_after(0.3)
        self.expect(self.dmjob(*COPY, "--finish"), 0, out="vol1\n", err="job 'vol1' is done")
        self.expect_asked(START, SOFT_CANCEL)

    def test_a_pivot_that_is_refused_leaves_the_job_ready(self):
        def refuse(_arguments):
            raise Refused("volume 'vol1' is foreign")
        self.daemon.handlers["job-complete"] = refuse
        self.ready_after(0.2)
        self.expect(self.dmjob(*COPY, "--pivot"), 1, out="vol1\n", err="dmjob: volume 'vol1' is foreign")
        self.assertEqual(self.daemon.job("vol1")["status"], "ready")

    def test_an_offline_copy_has_nothing_to_switch(self):
        self.daemon.after(0.3, self.daemon.end, "vol1")
        self.expect(self.dmjob(*COPY, "--pivot"), 1, out="vol1\n", err="nothing was switched")

    def test_a_failure_is_status_1_with_its_reason(self):
        self.daemon.after(0.3, self.daemon.end, "vol1", "Input/output error")
        self.expect(self.dmjob(*COPY, "--wait"), 1, out="vol1\n",
                    err="dmjob: job 'vol1' failed: Input/output error\n")

    def end_without_history(self):
        with self.daemon.lock:
            self.daemon.end("vol1", "Input/output error")
            self.daemon.history.clear()

    def test_a_failure_is_seen_though_the_history_is_lost(self):
        self.daemon.after(0.3, self.end_without_history)
        self.expect(self.dmjob(*COPY, "--wait"), 1, out="vol1\n", err="failed: Input/output error")

    def test_a_failure_is_seen_though_it_is_told_between_a_look_and_its_answer(self):
        self.daemon.before_answer[2] = self.end_without_history
        self.daemon.after(0.1, self.daemon.set_status, "vol1", "running")
        self.expect(self.dmjob(*COPY, "--wait"), 1, out="vol1\n", err="failed: Input/output error")

    def test_a_job_that_somebody_cancels_is_status_1(self):
        self.daemon.after(0.3, self.daemon.end, "vol1", "Operation canceled")
        self.expect(self.dmjob(*COPY, "--finish"), 1, out="vol1\n", err="was cancelled; /dev/sdb is not a usable copy")

    def test_the_end_of_an_older_job_of_that_name_is_not_ours(self):
        self.daemon.add_job()
        self.daemon.end("vol1", "Input/output error")
        self.ready_after(0.3)
        self.expect(self.dmjob(*COPY, "--quiet", "--wait"), 0, out="vol1\n")

    def test_an_error_stop_is_told_once(self):
        self.daemon.after(0.2, self.daemon.io_error, "vol1", "write")
        self.daemon.after(0.5, self.daemon.emit, "JOB_STATUS_CHANGE")
        self.daemon.after(2.8, self.daemon.set_status, "vol1", "ready")
        result = self.dmjob(*COPY, "--wait")
        self.expect(result, 0, err="job 'vol1' is paused: a write to /dev/sdb failed; mend that, then "
                                   "`dmjob resume vol1`")
        self.assertEqual(result.stderr.count("paused"), 1)

    def test_a_copy_with_holes_in_it_is_told_when_it_is_ready_and_when_it_is_done(self):
        holes = {"x-error-map": [{"offset": 4096, "length": 512}]}
        told = "the source could not be read: 512 bytes in one place, zeroes on the target: 512 at byte 4096\n"
        self.daemon.after(0.2, lambda: self.daemon.set_status("vol1", "ready", **holes))
        self.expect(self.dmjob(*COPY, "--wait"), 0, err=told + "job 'vol1' is ready")
        self.daemon.after(0.2, self.daemon.end, "vol1")
        self.expect(self.dmjob("wait", "vol1", "--for", "concluded"), 0, err=told + "job 'vol1' is done")

    def test_a_job_that_waits_for_finalize_is_told(self):
        self.daemon.after(0.2, self.daemon.set_status, "vol1", "pending")
        self.daemon.after(0.6, self.daemon.end, "vol1")
        self.expect(self.dmjob(*COPY, "--wait", "--manual-finalize"), 0, err="`dmjob finalize vol1`")

    def test_a_job_that_passes_through_pending_is_not_told(self):
        self.daemon.after(0.2, self.daemon.set_status, "vol1", "pending")
        self.daemon.after(0.6, self.daemon.end, "vol1")
        self.assertEqual(self.dmjob(*COPY, "--wait").stderr, "job 'vol1' is done\n")

    def test_a_timeout_is_status_4_and_the_job_goes_on(self):
        self.expect(self.dmjob(*COPY, "--wait", "--timeout", "1"), 4, out="vol1\n",
                    err="the time is over; job 'vol1' goes on")
        self.expect_asked(START)

    def test_json_is_the_job_at_its_end(self):
        self.ready_after(0.3)
        job = self.expect_json(self.dmjob("--json", *COPY, "--wait"))
        self.assertEqual((job["id"], job["status"]), ("vol1", "ready"))

    def test_quiet_says_nothing_but_the_id(self):
        self.ready_after(0.2)
        self.expect(self.dmjob("--quiet", *COPY, "--pivot"), 0, out="vol1\n")


class Restart(CliStory):
    def restart(self):
        self.daemon.stop()
        time.sleep(0.5)
        self.daemon.start()

    def test_a_wait_goes_on_after_a_restart(self):
        self.daemon.add_job()
        self.daemon.after(0.3, self.restart)
        self.daemon.after(1.5, self.daemon.set_status, "vol1", "ready")
        self.expect(self.dmjob("wait", "vol1"), 0, err=["the daemon is gone", "job 'vol1' is ready"])

    def test_a_job_that_ended_meanwhile_is_found(self):
        self.daemon.add_job()

        def restart():
            self.daemon.stop()
            self.daemon.end("vol1", "Input/output error")
            self.daemon.start()
        self.daemon.after(0.3, restart)
        self.expect(self.dmjob("wait", "vol1"), 1, err="failed: Input/output error")

    def test_a_daemon_that_died_before_it_acted_is_told_again(self):
        def forget(_arguments):
            self.daemon.handlers.clear()
            threading.Thread(target=self.restart, daemon=True).start()
        self.daemon.handlers["job-complete"] = forget
        self.daemon.after(0.2, self.daemon.set_status, "vol1", "ready")
        self.expect(self.dmjob("--quiet", *COPY, "--pivot"), 0)
        self.expect_asked(START_TO_PIVOT, COMPLETE, COMPLETE)

    def test_the_timeout_holds_while_the_daemon_is_away(self):
        self.daemon.add_job()
        self.daemon.after(0.2, self.daemon.stop)
        self.expect(self.dmjob("wait", "vol1", "--timeout", "1"), 4, err="the time is over")


class WaitVerb(CliStory):
    def test_ready_is_at_once_for_a_ready_job(self):
        self.daemon.add_job(status="ready")
        self.expect(self.dmjob("--quiet", "wait", "vol1", "--for", "ready"), 0, out="")

    def test_concluded_waits_beyond_ready(self):
        self.daemon.add_job(status="ready")
        self.daemon.after(0.3, self.daemon.end, "vol1")
        self.expect(self.dmjob("wait", "vol1", "--for", "concluded"), 0, err="is done")

    def test_a_job_kept_for_its_dismissal_has_ended(self):
        self.daemon.add_job(**{"auto-dismiss": False})
        self.daemon.end("vol1", "No space left on device")
        self.expect(self.dmjob("wait", "vol1"), 1, err="failed: No space left on device")

    def test_a_job_that_is_gone_has_its_outcome(self):
        self.daemon.add_job()
        self.daemon.end("vol1")
        self.expect(self.dmjob("wait", "vol1"), 0, err="is done")

    def test_nobody_knows_it(self):
        self.expect(self.dmjob("wait", "nope"), 1, err="there is no job 'nope'")

    def test_complete_can_wait(self):
        self.daemon.add_job(status="ready")
        self.daemon.handlers["job-complete"] = lambda _: self.daemon.after(0.3, self.daemon.end, "vol1")
        self.expect(self.dmjob("complete", "vol1", "--wait"), 0, err="is done")


class Cancel(CliStory):
    def test_a_running_job_is_cancelled_and_gone_when_it_returns(self):
        self.daemon.add_job()
        self.daemon.handlers["block-job-cancel"] = lambda _: self.daemon.after(
            0.3, self.daemon.end, "vol1", "Operation canceled")
        self.expect(self.dmjob("cancel", "vol1"), 0, out="", err="is cancelled; /dev/sdb is not a usable copy")
        self.assertEqual(self.daemon.jobs, [])

    def test_a_ready_job_leaves_a_copy(self):
        self.daemon.add_job(status="ready")
        self.expect(self.dmjob("cancel", "vol1"), 0, out="", err="job 'vol1' is done")
        self.expect_asked(SOFT_CANCEL)

    def test_force_is_sent(self):
        self.daemon.add_job(status="ready")
        self.expect(self.dmjob("--quiet", "cancel", "vol1", "--force"), 0, out="")
        self.expect_asked(("block-job-cancel", {"device": "vol1", "force": True}))

    def test_async_does_not_wait(self):
        self.daemon.add_job()
        self.daemon.handlers["block-job-cancel"] = lambda _: None
        self.expect(self.dmjob("cancel", "vol1", "--async"), 0, out="")

    def test_a_hung_disk_ends_the_wait_and_not_the_cancellation(self):
        self.daemon.add_job()
        self.daemon.handlers["block-job-cancel"] = lambda _: self.daemon.set_status("vol1", "aborting")
        self.expect(self.dmjob("cancel", "vol1", "--timeout", "1"), 4, out="",
                    err="the time is over; the cancellation of job 'vol1' goes on")

    def test_a_paused_job_is_the_daemons_to_refuse(self):
        self.daemon.add_job()
        def refuse(_arguments):
            raise Refused("job 'vol1' is paused; use --force")
        self.daemon.handlers["block-job-cancel"] = refuse
        self.expect(self.dmjob("cancel", "vol1"), 1, out="", err="dmjob: job 'vol1' is paused; use --force")


class Watch(CliStory):
    def test_each_change_is_a_line(self):
        self.daemon.add_job()
        self.daemon.after(0.3, self.daemon.set_status, "vol1", "ready")
        self.daemon.after(0.6, self.daemon.end, "vol1")
        self.expect(self.dmjob("watch", "vol1"), 0, out="vol1 45.0% bulk\nvol1 100% ready\nvol1 100% done\n")

    def test_without_an_id_it_watches_all_and_tells_if_one_failed(self):
        self.daemon.add_job("a")
        self.daemon.add_job("b")
        self.daemon.after(0.5, self.daemon.end, "a", "Input/output error")
        self.daemon.after(0.7, self.daemon.end, "b")
        result = self.dmjob("watch")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(sorted(result.stdout.splitlines()), [
            "a 45.0% bulk", "a 45.0% failed: Input/output error", "b 100% done", "b 45.0% bulk"])

    def test_json_is_an_object_a_line(self):
        self.daemon.add_job()
        self.daemon.after(0.2, self.daemon.end, "vol1")
        lines = self.dmjob("--json", "watch", "vol1").stdout.splitlines()
        self.assertEqual([json.loads(line)["status"] for line in lines], ["running", "null"])

    def test_no_job_is_no_error(self):
        self.expect(self.dmjob("watch"), 0, out="", err="there is no job")


class CtrlC(CliStory):
    def interrupted(self, *words):
        process = self.start(*words)
        self.daemon.wait_for_look(0)
        time.sleep(0.7)
        process.send_signal(signal.SIGINT)
        return self.ended(process)

    def test_a_copy_goes_on(self):
        self.expect(self.interrupted(*COPY, "--pivot"), 4, out="vol1\n",
                    err="job 'vol1' goes on; `dmjob watch vol1` shows it, `dmjob cancel vol1` ends it")
        self.expect_asked(START_TO_PIVOT)

    def test_a_cancellation_goes_on(self):
        self.daemon.add_job()
        self.daemon.handlers["block-job-cancel"] = lambda _: None
        self.expect(self.interrupted("cancel", "vol1"), 4, err="the cancellation of job 'vol1' goes on")

    def test_it_is_heard_while_the_daemon_is_away(self):
        self.daemon.add_job()
        self.daemon.after(0.2, self.daemon.stop)
        self.expect(self.interrupted("wait", "vol1"), 4, err="goes on")

    def test_events_follow_ends_well(self):
        process = self.start("events", "--follow")
        self.daemon.add_job()
        self.assertEqual(json.loads(process.stdout.readline())["number"], 1)
        self.assertEqual(json.loads(process.stdout.readline())["number"], 2)
        self.daemon.set_status("vol1", "ready")
        self.assertEqual(json.loads(process.stdout.readline())["number"], 3)
        process.send_signal(signal.SIGINT)
        self.expect(self.ended(process), 0)


class Terminal(CliStory):
    def on_terminal(self, *words):
        """What a terminal of 60 columns shows of stderr."""
        shown = b""
        pid, terminal = pty.fork()
        if pid == 0:
            os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
            os.execv("/bin/sh", ["/bin/sh", "-c", 'stty cols 60; exec "$@"', "sh", *self.command(*words)])
        try:
            while chunk := os.read(terminal, 4096):
                shown += chunk
        except OSError:
            pass
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()

    def test_a_bar_is_drawn_and_taken_away(self):
        self.daemon.after(1, self.daemon.set_status, "vol1", "ready")
        status, shown = self.on_terminal(*COPY, "--wait")
        self.assertEqual(status, 0)
        self.assertRegex(shown, r"vol1 45\.0% \[=+> +\] bulk, 10/s, 55 s left\r\n")
        self.assertTrue(shown.rstrip().endswith("leaves it a copy"), shown)
        last_bar = shown.rindex("bulk")
        self.assertIn("\x1b[1A\r\x1b[J", shown[last_bar:])

    def test_not_more_than_ten_a_second_and_no_line_is_too_long(self):
        def storm():
            for _ in range(200):
                self.daemon.emit("JOB_STATUS_CHANGE", id="vol1", status="running")
                time.sleep(0.005)
        self.daemon.after(0.2, storm)
        self.daemon.after(2, self.daemon.set_status, "vol1", "ready")
        started = time.monotonic()
        _, shown = self.on_terminal(*COPY, "--wait")
        elapsed = time.monotonic() - started
        bars = re.findall(r"(vol1 .*)\r\n", shown)
        self.assertLess(len(bars), 10 * elapsed + 2)
        self.assertLess(max(len(bar) for bar in bars if "%" in bar), 60)

    def test_quiet_draws_nothing(self):
        self.daemon.after(0.5, self.daemon.set_status, "vol1", "ready")
        self.assertEqual(self.on_terminal("--quiet", *COPY, "--wait"), (0, ""))


if __name__ == "__main__":
    unittest.main()
