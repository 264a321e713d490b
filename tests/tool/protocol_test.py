# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is easily missed about QEMU's job commands, asked of the real daemon: jobs that copy files to files."""
import os
import unittest

from daemon_story import DaemonStory


class ProtocolTest(DaemonStory):
    def setUp(self):
        super().setUp()
        self.start_daemon()
        self.make_disks('source', 'target', 'other')
        self.qmp = self.client()

    def start(self, **more):
        """The answer to a copy of the source to the target, as the job j."""
        arguments = dict(device=self.path('source'), target=self.path('target'), sync='full', job_id='j', force=True)
        return self.qmp.ask('blockdev-mirror', **{**arguments, **more})

    def start_slowly(self):
        self.assertEqual(self.start(speed=1), {'return': {}})

    def start_and_keep(self):
        """Until it is concluded and waits for its dismissal."""
        self.assertEqual(self.start(auto_dismiss=False), {'return': {}})
        self.qmp.wait_status('j', 'concluded')

    def expect_error(self, answer, text, error_class='GenericError'):
        self.assertEqual(answer['error']['class'], error_class)
        self.assertIn(text, answer['error']['desc'])

    def expect_no_event(self):
        self.assertEqual(self.qmp.ask('query-events', since=0), {'return': []})

    def jobs(self, query='query-jobs', member='id'):
        return [job[member] for job in self.qmp.ask(query)['return']]

    # What is refused, and when.

    def test_an_unknown_device_is_a_generic_error(self):
        self.expect_error(self.start(device='nowhere'), "volume 'nowhere'")
        self.expect_error(self.start(device='/nowhere'), 'source /nowhere')
        self.expect_no_event()

    def test_a_negative_speed_is_found_after_the_job_was_made_and_its_id_is_free_again(self):
        self.expect_error(self.start(speed=-1), 'expects a non-negative value')
        self.assertEqual(self.qmp.statuses('j'), ['created', 'null'])
        self.assertEqual(self.jobs(), [])
        self.assertEqual(self.start(), {'return': {}})

    def test_a_wrong_type_is_found_before(self):
        for speed in ['1', 1.5, True, None, [1]]:
            self.expect_error(self.start(speed=speed), "Invalid parameter type for 'speed'")
        self.expect_no_event()

    def test_ids_that_are_none_are_refused_before_the_job_is_made(self):
        for job_id in ['', '1st', '-a', 'a b', 'a/b', '\u00e4', 'a\u0000']:
            self.expect_error(self.start(job_id=job_id), 'id')
        self.expect_no_event()

    def test_the_id_is_by_default_the_name_of_the_file(self):
        self.qmp.ask('blockdev-mirror', device=self.path('source'), target=self.path('target'), sync='full')
        self.qmp.wait_status('source', 'null')

    def test_the_families_differ_in_the_class_for_an_unknown_job(self):
        for verb in ['pause', 'resume', 'cancel', 'complete', 'finalize', 'dismiss']:
            name = 'id' if verb in ('finalize', 'dismiss') else 'device'
            self.expect_error(self.qmp.ask(f'job-{verb}', id='nobody'), 'Job not found')
            self.expect_error(self.qmp.ask(f'block-job-{verb}', **{name: 'nobody'}), 'nobody', 'DeviceNotActive')
        self.expect_error(self.qmp.ask('block-job-set-speed', device='nobody', speed=-1), 'nobody', 'DeviceNotActive')

    # What is busy, and until when.

    def test_source_and_target_are_busy_for_others(self):
        self.start_slowly()
        one, two, other = self.path('source'), self.path('target'), self.path('other')
        self.expect_error(self.start(job_id='k', device=one, target=other), "is in use by job 'j'")
        self.expect_error(self.start(job_id='k', device=two, target=other), "is in use by job 'j'")
        self.make_disks('more')
        self.expect_error(self.start(job_id='k', device=self.path('more'), target=one), "is in use by job 'j'")
        self.expect_error(self.start(job_id='k', device=self.path('more'), target=two), "is in use by job 'j'")

    def test_an_id_is_taken_while_the_job_is_concluded_but_nothing_else_is(self):
        self.start_and_keep()
        self.expect_error(self.start(), "Job ID 'j' already in use")
        self.assertEqual(self.start(job_id='k'), {'return': {}})

    def test_at_null_all_can_be_used_at_once(self):
        for _ in range(5):
            self.qmp.events.clear()
            self.assertEqual(self.start(), {'return': {}})
            self.qmp.wait_status('j', 'null')

    # What is told.

    def test_a_job_that_is_kept_is_listed_until_it_is_dismissed(self):
        self.start_and_keep()
        self.start(job_id='k', speed=1)
        self.assertEqual(self.jobs(), ['k', 'j'])
        self.assertEqual(self.jobs('query-block-jobs', 'device'), ['k', 'j'])
        self.assertEqual(self.jobs('query-block-jobs', 'status'), ['running', 'concluded'])
        self.assertEqual(self.jobs('query-block-jobs', 'ready'), [False, False])
        self.qmp.ask('job-dismiss', id='j')
        self.assertEqual(self.jobs(), ['k'])

    def test_null_is_told_before_the_answer_to_dismiss(self):
        self.start_and_keep()
        self.assertEqual(self.qmp.ask('job-dismiss', id='j'), {'return': {}})
        self.assertEqual(self.qmp.statuses('j')[-1], 'null')

    def test_at_a_byte_a_second_pause_and_cancel_do_not_wait(self):
        self.start_slowly()
        self.qmp.ask('job-pause', id='j')
        self.qmp.wait_status('j', 'paused')
        self.qmp.ask('job-resume', id='j')
        self.qmp.ask('block-job-cancel', device='j')
        self.qmp.wait_status('j', 'null')
        self.assertEqual(self.qmp.statuses('j'),
                         ['created', 'running', 'paused', 'running', 'aborting', 'concluded', 'null'])

    def test_a_raise_of_the_speed_wakes_a_job(self):
        self.start_slowly()
        self.qmp.ask('block-job-set-speed', device='j', speed=0)
        self.qmp.wait_status('j', 'null')
        self.assertEqual(os.path.getsize(self.path('target')), os.path.getsize(self.path('source')))


if __name__ == '__main__':
    unittest.main(verbosity=2)
