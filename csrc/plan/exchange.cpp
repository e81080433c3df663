#include "plan/exchange.h"

#include <stdexcept>

namespace lamina {

void Exchange::post(const Post& p) {
  const std::lock_guard lock(mutex_);
  counts_[{p.tag, p.shard}].posted++;
  posts_.push_back(p);
  posted_.notify_one();
}

void Exchange::wait(int tag, int shard) {
  std::unique_lock lock(mutex_);
  const Count& count = counts_[{tag, shard}];
  finished_.wait(lock, [&] { return failure_ || count.finished == count.posted; });
  if (failure_) throw std::runtime_error(*failure_);
}

std::optional<Post> Exchange::take(std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  if (!posted_.wait_for(lock, most, [&] { return !posts_.empty(); })) return std::nullopt;
  const Post first = posts_.front();
  posts_.pop_front();
  return first;
}

void Exchange::finish(int tag, int shard) {
  const std::lock_guard lock(mutex_);
  counts_[{tag, shard}].finished++;
  finished_.notify_all();
}

void Exchange::fail(const std::string& why) {
  const std::lock_guard lock(mutex_);
  failure_ = why;
  finished_.notify_all();
}

void exchange_post(const ExchangePost& a) { a.exchange->post(a.post); }
void exchange_wait(const ExchangeWait& a) { a.exchange->wait(a.tag, a.shard); }

}  // namespace lamina
