// Packed matrices and the loops around the register tile, for every operation that multiplies.
//
// The right operand of a product, K x N, is cut into panels as wide as the tile is; a packed panel holds its K rows one
// after the other, so that the tile streams through it. Reading in place is as fast where the rows of a panel are
// whole registers and are used once, stand next to each other, or lie in L1. Else a panel is packed once and read by
// all tiles below it; where its rows are whole registers the first of these tiles packs it in passing (Tile::copy).
//
// Threads pack together what has to be transposed or transformed and is used by all of them (PackedMatrix); what tiles
// pack in passing each thread packs for itself, into its own L2.
//
// The left operand is read in place: a row of the panel meets a few cache lines of it, whose latency hides behind the
// multiplications.
//
// T is what a tile computes with. What a matrix is stored as concerns pack() alone.
#pragma once
#include <algorithm>

#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/gemm_bfloat16.h"
#include "kernels/table.h"

namespace lamina {

constexpr double kFlopsPerThread = 1.0e6;  // a parallel region costs a microsecond, some 100 kflop

inline bool worth_threads(double flops) { return flops > kFlopsPerThread; }

inline dim_t round_up(dim_t n, dim_t to) { return (n + to - 1) / to * to; }

// Whether rows so many bytes apart fall into the same few sets of L1.
inline bool shares_sets(dim_t bytes) { return bytes % 1024 == 0; }

// At least n elements, an odd number of cache lines: rows so far apart fall into different sets.
template <class T>
dim_t odd_lines(dim_t n) {
  constexpr dim_t line = 64 / sizeof(T);
  return ((n + line - 1) / line | 1) * line;
}

// The panels of a matrix of N columns, of even width: 9 registers become 3 + 3 + 3 and not 4 + 4 + 1. A last column
// that would have a register to itself is a panel of its own.
struct Panels {
  dim_t columns;  // N
  int lanes;      // elements of a register
  int vectors;    // registers of the widest panel
  dim_t total;    // registers in all
  dim_t broad;    // panels of registers; behind them is that of a single column
  dim_t wide;     // the first panels, of `vectors` registers; the others have one less
  dim_t count;    // panels in all

  int width(dim_t p) const { return p < broad ? vectors - int(p >= wide) : 0; }  // registers of panel p; 0: a column
  dim_t begin(dim_t p) const {                                                   // its first column
    const dim_t q = std::min(p, broad);
    return (q * vectors - std::max(q - wide, dim_t(0))) * lanes + p - q;
  }
  dim_t row(dim_t p) const { return p < broad ? dim_t(width(p)) * lanes : 1; }   // elements of a packed row
  int used(dim_t p) const { return int(std::min(columns - begin(p), row(p))); }  // that hold columns
  dim_t widest_row() const { return row(0); }
  dim_t size(dim_t K) const { return begin(count) * K; }     // elements of all panels, K rows each
  dim_t at(dim_t p, dim_t K) const { return begin(p) * K; }  // where panel p begins among them
};

// What multiplies T, or with `pairs` cells of two terms rounded to bfloat16.
template <class T>
const GemmKernels<T>& kernels_of(bool pairs) {
  return pairs ? bfloat16_kernels<T>().cells : kernels<T>().gemm;
}

// From so many terms times lanes on, a single column takes less alone than its register would. Two columns apart took
// as long as their register in half of the cases, three mostly longer.
constexpr dim_t kColumnWork = 272;

// Those of K terms.
template <class T>
Panels panels_of(dim_t K, dim_t N, bool pairs = false) {
  const auto& k = kernels_of<T>(pairs);
  const dim_t single = k.max_rows[0] && K * k.lanes >= kColumnWork && N % k.lanes == 1;
  const dim_t total = (N - single + k.lanes - 1) / k.lanes;
  const dim_t most = k.max_rows[4] ? 4 : k.max_rows[3] && total == 3 ? 3 : 2;
  const dim_t broad = (total + most - 1) / most;
  const dim_t vectors = broad ? (total + broad - 1) / broad : 0;
  return {N, k.lanes, int(vectors), total, broad, broad - (vectors * broad - total), broad + single};
}

// While it is there, this thread multiplies; with `pairs`, its tile registers are given back at the end.
template <class T>
struct Multiplying {
  const bool pairs;
  explicit Multiplying(bool in_pairs) : pairs(in_pairs) {}
  Multiplying(const Multiplying&) = delete;
  Multiplying& operator=(const Multiplying&) = delete;
  ~Multiplying() {
    if (pairs) bfloat16_kernels<T>().release();
  }
};

// K rows of panel p of a matrix whose element (k, n) stands at b[k * b_row + n * b_col].
template <class T>
void pack_panel(const Panels& panels, dim_t p, dim_t K, const T* b, dim_t b_row, dim_t b_col, T* out) {
  kernels<T>().gemm.pack(b + panels.begin(p) * b_col, b_row, b_col, K, panels.used(p), out, panels.row(p));
}

// The tile of a matrix product with K terms: element (i, k) of a stands at i * a_row + k * a_col.
template <class T>
Tile<T> matrix_tile(dim_t K, dim_t a_row, dim_t a_col, dim_t ldc, bool accumulate) {
  Tile<T> t{};
  t.row = a_row;
  t.k3 = t.k2 = 1;
  t.k1 = K;
  t.s1 = a_col;
  t.ldc = ldc;
  t.accumulate = accumulate;
  return t;
}

// The rows that a tile may have. Rows of a that stand pages apart share one set of L1, which holds eight lines or more.
template <class T>
inline dim_t most_rows(const GemmKernels<T>& kern, const Tile<T>& t) {
  const int most = kern.max_rows[t.vectors];
  return t.row * dim_t(sizeof(T)) % 4096 ? most : std::min(most, 8);
}

// The tile over `rows` rows of one panel, in even tiles: 64 become 7 7 7 7 6 6 ..., never 7 7 ... 1. a and c stand at
// the first row. With Tile::copy the first tile packs the panel for the others.
template <class T>
inline __attribute__((always_inline)) void run_rows(const GemmKernels<T>& kern, Tile<T>& t, dim_t rows, const T* a,
                                                    T* c) {
  if (rows <= 0) return;
  const dim_t most = most_rows(kern, t), tiles = (rows + most - 1) / most, least = rows / tiles;
  const dim_t high = rows - least * tiles;  // tiles of one row more
  t.a = a;
  t.c = c;
  for (dim_t i = 0; i < tiles; i++) {
    t.rows = static_cast<int>(least + (i < high));
    kern.tile(t);
    t.a += t.rows * t.row;
    t.c += t.rows * t.ldc;
    if (!t.copy) continue;
    t.b = t.copy;
    t.ldb = dim_t(t.vectors) * kern.lanes;
    t.copy = nullptr;
  }
}

// The tile over panels [first, last) of a matrix of t.k1 rows: packed panels one after the other, or, with ldb, rows of
// whole registers in place. `fro` begins with the last panel: the caches still hold the last panels of the product
// before.
template <class T>
void run_panels(const GemmKernels<T>& kern, Tile<T>& t, dim_t rows, const T* a, T* c, const Panels& panels, const T* b,
                dim_t ldb, bool fro, dim_t first, dim_t last) {
  for (dim_t i = first; i < last; i++) {
    const dim_t p = fro ? first + last - 1 - i : i, n = panels.begin(p);
    t.vectors = panels.width(p);
    t.cols = panels.used(p);
    t.ldb = ldb ? ldb : panels.row(p);
    t.b = b + (ldb ? n : panels.at(p, t.k1));
    run_rows(kern, t, rows, a, c + n);
  }
}

// All of them.
template <class T>
void run_panels(const GemmKernels<T>& kern, Tile<T>& t, dim_t rows, const T* a, T* c, const Panels& panels, const T* b,
                dim_t ldb = 0, bool fro = false) {
  run_panels(kern, t, rows, a, c, panels, b, ldb, fro, 0, panels.count);
}

// Right operands that many products use, `count` matrices of one shape, packed once by all threads.
template <class T>
class PackedMatrix {
 public:
  // Room for them, which fill() is to pack.
  PackedMatrix(dim_t K, const Panels& panels, dim_t count = 1, bool pairs = false)
      : K_(K),
        count_(count),
        panels_(panels),
        step_(odd_lines<T>(panels_.size(K))),
        packed_(count * step_),
        pairs_(pairs) {}

  // With `pairs` rounded to bfloat16, rows of cells that hold two terms each; then so are the left operands.
  PackedMatrix(dim_t K, dim_t N, const T* b, dim_t b_row, dim_t b_col, bool pairs = false)
      : PackedMatrix(pairs ? (K + 1) / 2 : K, panels_of<T>(K, N, pairs), 1, pairs) {
    terms_ = K;
    const dim_t terms = pairs ? 2 : 1;
    fill(1, kPackedRows, [&](dim_t, dim_t p, dim_t k, dim_t rows, T* out) {
      kernels_of<T>(pairs).pack(b + k * terms * b_row + panels_.begin(p) * b_col, b_row, b_col,
                                std::min(rows * terms, K - k * terms), panels_.used(p), out, panels_.row(p));
    });
  }

  // Calls pack(i, p, k, rows, out) for i < count: it writes rows [k, k + rows) of panel p, rows <= run, to out, for
  // matrix i, or with a count of 1 for all matrices, step() apart.
  template <class F>
  void fill(dim_t count, dim_t run, F&& pack) {
    run = std::max<dim_t>(1, std::min(run, K_));
    const dim_t runs = (K_ + run - 1) / run, each = runs * panels_.count;
    const dim_t written = run * panels_.widest_row() * (count_ / std::max<dim_t>(count, 1));
    parallel_for(count * each, kGrain / std::max<dim_t>(1, written) + 1, [&](dim_t begin, dim_t end) {
      for (dim_t n = begin; n < end; n++) {
        const dim_t i = n / each, p = n % each / runs, k = n % runs * run;
        pack(i, p, k, std::min(run, K_ - k), packed_ + i * step_ + panels_.at(p, K_) + k * panels_.row(p));
      }
    });
  }

  // Row k of panel p.
  const T* row(dim_t i, dim_t p, dim_t k) const { return packed_ + i * step_ + panels_.at(p, K_) + k * panels_.row(p); }
  const Panels& panels() const { return panels_; }
  dim_t step() const { return step_; }  // elements from matrix to matrix

  // c (M, N) = a (M, K) . b, or c += a . b, with matrix i; on the calling thread.
  void multiply(dim_t M, const T* a, dim_t lda, T* c, dim_t ldc, bool accumulate, bool fro, dim_t i = 0) const {
    const Left left(*this, M, a, lda);
    const Multiplying<T> scope(pairs_);
    Tile<T> t = matrix_tile<T>(K_, left.ld, 1, ldc, accumulate);
    run_panels(kernels_of<T>(pairs_), t, M, left.a, c, panels_, packed_ + i * step_, 0, fro);
  }

  // The same by all threads, each some panels, which stay in its cache from product to product.
  void multiply_shared(dim_t M, const T* a, dim_t lda, T* c, dim_t ldc, bool accumulate, bool fro) const {
    const Left left(*this, M, a, lda);
    const dim_t threads = get_num_threads();  // a part each: `fro` is to begin with what a thread's cache holds
    parallel_for(panels_.count, (panels_.count + threads - 1) / threads, [&](dim_t begin, dim_t end) {
      const Multiplying<T> scope(pairs_);
      Tile<T> t = matrix_tile<T>(K_, left.ld, 1, ldc, accumulate);
      run_panels(kernels_of<T>(pairs_), t, M, left.a, c, panels_, packed_.get(), 0, fro, begin, end);
    });
  }

 private:
  static constexpr dim_t kPackedRows = 128;  // of a panel that a thread packs

  // The left operand of a product: as it is, or its rows as cells.
  struct Left {
    Scratch<T> cells;
    const T* a;
    dim_t ld;
    Left(const PackedMatrix& b, dim_t M, const T* rows, dim_t lda)
        : cells(b.pairs_ ? M * odd_lines<T>(b.K_) : 0), a(rows), ld(lda) {
      if (!b.pairs_) return;
      a = cells;
      ld = odd_lines<T>(b.K_);
      bfloat16_kernels<T>().round_rows(M, b.terms_, rows, lda, cells, ld);
    }
  };

  const dim_t K_, count_;
  const Panels panels_;
  const dim_t step_;
  const Scratch<T> packed_;
  const bool pairs_;
  dim_t terms_ = 0;  // K, with pairs twice the rows or one less
};

}  // namespace lamina
