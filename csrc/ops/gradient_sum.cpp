// Gradients before a step: those of several batches added up, those of a scaled loss divided.
#include <algorithm>
#include <atomic>

#include "core/parallel.h"
#include "kernels/table.h"
#include "ops/optimizer.h"

namespace lamina {
namespace {

template <class T>
void clear(const Parameter& p, TouchedRows* rows) {
  T* sum = static_cast<T*>(p.w);
  if (rows && !rows->all()) {
    for (dim_t i = 0; i < rows->count(); i++) std::fill_n(sum + (*rows)[i] * p.row, p.row, T(0));
  } else {
    parallel_for(p.n, kGrain, [&](dim_t begin, dim_t end) { std::fill(sum + begin, sum + end, T(0)); });
  }
}

template <class T>
void add(const Parameter& p, TouchedRows* rows, bool active, T divisor) {
  const auto add_span = kernels<T>().optimizer.accumulate;
  T* sum = static_cast<T*>(p.w);
  const T* g = active ? static_cast<const T*>(p.g) : nullptr;
  const bool by_row = rows && p.touched && !p.touched->all() && !rows->all();
  if (!by_row) {
    if (rows && active) rows->mark_all();
    parallel_for(p.n, kGrain,
                 [&](dim_t begin, dim_t end) { add_span(end - begin, g ? g + begin : nullptr, sum + begin, divisor); });
    return;
  }
  if (g)
    for (dim_t i = 0; i < p.touched->count(); i++) {
      const dim_t row = (*p.touched)[i];
      rows->mark(row);
      add_span(p.row, g + row * p.row, sum + row * p.row, T(1));
    }
  if (divisor != T(1))
    for (dim_t i = 0; i < rows->count(); i++) add_span(p.row, nullptr, sum + (*rows)[i] * p.row, divisor);
}

// to = from / scale; whether all of it is finite.
template <class T>
bool divided(const Parameter& p, double scale) {
  const T* from = static_cast<const T*>(p.g);
  T* to = static_cast<T*>(p.w);
  const T factor = T(1 / scale);
  std::atomic<bool> finite{true};
  parallel_for(p.n, kGrain, [&](dim_t begin, dim_t end) {
    constexpr int kSums = 16;  // side by side, so that compilers use vectors
    T rest[kSums] = {};        // NaN as soon as one number is not finite
    dim_t i = begin;
    for (; i + kSums <= end; i += kSums)
      for (int j = 0; j < kSums; j++) {
        to[i + j] = from[i + j] * factor;
        rest[j] += from[i + j] * T(0);
      }
    for (; i < end; i++) {
      to[i] = from[i] * factor;
      rest[0] += from[i] * T(0);
    }
    T all = 0;
    for (const T r : rest) all += r;
    if (all != 0) finite.store(false, std::memory_order_relaxed);
  });
  return finite.load();
}

}  // namespace

void unscale_gradients(const GradientScaling& a) {
  bool finite = true;
  for (std::size_t i = 0; i < a.group->parameters.size(); i++) {
    const Parameter& p = a.group->parameters[i];
    if (!a.group->active[i]) continue;
    const bool good = p.dtype == Dtype::f32 ? divided<float>(p, a.state[0]) : divided<double>(p, a.state[0]);
    finite = finite && good;
  }
  *a.group->due = finite;
  double &scale = a.state[0], &steps = a.state[1];
  steps = finite ? steps + 1 : 0;
  if (!finite) scale *= 0.5;
  if (finite && steps >= double(a.growth_steps)) {
    scale *= 2;
    steps = 0;
  }
}

void accumulate_gradients(const GradientAccumulation& a) {
  if (a.source->due && !*a.source->due) {
    *a.target->due = false;
    return;
  }
  const std::int64_t place = *a.source->iterations % a.steps;
  const bool first = place == 0, last = place == a.steps - 1;
  for (std::size_t i = 0; i < a.source->parameters.size(); i++) {
    const Parameter& p = a.source->parameters[i];
    TouchedRows* rows = a.target->parameters[i].touched;
    const bool active = a.source->active[i], begun = !first && a.target->active[i];
    a.target->active[i] = active || begun;
    const auto of = [&]<class T>(T) {
      if (first) clear<T>(p, rows);
      if (first && rows) rows->clear();
      if (active || (last && begun)) add<T>(p, rows, active, T(last ? a.steps : 1));
    };
    if (p.dtype == Dtype::f32)
      of(float());
    else
      of(double());
  }
  *a.target->due = last;
  ++*a.source->iterations;
}

}  // namespace lamina
