// No im2col: the register tile reads the pixels under the kernel in place.
//
//   by bands: weights are packed once; tasks are bands of rows of an image, whose source rows stay in L2
//     for each phase, group, panel, block of kernel rows      the block of the panel stays in L2
//       for each row of pixels
//         for each tile of neighbouring pixels                A of the product, in place at a stride of pixels
//
//   by panels, where there is more weight than image: tasks are panels, each packed block by block by its own task
//
// The source is read in place, or copied with the zeros around it where there is padding.
#include "ops/correlation.h"

#include <algorithm>

#include "core/cpu.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/dense.h"
#include "ops/gemm.h"
#include "ops/winograd.h"

namespace lamina {
namespace {

constexpr double kFlopsWorth = 1.0e6;  // of a call that is worth a second thread

// The source positions that a set of axes reads for outputs [begin, end).
struct Span {
  dim_t low, high;
  dim_t size() const { return high - low; }
};
Span reach(const std::vector<Axis>& axes, dim_t begin, dim_t end) {
  Span s{0, 0};
  bool any = false;
  for (Axis a : axes) {
    const dim_t last = std::min(end, a.count);
    if (a.empty() || last <= begin) continue;
    a.offset += begin * a.step;
    a.count = last - begin;
    s = any ? Span{std::min(s.low, a.low()), std::max(s.high, a.high())} : Span{a.low(), a.high()};
    any = true;
  }
  return s;
}

dim_t longest(const std::vector<Axis>& axes) {
  dim_t n = 0;
  for (const Axis& a : axes) n = std::max(n, a.count);
  return n;
}

// Where row 0, column 0 of a source image stands, or would stand, and the elements between its rows.
template <class T>
struct Source {
  const T* origin;
  dim_t row;
};

template <class T>
class Correlator {
 public:
  explicit Correlator(const Correlation<T>& c)
      : c_(c),
        kernels_(kernels<T>().gemm),
        panels_(panels_of<T>(c.K / c.groups)),
        cin_(c.C / c.groups),
        cout_(c.K / c.groups),
        rows_(longest(c.rows)),
        height_(inside(reach(c.rows, 0, rows_))),
        width_(reach(c.columns, 0, longest(c.columns))) {
    in_place_ = !c.x.y && width_.low >= 0 && width_.high <= c.W;
    for (const Axis& r : c.rows)
      for (const Axis& q : c.columns) weights_ += size(r, q) * cells();
    worth_it_ = 2.0 * double(c.N) * double(c.OH) * double(c.OW) * double(weights_) > kFlopsWorth;
  }

  void run() const {
    const bool heavy = weights_ * dim_t(sizeof(T)) > caches().l2 && weights_ > 2 * c_.N * c_.H * c_.W * c_.C;
    heavy&& cells() >= 2 * get_num_threads() ? by_panels() : by_bands();
  }

 private:
  // Kernel rows above and below the source are left out, so that only its sides need zeros.
  Span inside(Span s) const { return {std::clamp(s.low, dim_t(0), c_.H), std::clamp(s.high, dim_t(0), c_.H)}; }
  dim_t cells() const { return c_.groups * panels_.count; }  // panels of all groups
  // Elements of a packed panel: of one kernel row, of all.
  dim_t row_size(const Axis& q) const { return q.taps * cin_ * panels_.vectors * kernels_.lanes; }
  dim_t size(const Axis& r, const Axis& q) const { return r.taps * row_size(q); }
  // Kernel rows that are used together: as many as let their part of a panel stay in L2.
  dim_t block(const Axis& r, const Axis& q) const {
    const dim_t fitting = caches().l2 / 2 / dim_t(sizeof(T)) / std::max<dim_t>(row_size(q), 1);
    return std::clamp<dim_t>(fitting, 1, std::max<dim_t>(r.taps, 1));
  }

  // Kernel rows [u0, u1) of panel `cell`.
  void pack(const Axis& r, const Axis& q, dim_t cell, dim_t u0, dim_t u1, T* out) const {
    const auto& c = c_;
    const dim_t g = cell / panels_.count, p = cell % panels_.count, n = panels_.begin(p);
    const dim_t width = dim_t(panels_.width(p)) * kernels_.lanes, cols = std::min(cout_ - n, width);
    const T* w = c.w + g * c.w_group + n * c.w_col;
    for (dim_t u = u0; u < u1; u++)
      for (dim_t v = 0; v < q.taps; v++, out += cin_ * width) {
        const dim_t tap = (r.tap0 + u * r.tap_step) * c.kw + q.tap0 + v * q.tap_step;
        kernels_.pack(w + tap * c.w_tap, c.w_row, c.w_col, cin_, cols, out, width);
      }
  }

  // Rows [begin, end) of a phase, panel `cell`, kernel rows [u0, u1) whose weights are at b.
  void sweep(const Axis& r, const Axis& q, dim_t cell, dim_t u0, dim_t u1, const T* b, const Source<T>& s, dim_t begin,
             dim_t end, T* image) const {
    const auto& c = c_;
    const dim_t g = cell / panels_.count, p = cell % panels_.count, n = panels_.begin(p), k = g * cout_ + n;
    Tile<T> t{};
    t.vectors = panels_.width(p);
    t.cols = static_cast<int>(std::min(cout_ - n, dim_t(t.vectors) * kernels_.lanes));
    t.ldb = dim_t(t.vectors) * kernels_.lanes;
    t.row = q.step * c.C;
    t.s3 = r.dilation * s.row;
    if (q.dilation == 1 && c.groups == 1) {
      t.k2 = 1;
      t.k1 = q.taps * cin_;  // the kernel's columns and channels are one run
    } else {
      t.k2 = q.taps;
      t.s2 = q.dilation * c.C;
      t.k1 = cin_;
    }
    t.s1 = 1;
    t.ldc = q.spread * c.K;
    t.bias = c.bias && u0 == 0 ? c.bias + k : nullptr;
    t.act = u1 == r.taps ? c.act : Activation::linear;
    t.accumulate = c.accumulate || u0 > 0;
    const dim_t most = kernels_.max_rows[t.vectors], tiles = (q.count + most - 1) / most;
    for (dim_t h = begin; h < std::min(end, r.count); h++) {
      dim_t first, last;
      r.valid(h, c.H, first, last);
      first = std::clamp(first, u0, u1);
      t.k3 = q.taps ? std::clamp(last, first, u1) - first : 0;
      t.b = b + (first - u0) * q.taps * cin_ * t.ldb;
      const T* line = s.origin + (r.offset + h * r.step + first * r.dilation) * s.row + g * cin_;
      T* out = image + (r.first + h * r.spread) * c.OW * c.K + k;
      for (dim_t i = 0; i < tiles; i++) {
        const dim_t at = q.count * i / tiles;
        t.rows = static_cast<int>(q.count * (i + 1) / tiles - at);
        t.a = line + (q.offset + at * q.step) * c.C;
        t.c = out + (q.first + at * q.spread) * c.K;
        kernels_.tile(t);
      }
    }
  }

  // Calls f(u0, u1) for the blocks of kernel rows; once where there are none, for the pixels that no tap meets.
  template <class F>
  void for_blocks(const Axis& r, const Axis& q, F&& f) const {
    const dim_t step = block(r, q);
    if (c_.accumulate && (r.taps == 0 || q.taps == 0)) return;
    dim_t u = 0;
    do {
      f(u, std::min(u + step, r.taps));
      u += step;
    } while (u < r.taps);
  }

  void copy(dim_t n, const Span& height, T* out) const {
    const auto& c = c_;
    copy_with_border(c.x.at(n * c.H * c.W * c.C), c.H, c.W, c.C, height.low, height.high, width_.low, width_.high, out);
  }
  Source<T> source(dim_t n, const Span& height, const T* copied) const {
    if (in_place_) return {c_.x.x + n * c_.H * c_.W * c_.C, c_.W * c_.C};
    const dim_t row = width_.size() * c_.C;
    return {copied - height.low * row - width_.low * c_.C, row};
  }
  T* image(dim_t n) const { return c_.y + n * c_.OH * c_.OW * c_.K; }

  void by_bands() const {
    Scratch<T> packed(weights_);
    T* at = packed;
    for (const Axis& r : c_.rows)
      for (const Axis& q : c_.columns) {
        parallel_tasks(cells(), worth_it_ && weights_ > 4 * kGrain,
                       [&](dim_t i) { pack(r, q, i, 0, r.taps, at + i * size(r, q)); });
        at += size(r, q) * cells();
      }
    const dim_t bands = band_count();
    parallel_tasks(c_.N * bands, worth_it_, [&](dim_t i) {
      band(i / bands, rows_ * (i % bands) / bands, rows_ * (i % bands + 1) / bands, packed);
    });
  }

  // Bands so low that their source rows take half of L2, and so many that the threads share the work evenly.
  dim_t band_count() const {
    const dim_t line = width_.size() * c_.C * dim_t(sizeof(T));
    dim_t taps = 1, step = 1;
    for (const Axis& a : c_.rows) taps = std::max(taps, (a.taps - 1) * a.dilation + 1), step = std::max(step, a.step);
    const dim_t fitting = std::max<dim_t>(1, (caches().l2 / 2 / std::max<dim_t>(line, 1) - taps) / step + 1);
    const dim_t wanted = get_num_threads() == 1 ? 1 : (4 * get_num_threads() + c_.N - 1) / std::max<dim_t>(c_.N, 1);
    return std::clamp<dim_t>(std::max((rows_ + fitting - 1) / fitting, wanted), 1, std::max<dim_t>(rows_, 1));
  }

  void band(dim_t n, dim_t begin, dim_t end, const T* b) const {
    const Span height = inside(reach(c_.rows, begin, end));
    Scratch<T> copied(in_place_ ? 0 : height.size() * width_.size() * c_.C);
    if (!in_place_) copy(n, height, copied);
    const Source<T> s = source(n, height, copied);
    for (const Axis& r : c_.rows)
      for (const Axis& q : c_.columns)
        for (dim_t i = 0; i < cells(); i++, b += size(r, q))
          for_blocks(r, q, [&](dim_t u0, dim_t u1) {
            const dim_t width = dim_t(panels_.width(i % panels_.count)) * kernels_.lanes;
            sweep(r, q, i, u0, u1, b + u0 * q.taps * cin_ * width, s, begin, end, image(n));
          });
  }

  void by_panels() const {
    const dim_t block_size = height_.size() * width_.size() * c_.C;
    Scratch<T> copied(in_place_ ? 0 : c_.N * block_size);
    if (!in_place_) parallel_tasks(c_.N, worth_it_, [&](dim_t n) { copy(n, height_, copied + n * block_size); });
    for (const Axis& r : c_.rows)
      for (const Axis& q : c_.columns)
        parallel_tasks(cells(), worth_it_, [&](dim_t i) {
          Scratch<T> packed(block(r, q) * row_size(q));
          for_blocks(r, q, [&](dim_t u0, dim_t u1) {
            pack(r, q, i, u0, u1, packed);
            for (dim_t n = 0; n < c_.N; n++)
              sweep(r, q, i, u0, u1, packed, source(n, height_, copied + n * block_size), 0, rows_, image(n));
          });
        });
  }

  const Correlation<T>& c_;
  const GemmKernels<T>& kernels_;
  const Panels panels_;
  const dim_t cin_, cout_, rows_;
  const Span height_, width_;
  dim_t weights_ = 0;  // elements of all packed panels
  bool in_place_, worth_it_;
};

}  // namespace

template <class T>
void correlate(const Correlation<T>& c) {
  if (c.N * c.OH * c.OW * c.K == 0) return;
  if (!winograd_pays(c)) return Correlator<T>(c).run();
  if (!c.x.y) return winograd_correlate(c);
  Scratch<T> source(c.N * c.H * c.W * c.C);
  activation_gradient(c.N * c.H * c.W * c.C, c.x.y, c.x.x, source.get(), c.x.act);
  Correlation<T> whole = c;
  whole.x = {source};
  winograd_correlate(whole);
}

template void correlate(const Correlation<float>&);
template void correlate(const Correlation<double>&);

}  // namespace lamina
