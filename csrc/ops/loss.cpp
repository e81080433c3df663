#include "ops/loss.h"

#include <algorithm>

#include "core/check.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"

namespace lamina {
namespace {

constexpr dim_t kChunk = 4096;  // elements that one partial sum takes; the partial sums are added in double, in order

dim_t rows_worth_a_thread(dim_t C, dim_t weight) { return kGrain / std::max<dim_t>(1, C * weight) + 1; }

template <class T>
T mean_of(const T* x, dim_t n, double count) {
  double sum = 0;
  for (dim_t i = 0; i < n; i++) sum += double(x[i]);
  return T(sum / count);
}

}  // namespace

template <class T>
void cross_entropy_forward(const CrossEntropy<T>& a) {
  if (!a.targets) {
    const dim_t place = first_outside(a.labels, a.C);
    if (place >= 0) check(false, "cross_entropy: ", describe_outside(a.labels, place, a.C, "label"));
  }
  const auto& k = kernels<T>().loss;
  const auto row = a.from_logits ? k.softmax_row : k.probability_row;
  Scratch<T> each(a.mean ? a.N : 0);
  T* loss = a.mean ? each.get() : a.loss;
  parallel_for(a.N, rows_worth_a_thread(a.C, 4), [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++)
      loss[i] = row(a.x + i * a.C, a.C, a.targets ? -1 : a.labels[i], a.targets ? a.targets + i * a.C : nullptr,
                    T(a.smoothing), a.slopes ? a.slopes + i * a.C : nullptr);
  });
  if (a.mean) *a.loss = mean_of(loss, a.N, double(a.N));
}

template <class T>
void cross_entropy_backward(const CrossEntropyBackward<T>& a) {
  if (a.mode == Grad::skip) return;
  const auto& k = kernels<T>().loss;
  parallel_for(a.N, rows_worth_a_thread(a.C, 1), [&](dim_t begin, dim_t end) {
    if (a.mean)
      return k.scale(a.slopes + begin * a.C, T(double(*a.dy) / double(a.N)), a.dx + begin * a.C, (end - begin) * a.C,
                     a.mode == Grad::accumulate);
    for (dim_t i = begin; i < end; i++)
      k.scale(a.slopes + i * a.C, a.dy[i], a.dx + i * a.C, a.C, a.mode == Grad::accumulate);
  });
}

template <class T>
void pair_loss_forward(const PairLossForward<T>& a) {
  const auto& k = kernels<T>().loss;
  const dim_t n = a.N * a.C;
  const T parameter = T(a.parameter);
  if (a.reduction == Reduction::none) {
    parallel_for(n, kGrain / 2, [&](dim_t begin, dim_t end) {
      k.pairs(a.x + begin, a.t + begin, a.loss + begin, end - begin, a.kind, parameter);
    });
  } else if (a.reduction == Reduction::rows) {
    parallel_for(a.N, rows_worth_a_thread(a.C, 2), [&](dim_t begin, dim_t end) {
      for (dim_t i = begin; i < end; i++)
        a.loss[i] = k.pairs_sum(a.x + i * a.C, a.t + i * a.C, a.C, a.kind, parameter) / T(a.C);
    });
  } else {
    const dim_t chunks = (n + kChunk - 1) / kChunk;
    Scratch<T> partial(chunks);
    parallel_for(chunks, kGrain / kChunk, [&](dim_t begin, dim_t end) {
      for (dim_t i = begin; i < end; i++)
        partial[i] =
            k.pairs_sum(a.x + i * kChunk, a.t + i * kChunk, std::min(kChunk, n - i * kChunk), a.kind, parameter);
    });
    *a.loss = mean_of(partial.get(), chunks, double(n));
  }
}

template <class T>
void pair_loss_backward(const PairLossBackward<T>& a) {
  if (a.mode == Grad::skip) return;
  const auto& k = kernels<T>().loss;
  const T parameter = T(a.parameter);
  const bool accumulate = a.mode == Grad::accumulate;
  if (a.reduction == Reduction::rows) {
    parallel_for(a.N, rows_worth_a_thread(a.C, 1), [&](dim_t begin, dim_t end) {
      for (dim_t i = begin; i < end; i++)
        k.pairs_slope(a.x + i * a.C, a.t + i * a.C, nullptr, a.dy[i] / T(a.C), a.dx + i * a.C, a.C, a.kind, parameter,
                      accumulate);
    });
    return;
  }
  const bool mean = a.reduction == Reduction::mean;
  const dim_t n = a.N * a.C;
  const T scale = mean ? T(double(*a.dy) / double(std::max<dim_t>(1, n))) : T(1);
  parallel_for(n, kGrain / 2, [&](dim_t begin, dim_t end) {
    k.pairs_slope(a.x + begin, a.t + begin, mean ? nullptr : a.dy + begin, scale, a.dx + begin, end - begin, a.kind,
                  parameter, accumulate);
  });
}

template void cross_entropy_forward(const CrossEntropy<float>&);
template void cross_entropy_forward(const CrossEntropy<double>&);
template void cross_entropy_backward(const CrossEntropyBackward<float>&);
template void cross_entropy_backward(const CrossEntropyBackward<double>&);
template void pair_loss_forward(const PairLossForward<float>&);
template void pair_loss_forward(const PairLossForward<double>&);
template void pair_loss_backward(const PairLossBackward<float>&);
template void pair_loss_backward(const PairLossBackward<double>&);

}  // namespace lamina
