#include "ops/probe.h"

#include <algorithm>
#include <chrono>

#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"

namespace lamina {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

template <class F>
double best_time(double seconds, F&& f) {
  double best = 1e300;
  for (const double end = now() + seconds; now() < end;) {
    const double start = now();
    f();
    best = std::min(best, now() - start);
  }
  return best;
}

}  // namespace

template <class T>
double measure_flops(double seconds) {
  const auto& k = kernels<T>().probe;
  constexpr dim_t rounds = 200000;  // a millisecond or less
  const dim_t threads = get_num_threads();
  Scratch<T> sums(threads);
  const double best = best_time(seconds, [&] {
    parallel_for(threads, 1, [&](dim_t begin, dim_t end) {
      for (dim_t i = begin; i < end; i++) sums[i] = k.multiply_add(rounds);
    });
  });
  return double(threads) * double(rounds) * double(k.flops_per_round) / best;
}

double measure_stream(double seconds, dim_t bytes, Stream kind) {
  const auto& k = kernels<float>().probe;
  const dim_t n = std::max<dim_t>(1, bytes / dim_t(sizeof(float)));
  const bool triad = kind == Stream::triad;
  Scratch<float> x(n), y(n), z(triad ? n : 0);
  parallel_for(n, kGrain, [&](dim_t begin, dim_t end) {
    std::fill(x + begin, x + end, 1e-6f);
    std::fill(y + begin, y + end, 1.0f);
    if (triad) std::fill(z + begin, z + end, 1.0f);
  });
  const double best = best_time(seconds, [&] {
    parallel_for(n, kGrain, [&](dim_t begin, dim_t end) {
      k.stream(end - begin, x + begin, triad ? z + begin : nullptr, y + begin, kind);
    });
  });
  return double(n) * sizeof(float) * (kind == Stream::copy ? 2 : 3) / best;
}

double measure_region(double seconds) {
  constexpr int kRegions = 1000;
  const dim_t chunks = get_num_threads() * kChunksPerThread;
  const double best = best_time(seconds, [&] {
    for (int i = 0; i < kRegions; i++) parallel_for(chunks, 1, [](dim_t, dim_t) {});
  });
  return best / kRegions;
}

template double measure_flops<float>(double);
template double measure_flops<double>(double);

}  // namespace lamina
