// One thread's work on blocks of scores, for ops/attention.cpp: the products, the masks, the scratch.
//
//   queries q0 .. q0 + nq (columns)        Q^T packed, scaled to units of log 2
//   keys    k0 .. k0 + nk (rows)           S^T = K . Q^T;  key r counts for query c if r + diagonal <= c
//
// With S transposed, K and V are read in place as the broadcast operand of the register tile, and P^T, dS^T serve as
// the broadcast operand of all later products, by rows or by columns.
#pragma once
#include <algorithm>

#include "ops/attention.h"
#include "ops/panels.h"

namespace lamina {
namespace attention {

constexpr dim_t kQueries = 64;  // of a block; 4 registers of AVX-512 floats
constexpr dim_t kBlockBytes = 32 << 10;

template <class T>
constexpr dim_t kKeys = kBlockBytes / kQueries / dim_t(sizeof(T));  // of a block, a multiple of 4

// c (rows x vectors registers) = or += a . b: the register tile over operands of cache size, nothing packed.
//   a element (i, k) at a[i * row + k * step];  b rows at ldb, whole registers;  c rows at ldc
template <class T>
struct Product {
  const T* a;
  dim_t row, step;
  const T* b;
  dim_t ldb;
  T* c;
  dim_t ldc, rows, depth;
  int vectors;
  bool accumulate;
};

// Which part of a product a diagonal leaves.
enum class Part {
  columns,    // rows are keys, columns queries: from column row + diagonal on
  depth_to,   // rows are queries, depth is keys: up to row - diagonal
  depth_from  // rows are keys, depth is queries: from row + diagonal on
};

template <class T>
void multiply(const Product<T>& p, Part part, dim_t diagonal) {
  const auto& kern = kernels<T>().gemm;
  const int W = kern.lanes;
  Tile<T> t = matrix_tile<T>(p.depth, p.row, p.step, p.ldc, p.accumulate);
  Panels panels = panels_of<T>(p.depth, p.vectors * W);
  dim_t skipped = 0;  // registers
  for (dim_t r = 0; r < p.rows; r += t.rows) {
    const dim_t first = std::max<dim_t>(0, r + diagonal);
    if (part == Part::columns && first / W != skipped) {
      skipped = first / W;
      if (skipped >= p.vectors) return;
      panels = panels_of<T>(p.depth, (p.vectors - skipped) * W);
    }
    t.rows = static_cast<int>(std::min<dim_t>(p.rows - r, kern.max_rows[panels.vectors]));
    const dim_t from = part == Part::depth_from ? std::min(first, p.depth) : 0;
    const dim_t to = part == Part::depth_to ? std::clamp<dim_t>(r + t.rows - diagonal, 0, p.depth) : p.depth;
    t.k1 = to - from;
    const T* b = p.b + from * p.ldb + skipped * W;
    run_panels<T>(kern, t, t.rows, p.a + r * p.row + from * p.step, p.c + r * p.ldc + skipped * W, panels, b, p.ldb);
  }
}

// Rows of a matrix as whole registers.
template <class T>
struct Rows {
  const T* p;
  dim_t ld;
  Rows from(dim_t i) const { return {p + i * ld, ld}; }
};

// In place where that is good, else copied to `packed`.
template <class T>
Rows<T> whole_registers(const T* p, dim_t stride, dim_t rows, dim_t n, T* packed) {
  const auto& gemm = kernels<T>().gemm;
  const dim_t width = round_up(n, gemm.lanes);
  if (width == n && !shares_sets(stride * dim_t(sizeof(T)))) return {p, stride};
  gemm.pack(p, stride, 1, rows, n, packed, width);
  return {packed, width};
}

// Whether some key may be out of some query's sight. A NaN there must not be multiplied by its weight of 0: where
// results are not finite, or before a backward pass, rows that are not finite are looked for, and kept out of the
// products.
template <class T>
bool hides_keys(const AttentionInputs<T>& in) {
  return in.mask || in.bias || in.causal != Causal::none;
}

// Whether keys and values are known to be finite at the cost of one look at small arrays: head by head it costs more.
template <class T>
bool small_and_finite(const AttentionInputs<T>& in) {
  constexpr dim_t kSmall = 64 << 10;
  auto finite = [&](const HeadArray<const T>& x, dim_t D) {
    const bool contiguous = x.head == D && x.time == in.Hkv * D && x.batch == in.Tk * x.time;
    const dim_t n = in.B * in.Tk * in.Hkv * D;
    return contiguous && n <= kSmall && kernels<T>().attention.finite(1, n, x.p, n);
  };
  return finite(in.k, in.D) && finite(in.v, in.Dv);
}

// As whole_registers, with zeros in the place of rows that are not finite; `found` says whether there are any.
template <class T>
Rows<T> finite_rows(const T* p, dim_t stride, dim_t rows, dim_t n, T* packed, bool& found) {
  const auto& kern = kernels<T>().attention;
  found = !kern.finite(rows, n, p, stride);
  if (!found) return whole_registers(p, stride, rows, n, packed);
  const dim_t width = round_up(n, kernels<T>().gemm.lanes);
  kernels<T>().gemm.pack(p, stride, 1, rows, n, packed, width);
  for (dim_t i = 0; i < rows; i++)
    if (!kern.finite(1, n, p + i * stride, n)) std::fill_n(packed + i * width, width, T(0));
  return {packed, width};
}

// Keys and values of one head, `most` of them at a time. What is not finite may be kept out.
template <class T>
class Keys {
 public:
  Keys(const AttentionInputs<T>& in, dim_t most)
      : in_(in),
        packed_k_(most * round_up(in.D, kernels<T>().gemm.lanes)),
        packed_v_(most * round_up(in.Dv, kernels<T>().gemm.lanes)) {}

  // finite_keys, finite_values: zeros in the place of rows that are not finite.
  void take(dim_t b, dim_t head, dim_t from, dim_t to, bool finite_keys, bool finite_values) {
    if (b == b_ && head == head_ && from == from_ && finite_values == finite_values_) return;
    b_ = b;
    head_ = head;
    from_ = from;
    finite_values_ = finite_values;
    lacks_values_ = false;
    const T *k = in_.k.at(b, from, head), *v = in_.v.at(b, from, head);
    bool lacks_keys = false;
    k_ = finite_keys ? finite_rows(k, in_.k.time, to - from, in_.D, packed_k_.get(), lacks_keys)
                     : whole_registers(k, in_.k.time, to - from, in_.D, packed_k_.get());
    v_ = finite_values ? finite_rows(v, in_.v.time, to - from, in_.Dv, packed_v_.get(), lacks_values_)
                       : whole_registers(v, in_.v.time, to - from, in_.Dv, packed_v_.get());
  }
  // Whether v has zeros in the place of values that are not finite.
  bool lacks_values() const { return lacks_values_; }
  Rows<T> k(dim_t key) const { return k_.from(key - from_); }
  Rows<T> v(dim_t key) const { return v_.from(key - from_); }

 private:
  const AttentionInputs<T>& in_;
  bool finite_values_ = false, lacks_values_ = false;
  Scratch<T> packed_k_, packed_v_;
  Rows<T> k_{}, v_{};
  dim_t b_ = -1, head_ = -1, from_ = -1;
};

template <class T>
class Blocks {
 public:
  Blocks(const AttentionInputs<T>& in, const std::uint64_t* random)
      : in_(in),
        kern_(kernels<T>().attention),
        gemm_(kernels<T>().gemm),
        width_(round_up(std::min(kQueries, in.Tq), gemm_.lanes)),
        height_(std::min(kKeys<T>, in.Tk)),
        random_(random),
        per_query_((in.mask && in.mask_step[2]) || (in.bias && in.bias_step[2])),
        queries_(in.D * width_),
        s_(height_ * width_),
        bias_rows_(in.mask || in.bias ? (per_query_ ? width_ : 1) * height_ : 0),
        bias_(per_query_ ? height_ * width_ : 0),
        factor_(random ? height_ * width_ : 0) {}

  dim_t width() const { return width_; }    // most columns
  dim_t height() const { return height_; }  // most rows
  dim_t nq() const { return nq_; }
  dim_t cols() const { return cols_; }
  int vectors() const { return static_cast<int>(cols_ / gemm_.lanes); }
  dim_t keys() const { return keys_; }  // that some of the queries see
  dim_t diagonal() const { return diagonal_; }
  T* s() const { return s_; }
  const T* factor() const { return random_ ? factor_.get() : nullptr; }

  static dim_t length(const AttentionInputs<T>& in, dim_t b) {
    if (!in.lengths) return in.Tk;
    return in.wide_lengths ? static_cast<const std::int64_t*>(in.lengths)[b]
                           : static_cast<const std::int32_t*>(in.lengths)[b];
  }

  // Chooses a head and packs its queries from q0 on.
  void take_queries(dim_t b, dim_t h, dim_t q0) {
    b_ = b;
    h_ = h;
    q0_ = q0;
    nq_ = std::min(kQueries, in_.Tq - q0);
    cols_ = round_up(nq_, gemm_.lanes);
    keys_ = length(in_, b);
    if (in_.causal != Causal::none) keys_ = std::clamp<dim_t>(q0 + nq_ + shift(), 0, keys_);
    if (keys_ == 0) return;
    gemm_.pack(in_.q.at(b, q0, h), 1, in_.q.time, in_.D, nq_, queries_, cols_);
    finite_ = kern_.scale(in_.D * cols_, queries_, in_.scale * kUnit, queries_);
  }

  bool finite() const { return finite_; }  // the queries
  // Makes query i zero.
  void clear_query(dim_t i) {
    for (dim_t d = 0; d < in_.D; d++) queries_[d * cols_ + i] = 0;
  }

  // s = scores of keys k0 .. k0 + nk, whose rows are k, masked. cap_slope: the soft cap's derivative goes there, if
  // any.
  void scores(dim_t k0, dim_t nk, Rows<T> k, T* cap_slope = nullptr) {
    diagonal_ = in_.causal == Causal::none ? -nk : k0 - q0_ - shift();
    multiply(Product<T>{k.p, k.ld, 1, queries_, cols_, s_, cols_, nk, in_.D, vectors(), false}, Part::columns,
             diagonal_);
    if (in_.soft_cap > 0) kern_.soft_cap(s_, cols_, nk, cols_, diagonal_, in_.soft_cap * kUnit, cap_slope);
    if (in_.slopes) kern_.alibi(s_, cols_, nk, cols_, in_.slopes[h_] * kUnit, q0_ + shift() - k0);
    const bool cut = diagonal_ + nk > 1;
    const T* bias = bias_rows_.get() ? additive(k0, nk) : nullptr;
    if (bias || cut) kern_.mask(s_, cols_, nk, cols_, diagonal_, bias, per_query_ ? cols_ : 0);
    if (random_) {
      const dim_t row = (in_.Tk + 3) / 4;
      kern_.dropout(factor_, cols_, nk, cols_, random_[0], random_[1],
                    static_cast<std::uint64_t>((((b_ + dim_t(random_[2])) * in_.H + h_) * in_.Tq + q0_) * row + k0 / 4),
                    static_cast<std::uint64_t>(row), static_cast<std::uint32_t>(in_.dropout * 4294967296.0),
                    T(1 / (1 - in_.dropout)));
    }
  }

 private:
  static constexpr T kUnit = T(1.4426950408889634);  // scores are in units of log 2

  dim_t shift() const { return in_.causal == Causal::bottom_right ? in_.Tk - in_.Tq : 0; }

  // Mask and bias of the block as one additive block, or one number a key where queries share them.
  const T* additive(dim_t k0, dim_t nk) {
    const dim_t rows = per_query_ ? nq_ : 1;
    for (dim_t i = 0; i < rows; i++)
      kern_.bias_row(nk, at(in_.bias, in_.bias_step, q0_ + i, k0), in_.bias_step[3],
                     at(in_.mask, in_.mask_step, q0_ + i, k0), in_.mask_step[3], bias_rows_ + i * height_);
    if (!per_query_) return bias_rows_;
    gemm_.pack(bias_rows_, 1, height_, nk, nq_, bias_, cols_);
    return bias_;
  }

  template <class U>
  const U* at(const U* p, const dim_t* step, dim_t q, dim_t k) const {
    return p ? p + b_ * step[0] + h_ * step[1] + q * step[2] + k * step[3] : nullptr;
  }

  const AttentionInputs<T>& in_;
  const AttentionKernels<T>& kern_;
  const GemmKernels<T>& gemm_;
  const dim_t width_, height_;
  const std::uint64_t* random_;
  const bool per_query_;
  Scratch<T> queries_, s_, bias_rows_, bias_, factor_;
  bool finite_ = true;
  dim_t b_ = 0, h_ = 0, q0_ = 0, nq_ = 0, cols_ = 0, keys_ = 0, diagonal_ = 0;
};

}  // namespace attention
}  // namespace lamina
