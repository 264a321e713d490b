# SPDX-License-Identifier: LGPL-2.1-or-later
"""clang's thread-safety analysis, with the options of our build, sees who touches what is guarded without the mutex."""
import os
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COUNTER = '''
#include "threads/mutex.h"
class Counter {
 public:
  %s
 private:
  int get() const DMJOB_REQUIRES(mutex_) { return count_; }
  mutable dmjob::threads::Mutex mutex_;
  std::condition_variable changed_;
  int count_ DMJOB_GUARDED_BY(mutex_) = 0;
};
'''
LOCK = 'const dmjob::threads::Lock lock(mutex_); '


def options():
    with open(os.path.join(ROOT, 'cmake/DmjobOptions.cmake'), encoding='utf-8') as file:
        return ['-Wthread-safety', '-Werror'] if '-Wthread-safety' in file.read() else []


def errors_of(member):
    command = ['clang++-19', '-std=c++20', '-fsyntax-only', *options(), '-I', ROOT, '-x', 'c++', '-']
    return subprocess.run(command, input=COUNTER % member, capture_output=True, text=True).stderr


class ThreadSafetyTest(unittest.TestCase):
    def test_with_the_mutex_held(self):
        self.assertEqual(errors_of('void add() { ' + LOCK + '++count_; }'), '')
        self.assertEqual(errors_of('int count() const { ' + LOCK + 'return get(); }'), '')
        self.assertEqual(errors_of('void wait() { dmjob::threads::Lock lock(mutex_); '
                                   'while (count_ == 0) lock.wait(changed_); }'), '')

    def test_a_member_touched_without_its_mutex(self):
        self.assertIn("writing variable 'count_' requires holding mutex 'mutex_'", errors_of('void add() { ++count_; }'))

    def test_a_member_touched_after_the_mutex_was_let_go(self):
        self.assertIn("requires holding mutex 'mutex_'",
                      errors_of('void add() { dmjob::threads::Lock lock(mutex_); lock.unlock(); ++count_; }'))

    def test_a_call_that_requires_the_mutex_without_it(self):
        self.assertIn("calling function 'get' requires holding mutex", errors_of('int count() const { return get(); }'))

    def test_a_mutex_taken_twice(self):
        self.assertIn("acquiring mutex 'mutex_' that is already held",
                      errors_of('void add() { ' + LOCK + 'const dmjob::threads::Lock again(mutex_); }'))


if __name__ == '__main__':
    unittest.main()
