// Scaled dot-product attention by blocks of queries and keys (Dao et al., "FlashAttention", 2022; loops as in Dao,
// "FlashAttention-2", 2023): nothing of size Tq x Tk is stored, backward computes the scores again.
#pragma once
#include "core/types.h"

namespace lamina {

// none, or query i sees key j if j <= i (top_left), j <= i + Tk - Tq (bottom_right).
enum class Causal : int { none, top_left, bottom_right };

// An array (B, T, H, D) whose last axis is contiguous: element (b, t, h, d) is p[b * batch + t * time + h * head + d].
template <class T>
struct HeadArray {
  T* p;
  dim_t batch, time, head;
  T* at(dim_t b, dim_t t, dim_t h) const { return p + b * batch + t * time + h * head; }
};

// What forward and backward share. Query head h uses key and value head h / (H / Hkv). `shift` is Tk - Tq under the
// causal mask at the bottom right, else 0: as if the last query stood beside the last key.
template <class T>
struct AttentionInputs {
  HeadArray<const T> q, k, v;  // (B, Tq, H, D), (B, Tk, Hkv, D), (B, Tk, Hkv, Dv)
  dim_t B, Tq, Tk, H, Hkv, D, Dv;
  const bool* mask;  // (B, H, Tq, Tk) by these steps, 0 where it is broadcast; true: counts. Or null
  dim_t mask_step[4];
  const T* bias;  // likewise, added to the scaled scores; -inf excludes
  dim_t bias_step[4];
  T soft_cap;           // the scaled scores s become soft_cap * tanh(s / soft_cap), before all else; 0: they stay
  const T* slopes;      // (H): the score of query i and key j is less by slopes[h] * |i + shift - j|. Or null
  const void* lengths;  // keys of each sequence, int32 or int64; those beyond are not read. Or null
  bool wide_lengths;
  Causal causal;
  T scale;
  double dropout;  // rate on the weights; the others grow by 1 / (1 - rate)
};

// out (B, Tq, H, Dv), lse (B, H, Tq): log of each row's sum of exponentials. A row that sees no key gives 0 and -inf.
// With dropout `state` [key, counter] is read and its counter advanced; `used` keeps what was read and the place of the
// first row of the batch: of a shard of a larger one that is first[0], its first sample, times the rows of a sample.
template <class T>
struct AttentionForward {
  AttentionInputs<T> in;
  T *out, *lse;
  std::uint64_t *state, *used;
  const std::uint64_t* first;  // or null
  dim_t per_sample;
};
template <class T>
void attention_forward(const AttentionForward<T>& a);

// dq, dk, dv as q, k, v but contiguous; dbias of size bias_size, contiguous: summed over the axes of size 1.
template <class T>
struct AttentionBackward {
  AttentionInputs<T> in;
  const T *out, *lse, *dout;
  const std::uint64_t* used;
  Gradient<T> dq, dk, dv, dbias;
  dim_t bias_size[4];
};
template <class T>
void attention_backward(const AttentionBackward<T>& a);

// The weights themselves, (B, H, Tq, Tk), computed from forward's lse for callers that ask for them. v, Dv and dropout
// are not used.
template <class T>
struct AttentionWeights {
  AttentionInputs<T> in;
  const T* lse;
  T* weights;
};
template <class T>
void attention_weights_forward(const AttentionWeights<T>& a);

// ds = weights * (dweights - sum of weights * dweights over keys), times the slope of the soft cap;
// dq = scale * ds . k,  dk = scale * ds^T . q.
template <class T>
struct AttentionWeightsBackward {
  AttentionInputs<T> in;
  const T *weights, *dweights;
  Gradient<T> dq, dk;
};
template <class T>
void attention_weights_backward(const AttentionWeightsBackward<T>& a);

}  // namespace lamina
