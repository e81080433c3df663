// Where shards of a batch, each on a thread of its own, meet the thread that exchanges arrays with other processes.
//
//   shard 0   post(t, 0) ----+                              +---> wait(t, 0) returns
//   shard 1   post(t, 1) ----+--> take() take() ... finish(t, 0) finish(t, 1)
//                                 (the thread that owns the communication)
//
// Posting and waiting are steps of plans, so that a captured step goes on computing while its arrays are under way.
#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/dtype.h"
#include "core/types.h"

namespace lamina {

// What a shard leaves: an array to send and where the result goes, or null pointers for what is known by its tag.
struct Post {
  int tag, shard;
  void *from, *to;
  dim_t size;
  Dtype dtype;
};

class Exchange {
 public:
  void post(const Post& p);
  // Until all that this shard posted under this tag is finished; std::runtime_error once fail() was called.
  void wait(int tag, int shard);

  // The next post in order; nothing if none comes in time.
  std::optional<Post> take(std::chrono::milliseconds most);
  void finish(int tag, int shard);
  void fail(const std::string& why);  // whoever waits, or will, throws

 private:
  struct Count {
    dim_t posted = 0, finished = 0;
  };
  std::mutex mutex_;
  std::condition_variable posted_, finished_;
  std::deque<Post> posts_;
  std::map<std::pair<int, int>, Count> counts_;  // by tag and shard
  std::optional<std::string> failure_;
};

struct ExchangePost {
  Exchange* exchange;
  Post post;
};
void exchange_post(const ExchangePost& a);

struct ExchangeWait {
  Exchange* exchange;
  int tag, shard;
};
void exchange_wait(const ExchangeWait& a);

}  // namespace lamina
