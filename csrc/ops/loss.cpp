#include "ops/loss.h"

#include <algorithm>

#include "core/check.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/reduction.h"

namespace lamina {
namespace {

constexpr dim_t kPiece = 1024;                  // elements of a mean over everything that are summed together
constexpr dim_t kNotWhole = -(dim_t(1) << 62);  // losses/targets.py's number for labels that are not whole

template <class T>
void sum_to(const T* x, dim_t n, T* y, T scale) {
  Groups all;
  all.append(n, true);
  reduce(ReduceOp::sum, x, all, y, scale);
}

}  // namespace

template <class T>
void cross_entropy(const CrossEntropy<T>& a) {
  dim_t counted = a.N;
  Scratch<dim_t> labels(a.targets ? 0 : a.N);
  for (dim_t i = 0; !a.targets && i < a.N; i++) {
    const dim_t label = a.labels[i];
    const bool ignored = a.has_ignored && label == a.ignored, left_out = ignored || (a.weights && a.weights[i] == T(0));
    if (!left_out && (label < 0 || label >= a.C)) {
      check(label != kNotWhole, "cross_entropy: the label", describe_place(a.labels, i), " is no whole number");
      check(false, describe_outside(a.labels, i, a.C, "cross_entropy: label"));
    }
    labels[i] = left_out ? -1 : label;
    counted -= ignored;
  }
  Scratch<T> rows(a.mean ? a.N : 0);
  const T share = T(1) / T(std::max<dim_t>(counted, 1));
  const auto kernel = a.logits ? kernels<T>().loss.softmax : kernels<T>().loss.probabilities;
  parallel_for(a.N, kGrain / 4 / std::max<dim_t>(1, a.C) + 1, [&](dim_t begin, dim_t end) {
    const dim_t at = begin * a.C;
    kernel({a.x + at, a.targets ? nullptr : labels + begin, a.targets ? a.targets + at : nullptr,
            a.weights ? a.weights + begin : nullptr, T(a.smoothing), (a.mean ? rows.get() : a.losses) + begin,
            a.gradient ? a.gradient + at : nullptr, a.mean ? share : T(1), end - begin, a.C});
  });
  if (a.mean) sum_to(rows.get(), a.N, a.losses, share);
}

template <class T>
void cross_entropy_backward(const CrossEntropyBackward<T>& a) {
  const auto& k = kernels<T>().elementwise;
  auto rows = [&](dim_t begin, dim_t end) {
    const dim_t at = begin * a.C;
    const T* dy = a.mean ? a.dy : a.dy + begin;
    BinaryRows<T> r{dy, dy, a.gradient + at, a.dx + at, end - begin, a.C, 0, a.mean ? 0 : 1, a.C, false, false};
    if (a.mean) r.cols = r.rows * r.cols, r.rows = 1;
    k.binary_gradient(BinaryOp::multiply, false, a.accumulate, r);
  };
  parallel_for(a.N, kGrain / std::max<dim_t>(1, a.C) + 1, [&](dim_t begin, dim_t end) {
    if (a.mean) return rows(begin, end);
    // Rows whose dy is 0 were left out by a weight or a mask and get 0, whatever their gradient holds.
    for (dim_t from = begin, to; from < end; from = to) {
      const bool none = a.dy[from] == T(0);
      for (to = from + 1; to < end && (a.dy[to] == T(0)) == none;) to++;
      if (!none)
        rows(from, to);
      else if (!a.accumulate)
        std::fill(a.dx + from * a.C, a.dx + to * a.C, T(0));
    }
  });
}

template <class T>
void point_loss(const PointLosses<T>& a) {
  const auto& k = kernels<T>().loss;
  auto rows = [&](const T* x, const T* t, T* y, dim_t n, dim_t cols, double scale) {
    return PointLossRows<T>{x, t, nullptr, y, n, cols, T(a.delta), T(scale), false, false};
  };
  const dim_t total = a.N * a.C, grain = kGrain / 4;
  switch (a.reduction) {
    case PointReduction::none:
      return parallel_for(total, grain, [&](dim_t begin, dim_t end) {
        k.points(a.loss, rows(a.x + begin, a.t + begin, a.y + begin, 1, end - begin, 1));
      });
    case PointReduction::rows:
      return parallel_for(a.N, grain / std::max<dim_t>(1, a.C) + 1, [&](dim_t begin, dim_t end) {
        k.point_sums(a.loss, rows(a.x + begin * a.C, a.t + begin * a.C, a.y + begin, end - begin, a.C, a.scale));
      });
    case PointReduction::all: {
      const dim_t pieces = (total + kPiece - 1) / kPiece;
      Scratch<T> sums(pieces);
      parallel_for(pieces, grain / kPiece, [&](dim_t begin, dim_t end) {
        const dim_t whole = end * kPiece <= total ? end : end - 1, at = begin * kPiece;
        k.point_sums(a.loss, rows(a.x + at, a.t + at, sums + begin, whole - begin, kPiece, 1));
        if (whole < end) {
          const dim_t rest = whole * kPiece;
          k.point_sums(a.loss, rows(a.x + rest, a.t + rest, sums + whole, 1, total - rest, 1));
        }
      });
      return sum_to(sums.get(), pieces, a.y, T(a.scale));
    }
  }
}

template <class T>
void point_loss_backward(const PointLossesBackward<T>& a) {
  const auto& k = kernels<T>().loss;
  const bool by_row = a.reduction == PointReduction::rows;
  const dim_t rows = by_row ? a.N : 1, cols = by_row ? a.C : a.N * a.C;
  auto give = [&](bool of_target, const Gradient<T>& out) {
    if (!out.wanted()) return;
    auto part = [&](dim_t row, dim_t n, dim_t from, dim_t width) {
      const dim_t at = row * cols + from;
      const T* dy = a.reduction == PointReduction::none ? a.dy + at : a.dy + row;
      k.point_gradient(a.loss, of_target,
                       {a.x + at, a.t + at, dy, out + at, n, width, T(a.delta), T(a.scale),
                        a.reduction == PointReduction::none, out.adds()});
    };
    if (rows == 1)
      parallel_for(cols, kGrain / 4, [&](dim_t begin, dim_t end) { part(0, 1, begin, end - begin); });
    else
      parallel_for(rows, kGrain / 4 / std::max<dim_t>(1, cols) + 1,
                   [&](dim_t begin, dim_t end) { part(begin, end - begin, 0, cols); });
  };
  give(false, a.dx);
  give(true, a.dt);
}

LAMINA_FOR_FLOATS(cross_entropy, CrossEntropy);
LAMINA_FOR_FLOATS(cross_entropy_backward, CrossEntropyBackward);
LAMINA_FOR_FLOATS(point_loss, PointLosses);
LAMINA_FOR_FLOATS(point_loss_backward, PointLossesBackward);

}  // namespace lamina
