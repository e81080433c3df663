#include "ops/optimizer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/parallel.h"
#include "core/pool.h"
#include "core/prefetch.h"
#include "kernels/table.h"
#include "ops/squares.h"

namespace lamina {
namespace {

constexpr double kOff = std::numeric_limits<double>::infinity();
constexpr dim_t kLine = 64;  // elements: threads share no cache line

// The factor that brings a norm down to the limit. A norm that isn't finite gives NaN, so that it isn't hidden.
double scale_to(double norm, double limit) {
  return std::isfinite(norm) ? limit / std::max(norm, limit) : std::numeric_limits<double>::quiet_NaN();
}

// The rows that a step goes over, or null for the whole parameter.
const TouchedRows* rows_of(const Parameter& p) { return p.touched && !p.touched->all() ? p.touched : nullptr; }

// How many elements a step goes over: of rows, those of one behind those of the other.
dim_t extent(const Parameter& p) { return rows_of(p) ? rows_of(p)->count() * p.row : p.n; }

// Calls f(place, n) on the contiguous pieces of the parameter that make up begin..end of its extent.
template <class F>
void for_pieces(const Parameter& p, dim_t begin, dim_t end, F&& f) {
  const TouchedRows* rows = rows_of(p);
  if (!rows) return f(begin, end - begin);
  const dim_t size = p.dtype == Dtype::f32 ? sizeof(float) : sizeof(double), bytes = p.row * size;
  const dim_t ahead = rows_ahead(bytes);
  for (dim_t i = begin / p.row; i < end / p.row; i++) {
    if (i + ahead < rows->count()) {
      const dim_t next = (*rows)[i + ahead] * bytes;
      prefetch_row(static_cast<const char*>(p.w) + next, bytes);
      prefetch_row(static_cast<const char*>(p.g) + next, bytes);
      for (const void* slot : p.slots)
        if (slot) prefetch_row(static_cast<const char*>(slot) + next, bytes);
    }
    f((*rows)[i] * p.row, p.row);
  }
}

double squares(const Parameter& p, dim_t begin, dim_t end) {
  double sum = 0.0;
  for_pieces(p, begin, end, [&](dim_t at, dim_t n) {
    sum += p.dtype == Dtype::f32 ? kernels<float>().optimizer.squares(n, static_cast<const float*>(p.g) + at)
                                 : kernels<double>().optimizer.squares(n, static_cast<const double*>(p.g) + at);
  });
  return sum;
}

// Whether a sum of n squares, some of them taken in the gradient's type, serves for a norm beside the limit: it did not
// overflow, and what underflowed stays below the limit or counts for nothing.
template <class T>
bool serves(double sum, dim_t n, double limit) {
  const double lost = double(n) * std::numeric_limits<T>::min();
  return !std::isinf(sum) && (sum + lost < limit * limit || sum >= lost / std::numeric_limits<T>::epsilon());
}
bool serves(const Parameter& p, double sum, dim_t n, double limit) {
  return p.dtype == Dtype::f32 ? serves<float>(sum, n, limit) : serves<double>(sum, n, limit);
}

// The norm of the first n elements of a gradient's extent, whatever their size: in double, scaled.
template <class T>
double careful_norm(const Parameter& p, dim_t n) {
  double largest = 0.0, sum = 0.0;
  const T* g = static_cast<const T*>(p.g);
  for_pieces(p, 0, n, [&](dim_t at, dim_t count) {
    for (dim_t i = at; i < at + count; i++) largest = std::max(largest, std::abs(double(g[i])));
  });
  if (largest == 0.0 || std::isinf(largest)) return largest;
  const double scale = scale_of(largest);
  for_pieces(p, 0, n, [&](dim_t at, dim_t count) {
    for (dim_t i = at; i < at + count; i++) sum += scale * double(g[i]) * (scale * double(g[i]));
  });
  return std::sqrt(sum) / scale;
}

double careful_norm(const Parameter& p, dim_t n) {
  return p.dtype == Dtype::f32 ? careful_norm<float>(p, n) : careful_norm<double>(p, n);
}

// starts[i]: where parameter i begins in the concatenation of all extents, and its end. Without a gradient: nothing.
void find_starts(const ParameterGroup& group, dim_t* starts) {
  starts[0] = 0;
  for (std::size_t i = 0; i < group.parameters.size(); i++)
    starts[i + 1] = starts[i] + (group.active[i] ? extent(group.parameters[i]) : 0);
}

// scales[i]: what parameter i's gradient is multiplied with.
void find_scales(const ParameterGroup& group, const Regularization& r, const dim_t* starts, double* scales) {
  // Chunks whose sum of squares is one number, whatever the threads; first[i] is parameter i's first one.
  const dim_t n = static_cast<dim_t>(group.parameters.size());
  const auto chunk = [&](dim_t i) {
    constexpr dim_t kChunk = 16384;
    const Parameter& p = group.parameters[i];
    return rows_of(p) ? std::max(kChunk / std::max<dim_t>(p.row, 1), dim_t(1)) * p.row : kChunk;
  };
  Scratch<dim_t> first(n + 1);
  first[0] = 0;
  for (dim_t i = 0; i < n; i++) {
    const dim_t elements = starts[i + 1] - starts[i];
    first[i + 1] = first[i] + (elements ? (elements + chunk(i) - 1) / chunk(i) : 0);
  }
  const dim_t count = first[n], total = std::max<dim_t>(starts[n], 1);
  Scratch<double> partial(count);
  parallel_for(count, std::max<dim_t>(1, count * kGrain / total), [&](dim_t begin, dim_t end) {
    dim_t i = std::upper_bound(first.get(), first + n + 1, begin) - first.get() - 1;
    for (dim_t c = begin; c < end; c++) {
      while (c >= first[i + 1]) i++;
      const dim_t from = (c - first[i]) * chunk(i);
      partial[c] = squares(group.parameters[i], from, std::min(from + chunk(i), starts[i + 1] - starts[i]));
    }
  });
  const bool global = r.global_clipnorm != kOff;
  bool serve = true;
  double sum = 0.0;
  for (dim_t i = 0; i < n; i++) {
    scales[i] = 0.0;
    for (dim_t c = first[i]; c < first[i + 1]; c++) scales[i] += partial[c];
    sum += scales[i];
    if (global) serve = serve && !std::isinf(scales[i]);
  }
  if (global && serve) serve = serves<float>(sum, starts[n], r.global_clipnorm);
  const auto norm = [&](dim_t i, bool exact) {
    const dim_t elements = starts[i + 1] - starts[i];
    return exact || std::isnan(scales[i]) ? std::sqrt(scales[i])
           : elements                     ? careful_norm(group.parameters[i], elements)
                                          : 0.0;
  };
  if (global) {
    if (!serve) {
      double largest = 0.0;
      for (dim_t i = 0; i < n; i++) {
        scales[i] = norm(i, false);
        largest = scales[i] <= largest ? largest : scales[i];  // NaN, if there is one
      }
      const double unit = scale_of(largest);
      sum = 0.0;
      for (dim_t i = 0; i < n; i++) sum += scales[i] * unit * (scales[i] * unit);
      sum = std::isfinite(largest) ? std::sqrt(sum) / unit : largest;
    } else {
      sum = std::sqrt(sum);
    }
    std::fill(scales, scales + n, scale_to(sum, r.global_clipnorm));
  } else {
    for (dim_t i = 0; i < n; i++) {
      const dim_t elements = starts[i + 1] - starts[i];
      scales[i] = scale_to(norm(i, serves(group.parameters[i], scales[i], elements, r.clipnorm)), r.clipnorm);
    }
  }
}

template <class T>
UpdateSpan<T> span_of(const Parameter& p, dim_t begin, dim_t n, double scale, double limit, double decay) {
  constexpr double kUnit = sizeof(T) == 4 ? 0x1p-64 : 0x1p-512;
  const bool tiny = scale < 1e4 * std::numeric_limits<T>::min();  // and in T no longer a normal number, or soon
  UpdateSpan<T> s{.n = n,
                  .w = static_cast<T*>(p.w) + begin,
                  .g = static_cast<const T*>(p.g) + begin,
                  .slots = {},
                  .scale = T(tiny ? scale / kUnit : scale),
                  .unit = T(tiny ? kUnit : 1.0),
                  .limit = T(limit),
                  .decay = T(decay)};
  for (int i = 0; i < kMaxSlots; i++)
    if (p.slots[i]) s.slots[i] = static_cast<T*>(p.slots[i]) + begin;
  return s;
}

// Calls update(span) on spans that cover what every parameter with a gradient goes over, and counts the step.
template <class F>
void update_all(const ParameterGroup& group, const Regularization& r, F&& update) {
  const bool by_norm = r.clipnorm != kOff || r.global_clipnorm != kOff;
  const dim_t count = static_cast<dim_t>(group.parameters.size());
  Scratch<dim_t> starts(count + 1);
  find_starts(group, starts);
  Scratch<double> scales(by_norm ? count : 0);
  if (by_norm) {
    Regularization raw = r;  // limits of norms of the gradients as they lie
    raw.clipnorm /= r.scale, raw.global_clipnorm /= r.scale;
    find_scales(group, raw, starts, scales);
  }
  const double decay = *group.rate * r.weight_decay;
  parallel_for(starts[count], kGrain, [&](dim_t begin, dim_t end) {
    dim_t i = std::upper_bound(starts.get(), starts + count + 1, begin) - starts.get() - 1;
    for (; i < count && starts[i] < end; i++) {
      const Parameter& p = group.parameters[i];
      const dim_t elements = starts[i + 1] - starts[i], unit = rows_of(p) ? p.row : kLine;
      // A place of the concatenation as one of the extent, at the start of a row or line.
      const auto cut = [&](dim_t at) {
        return std::min(elements, (std::max<dim_t>(at - starts[i], 0) + unit - 1) / unit * unit);
      };
      if (!elements || cut(begin) >= cut(end)) continue;
      const double scale = by_norm ? scales[i] * r.scale : r.scale, d = group.decays[i] ? decay : 0.0;
      for_pieces(p, cut(begin), cut(end), [&](dim_t at, dim_t n) {
        if (p.dtype == Dtype::f32)
          update(span_of<float>(p, at, n, scale, r.clipvalue, d));
        else
          update(span_of<double>(p, at, n, scale, r.clipvalue, d));
      });
    }
  });
  ++*group.iterations;
}

}  // namespace

void optimizer_step(const OptimizerStep& a) {
  if (a.group->due && !*a.group->due) return;
  double factors[kMaxFactors];
  kernels<float>().optimizer.rules[a.rule].factors(a.options, *a.group->rate, double(*a.group->iterations + 1),
                                                   factors);
  update_all(*a.group, a.regularization,
             [&]<class T>(const UpdateSpan<T>& s) { kernels<T>().optimizer.rules[a.rule].update(s, factors); });
}

}  // namespace lamina
