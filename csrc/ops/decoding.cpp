#include "ops/decoding.h"

#include <algorithm>
#include <limits>

#include "core/check.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/attention.h"
#include "ops/panels.h"

namespace lamina {
namespace {

template <class T>
struct Cache {
  const CachedAttention<T>& a;
  dim_t blocks = (a.position.capacity + kKeyBlock - 1) / kKeyBlock;

  T* keys(dim_t b, dim_t head) const { return a.keys + (b * a.Hkv + head) * blocks * a.D * kKeyBlock; }
  T* values(dim_t b, dim_t head) const { return a.values + (b * a.Hkv + head) * a.position.capacity * a.Dv; }

  void append(dim_t from) const {
    for (dim_t b = 0; b < a.B; b++)
      for (dim_t t = 0; t < a.steps; t++)
        for (dim_t head = 0; head < a.Hkv; head++) {
          const dim_t row = (b * a.steps + t) * a.Hkv + head, at = from + t;
          T* k = keys(b, head) + at / kKeyBlock * a.D * kKeyBlock + at % kKeyBlock;
          for (dim_t d = 0; d < a.D; d++) k[d * kKeyBlock] = a.k[row * a.D + d];
          std::copy_n(a.v + row * a.Dv, a.Dv, values(b, head) + at * a.Dv);
        }
  }
};

template <class T>
HeadArray<const T> rows(const T* p, dim_t steps, dim_t heads, dim_t size) {
  return {.p = p, .batch = steps * heads * size, .time = heads * size, .head = size};
}

// The first steps see nothing but each other: attention by blocks.
template <class T>
void attend_at_start(const CachedAttention<T>& a) {
  Scratch<T> lse(a.B * a.H * a.steps);
  AttentionForward<T> f{};
  f.in.q = rows(a.q, a.steps, a.H, a.D);
  f.in.k = rows(a.k, a.steps, a.Hkv, a.D);
  f.in.v = rows(a.v, a.steps, a.Hkv, a.Dv);
  f.in.B = a.B, f.in.Tq = f.in.Tk = a.steps, f.in.H = a.H, f.in.Hkv = a.Hkv, f.in.D = a.D, f.in.Dv = a.Dv;
  f.in.causal = a.causal ? Causal::top_left : Causal::none;
  f.in.scale = a.scale, f.in.soft_cap = a.soft_cap, f.in.slopes = a.slopes;
  f.out = a.out, f.lse = lse;
  attention_forward(f);
}

}  // namespace

dim_t CachePosition::before(dim_t T) const {
  const dim_t n = *length;
  check(n >= 0 && n <= capacity - T, "the key-value cache is full: it keeps ", n, " steps, ", T,
        " more come, and its capacity is ", capacity, "; make one of a larger capacity, or reset() it");
  return n;
}

template <class T>
void cached_attention(const CachedAttention<T>& a) {
  const dim_t before = a.position.before(a.steps), after = before + a.steps;
  const Cache<T> cache{a};
  cache.append(before);
  if (before == 0 && a.steps > 1 && a.window == 0) {
    attend_at_start(a);
  } else {
    struct Worker {
      Scratch<T> s;
    };
    parallel_workers(
        a.B * a.H * a.steps,
        a.B * a.H * a.steps * after * (a.D + a.Dv) > 4 * kGrain,  // each is read once, at the memory's rate
        [&] { return Worker{Scratch<T>((after + kKeyBlock - 1) / kKeyBlock * kKeyBlock)}; },
        [&](Worker& w, dim_t task) {
          const dim_t t = task % a.steps, h = task / a.steps % a.H, b = task / a.steps / a.H;
          const dim_t head = h / (a.H / a.Hkv), row = (b * a.steps + t) * a.H + h;
          const dim_t own = before + t, n = a.causal ? own + 1 : after;
          const dim_t first = a.window ? std::max<dim_t>(0, own + 1 - a.window) : 0;
          kernels<T>().decoding.attend(first, n, a.D, a.Dv, a.q + row * a.D, cache.keys(b, head), cache.values(b, head),
                                       a.scale, a.soft_cap, a.slopes ? a.slopes[h] : T(0), own, w.s,
                                       a.out + row * a.Dv);
        });
  }
}

void next_positions(const NextPositions& a) {
  const dim_t before = a.position.before(a.steps);
  for (dim_t t = 0; t < a.steps; t++) a.out[t] = before + t;
}

void advance_cache(const AdvanceCache& a) {
  *a.length = CachePosition{.length = a.length, .capacity = a.capacity}.before(a.steps) + a.steps;
}

LAMINA_FOR_FLOATS(cached_attention, CachedAttention);

}  // namespace lamina
