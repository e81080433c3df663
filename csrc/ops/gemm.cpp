// The loops around the register tile (Goto and van de Geijn, ACM TOMS 34(3), 2008), names as in BLIS:
//
//   for pc in K by KC
//     for ic in M by MC                      A(ic, pc) stays in L2
//       for each panel of NR columns         B(pc, :) is packed panel by panel at its first use
//         for each tile of MR rows           the panel stays in L1 or L2
//
// Threads take a grid of disjoint blocks of C and share nothing, so there is no barrier.
#include "ops/gemm.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "ops/bfloat16.h"

namespace lamina {
namespace {

constexpr dim_t kABlock = 192 << 10;  // bytes of A's rows that all panels meet; with 384 KiB they push each other out
constexpr dim_t kSmallB = 16 << 10;   // bytes of a B that needs no packing
constexpr dim_t kFewTerms = 64;
constexpr dim_t kMostDots = 3;  // rows of A: with 4 and 8, tiles over packed panels took 0.74 and 0.49 of the time
constexpr dim_t kDotBlock = 16 << 10;    // bytes of B that all rows of A meet
constexpr dim_t kPairBlock = 384 << 10;  // bytes of A's cells
constexpr dim_t kMostPairRows = 16;
constexpr dim_t kLeastPairTerms = 16;
constexpr dim_t kDotTerms = 32;  // for each row of A, so that summing up the lanes at the end does not count

// Whether a transposed A, whose rows of the sum stand so far apart, is worth a copy: a page apart they fall into one
// set of L1 and few of L2.
bool worth_copying(dim_t bytes, const Panels& panels) { return bytes % 4096 == 0 && panels.count >= 4; }

// Few rows of A, and a B that would have to be transposed: dots read both in place.
template <class T>
bool is_dots(const Gemm<T>& g) {
  return g.M <= kMostDots && 2 * g.M <= kernels<T>().gemm.lanes && g.a_col == 1 && g.b_row == 1 && g.b_col != 1 &&
         (g.M == 1 || g.K >= kDotTerms * g.M);
}

// One row or one column of C, or few rows, operands lying so that a stream reaches the memory's rate, which no tile
// does. Asked of the whole product, never of one thread's block: streams add in another order than tiles.
template <class T>
bool is_stream(const Gemm<T>& g) {
  if (g.M > 1 && is_dots(g)) return true;
  if (g.M == 1) return g.b_col == 1 || g.a_col == 1;
  if (g.N == 1 && !g.bias) return g.ldc == 1 && ((g.a_row == 1) || (g.a_col == 1 && g.b_row == 1));
  return false;
}

// out[n] (+)= bias[n] + sum over k of x[k * incx] * b[k * ldb + n]. Runs of whole rows, which memory delivers best, in
// parallel; how many follows from the shape alone, and they are added in order. Two of 64 x 512 rows took 2.4 us in
// place of 3.1, and a decoding step of 7 MB 56 in place of 64; prefetching rows ahead made it 59.
template <class T>
void combine_rows(dim_t K, dim_t N, const T* x, dim_t incx, const T* b, dim_t ldb, T* out, const T* bias,
                  bool accumulate) {
  const auto& k = kernels<T>().gemm;
  static const T one = 1;
  const dim_t runs = K * N < 4 * kGrain ? 1 : std::clamp<dim_t>(K * N / (4 * kGrain), 2, 64);
  if (runs == 1) return k.axpy_rows(K, N, x, incx, b, ldb, out, bias, accumulate);
  Scratch<T> part(runs * N);
  parallel_for(runs, 1, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) {
      const dim_t k0 = K * i / runs, k1 = K * (i + 1) / runs;
      k.axpy_rows(k1 - k0, N, x + k0 * incx, incx, b + k0 * ldb, ldb, part + i * N, nullptr, false);
    }
  });
  k.axpy_rows(runs, N, &one, 0, part, N, out, bias, accumulate);
}

// Of the streams, those that combine_rows divides among threads itself.
template <class T>
bool combines_rows(const Gemm<T>& g) {
  return g.M == 1 ? g.b_col == 1 : g.a_row == 1;
}

template <class T>
void dots(const Gemm<T>& g) {
  const auto& k = kernels<T>().gemm;
  const dim_t block = g.M == 1 ? g.N : std::max<dim_t>(1, kDotBlock / dim_t(sizeof(T)) / g.K / 4) * 4;
  for (dim_t n = 0; n < g.N; n += block) {
    const dim_t columns = std::min(block, g.N - n);
    for (dim_t m = 0; m < g.M; m++)
      k.dot_rows(g.K, columns, g.a + m * g.a_row, g.b + n * g.b_col, g.b_col, g.c + m * g.ldc + n,
                 g.bias ? g.bias + n : nullptr, g.accumulate);
  }
}

template <class T>
void stream(const Gemm<T>& g) {
  const auto& k = kernels<T>().gemm;
  if (g.M == 1 && g.b_col == 1) {
    combine_rows(g.K, g.N, g.a, g.a_col, g.b, g.b_row, g.c, g.bias, g.accumulate);
  } else if (is_dots(g)) {
    dots(g);
  } else if (g.a_row == 1) {
    combine_rows<T>(g.K, g.M, g.b, g.b_row, g.a, g.a_col, g.c, nullptr, g.accumulate);
  } else {
    k.dot_rows(g.K, g.M, g.b, g.a, g.a_row, g.c, nullptr, g.accumulate);
  }
  if (g.act == Activation::linear) return;
  const dim_t rows = g.ldc == g.N ? 1 : g.M;
  for (dim_t m = 0; m < rows; m++) k.activate(g.c + m * g.ldc, g.M / rows * g.N, g.act);
}

// A large product of few terms, such as a small batch's gradient of many weights, is worth its memory traffic alone:
// then C's lines are not read before they are written.
template <class T>
bool streams(const Gemm<T>& g) {
  const auto on_line = [](auto bytes) { return bytes % 64 == 0; };
  return g.K <= kFewTerms && !g.accumulate && (g.act == Activation::linear || g.act == Activation::relu) &&
         past_caches(2 * g.M * g.ldc * dim_t(sizeof(T))) && on_line(reinterpret_cast<std::uintptr_t>(g.c)) &&
         on_line(g.ldc * dim_t(sizeof(T)));
}

// `shared`: B as all threads packed it, or null. Of cells it is given.
template <class T>
void blocked(const Gemm<T>& g, bool pairs, const PackedMatrix<T>* shared = nullptr) {
  const auto& kern = kernels_of<T>(pairs);
  const Panels panels = panels_of<T>(g.K, g.N, pairs);
  const dim_t most_rows = kern.max_rows[panels.vectors];
  // Of even depth, at most 1.4 times the usual one.
  const dim_t passes = std::max<dim_t>(1, (g.K * 10 + kern.depth * 14 - 1) / (kern.depth * 14));
  const dim_t KC = (g.K + passes - 1) / passes, kc_max = std::min(g.K, KC);
  const dim_t MC = std::max<dim_t>(most_rows, kABlock / dim_t(sizeof(T)) / kc_max / most_rows * most_rows);
  const bool one_block = g.M <= MC;  // each panel is used up before the next is packed: one buffer serves them all
  const bool in_place = shared || (g.b_col == 1 && (g.M <= most_rows || g.b_row == panels.widest_row() ||
                                                    g.K * g.b_row * dim_t(sizeof(T)) <= kSmallB));
  const bool copy_a = g.a_row == 1 && worth_copying(g.a_col * dim_t(sizeof(T)), panels);
  const dim_t copied_row = odd_lines<T>(std::min(g.M, MC));
  Scratch<T> packed(shared || (in_place && g.N % panels.lanes == 0) ? 0
                    : one_block                                     ? kc_max * panels.widest_row()
                                                                    : panels.size(kc_max));
  Scratch<T> copied(copy_a ? kc_max * copied_row : 0);

  Tile<T> t = matrix_tile<T>(KC, g.a_row, g.a_col, g.ldc, false);
  t.stream = passes == 1 && streams(g);
  for (dim_t pc = 0; pc < g.K; pc += KC) {
    t.k1 = std::min(KC, g.K - pc);
    const bool first = pc == 0, last = pc + t.k1 == g.K;
    t.act = last ? g.act : Activation::linear;
    t.accumulate = g.accumulate || !first;
    for (dim_t ic = 0; ic < g.M; ic += MC) {
      const dim_t mc = std::min(MC, g.M - ic);
      const T* a = g.a + ic * g.a_row + pc * g.a_col;
      if (copy_a) {
        kern.pack(a, g.a_col, 1, t.k1, mc, copied, copied_row);
        a = copied;
        t.s1 = copied_row;
      }
      for (dim_t p = 0; p < panels.count; p++) {
        const dim_t n = panels.begin(p);
        const T* const source = g.b + pc * g.b_row + n * g.b_col;
        T* const panel = packed + (one_block ? 0 : panels.at(p, t.k1));
        t.vectors = panels.width(p);
        t.cols = panels.used(p);
        t.bias = first && g.bias ? g.bias + n : nullptr;
        const bool column = t.vectors == 0,
                   whole = !shared && (column ? g.b_row == 1 : g.b_col == 1 && t.cols == panels.row(p)),
                   from_source = whole && (in_place || column || ic == 0);
        t.b = shared ? shared->row(0, p, pc) : from_source ? source : panel;
        t.ldb = from_source ? g.b_row : panels.row(p);
        t.copy = from_source && !in_place && !column ? panel : nullptr;
        if (!whole && ic == 0 && !shared) pack_panel(panels, p, t.k1, g.b + pc * g.b_row, g.b_row, g.b_col, panel);
        run_rows(kern, t, mc, a, g.c + ic * g.ldc + n);
      }
    }
  }
  if (t.stream) kern.fence();
}

// A block of rows, B packed as cells: A is rounded to cells, so many rows at a time as stay in L2.
template <class T>
void blocked_pairs(const Gemm<T>& g, const PackedMatrix<T>& packed) {
  const auto& kern = bfloat16_kernels<T>();
  const dim_t K = (g.K + 1) / 2, most = std::max<dim_t>(kMostPairRows, kPairBlock / dim_t(sizeof(T)) / K);
  const dim_t MC = std::min(g.M, most), ld = odd_lines<T>(K);
  Scratch<T> cells(ld * MC);
  const Multiplying<T> scope(true);
  Gemm<T> c = g;
  c.K = K;
  c.a = cells;
  c.a_row = ld;
  c.a_col = 1;
  for (dim_t m = 0; m < g.M; m += MC) {
    c.M = std::min(MC, g.M - m);
    c.c = g.c + m * g.ldc;
    const T* a = g.a + m * g.a_row;
    g.a_col == 1 ? kern.round_rows(c.M, g.K, a, g.a_row, cells, ld)
                 : kern.round_columns(c.M, 1, g.K, a, 0, g.a_col, cells, ld);
    blocked(c, true, &packed);
  }
}

// Few rows, columns or terms give back less than rounding costs.
template <class T>
bool in_pairs(const Gemm<T>& g) {
  return in_bfloat16<T>(g.bfloat16) && g.M >= kMostPairRows && g.N >= 2 * kernels<T>().gemm.lanes &&
         g.K >= kLeastPairTerms;
}

// How a product is computed. Asked of the whole, never of one thread's block.
enum class Way { stream, tiles, pairs };
template <class T>
Way way_of(const Gemm<T>& g) {
  return g.K > 0 && is_stream(g) ? Way::stream : in_pairs(g) ? Way::pairs : Way::tiles;
}

// Whether all threads pack B together, each a part: where it has to be transposed or rounded, which no tile does in
// passing, all have tiles enough, and the product is worth a second region: 128 x 128 x 64 took 15.4 us in place of
// 13.2, 32 x 128 x 784 43.9 in place of 36.8.
template <class T>
bool shares_packing(const Gemm<T>& g, dim_t threads, Way way) {
  const auto& kern = kernels<T>().gemm;
  return way != Way::stream && g.K > 0 && (g.b_col != 1 || way == Way::pairs) &&
         2.0 * double(g.M) * double(g.N) * double(g.K) > 8 * kFlopsPerThread &&
         g.M >= 2 * threads * kern.max_rows[panels_of<T>(g.K, g.N).vectors] &&
         !past_caches(g.K * g.N * dim_t(sizeof(T)));
}

// Whether C^T = B^T . A^T is the cheaper product: B, whose rows are columns in memory, is large and would have to be
// transposed panel by panel; the other way it is read in place, and A and C are transposed, which are small. The rows
// of A become columns, which should fill their registers.
template <class T>
bool turns(const Gemm<T>& g) {
  const dim_t lanes = kernels<T>().gemm.lanes, unused = round_up(g.M, lanes) - g.M;
  return g.M > 1 && g.N > 1 && g.b_col != 1 && !g.bias && g.act == Activation::linear && g.ldc == g.N &&
         2 * unused < lanes && 2 * g.M * (g.K + g.N) <= g.K * g.N;
}

// Each element is the same chain of sums, so its bits are the same.
template <class T, class Product>
void turned(const Gemm<T>& g, Product&& product) {
  const auto& kern = kernels<T>().gemm;
  const dim_t ldc = round_up(g.M, kern.lanes);
  Scratch<T> c(g.N * ldc);
  if (g.accumulate) kern.pack(g.c, 1, g.ldc, g.N, g.M, c, ldc);
  product(Gemm<T>{g.N, g.M, g.K, g.b, g.b_col, g.b_row, g.a, g.a_col, g.a_row, c, ldc, nullptr, Activation::linear,
                  g.accumulate, g.bfloat16});
  kern.pack(c, 1, ldc, g.M, g.N, g.c, g.ldc);
}

// The block of C that belongs to cell (m of tm, n of tn) of the threads' grid.
template <class T>
Gemm<T> cell(const Gemm<T>& g, dim_t m, dim_t tm, dim_t n, dim_t tn, dim_t W) {
  const dim_t m0 = g.M * m / tm, m1 = g.M * (m + 1) / tm;
  const dim_t columns = (g.N + W - 1) / W;
  const dim_t n0 = columns * n / tn * W, n1 = std::min(g.N, columns * (n + 1) / tn * W);
  Gemm<T> s = g;
  s.M = m1 - m0;
  s.N = n1 - n0;
  s.a += m0 * g.a_row;
  s.b += n0 * g.b_col;
  s.c += m0 * g.ldc + n0;
  if (g.bias) s.bias += n0;
  return s;
}

template <class T>
void run(const Gemm<T>& g, Way way) {
  if (g.M <= 0 || g.N <= 0) return;
  if (way == Way::stream) return stream(g);
  if (way == Way::pairs) return blocked_pairs(g, PackedMatrix<T>(g.K, g.N, g.b, g.b_row, g.b_col, true));
  if (g.K > 0) return blocked(g, false);
  if (g.accumulate) return;
  for (dim_t m = 0; m < g.M; m++) {  // an empty sum
    for (dim_t n = 0; n < g.N; n++) g.c[m * g.ldc + n] = g.bias ? g.bias[n] : T(0);
    kernels<T>().gemm.activate(g.c + m * g.ldc, g.N, g.act);
  }
}

}  // namespace

template <class T>
void gemm_serial(const Gemm<T>& g) {
  if (turns(g)) return turned(g, gemm_serial<T>);
  run(g, way_of(g));
}

template <class T>
void gemm(const Gemm<T>& g) {
  if (turns(g)) return turned(g, gemm<T>);
  const double flops = 2.0 * double(g.M) * double(g.N) * double(g.K);
  const dim_t W = kernels<T>().gemm.lanes;
  const Way way = way_of(g);
  const dim_t threads = std::min<dim_t>(get_num_threads(), static_cast<dim_t>(flops / kFlopsPerThread));
  if (threads <= 1 || (way == Way::stream && combines_rows(g))) return run(g, way);
  if (shares_packing(g, threads, way)) {
    const PackedMatrix<T> packed(g.K, g.N, g.b, g.b_row, g.b_col, way == Way::pairs);
    return parallel_for(threads, 1, [&](dim_t begin, dim_t end) {
      for (dim_t i = begin; i < end; i++) {
        const Gemm<T> block = cell(g, i, threads, 0, 1, W);
        way == Way::pairs ? blocked_pairs(block, packed) : blocked(block, false, &packed);
      }
    });
  }
  const dim_t columns = (g.N + W - 1) / W;
  // The grid whose packing, rows of B against columns of A, costs least.
  dim_t tm = 1, tn = 1;
  double least = 1e300;
  for (dim_t m = 1; m <= std::min(threads, g.M); m++) {
    const dim_t n = std::min(threads / m, columns);
    const double cost =
        (double(m) / double(g.M) + double(n) / double(g.N) + 1) * std::ceil(double(threads) / double(m * n));
    if (cost < least) least = cost, tm = m, tn = n;
  }
  parallel_for(tm * tn, 1, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) run(cell(g, i / tn, tm, i % tn, tn, W), way);
  });
}

template <class T>
void batched_gemm(const BatchedGemm<T>& g) {
  auto one = [&](dim_t i) {
    Gemm<T> s = g.first;
    s.a += i * g.a_step;
    s.b += i * g.b_step;
    s.c += i * g.c_step;
    return s;
  };
  if (g.batch < get_num_threads()) {
    for (dim_t i = 0; i < g.batch; i++) gemm(one(i));
    return;
  }
  const double flops = 2.0 * double(g.first.M) * double(g.first.N) * double(std::max<dim_t>(1, g.first.K));
  parallel_for(g.batch, static_cast<dim_t>(kFlopsPerThread / std::max(1.0, flops)) + 1, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) gemm_serial(one(i));
  });
}

template <class T>
void column_sums(dim_t M, dim_t N, const T* x, dim_t ldx, T* out, bool accumulate) {
  static const T one = 1;
  combine_rows<T>(M, N, &one, 0, x, ldx, out, nullptr, accumulate);
}

LAMINA_FOR_FLOATS(gemm, Gemm);
LAMINA_FOR_FLOATS(gemm_serial, Gemm);
LAMINA_FOR_FLOATS(batched_gemm, BatchedGemm);
template void column_sums(dim_t, dim_t, const float*, dim_t, float*, bool);
template void column_sums(dim_t, dim_t, const double*, dim_t, double*, bool);

}  // namespace lamina
