// Arrays on their way between threads that compute and the one that sends them to other processes; meetings of these.
#include <pybind11/numpy.h>

#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "core/meeting.h"
#include "plan/exchange.h"

namespace lamina {
namespace {

constexpr const char* kExchange = "Exchange";
constexpr dim_t kMost = 3600000;  // milliseconds

Exchange& exchange_of(py::handle h, const char* op) {
  keep_for_plan(py::reinterpret_borrow<py::object>(h));
  return to_bound<Exchange>(h, op, "exchange");
}

void exchange_post_py(py::handle exchange, int tag, int shard, py::handle from_, py::handle to_) {
  constexpr const char* op = "exchange_post";
  ExchangePost a{.exchange = &exchange_of(exchange, op), .post = {tag, shard, nullptr, nullptr, 0, Dtype::f32}};
  Call call(op);
  if (!from_.is_none()) {
    const View from = call.first(from_, "source");
    with_float(from.dtype(), op, [](auto) {});
    const View to = call.destination(to_, "destination", from.sizes());
    a.post = {tag, shard, from.data(), to.data(), from.size(), from.dtype()};
  } else {
    check(to_.is_none(), op, ": there is a destination, but nothing to send");
  }
  run<exchange_post>("exchange_post", 0, a);
}

void exchange_wait_py(py::handle exchange, int tag, int shard) {
  const ExchangeWait a{.exchange = &exchange_of(exchange, "exchange_wait"), .tag = tag, .shard = shard};
  const ReleaseGil release;  // however long it takes: who finishes it may need Python
  submit<exchange_wait>("exchange_wait", a);
}

// Memory that whoever posted it keeps until finish().
py::array seen_as_array(void* data, dim_t size, Dtype dtype) {
  const auto make = [&]<class T>(T*) {
    return py::array_t<T>({size}, {dim_t(sizeof(T))}, static_cast<T*>(data), py::none());
  };
  return dtype == Dtype::f32 ? py::array(make(static_cast<float*>(nullptr)))
                             : py::array(make(static_cast<double*>(nullptr)));
}

py::object take_py(Exchange& exchange, dim_t milliseconds) {
  check(milliseconds >= 0 && milliseconds <= kMost, kExchange, ".take: expected at most an hour, got ", milliseconds,
        " ms");
  std::optional<Post> post;
  {
    const ReleaseGil release;
    post = exchange.take(std::chrono::milliseconds(milliseconds));
  }
  if (!post) return py::none();
  if (!post->from) return py::make_tuple(post->tag, post->shard, py::none(), py::none());
  return py::make_tuple(post->tag, post->shard, seen_as_array(post->from, post->size, post->dtype),
                        seen_as_array(post->to, post->size, post->dtype));
}

void finish_py(Exchange& exchange, int tag, int shard) { exchange.finish(tag, shard); }
void fail_py(Exchange& exchange, const std::string& why) { exchange.fail(why); }

bool meet_py(py::handle counters_, dim_t rank, dim_t number, dim_t milliseconds, bool busily) {
  constexpr const char* op = "meet";
  Call call(op);
  const View counters = call.first_destination(counters_, "counters");
  expect(counters, op, "counters", {kAny, kCountersALine}, Dtype::i64);
  check(rank >= 0 && rank < counters.dim(0), op, ": expected a rank below ", counters.dim(0), ", got ", rank);
  check(milliseconds >= 0 && milliseconds <= kMost, op, ": expected at most an hour, got ", milliseconds, " ms");
  const ReleaseGil release;
  return meet(counters.as<std::int64_t>(), counters.dim(0), rank, number, std::chrono::milliseconds(milliseconds),
              busily);
}

}  // namespace

void bind_exchange(py::module_& m) {
  py::class_<Exchange> exchange(m, kExchange, "Where shards of a batch leave arrays for the thread that sends them.");
  exchange.def(py::init<>());
  define(exchange, "take", take_py, "milliseconds",
         "(tag, shard, source, destination) of the next post, arrays or None; None if none comes in time.");
  define(exchange, "finish", finish_py, "tag, shard", "What this shard posted under the tag has its result.");
  define(exchange, "fail", fail_py, "why", "Whoever waits, now or later, gets a RuntimeError.");
  define(m, "exchange_post", exchange_post_py, "exchange, tag, shard, source, destination",
         "Leave an array whose exchanged values go to another; or None and None, known by the tag.");
  define(m, "exchange_wait", exchange_wait_py, "exchange, tag, shard",
         "Wait until all that the shard posted under the tag has its result.");
  define(
      m, "meet", meet_py, "counters, rank, number, milliseconds, busily",
      "Write the number at this rank's place in counters (ranks, 8), int64, which other processes see, and wait until "
      "none is lower; False if that takes longer.");
}

}  // namespace lamina
