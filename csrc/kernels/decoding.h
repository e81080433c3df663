// Decoding: the attention of one query to the keys and values that a cache keeps.
#pragma once
#include "core/types.h"

namespace lamina {

// Keys stand in blocks, key j's feature d at (j / kKeyBlock * D + d) * kKeyBlock + j % kKeyBlock: a register holds one
// feature of as many keys, so that dots need no sum across lanes, and a pass over the keys is one stream.
constexpr dim_t kKeyBlock = 64;

template <class T>
struct DecodingKernels {
  // out (Dv) = softmax(s) . values over the keys from `first` up to, without, n, with s = scale * q . keys; then, where
  // cap is not 0, s = cap * tanh(s / cap); and s -= slope * |own - j| of key j.
  //   keys in blocks, values rows of Dv;  s: scratch of n numbers, rounded up to whole blocks
  void (*attend)(dim_t first, dim_t n, dim_t D, dim_t Dv, const T* q, const T* keys, const T* values, T scale, T cap,
                 T slope, dim_t own, T* s, T* out);
};

}  // namespace lamina
