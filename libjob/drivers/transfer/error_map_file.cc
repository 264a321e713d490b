// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/transfer/error_map_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>

#include "libjob/io/fd.h"
#include "threads/mutex.h"

namespace dmjob::drivers {
namespace {

void write_aside(const std::string& path, const std::string& text) {
  unlink(path.c_str());  // a daemon that was killed may have left it
  const io::Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd) io::throw_last_error(path);
  io::write_all(fd.get(), text, path);
  if (fsync(fd.get()) != 0) io::throw_last_error(path);
}

// Durable when it returns. Else what was there before is still whole.
void replace(const std::string& path, const std::string& aside, const std::string& text) {
  try {
    write_aside(aside, text);
    if (std::rename(aside.c_str(), path.c_str()) != 0) io::throw_last_error(path);
  } catch (...) {
    unlink(aside.c_str());
    throw;
  }
  const std::string folder = std::filesystem::path(path).parent_path();
  const io::Fd at(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!at || fsync(at.get()) != 0) io::throw_last_error(folder);
}

std::string try_replace(const std::string& path, const std::string& aside,
                        const std::string& text) {
  try {
    replace(path, aside, text);
  } catch (const std::system_error& error) {
    return error.code().message();
  }
  return "";
}

}  // namespace

struct ErrorMapFile::Shared {
  const std::string path;
  const std::string aside;

  threads::Mutex mutex{};
  std::condition_variable idle{};
  std::optional<std::string> next DMJOB_GUARDED_BY(mutex){};
  bool running DMJOB_GUARDED_BY(mutex) = false;
  std::string fault DMJOB_GUARDED_BY(mutex){};
};

ErrorMapFile::ErrorMapFile(const std::string& path, const std::string& unique)
    : shared_(new Shared{path, path + "." + unique + ".new"}) {}

bool ErrorMapFile::wanted() const { return !shared_->path.empty(); }

void ErrorMapFile::write(std::string text) {
  const threads::Lock lock(shared_->mutex);
  shared_->next = std::move(text);
  if (shared_->running) return;
  try {
    std::thread([shared = shared_] { run(shared); }).detach();
    shared_->running = true;
  } catch (const std::system_error& error) {  // no thread to be had
    shared_->fault = error.code().message();
  }
}

// Until there is nothing more to write.
void ErrorMapFile::run(const std::shared_ptr<Shared>& shared) {
  threads::Lock lock(shared->mutex);
  while (shared->next) {
    const std::string text = std::move(*shared->next);
    shared->next.reset();
    lock.unlock();
    std::string fault = try_replace(shared->path, shared->aside, text);
    lock.lock();
    shared->fault = std::move(fault);
  }
  shared->running = false;
  shared->idle.notify_all();
}

void ErrorMapFile::finish(core::Duration patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  threads::Lock lock(shared_->mutex);
  while (shared_->running && lock.wait_until(shared_->idle, end)) continue;
  if (shared_->running) shared_->fault = "its file system does not answer";
}

std::string ErrorMapFile::fault() const {
  const threads::Lock lock(shared_->mutex);
  return shared_->fault;
}

}  // namespace dmjob::drivers
