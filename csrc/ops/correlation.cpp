// No im2col: the register tile reads the pixels under the kernel in place.
//
//   weights are packed once, panel by panel          B of the product, depth = taps x channels
//   for each image, for each band of rows            tasks of the threads; a band's source rows stay in L2: in place,
//   or
//                                                    copied with the zeros around them where there is padding
//     for each phase, group, panel, row of pixels
//       for each tile of neighbouring pixels         A of the product, in place at a stride of pixels
#include "ops/correlation.h"

#include <algorithm>

#include "core/cpu.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/border.h"
#include "ops/gemm.h"

namespace lamina {
namespace {

constexpr double kFlopsWorth = 1.0e6;  // of a call that is worth a second thread

// The source positions that a set of axes reads for outputs [begin, end).
struct Span {
  dim_t low, high;
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

// A source block, and where its row 0 and column 0 would stand.
template <class T>
struct Source {
  const T* origin;
  dim_t row;  // elements between its rows
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
        width_(reach(c.columns, 0, longest(c.columns))),
        packed_(packed_size()) {}

  void run() {
    const auto& c = c_;
    const dim_t rows = longest(c.rows);
    const Span height = reach(c.rows, 0, rows);
    in_place_ = height.low >= 0 && height.high <= c.H && width_.low >= 0 && width_.high <= c.W;
    const double flops = 2.0 * double(c.N) * double(c.OH) * double(c.OW) * double(packed_.size());
    pack(flops > kFlopsWorth);
    const dim_t bands = band_count(rows);
    parallel_tasks(c.N * bands, flops > kFlopsWorth,
                   [&](dim_t i) { band(i / bands, rows * (i % bands) / bands, rows * (i % bands + 1) / bands); });
  }

 private:
  struct Packed {  // Scratch that knows its size
    explicit Packed(dim_t n) : n_(n), data(n) {}
    dim_t size() const { return n_; }
    dim_t n_;
    Scratch<T> data;
  };

  dim_t depth(const Axis& r, const Axis& q) const { return r.taps * q.taps * cin_; }
  dim_t panel_size(const Axis& r, const Axis& q) const { return depth(r, q) * panels_.vectors * kernels_.lanes; }
  dim_t packed_size() const {
    dim_t n = 0;
    for (const Axis& r : c_.rows)
      for (const Axis& q : c_.columns) n += panel_size(r, q) * panels_.count * c_.groups;
    return n;
  }

  // Calls f(row axis, column axis, its packed weights) for each phase.
  template <class F>
  void for_phases(F&& f) const {
    T* b = packed_.data;
    for (const Axis& r : c_.rows)
      for (const Axis& q : c_.columns) {
        f(r, q, b);
        b += panel_size(r, q) * panels_.count * c_.groups;
      }
  }

  void pack(bool worth_it) const {
    const auto& c = c_;
    for_phases([&](const Axis& r, const Axis& q, T* b) {
      if (panel_size(r, q) == 0) return;
      parallel_tasks(c.groups * panels_.count, worth_it && packed_.size() > 4 * kGrain, [&](dim_t i) {
        const dim_t g = i / panels_.count, p = i % panels_.count, n = panels_.begin(p);
        const dim_t width = dim_t(panels_.width(p)) * kernels_.lanes, cols = std::min(cout_ - n, width);
        T* out = b + i * panel_size(r, q);
        for (dim_t th = 0; th < r.taps; th++)
          for (dim_t tw = 0; tw < q.taps; tw++, out += cin_ * width) {
            const dim_t tap = (r.tap0 + th * r.tap_step) * c.kw + q.tap0 + tw * q.tap_step;
            kernels_.pack(c.w + tap * c.w_tap + g * c.w_group + n * c.w_col, c.w_row, c.w_col, cin_, cols, out, width);
          }
      });
    });
  }

  // Bands so low that their source rows take half of L2, and so many that the threads share the work evenly.
  dim_t band_count(dim_t rows) const {
    const dim_t line = (width_.high - width_.low) * c_.C * dim_t(sizeof(T));
    dim_t taps = 1, step = 1;
    for (const Axis& a : c_.rows) taps = std::max(taps, (a.taps - 1) * a.dilation + 1), step = std::max(step, a.step);
    const dim_t fitting = std::max<dim_t>(1, (caches().l2 / 2 / std::max<dim_t>(line, 1) - taps) / step + 1);
    const dim_t wanted = get_num_threads() == 1 ? 1 : (4 * get_num_threads() + c_.N - 1) / std::max<dim_t>(c_.N, 1);
    return std::clamp<dim_t>(std::max((rows + fitting - 1) / fitting, wanted), 1, std::max<dim_t>(rows, 1));
  }

  void band(dim_t n, dim_t begin, dim_t end) const {
    const auto& c = c_;
    const T* image = c.x + n * c.H * c.W * c.C;
    if (in_place_) return phases(n, begin, end, {image, c.W * c.C});
    const Span height = reach(c.rows, begin, end);
    const dim_t row = (width_.high - width_.low) * c.C;
    Scratch<T> block((height.high - height.low) * row);
    copy_with_border(image, c.H, c.W, c.C, height.low, height.high, width_.low, width_.high, block.get());
    phases(n, begin, end, {block - height.low * row - width_.low * c.C, row});
  }

  void phases(dim_t n, dim_t begin, dim_t end, const Source<T>& s) const {
    T* image = c_.y + n * c_.OH * c_.OW * c_.K;
    for_phases([&](const Axis& r, const Axis& q, const T* b) {
      if (c_.accumulate && (r.taps == 0 || q.taps == 0)) return;
      for (dim_t i = 0; i < c_.groups * panels_.count; i++)
        panel(r, q, i / panels_.count, i % panels_.count, b + i * panel_size(r, q), s, begin, std::min(end, r.count),
              image);
    });
  }

  void panel(const Axis& r, const Axis& q, dim_t g, dim_t p, const T* b, const Source<T>& s, dim_t begin, dim_t end,
             T* image) const {
    const auto& c = c_;
    const dim_t n = panels_.begin(p), k = g * cout_ + n;
    Tile<T> t{};
    t.vectors = panels_.width(p);
    t.cols = static_cast<int>(std::min(cout_ - n, dim_t(t.vectors) * kernels_.lanes));
    t.b = b;
    t.ldb = dim_t(t.vectors) * kernels_.lanes;
    t.row = q.step * c.C;
    t.k3 = q.taps ? r.taps : 0;
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
    t.bias = c.bias ? c.bias + k : nullptr;
    t.act = c.act;
    t.accumulate = c.accumulate;
    const dim_t most = kernels_.max_rows[t.vectors], tiles = (q.count + most - 1) / most;
    for (dim_t h = begin; h < end; h++) {
      const T* line = s.origin + (r.offset + h * r.step) * s.row + g * cin_;
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

  const Correlation<T>& c_;
  const GemmKernels<T>& kernels_;
  const Panels panels_;
  const dim_t cin_, cout_;
  const Span width_;
  const Packed packed_;
  bool in_place_ = false;
};

}  // namespace

template <class T>
void correlate(const Correlation<T>& c) {
  if (c.N * c.OH * c.OW * c.K == 0) return;
  Correlator<T>(c).run();
}

template void correlate(const Correlation<float>&);
template void correlate(const Correlation<double>&);

}  // namespace lamina
