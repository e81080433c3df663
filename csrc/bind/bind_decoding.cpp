#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "kernels/decoding.h"
#include "ops/decoding.h"

namespace lamina {
namespace {

py::array cached_attention_forward_py(py::handle query, py::handle key, py::handle value, py::handle keys_,
                                      py::handle values_, py::handle length_, bool causal, dim_t window, double scale,
                                      py::handle slopes_, double soft_cap) {
  Call call("cached_attention");
  const View q = call.first(query, "query");
  check(q.ndim() == 4, "cached_attention: query must be (batch, time, heads, head size), got ", q.sizes());
  const dim_t B = q.dim(0), steps = q.dim(1), H = q.dim(2), D = q.dim(3);
  const View k = call.input(key, "key", {B, steps, kAny, D});
  const dim_t Hkv = k.dim(2);
  const View v = call.input(value, "value", {B, steps, Hkv, kAny});
  const dim_t Dv = v.dim(3);
  check(D > 0 && Dv > 0, "cached_attention: the head size is 0");
  check(Hkv > 0 && H % Hkv == 0, "cached_attention: query has ", H, " heads, key and value have ", Hkv,
        "; the first must be a multiple of the second");
  check(window >= 0, "cached_attention: window is ", window, ", expected 0 (no limit) or a number of steps");
  const View values = call.destination(values_, "values", {B, Hkv, kAny, Dv});
  const dim_t capacity = values.dim(2);
  const View keys = call.destination(keys_, "keys", {B, Hkv, (capacity + kKeyBlock - 1) / kKeyBlock, D, kKeyBlock});
  const View length = call.input(length_, "length", {1}, Dtype::i64);
  const auto slopes = call.optional(slopes_, "slopes", {H});
  check(soft_cap >= 0 && soft_cap < std::numeric_limits<double>::infinity(), "cached_attention: soft_cap is ", soft_cap,
        ", expected a positive number, or 0 for none");
  const Result out = call.result({B, steps, H, Dv});
  with_float(call.dtype(), call.op(), [&]<class T>(T) {
    const CachedAttention<T> a{.q = q.as<T>(),
                               .k = k.as<T>(),
                               .v = v.as<T>(),
                               .keys = keys.as<T>(),
                               .values = values.as<T>(),
                               .out = out.as<T>(),
                               .position = {.length = length.as<const std::int64_t>(), .capacity = capacity},
                               .B = B,
                               .steps = steps,
                               .H = H,
                               .Hkv = Hkv,
                               .D = D,
                               .Dv = Dv,
                               .causal = causal,
                               .window = window,
                               .scale = T(scale),
                               .soft_cap = T(soft_cap),
                               .slopes = data_or_null<const T>(slopes)};
    const double most = double(B * H * steps) * double(capacity);
    run<cached_attention<T>>("cached_attention", 2.0 * most * double(D + Dv), a);
  });
  return out;
}

void check_counts(const char* op, dim_t steps, dim_t capacity) {
  check(steps >= 0 && capacity >= 0, op, ": steps is ", steps, ", capacity ", capacity,
        "; expected no negative number");
}

void advance_cache_py(py::handle length_, dim_t steps, dim_t capacity) {
  Call call("advance_cache");
  const View length = call.destination(length_, "length", {1}, Dtype::i64);
  check_counts(call.op(), steps, capacity);
  run<advance_cache>("advance_cache", 1.0,
                     AdvanceCache{.length = length.as<std::int64_t>(), .capacity = capacity, .steps = steps});
}

py::array next_positions_py(py::handle length_, dim_t steps, dim_t capacity) {
  Call call("next_positions");
  const View length = call.input(length_, "length", {1}, Dtype::i64);
  check_counts(call.op(), steps, capacity);
  const Result out = call.result({steps}, Dtype::i64);
  const NextPositions a{.position = {.length = length.as<const std::int64_t>(), .capacity = capacity},
                        .out = out.as<std::int64_t>(),
                        .steps = steps};
  run<next_positions>("next_positions", double(steps), a);
  return out;
}

}  // namespace

void bind_decoding(py::module_& m) {
  define(m, "cached_attention_forward", cached_attention_forward_py,
         "query, key, value, keys, values, length, causal, window, scale, slopes, soft_cap",
         "Writes key and value behind the length[0] steps that keys (batch, heads, blocks, head size, 64) and values "
         "(batch, heads, capacity, head size) hold; gives softmax(scale query keys^T) values over all; window "
         "(0: no limit) counts the steps that a query sees, its own the last; slopes and soft_cap as in "
         "attention_forward.");
  define(m, "next_positions", next_positions_py, "length, steps, capacity",
         "length[0] + (0, 1 .. steps - 1), int64; the last one is below capacity.");
  define(m, "advance_cache", advance_cache_py, "length, steps, capacity", "length[0] += steps, up to capacity.");
}

}  // namespace lamina
