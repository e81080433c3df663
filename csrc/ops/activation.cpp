#include "ops/activation.h"

#include <algorithm>
#include <cstring>

#include "core/cpu.h"
#include "core/parallel.h"
#include "kernels/table.h"

namespace lamina {

int find_activation(const char* name) {
  const auto& k = kernels<float>().activation;
  for (int i = 0; i < k.count; i++)
    if (std::strcmp(name, k.entries[i].name) == 0) return i;
  return -1;
}

namespace {
// Ranges that begin at a register's boundary.
template <class F>
void each_range(dim_t n, F&& f) {
  constexpr dim_t kBlock = 64;
  parallel_for((n + kBlock - 1) / kBlock, kGrain / 2 / kBlock,
               [&](dim_t begin, dim_t end) { f(begin * kBlock, std::min(n, end * kBlock) - begin * kBlock); });
}
}  // namespace

template <class T>
void activation_forward(const ActivationForward<T>& a) {
  const auto& f = kernels<T>().activation.entries[a.entry];
  const bool stream = past_caches(a.n * dim_t(sizeof(T)));
  each_range(a.n, [&](dim_t i, dim_t n) {
    a.slope ? f.forward_and_slope(n, a.x + i, a.y + i, a.slope + i, a.parameter, stream)
            : f.forward(n, a.x + i, a.y + i, a.parameter, stream);
  });
}

template <class T>
void activation_backward(const ActivationBackward<T>& a) {
  if (!a.dx.wanted()) return;
  const auto& f = kernels<T>().activation.entries[a.entry];
  const bool accumulate = a.dx.adds(), stream = past_caches(a.n * dim_t(sizeof(T)));
  each_range(a.n,
             [&](dim_t i, dim_t n) { f.backward(n, a.v + i, a.dy + i, a.dx + i, a.parameter, accumulate, stream); });
}

template <class T>
void slope_backward(const SlopeBackward<T>& a) {
  if (!a.dx.wanted()) return;
  const bool accumulate = a.dx.adds(), stream = past_caches(a.n * dim_t(sizeof(T)));
  each_range(a.n, [&](dim_t i, dim_t n) {
    kernels<T>().activation.from_slope(n, a.slope + i, a.dy + i, a.dx + i, accumulate, stream);
  });
}

namespace {
dim_t rows_per_thread(dim_t C) { return std::max<dim_t>(1, kGrain / 4 / std::max<dim_t>(C, 1)); }
}  // namespace

template <class T>
void softmax_forward(const SoftmaxForward<T>& a) {
  const auto& k = kernels<T>().activation;
  const auto f = a.log ? k.log_softmax : k.softmax;
  if (a.C == 0) return;  // there may be more rows without elements than one can count to
  parallel_for(a.rows, rows_per_thread(a.C),
               [&](dim_t begin, dim_t end) { f(end - begin, a.C, a.x + begin * a.C, a.y + begin * a.C); });
}

template <class T>
void softmax_backward(const SoftmaxBackward<T>& a) {
  if (!a.dx.wanted() || a.C == 0) return;
  const auto& k = kernels<T>().activation;
  const auto f = a.log ? k.log_softmax_gradient : k.softmax_gradient;
  parallel_for(a.rows, rows_per_thread(a.C), [&](dim_t begin, dim_t end) {
    const dim_t at = begin * a.C;
    f(end - begin, a.C, a.y + at, a.dy + at, a.dx + at, a.dx.adds());
  });
}

LAMINA_FOR_FLOATS(activation_forward, ActivationForward);
LAMINA_FOR_FLOATS(activation_backward, ActivationBackward);
LAMINA_FOR_FLOATS(slope_backward, SlopeBackward);
LAMINA_FOR_FLOATS(softmax_forward, SoftmaxForward);
LAMINA_FOR_FLOATS(softmax_backward, SoftmaxBackward);

}  // namespace lamina
