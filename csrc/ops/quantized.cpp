#include "ops/quantized.h"

#include <algorithm>
#include <cstring>

#include "core/cpu_extensions.h"
#include "core/parallel.h"
#include "kernels/gemm_int8.h"
#include "kernels/table.h"
#include "ops/panels.h"

namespace lamina {

const Int8Kernels& int8_kernels() {
  static const bool vnni = host_has_vnni(), tiles = vnni && host_has_int8_tiles();
  switch (active_isa()) {
#if defined(__x86_64__)
    case Isa::v2: return v2::int8_kernels(vnni, tiles);
    case Isa::v3: return v3::int8_kernels(vnni, tiles);
    default: return v4::int8_kernels(vnni, tiles);
#else
    default: return neon::int8_kernels(vnni, tiles);
#endif
  }
}

namespace {

constexpr dim_t kABlock = 128 << 10;  // bytes of quantized rows that all strips meet

struct Rows {
  dim_t M;
  const float* x;
  dim_t ldx;
  QuantizedTo to;
};

QuantizedTo plain(const QuantizedMatrix& w, const float* b, float* y, dim_t ldy, bool accumulate) {
  return {&w, w.steps(), b, y, ldy, Activation::linear, accumulate};
}

dim_t rows_in_cache(dim_t row) {
  const dim_t most = int8_kernels().most_rows;
  return std::max<dim_t>(kABlock / row / most, 1) * most;
}
dim_t row_bytes(const QuantizedMatrix& w) { return odd_lines<std::uint8_t>(w.quads() * kQuad); }

}  // namespace

void multiply_quantized(const QuantizedTo& to, dim_t m, dim_t rows, const std::uint8_t* quantized, dim_t row,
                        const float* steps, dim_t s0, dim_t s1) {
  if (rows <= 0) return;
  const auto& kern = int8_kernels();
  const QuantizedMatrix& w = *to.w;
  Int8Tile t{};
  t.row = row;
  t.quads = w.quads();
  t.strip = w.strip();
  t.ldc = to.ldy;
  t.accumulate = to.accumulate;
  t.relu = to.act == Activation::relu;
  const bool later = to.act == Activation::tanh || to.act == Activation::sigmoid;
  // Even tiles: 32 rows become 6 6 5 5 5 5, never 6 6 6 6 6 2.
  const dim_t tiles = (rows + kern.most_rows - 1) / kern.most_rows, least = rows / tiles, high = rows % tiles;
  for (dim_t s = s0; s < s1; s += t.strips) {
    t.strips = kern.strips[least + (high > 0)];
    while (t.strips > s1 - s) t.strips /= 2;
    const dim_t n = s * kStrip;
    t.b = w.bytes() + s * w.strip();
    t.column_sums = w.sums() + n;
    t.column_step = to.column_steps + n;
    t.bias = to.b ? to.b + n : nullptr;
    t.cols = static_cast<int>(std::min<dim_t>(w.columns() - n, t.strips * kStrip));
    for (dim_t i = 0, done = 0; i < tiles; i++, done += t.rows) {
      t.rows = static_cast<int>(least + (i < high));
      t.a = quantized + done * t.row;
      t.row_step = steps + done;
      t.c = to.y + (m + done) * to.ldy + n;
      kern.tile(t);
      if (later)
        for (int l = 0; l < t.rows; l++) kernels<float>().gemm.activate(t.c + l * to.ldy, t.cols, to.act);
    }
  }
}

namespace {

void quantize(const QuantizedMatrix& w, const float* x, std::uint8_t* bytes, float* step) {
  int8_kernels().quantize_row(x, w.rows(), w.quads() * kQuad, kQuantizedEpsilon, bytes, step);
}

// Rows [m0, m1) and strips [s0, s1) of the result, on the calling thread: rows are quantized, then meet strip by strip.
void block(const Rows& r, dim_t m0, dim_t m1, dim_t s0, dim_t s1) {
  const QuantizedMatrix& w = *r.to.w;
  const dim_t row = row_bytes(w), most = std::min(rows_in_cache(row), m1 - m0);
  Scratch<std::uint8_t> quantized(most * row);
  Scratch<float> steps(most);
  const MultiplyingBytes scope;
  for (dim_t m = m0; m < m1; m += most) {
    const dim_t rows = std::min(most, m1 - m);
    for (dim_t i = 0; i < rows; i++) quantize(w, r.x + (m + i) * r.ldx, quantized + i * row, steps + i);
    multiply_quantized(r.to, m, rows, quantized, row, steps, s0, s1);
  }
}

}  // namespace

MultiplyingBytes::~MultiplyingBytes() { int8_kernels().release(); }

QuantizedMatrix::QuantizedMatrix(dim_t K, dim_t N)
    : K_(K),
      N_(N),
      quads_((K + kQuad - 1) / kQuad),
      strips_((N + kStrip - 1) / kStrip),
      strip_(odd_lines<std::int8_t>(quads_ * kStripQuad)),
      bytes_(strips_ * strip_),
      sums_(strips_ * kStrip),
      steps_(strips_ * kStrip) {}

void QuantizedMatrix::fill(const std::int8_t* w, const float* scale) {
  parallel_for(strips_, kGrain / std::max<dim_t>(1, K_ * kStrip) + 1, [&](dim_t begin, dim_t end) {
    for (dim_t s = begin; s < end; s++) {
      const dim_t n0 = s * kStrip, n = std::min<dim_t>(kStrip, N_ - n0);
      std::int8_t* to = bytes_ + s * strip_;
      std::memset(to, 0, static_cast<std::size_t>(strip_));
      std::int32_t sums[kStrip] = {};
      for (dim_t k = 0; k < K_; k++)
        for (dim_t j = 0; j < n; j++) {
          const std::int8_t value = w[k * N_ + n0 + j];
          to[k / kQuad * kStripQuad + kQuad * j + k % kQuad] = value;
          sums[j] += value;
        }
      for (dim_t j = 0; j < kStrip; j++) {
        sums_[n0 + j] = sums[j];
        steps_[n0 + j] = j < n ? 1 / scale[n0 + j] : 0;
      }
    }
  });
}

void quantized_dense(const QuantizedDense& a) {
  const dim_t K = a.w->rows(), N = a.w->columns(), strips = a.w->strips();
  const Rows r{a.M, a.x, K, {a.w, a.w->steps(), a.b, a.y, a.ldy, a.act, false}};
  if (a.M == 0 || N == 0) return;
  const double products = double(a.M) * double(N) * double(K);
  const dim_t threads = std::min<dim_t>(get_num_threads(), static_cast<dim_t>(products / kQuantizedWorkPerThread) + 1);
  // Rows are quantized by the thread that needs them: by one if rows are divided, by each if strips are.
  const dim_t rows = int8_kernels().most_rows;
  const bool by_rows = a.M >= threads * rows || a.M >= strips;
  const dim_t parts = std::min(threads, by_rows ? a.M : strips);
  parallel_for(parts, 1, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++)
      by_rows ? block(r, a.M * i / parts, a.M * (i + 1) / parts, 0, strips)
              : block(r, 0, a.M, strips * i / parts, strips * (i + 1) / parts);
  });
}

void quantized_rows(dim_t M, const float* x, dim_t ldx, const QuantizedMatrix& w, dim_t n0, dim_t n1, float* y,
                    dim_t ldy, bool accumulate) {
  block({M, x, ldx, plain(w, nullptr, y, ldy, accumulate)}, 0, M, n0 / kStrip, (n1 + kStrip - 1) / kStrip);
}

void quantized_rows_shared(dim_t M, const float* x, dim_t ldx, const QuantizedMatrix& w, dim_t n0, dim_t n1, float* y,
                           dim_t ldy, bool accumulate) {
  const Rows r{M, x, ldx, plain(w, nullptr, y, ldy, accumulate)};
  const dim_t s0 = n0 / kStrip, strips = (n1 + kStrip - 1) / kStrip - s0;
  const dim_t parts = std::min<dim_t>(get_num_threads(), strips);
  parallel_for(parts, 1, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) block(r, 0, M, s0 + strips * i / parts, s0 + strips * (i + 1) / parts);
  });
}

QuantizedRows::QuantizedRows(dim_t most, const QuantizedMatrix& w)
    : w_(w), row_(row_bytes(w)), bytes_(most * row_), steps_(most) {}

void QuantizedRows::set(dim_t i, const float* x) { quantize(w_, x, bytes_ + i * row_, steps_ + i); }

void QuantizedRows::multiply(dim_t M, const float* b, float* y, dim_t ldy) const {
  const dim_t most = rows_in_cache(row_);
  const MultiplyingBytes scope;
  for (dim_t m = 0; m < M; m += most)
    multiply_quantized(plain(w_, b, y, ldy, false), m, std::min(most, M - m), bytes_ + m * row_, row_, steps_ + m, 0,
                       w_.strips());
}

}  // namespace lamina
