#include "ops/normalization.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/cpu.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"

namespace lamina {
namespace {

constexpr dim_t kNarrow = 64;  // columns that fill some registers

// How a matrix (M, C) is cut, by its shape alone. Where C is small, `fold` rows are taken as one of at least `wide`
// columns, whole registers if possible; the M % fold rows that remain are a shorter one. Tasks are chunks of rows
// times strips of columns, chunk by chunk.
struct Cut {
  dim_t fold = 1, width, rows, rest, chunks, strips;

  Cut(dim_t M, dim_t C, dim_t wide = kNarrow) {
    if (C < wide) {
      fold = (wide + C - 1) / C;
      for (dim_t f = fold; f < fold + 16 && f * C <= 8 * wide; f++)
        if (f * C % 16 == 0) {
          fold = f;
          break;
        }
    }
    width = fold * C, rows = M / fold, rest = M % fold;
    const dim_t tasks = std::clamp<dim_t>(M * C / kGrain, 1, 256);
    chunks = std::clamp<dim_t>(tasks, 1, std::max<dim_t>(1, rows / 64));  // partial sums stay small beside x
    strips = std::clamp<dim_t>(tasks / chunks, 1, std::max<dim_t>(1, width / kNarrow));
  }

  dim_t first_row(dim_t chunk) const { return rows * chunk / chunks; }
  dim_t rows_of(dim_t chunk) const { return first_row(chunk + 1) - first_row(chunk); }

  // f(chunk, offset of the block in x, rows, first column, columns) for every task. Backwards: a second pass that
  // starts with what the first read last.
  template <class F>
  void each(bool backwards, F&& f) const {
    parallel_for(rows ? chunks * strips : 0, 1, [&](dim_t begin, dim_t end) {
      for (dim_t i = begin; i < end; i++) {
        const dim_t t = backwards ? end - 1 - (i - begin) : i, chunk = t / strips, strip = t % strips;
        const dim_t j0 = width / 16 * strip / strips * 16;
        const dim_t j1 = strip + 1 == strips ? width : width / 16 * (strip + 1) / strips * 16;
        f(chunk, first_row(chunk) * width + j0, rows_of(chunk), j0, j1 - j0);
      }
    });
  }
};

// (mean, m2) of `seen` rows takes in the (mean, m2) of n more.
template <class T>
void merge_moments(dim_t cols, dim_t n, const T* mean_b, const T* m2_b, dim_t seen, T* mean, T* m2) {
  if (seen == 0) {
    std::copy_n(mean_b, cols, mean);
    std::copy_n(m2_b, cols, m2);
    return;
  }
  const T weight = T(double(n) / double(seen + n)), cross = T(double(seen) * double(n) / double(seen + n));
  for (dim_t j = 0; j < cols; j++) {
    const T d = mean_b[j] - mean[j];
    mean[j] += d * weight;
    m2[j] += m2_b[j] + d * d * cross;
  }
}

// `far`: x comes from memory, and is too large for the second cache.
template <class T>
void column_moments(dim_t M, dim_t C, const T* x, T* mean, T* m2, bool far) {
  const auto& k = kernels<T>().normalization;
  // The kernel reads many rows side by side. From memory each should have its own page, or they are not prefetched:
  // 64 columns of 12.8 million floats took 5.9 ms on a Zen 4 core, 1024 columns 2.4.
  const Cut c(M, C, far ? 4096 / dim_t(sizeof(T)) : kNarrow);
  Scratch<T> part(2 * c.width * c.chunks + 2 * C);
  c.each(false, [&](dim_t chunk, dim_t at, dim_t rows, dim_t j, dim_t cols) {
    T* p = part + 2 * c.width * chunk + j;
    k.moments(rows, cols, x + at, c.width, p, p + c.width);
  });
  dim_t seen = 0;
  if (c.rows) {
    for (dim_t i = 1; i < c.chunks; i++) {
      const T* p = part + 2 * c.width * i;
      merge_moments(c.width, c.rows_of(i), p, p + c.width, c.first_row(i), part.get(), part + c.width);
    }
    for (dim_t i = 0; i < c.fold; i++, seen += c.rows)
      merge_moments(C, c.rows, part + i * C, part + c.width + i * C, seen, mean, m2);
  }
  if (c.rest) {
    T* p = part + 2 * c.width * c.chunks;
    k.moments(c.rest, C, x + c.rows * c.width, C, p, p + C);
    merge_moments(C, c.rest, p, p + C, seen, mean, m2);
  }
}

// What a gradient reads: x, dy and, where relu was applied, its result y, each (M, C).
template <class T>
struct Read {
  const T *x, *y, *dy;
  dim_t M, C;
  bool relu;
};

// sum (C) and sum_x (C) of the kernel gradient_sums. Calls after(...) with what it has just read.
template <class T, class F>
void column_gradient_sums(const Cut& c, const Read<T>& a, const T* mean, T* sum, T* sum_x, F&& after) {
  const auto& k = kernels<T>().normalization;
  const bool near = 2 * a.M * a.C * dim_t(sizeof(T)) <= caches().l2;
  Scratch<T> part(2 * c.width * c.chunks);
  c.each(false, [&](dim_t chunk, dim_t at, dim_t rows, dim_t j, dim_t cols) {
    T* p = part + 2 * c.width * chunk + j;
    k.gradient_sums(rows, cols, a.x + at, a.y + at, a.dy + at, c.width, mean + j, p, p + c.width, a.relu, near);
    after(chunk, at, rows, j, cols);
  });
  const dim_t at = c.rows * c.width;
  k.gradient_sums(c.rest, a.C, a.x + at, a.y + at, a.dy + at, a.C, mean, sum, sum_x, a.relu, near);
  if (c.rows == 0) return;
  for (dim_t i = 1; i < c.chunks; i++)
    for (dim_t j = 0; j < 2 * c.width; j++) part[j] += part[2 * c.width * i + j];
  for (dim_t i = 0; i < c.fold; i++)
    for (dim_t j = 0; j < a.C; j++) sum[j] += part[i * a.C + j], sum_x[j] += part[c.width + i * a.C + j];
}

// dx of the kernel normalize_gradient, block by block; each parameter has c.width numbers, a null weight is 1.
template <class T>
struct ColumnGradient {
  const Cut& c;
  const Read<T>& a;
  const T *mean, *scale, *shift, *slope, *weight;
  const Gradient<T>& dx;
  bool stream;

  void operator()(dim_t, dim_t at, dim_t rows, dim_t j, dim_t cols) const {
    kernels<T>().normalization.normalize_gradient(rows, cols, a.x + at, a.y + at, a.dy + at, dx + at, c.width, mean + j,
                                                  scale + j, shift + j, slope + j, weight ? weight + j : nullptr,
                                                  a.relu, dx.adds(), stream);
  }
  void rest() const {  // the rows that fill no whole one of the cut's
    const dim_t at = c.rows * c.width;
    kernels<T>().normalization.normalize_gradient(1, c.rest * a.C, a.x + at, a.y + at, a.dy + at, dx + at, c.width,
                                                  mean, scale, shift, slope, weight, a.relu, dx.adds(), false);
  }
};

constexpr auto kNothing = [](dim_t, dim_t, dim_t, dim_t, dim_t) {};

// Whether squares overflowed or underflowed on the way to a variance.
template <class T>
bool needs_care(T variance) {
  using L = std::numeric_limits<T>;
  return !(variance >= L::min() / L::epsilon() && variance <= L::max());
}

// The first C of p's `width` elements, over and over.
template <class T>
void repeat(T* p, dim_t C, dim_t width) {
  for (dim_t j = C; j < width; j++) p[j] = p[j - C];
}

template <class T>
void give(dim_t n, const T* value, const Gradient<T>& gradient) {
  if (gradient.adds())
    for (dim_t j = 0; j < n; j++) gradient.to[j] += value[j];
  else if (gradient.wanted())
    std::copy_n(value, n, gradient.to);
}

// y = act((x - mean) * scale + shift) of each column, whose numbers stand at the beginning of the c.width ones.
template <class T>
void normalize_columns(const Cut& c, dim_t C, const T* x, T* y, T* mean, T* scale, T* shift, bool backwards, bool relu,
                       bool stream) {
  const auto& k = kernels<T>().normalization;
  for (T* p : {mean, scale, shift}) repeat(p, C, c.width);
  c.each(backwards, [&](dim_t, dim_t at, dim_t rows, dim_t j, dim_t cols) {
    k.normalize(rows, cols, x + at, y + at, c.width, mean + j, scale + j, shift + j, relu, stream);
  });
  const dim_t at = c.rows * c.width;
  k.normalize(1, c.rest * C, x + at, y + at, c.width, mean, scale, shift, relu, false);
}

}  // namespace

template <class T>
void batch_norm_forward(const BatchNormForward<T>& a) {
  if (a.C == 0) return;
  const auto& k = kernels<T>().normalization;
  const Cut c(a.M, a.C);
  Scratch<T> parameters(3 * c.width);
  T *mean = parameters, *scale = mean + c.width, *shift = scale + c.width;
  if (a.training && a.M > 0) {
    T* variance = a.rstd;
    column_moments(a.M, a.C, a.x, a.mean, variance, a.M * a.C * dim_t(sizeof(T)) > caches().l3 / 4);
    const T keep = a.momentum, take = T(1) - a.momentum;
    for (dim_t j = 0; j < a.C; j++) {
      variance[j] /= T(a.M);
      if (needs_care(variance[j] + a.epsilon)) {  // its rstd is not that of the variance, which T cannot hold
        T unused;
        k.careful_moments(a.M, a.C, a.x + j, a.epsilon, a.mean + j, &unused);
      }
      a.moving_mean[j] = a.moving_mean[j] * keep + a.mean[j] * take;
      a.moving_variance[j] = a.moving_variance[j] * keep + variance[j] * take;
    }
  } else {
    std::copy_n(a.moving_mean, a.C, a.mean);
    std::copy_n(a.moving_variance, a.C, a.rstd);
  }
  for (dim_t j = 0; j < a.C; j++) {
    const T variance = a.rstd[j] + a.epsilon;
    a.rstd[j] = T(1) / std::sqrt(variance);
    if (a.training && a.M > 0 && needs_care(variance))
      k.careful_moments(a.M, a.C, a.x + j, a.epsilon, a.mean + j, a.rstd + j);
    mean[j] = a.mean[j];
    scale[j] = a.gamma ? a.rstd[j] * a.gamma[j] : a.rstd[j];
    shift[j] = a.beta ? a.beta[j] : T(0);
  }
  normalize_columns(c, a.C, a.x, a.y, mean, scale, shift, a.training, a.act == Activation::relu,
                    past_caches(a.M * a.C * dim_t(sizeof(T))));
}

template <class T>
void batch_norm_fold(const BatchNormFold<T>& a) {
  Scratch<T> scale(a.C);
  for (dim_t c = 0; c < a.C; c++) {
    scale[c] = (a.gamma ? a.gamma[c] : T(1)) / std::sqrt(a.moving_variance[c] + a.epsilon);
    a.shift[c] = (a.beta ? a.beta[c] : T(0)) + ((a.b ? a.b[c] : T(0)) - a.moving_mean[c]) * scale[c];
  }
  parallel_for(a.rows, kGrain / std::max<dim_t>(a.C, 1) + 1, [&](dim_t begin, dim_t end) {
    for (dim_t r = begin; r < end; r++)
      for (dim_t c = 0; c < a.C; c++) a.folded[r * a.C + c] = a.w[r * a.C + c] * scale[c];
  });
}

template <class T>
void batch_norm_backward(const BatchNormBackward<T>& a) {
  if (a.C == 0) return;
  const Cut c(a.M, a.C);
  Scratch<T> parameters(4 * c.width + 2 * a.C);
  T *mean = parameters, *scale = mean + c.width, *shift = scale + c.width, *slope = shift + c.width;
  T *sum = slope + c.width, *sum_x = sum + a.C;
  std::copy_n(a.mean, a.C, mean);
  repeat(mean, a.C, c.width);
  const bool dx = a.dx.wanted(), parameter_sums = a.dgamma.wanted() || a.dbeta.wanted();
  const Read<T> read{.x = a.x, .y = a.y, .dy = a.dy, .M = a.M, .C = a.C, .relu = a.act == Activation::relu};
  const ColumnGradient<T> apply{.c = c,
                                .a = read,
                                .mean = mean,
                                .scale = scale,
                                .shift = shift,
                                .slope = slope,
                                .weight = nullptr,
                                .dx = a.dx,
                                .stream = past_caches(a.M * a.C * dim_t(sizeof(T)))};
  const auto set_parameters = [&] {
    const T per_row = a.training && a.M > 0 ? T(1) / T(a.M) : T(0);
    for (dim_t j = 0; j < a.C; j++) {
      scale[j] = a.gamma ? a.rstd[j] * a.gamma[j] : a.rstd[j];
      shift[j] = a.training ? sum[j] * per_row : T(0);
      slope[j] = a.training ? a.rstd[j] * (a.rstd[j] * (sum_x[j] * per_row)) : T(0);
    }
    for (T* p : {scale, shift, slope}) repeat(p, a.C, c.width);
  };
  if (dx && !a.training) {  // dx needs no sums: each block's follows while the block is in the cache
    set_parameters();
    parameter_sums ? column_gradient_sums(c, read, mean, sum, sum_x, apply) : c.each(false, apply);
  } else if (dx || parameter_sums) {
    column_gradient_sums(c, read, mean, sum, sum_x, kNothing);
    if (dx) {
      set_parameters();
      c.each(true, apply);
    }
  }
  if (dx) apply.rest();
  if (a.dgamma.wanted())
    for (dim_t j = 0; j < a.C; j++) sum_x[j] *= a.rstd[j];
  give(a.C, sum_x, a.dgamma);
  give(a.C, sum, a.dbeta);
}

namespace {
constexpr dim_t kGroup = 4;  // rows that the kernels take together: ranges begin at multiples, whatever the threads
}

template <class T>
void layer_norm_forward(const LayerNormForward<T>& a) {
  if (a.C == 0) {  // means of nothing
    if (a.mean) std::fill_n(a.mean, a.rows, T(0));
    std::fill_n(a.rstd, a.rows, T(0));
    return;
  }
  const auto& k = kernels<T>().normalization;
  const dim_t groups = (a.rows + kGroup - 1) / kGroup, elements = std::max<dim_t>(1, kGroup * a.C);
  const bool stream = past_caches(a.rows * a.C * dim_t(sizeof(T)));
  parallel_for(groups, kGrain / 2 / elements, [&](dim_t begin, dim_t end) {
    const dim_t r = begin * kGroup, rows = std::min(a.rows, end * kGroup) - r;
    k.layer_norm(rows, a.C, a.x + r * a.C, a.gamma, a.beta, a.epsilon, a.y + r * a.C, a.mean ? a.mean + r : nullptr,
                 a.rstd + r, stream);
  });
}

template <class T>
void layer_norm_backward(const LayerNormBackward<T>& a) {
  const auto& k = kernels<T>().normalization;
  const bool sums = a.dgamma.wanted() || a.dbeta.wanted(), dx = a.dx.wanted();
  // Chunks of rows by the shape alone; each has its own dgamma and dbeta.
  const dim_t chunks = std::clamp<dim_t>(a.rows * a.C / (kGrain / 2), 1, std::clamp<dim_t>(a.rows / kGroup, 1, 64));
  // Rows of a multiple of a page would share the first cache's sets with the sums, so those stand a third of a page
  // apart from x and from each other (12.6 million floats in rows of 1024 took 7.1 ms without, 5.0 with).
  constexpr dim_t kPage = 4096 / dim_t(sizeof(T)), kThird = 1344 / dim_t(sizeof(T));
  const dim_t apart = a.C + kThird, stride = 2 * a.C + kPage;
  Scratch<T> block(sums ? stride * chunks + kPage : 0);
  const auto page_offset = [](const T* p) { return dim_t(reinterpret_cast<std::uintptr_t>(p) / sizeof(T)) % kPage; };
  T* const part = block + (page_offset(a.x) + kThird - page_offset(block) + kPage) % kPage;
  parallel_for(chunks, 1, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) {
      const dim_t r = a.rows * i / chunks, rows = a.rows * (i + 1) / chunks - r;
      T* p = sums ? part + stride * i : nullptr;
      k.layer_norm_gradient(rows, a.C, a.x + r * a.C, a.gamma, a.mean ? a.mean + r : nullptr, a.rstd + r,
                            a.dy + r * a.C, dx ? a.dx + r * a.C : nullptr, a.dx.adds(), p,
                            sums && a.mean ? p + apart : nullptr, past_caches(a.rows * a.C * dim_t(sizeof(T))));
    }
  });
  if (!sums) return;
  parallel_for(a.C, kGrain / chunks, [&](dim_t begin, dim_t end) {
    for (dim_t i = 1; i < chunks; i++)
      for (T* p = part; p <= part + (a.mean ? apart : 0); p += apart)
        for (dim_t j = begin; j < end; j++) p[j] += p[stride * i + j];
  });
  give(a.C, part, a.dgamma);
  give(a.C, part + apart, a.dbeta);
}

namespace {

// f(n) for every sample. Many, or small ones, are divided among the threads; of few large ones each is divided by
// itself (a region inside of another runs on one thread). The bits are the same.
template <class F>
void each_sample(dim_t N, dim_t elements, F&& f) {
  if (N < 4 * get_num_threads() && elements >= 2 * kGrain) {
    for (dim_t n = 0; n < N; n++) f(n);
    return;
  }
  parallel_for(N, kGrain / std::max<dim_t>(1, elements), [&](dim_t begin, dim_t end) {
    for (dim_t n = begin; n < end; n++) f(n);
  });
}

// The sum of f(j), j0 <= j < j1, in four chains that do not wait for each other.
template <class T, class F>
T sum_of(dim_t j0, dim_t j1, F&& f) {
  T s[4] = {};
  dim_t j = j0;
  for (; j + 4 <= j1; j += 4)
    for (dim_t i = 0; i < 4; i++) s[i] += f(j + i);
  for (; j < j1; j++) s[0] += f(j);
  return (s[0] + s[1]) + (s[2] + s[3]);
}

// Mean and rstd of n elements in runs of `run`, `step` apart, whose squares may overflow or underflow.
template <class T>
void careful_group(dim_t n, dim_t run, dim_t step, const T* x, T epsilon, T* mean, T* rstd) {
  Scratch<T> group(n);
  for (dim_t i = 0; i < n; i += run) std::copy_n(x + i / run * step, run, group + i);
  kernels<T>().normalization.careful_moments(n, 1, group, epsilon, mean, rstd);
}

}  // namespace

// Two passes over each sample, the second one backwards, reach the memory's rate. Strips of channels that stay in the
// second cache, each sample divided among the threads, and writing past the caches were slower: of 3.2 million floats
// in 8 samples, 380 to 480 us became 430 to 600, 440 to 590 and 560 to 630.
template <class T>
void group_norm_forward(const GroupNormForward<T>& a) {
  const dim_t sample = a.S * a.C, D = a.C / std::max<dim_t>(a.groups, 1);
  if (sample == 0) {  // means of nothing
    std::fill_n(a.mean, a.N * a.groups, T(0));
    std::fill_n(a.rstd, a.N * a.groups, T(0));
    return;
  }
  const Cut c(a.S, a.C);
  const bool stream = past_caches(a.N * sample * dim_t(sizeof(T)));
  each_sample(a.N, sample, [&](dim_t n) {
    const T* const x = a.x + n * sample;
    Scratch<T> parameters(3 * c.width);
    T *mean = parameters, *scale = mean + c.width, *shift = scale + c.width;
    T* const squares = scale;
    column_moments(a.S, a.C, x, mean, squares, false);
    for (dim_t g = 0; g < a.groups; g++) {
      const dim_t j0 = g * D, j1 = j0 + D;
      T m = sum_of<T>(j0, j1, [&](dim_t j) { return mean[j]; }) / T(D);
      const T q = sum_of<T>(j0, j1, [&](dim_t j) { return squares[j] + T(a.S) * (mean[j] - m) * (mean[j] - m); });
      const T variance = q / T(a.S * D) + a.epsilon;
      T rstd = T(1) / std::sqrt(variance);
      if (needs_care(variance)) careful_group(a.S * D, D, a.C, x + j0, a.epsilon, &m, &rstd);
      for (dim_t j = j0; j < j1; j++) {
        mean[j] = m;
        scale[j] = a.gamma ? rstd * a.gamma[j] : rstd;
        shift[j] = a.beta ? a.beta[j] : T(0);
      }
      a.mean[n * a.groups + g] = m;
      a.rstd[n * a.groups + g] = rstd;
    }
    normalize_columns(c, a.C, x, a.y + n * sample, mean, scale, shift, true, false, stream);
  });
}

template <class T>
void group_norm_backward(const GroupNormBackward<T>& a) {
  const dim_t sample = a.S * a.C, D = a.C / std::max<dim_t>(a.groups, 1), N = sample ? a.N : 0;
  const bool dx = a.dx.wanted(), sums = a.dgamma.wanted() || a.dbeta.wanted();
  const Cut c(a.S, std::max<dim_t>(a.C, 1));
  const bool stream = past_caches(a.N * sample * dim_t(sizeof(T)));
  Scratch<T> part(2 * a.C * std::max<dim_t>(N, 1));  // of each sample: sums of dy * h and of dy
  std::fill_n(part.get(), 2 * a.C, T(0));
  each_sample(dx || sums ? N : 0, sample, [&](dim_t n) {
    const dim_t first = n * sample;
    T *sum_x = part + 2 * a.C * n, *sum = sum_x + a.C;
    Scratch<T> parameters(5 * c.width);
    T *mean = parameters, *scale = mean + c.width, *shift = scale + c.width, *slope = shift + c.width;
    T* const weight = slope + c.width;
    for (dim_t g = 0; g < a.groups; g++) {
      std::fill_n(mean + g * D, D, a.mean[n * a.groups + g]);
      std::fill_n(scale + g * D, D, a.rstd[n * a.groups + g]);
    }
    for (dim_t j = 0; j < a.C; j++) weight[j] = a.gamma ? a.gamma[j] : T(1);
    repeat(mean, a.C, c.width);
    const T* const dy = a.dy + first;
    const Read<T> read{.x = a.x + first, .y = dy, .dy = dy, .M = a.S, .C = a.C, .relu = false};
    column_gradient_sums(c, read, mean, sum, sum_x, kNothing);
    for (dim_t g = 0; dx && g < a.groups; g++) {
      const dim_t j0 = g * D, j1 = j0 + D;
      const T u = sum_of<T>(j0, j1, [&](dim_t j) { return weight[j] * sum[j]; });
      const T v = sum_of<T>(j0, j1, [&](dim_t j) { return weight[j] * sum_x[j]; });
      const T count = T(a.S * D);
      std::fill(shift + j0, shift + j1, u / count);
      std::fill(slope + j0, slope + j1, scale[j0] * (scale[j0] * (v / count)));
    }
    if (dx) {
      for (T* p : {scale, shift, slope, weight}) repeat(p, a.C, c.width);
      const Gradient<T> to{a.dx + first, a.dx.mode};
      const ColumnGradient<T> apply{.c = c,
                                    .a = read,
                                    .mean = mean,
                                    .scale = scale,
                                    .shift = shift,
                                    .slope = slope,
                                    .weight = a.gamma ? weight : nullptr,
                                    .dx = to,
                                    .stream = stream};
      c.each(true, apply);
      apply.rest();
    }
    for (dim_t j = 0; j < a.C; j++) sum_x[j] *= scale[j];
  });
  if (!sums) return;
  parallel_for(2 * a.C, kGrain / std::max<dim_t>(N, 1), [&](dim_t begin, dim_t end) {
    for (dim_t n = 1; n < N; n++)
      for (dim_t j = begin; j < end; j++) part[j] += part[2 * a.C * n + j];
  });
  give(a.C, part.get(), a.dgamma);
  give(a.C, part + a.C, a.dbeta);
}

LAMINA_FOR_FLOATS(batch_norm_fold, BatchNormFold);
LAMINA_FOR_FLOATS(batch_norm_forward, BatchNormForward);
LAMINA_FOR_FLOATS(batch_norm_backward, BatchNormBackward);
LAMINA_FOR_FLOATS(layer_norm_forward, LayerNormForward);
LAMINA_FOR_FLOATS(layer_norm_backward, LayerNormBackward);
LAMINA_FOR_FLOATS(group_norm_forward, GroupNormForward);
LAMINA_FOR_FLOATS(group_norm_backward, GroupNormBackward);

}  // namespace lamina
