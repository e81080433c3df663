// The loops around the register tile (Goto and van de Geijn, ACM TOMS 34(3), 2008), names as in BLIS:
//
//   for pc in K by KC                        B(pc, :) is packed panel by panel, just before its first use
//     for ic in M by MC                      A(ic, pc) is packed where reading it in place would thrash L1
//       for each panel of NR columns         stays in L1/L2 over the rows
//         for each tile of MR rows
//
// Threads take a grid of disjoint blocks of C and share nothing, so there is no barrier; a block's B (or A) is packed
// once by each thread that needs it, which costs a few percent at the smallest blocks a thread is given.
#include "ops/gemm.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"

namespace lamina {
namespace {

constexpr dim_t kABlock = 192 << 10;  // bytes of a packed block of A; with 384 KiB B's panels push it out of L2
constexpr dim_t kSmallB = 16 << 10;   // bytes of a B that needs no packing
constexpr dim_t kFewTerms = 64;
constexpr double kFlopsPerThread = 1.0e6;  // a region costs a microsecond, some 100 kflop

// Columns are cut evenly, so that a width of 7 registers becomes 4 + 3 and not 4 + 2 + 1.
template <class T>
int widest_panel(dim_t registers) {
  const auto& k = kernels<T>().gemm;
  const int most = k.max_rows[4] ? 4 : k.max_rows[3] && registers == 3 ? 3 : 2;
  const dim_t count = (registers + most - 1) / most;
  return static_cast<int>((registers + count - 1) / count);
}

// Rows in even tiles of at most `most`: 64 becomes 7 7 6 6 6 ..., never 7 7 ... 1.
struct Rows {
  dim_t total, tiles;
  Rows(dim_t rows, int most) : total(rows), tiles((rows + most - 1) / most) {}
  dim_t begin(dim_t i) const { return total * i / tiles; }
  int size(dim_t i) const { return static_cast<int>(begin(i + 1) - begin(i)); }
};

// Rows at a distance of a power of two fall into the same few sets of L1.
bool thrashes(dim_t stride_bytes) { return stride_bytes % 1024 == 0; }

// One row or one column of C, operands lying so that a stream reaches the memory's rate, which no tile does. Asked of
// the whole product, never of one thread's block: streams add in another order than tiles.
template <class T>
bool is_stream(const Gemm<T>& g) {
  if (g.M == 1) return g.b_col == 1 || g.a_col == 1;
  if (g.N == 1 && !g.bias) return g.ldc == 1 && ((g.a_row == 1) || (g.a_col == 1 && g.b_row == 1));
  return false;
}

// out[n] (+)= bias[n] + sum over k of x[k * incx] * b[k * ldb + n]. Runs of whole rows, which memory delivers best, in
// parallel; how many follows from the shape alone, and they are added in order.
template <class T>
void combine_rows(dim_t K, dim_t N, const T* x, dim_t incx, const T* b, dim_t ldb, T* out, const T* bias,
                  bool accumulate) {
  const auto& k = kernels<T>().gemm;
  static const T one = 1;
  const dim_t runs = std::clamp<dim_t>(K * N / (4 * kGrain), 1, 64);
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
void stream(const Gemm<T>& g) {
  const auto& k = kernels<T>().gemm;
  if (g.M == 1 && g.b_col == 1) {
    combine_rows(g.K, g.N, g.a, g.a_col, g.b, g.b_row, g.c, g.bias, g.accumulate);
  } else if (g.M == 1) {
    k.dot_rows(g.K, g.N, g.a, g.b, g.b_col, g.c, g.bias, g.accumulate);
  } else if (g.a_row == 1) {
    combine_rows<T>(g.K, g.M, g.b, g.b_row, g.a, g.a_col, g.c, nullptr, g.accumulate);
  } else {
    k.dot_rows(g.K, g.M, g.b, g.a, g.a_row, g.c, nullptr, g.accumulate);
  }
  if (g.act != Activation::linear) k.activate(g.c, g.M * g.N, g.act);
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

template <class T>
void blocked(const Gemm<T>& g) {
  const auto& kern = kernels<T>().gemm;
  const int W = kern.lanes;
  const Panels panels = panels_of<T>(g.N);
  const dim_t NR = dim_t(panels.vectors) * W;
  const int most_rows = kern.max_rows[panels.vectors];
  // Of even depth, at most 1.4 times the usual one.
  const dim_t passes = std::max<dim_t>(1, (g.K * 10 + kern.depth * 14 - 1) / (kern.depth * 14));
  const dim_t KC = (g.K + passes - 1) / passes, kc_max = std::min(g.K, KC);

  // A is packed where it is read often enough to pay for the copy.
  const dim_t a_far = g.a_col == 1 ? g.a_row : g.a_col;
  const bool pack_a = g.M > 1 && panels.count >= (thrashes(a_far * dim_t(sizeof(T))) ? 2 : g.a_col == 1 ? 6 : 4);
  // B is read in place where its rows are whole registers, and are used once, are a panel already, or lie in L1.
  const bool in_place = g.M <= most_rows || g.b_row == NR || g.K * g.b_row * dim_t(sizeof(T)) <= kSmallB;
  const bool pack_b = !(g.b_col == 1 && g.N % W == 0 && in_place);

  const dim_t MC = std::max<dim_t>(most_rows, kABlock / dim_t(sizeof(T)) / kc_max / most_rows * most_rows);
  const dim_t rows_max = std::min(g.M, MC);
  const bool one_block = g.M <= MC;  // each panel is used up before the next is packed: one buffer serves them all
  const bool stream = passes == 1 && streams(g);
  Scratch<T> packed_b(!pack_b ? 0 : one_block ? kc_max * NR : kc_max * panels.count * NR);
  Scratch<T> packed_a(pack_a ? kc_max * rows_max : 0);

  for (dim_t pc = 0; pc < g.K; pc += KC) {
    const dim_t kc = std::min(KC, g.K - pc);
    const bool first = pc == 0, last = pc + kc == g.K;
    for (dim_t ic = 0; ic < g.M; ic += MC) {
      const dim_t mc = std::min(MC, g.M - ic);
      const Rows rows(mc, most_rows);
      if (pack_a)
        for (dim_t i = 0; i < rows.tiles; i++)
          kern.pack(g.a + (ic + rows.begin(i)) * g.a_row + pc * g.a_col, g.a_col, g.a_row, kc, rows.size(i),
                    packed_a + rows.begin(i) * kc, rows.size(i));
      for (dim_t p = 0; p < panels.count; p++) {
        const dim_t n = panels.begin(p);
        const int vectors = panels.width(p), cols = static_cast<int>(std::min<dim_t>(g.N - n, dim_t(vectors) * W));
        T* panel = packed_b + (one_block ? 0 : p * kc * NR);
        if (pack_b && ic == 0)
          kern.pack(g.b + pc * g.b_row + n * g.b_col, g.b_row, g.b_col, kc, cols, panel, dim_t(vectors) * W);
        Tile<T> t{};
        t.k3 = t.k2 = 1;
        t.k1 = kc;
        t.b = pack_b ? panel : g.b + pc * g.b_row + n;
        t.ldb = pack_b ? dim_t(vectors) * W : g.b_row;
        t.ldc = g.ldc;
        t.cols = cols;
        t.vectors = vectors;
        t.bias = first && g.bias ? g.bias + n : nullptr;
        t.act = last ? g.act : Activation::linear;
        t.accumulate = g.accumulate || !first;
        t.stream = stream;
        for (dim_t i = 0; i < rows.tiles; i++) {
          const dim_t m = rows.begin(i);
          t.rows = rows.size(i);
          if (pack_a) {
            t.a = packed_a + m * kc;
            t.row = 1;
            t.s1 = t.rows;
          } else {
            t.a = g.a + (ic + m) * g.a_row + pc * g.a_col;
            t.row = g.a_row;
            t.s1 = g.a_col;
          }
          t.c = g.c + (ic + m) * g.ldc + n;
          kern.tile(t);
        }
      }
    }
  }
  if (stream) kern.fence();
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

}  // namespace

template <class T>
Panels panels_of(dim_t N) {
  const int lanes = kernels<T>().gemm.lanes;
  const dim_t total = (N + lanes - 1) / lanes;
  const int widest = widest_panel<T>(total);
  const dim_t count = (total + widest - 1) / widest;
  return {static_cast<int>((total + count - 1) / count), count, total, lanes};
}

namespace {
template <class T>
void run(const Gemm<T>& g, bool as_stream) {
  if (g.M <= 0 || g.N <= 0) return;
  if (as_stream) return stream(g);
  if (g.K > 0) return blocked(g);
  if (g.accumulate) return;
  for (dim_t m = 0; m < g.M; m++) {  // an empty sum
    for (dim_t n = 0; n < g.N; n++) g.c[m * g.ldc + n] = g.bias ? g.bias[n] : T(0);
    kernels<T>().gemm.activate(g.c + m * g.ldc, g.N, g.act);
  }
}

}  // namespace

template <class T>
void gemm_serial(const Gemm<T>& g) {
  run(g, g.K > 0 && is_stream(g));
}

template <class T>
void gemm(const Gemm<T>& g) {
  const double flops = 2.0 * double(g.M) * double(g.N) * double(g.K);
  const dim_t W = kernels<T>().gemm.lanes;
  const bool as_stream = g.K > 0 && is_stream(g);
  const dim_t threads = std::min<dim_t>(get_num_threads(), static_cast<dim_t>(flops / kFlopsPerThread));
  if (threads <= 1 || (as_stream && combines_rows(g))) return run(g, as_stream);
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
    for (dim_t i = begin; i < end; i++) run(cell(g, i / tn, tm, i % tn, tn, W), as_stream);
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

template Panels panels_of<float>(dim_t);
template Panels panels_of<double>(dim_t);
template void gemm(const Gemm<float>&);
template void gemm(const Gemm<double>&);
template void gemm_serial(const Gemm<float>&);
template void gemm_serial(const Gemm<double>&);
template void batched_gemm(const BatchedGemm<float>&);
template void batched_gemm(const BatchedGemm<double>&);
template void column_sums(dim_t, dim_t, const float*, dim_t, float*, bool);
template void column_sums(dim_t, dim_t, const double*, dim_t, double*, bool);

}  // namespace lamina
