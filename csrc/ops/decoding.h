// Attention step by step: the keys and values of the steps before stand in a cache, to which each call appends. How
// many steps that is changes once all layers have appended theirs.
#pragma once
#include <cstdint>

#include "core/types.h"

namespace lamina {

// How many steps a cache keeps, checked against its capacity before T more come.
struct CachePosition {
  const std::int64_t* length;
  dim_t capacity;
  dim_t before(dim_t T) const;
};

// k and v are written behind the *length steps that are kept; out is the attention of q to all of them.
//   q (B, T, H, D), k (B, T, Hkv, D), v (B, T, Hkv, Dv), out (B, T, H, Dv)
//   keys (B, Hkv, ceil(capacity / kKeyBlock), D, kKeyBlock), values (B, Hkv, capacity, Dv)
template <class T>
struct CachedAttention {
  const T *q, *k, *v;
  T *keys, *values, *out;
  CachePosition position;
  dim_t B, steps, H, Hkv, D, Dv;
  bool causal;        // step t sees what was kept and steps up to t, else all new steps too
  dim_t window;       // only so many steps up to its own; 0: no limit
  T scale, soft_cap;  // of the scores, as in AttentionInputs
  const T* slopes;    // (H), or null
};
template <class T>
void cached_attention(const CachedAttention<T>& a);

// out[t] = *length + t.
struct NextPositions {
  CachePosition position;
  std::int64_t* out;
  dim_t steps;
};
void next_positions(const NextPositions& a);

// *length += steps.
struct AdvanceCache {
  std::int64_t* length;
  dim_t capacity, steps;
};
void advance_cache(const AdvanceCache& a);

}  // namespace lamina
