// Work on several threads whose results come out in order.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace hylo::tasks::ruler {

/// Calls make(0) to make(count - 1) on `num_threads` threads of its own and `on_result(result)` in
/// the calling thread, in order. Results wait for their turn, at most a few per thread. The first
/// exception, of either, ends the work and is thrown here.
template <class T>
class OrderedMap {
 public:
  using Make = std::function<T(int64_t)>;
  using OnResult = std::function<void(T)>;

  OrderedMap(int64_t count, int num_threads, Make make)
      : count_(count), num_threads_(num_threads), make_(std::move(make)) {}

  void run(const OnResult& on_result) {
    if (num_threads_ <= 1) {
      for (int64_t i = 0; i < count_; ++i) on_result(make_(i));
      return;
    }
    std::vector<std::jthread> threads;
    for (int t = 0; t < num_threads_; ++t) threads.emplace_back([this] { work(); });
    try {
      for (int64_t i = 0; i < count_; ++i) on_result(take(i));
    } catch (...) {
      stop(std::current_exception());
    }
    threads.clear();  // joins
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void work() {
    while (true) {
      std::unique_lock lock(mutex_);
      const int64_t ahead = 2 * static_cast<int64_t>(num_threads_);
      changed_.wait(lock, [&] { return failure_ || next_ >= count_ || next_ < taken_ + ahead; });
      if (failure_ || next_ >= count_) return;
      const int64_t i = next_++;
      lock.unlock();
      try {
        auto made = make_(i);
        lock.lock();
        waiting_.emplace(i, std::move(made));
        changed_.notify_all();
      } catch (...) {
        stop(std::current_exception());
        return;
      }
    }
  }

  T take(int64_t i) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failure_ || waiting_.contains(i); });
    if (failure_) std::rethrow_exception(failure_);
    auto result = std::move(waiting_.extract(i).mapped());
    taken_ = i + 1;
    changed_.notify_all();
    return result;
  }

  void stop(std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
    changed_.notify_all();
  }

  int64_t count_;
  int num_threads_;
  Make make_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int64_t, T> waiting_;
  int64_t next_ = 0, taken_ = 0;
  std::exception_ptr failure_;
};

}  // namespace hylo::tasks::ruler
