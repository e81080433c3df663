#include "ops/optimizer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"

namespace lamina {
namespace {

constexpr double kOff = std::numeric_limits<double>::infinity();
constexpr dim_t kLine = 64;  // elements: threads share no cache line

// The factor that brings a norm down to the limit. A norm that isn't finite gives NaN, so that it isn't hidden.
double scale_to(double norm, double limit) {
  return std::isfinite(norm) ? limit / std::max(norm, limit) : std::numeric_limits<double>::quiet_NaN();
}

double squares(const ParameterGroup& group, const ParameterGroup::Chunk& c) {
  const Parameter& p = group.parameters[c.parameter];
  if (!group.active[c.parameter]) return 0.0;
  return p.dtype == Dtype::f32 ? kernels<float>().optimizer.squares(c.n, static_cast<const float*>(p.g) + c.begin)
                               : kernels<double>().optimizer.squares(c.n, static_cast<const double*>(p.g) + c.begin);
}

// scales[i]: what parameter i's gradient is multiplied with.
void find_scales(const ParameterGroup& group, const Regularization& r, double* scales) {
  const dim_t count = static_cast<dim_t>(group.chunks.size()), total = std::max<dim_t>(group.starts.back(), 1);
  Scratch<double> partial(count);
  parallel_for(count, std::max<dim_t>(1, count * kGrain / total), [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) partial[i] = squares(group, group.chunks[static_cast<std::size_t>(i)]);
  });
  const dim_t n = static_cast<dim_t>(group.parameters.size());
  std::fill(scales, scales + n, 0.0);
  for (dim_t i = 0; i < count; i++) scales[group.chunks[static_cast<std::size_t>(i)].parameter] += partial[i];
  if (r.global_clipnorm != kOff) {
    double sum = 0.0;
    for (dim_t i = 0; i < n; i++) sum += scales[i];
    std::fill(scales, scales + n, scale_to(std::sqrt(sum), r.global_clipnorm));
  } else {
    for (dim_t i = 0; i < n; i++) scales[i] = scale_to(std::sqrt(scales[i]), r.clipnorm);
  }
}

template <class T>
UpdateSpan<T> span_of(const Parameter& p, dim_t begin, dim_t n, double scale, double limit, double decay) {
  UpdateSpan<T> s{n,       static_cast<T*>(p.w) + begin, static_cast<const T*>(p.g) + begin, {}, T(scale), T(limit),
                  T(decay)};
  for (int i = 0; i < kMaxSlots; i++)
    if (p.slots[i]) s.slots[i] = static_cast<T*>(p.slots[i]) + begin;
  return s;
}

// Calls update(span) on spans that cover every parameter with a gradient, and counts the step.
template <class F>
void update_all(const ParameterGroup& group, const Regularization& r, F&& update) {
  const bool by_norm = r.clipnorm != kOff || r.global_clipnorm != kOff;
  const dim_t count = static_cast<dim_t>(group.parameters.size());
  Scratch<double> scales(by_norm ? count : 0);
  if (by_norm) find_scales(group, r, scales);
  const double decay = *group.rate * r.weight_decay;
  parallel_for(group.starts.back(), kGrain, [&](dim_t begin, dim_t end) {
    dim_t i = std::upper_bound(group.starts.begin(), group.starts.end(), begin) - group.starts.begin() - 1;
    for (; i < count && group.starts[i] < end; i++) {
      if (!group.active[i]) continue;
      const Parameter& p = group.parameters[i];
      const auto cut = [&](dim_t at) {  // a place of the concatenation, as one of the parameter, at a line's start
        return std::min(p.n, (std::max<dim_t>(at - group.starts[i], 0) + kLine - 1) / kLine * kLine);
      };
      const dim_t from = cut(begin), n = cut(end) - from;
      if (n <= 0) continue;
      const double scale = by_norm ? scales[i] : 1.0, d = group.decays[i] ? decay : 0.0;
      if (p.dtype == Dtype::f32)
        update(span_of<float>(p, from, n, scale, r.clipvalue, d));
      else
        update(span_of<double>(p, from, n, scale, r.clipvalue, d));
    }
  });
  ++*group.iterations;
}

}  // namespace

void ParameterGroup::add(const Parameter& p) {
  constexpr dim_t kChunk = 16384;
  if (starts.empty()) starts.push_back(0);
  for (dim_t begin = 0; begin < p.n; begin += kChunk)
    chunks.push_back({static_cast<int>(parameters.size()), begin, std::min(kChunk, p.n - begin)});
  starts.push_back(starts.back() + p.n);
  parameters.push_back(p);
}

void sgd_step(const SgdStep& a) {
  const double rate = *a.group->rate;
  update_all(*a.group, a.regularization, [&]<class T>(const UpdateSpan<T>& s) {
    kernels<T>().optimizer.sgd(s, T(rate), T(a.momentum), a.nesterov);
  });
}

void adam_step(const AdamStep& a) {
  const double t = double(*a.group->iterations + 1);
  const double alpha = *a.group->rate * std::sqrt(1.0 - std::pow(a.beta_2, t)) / (1.0 - std::pow(a.beta_1, t));
  update_all(*a.group, a.regularization, [&]<class T>(const UpdateSpan<T>& s) {
    kernels<T>().optimizer.adam(s, T(alpha), T(1.0 - a.beta_1), T(1.0 - a.beta_2), T(a.epsilon));
  });
}

void rmsprop_step(const RmspropStep& a) {
  const double rate = *a.group->rate;
  const bool mean_second = a.centered && a.momentum == 0.0;  // the group has no slot for momentum then
  update_all(*a.group, a.regularization, [&]<class T>(UpdateSpan<T> s) {
    if (mean_second) std::swap(s.slots[1], s.slots[2]);
    kernels<T>().optimizer.rmsprop(s, T(rate), T(a.rho), T(a.momentum), T(a.epsilon));
  });
}

}  // namespace lamina
