// No im2col: the register tile reads the pixels under the kernel in place.
//
//   by bands: weights are packed once; tasks are bands of planes or of rows of an image, whose source rows stay in L2
//     for each phase, group, panel, block of the kernel       the block of the panel stays in L2
//       for each row of pixels
//         for each tile of neighbouring pixels                A of the product, in place at a stride of pixels
//
//   by panels, where there is more weight than image: tasks are panels, each packed block by block by its own task
//
// The source is read in place, or copied with the zeros at its sides where there is padding.
#include "ops/conv_direct.h"

#include <algorithm>

#include "core/cpu.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/bfloat16.h"
#include "ops/pad.h"
#include "ops/panels.h"
#include "ops/winograd.h"

namespace lamina {
namespace {

constexpr dim_t kPairChannels = 8;      // from so many on a pixel, rounding to pairs is worth it
constexpr dim_t kLargePairFilters = 8;  // so many of them already for tile registers, else a whole register

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

struct Phase {
  const Axis &d, &h, &w;
  dim_t first;  // of its rows in the packed kernel

  dim_t taps() const { return d.taps * h.taps * w.taps; }
};

// A part of the destination of each phase, and of the source: planes by rows.
struct Band {
  Span planes, rows;
};

// A part of the kernel: some planes of whole rows, or some rows of one plane.
struct Block {
  dim_t plane, last_plane, row, last_row;
};

// Of an output, where most taps meet it.
template <class T>
dim_t most_terms(const Correlation<T>& c) {
  dim_t terms = c.C / c.groups;
  for (const auto& axes : c.axes) {
    dim_t taps = 0;
    for (const Axis& a : axes) taps = std::max(taps, a.taps);
    terms *= taps;
  }
  return terms;
}

template <class T>
class Correlator {
 public:
  // Of an image of cells, `channels` are the terms of a pixel that its cells hold two by two.
  explicit Correlator(const Correlation<T>& c, bool pairs = false, dim_t channels = 0)
      : c_(c),
        pairs_(pairs),
        kernels_(kernels_of<T>(pairs)),
        panels_(panels_of<T>(most_terms(c), c.K / c.groups, pairs)),
        cin_(c.C / c.groups),
        channels_(pairs ? channels / c.groups : cin_),
        cout_(c.K / c.groups),
        whole_{{0, longest(c.axes[0])}, {0, longest(c.axes[1])}},
        width_(reach(c.axes[2], 0, longest(c.axes[2]))) {
    in_place_ = !c.x.y && width_.low >= 0 && width_.high <= c.in[2];
    for (const Axis& d : c.axes[0])
      for (const Axis& h : c.axes[1])
        for (const Axis& w : c.axes[2]) {
          phases_.push_back({d, h, w, terms_});
          terms_ += phases_.back().taps() * cin_;
        }
    weights_ = terms_ * panels_.size(1) * c.groups;
    worth_it_ = worth_threads(2.0 * double(c.N) * double(product(c.out)) * double(weights_));
  }

  void run() const {
    const bool heavy = weights_ * dim_t(sizeof(T)) > caches().l2 && weights_ > 2 * c_.N * product(c_.in) * c_.C;
    heavy&& cells() >= 2 * get_num_threads() ? by_panels() : by_bands();
  }

 private:
  dim_t cells() const { return c_.groups * panels_.count; }  // panels of all groups
  // Elements of one kernel row in a packed panel, at most.
  dim_t row_size(const Phase& f) const { return f.w.taps * cin_ * panels_.widest_row(); }
  // Whether a row of the kernel, columns and channels, is one run in memory.
  bool is_run(const Phase& f) const { return f.w.dilation == 1 && c_.groups == 1; }
  // Kernel planes and rows that are used together: as many as let their part of a panel stay in L2.
  dim_t block_rows(const Phase& f) const {
    const dim_t fitting = caches().l2 / 2 / dim_t(sizeof(T)) / std::max<dim_t>(row_size(f), 1);
    return std::clamp<dim_t>(fitting, 1, std::max<dim_t>(f.h.taps, 1));
  }
  dim_t block_planes(const Phase& f) const {
    if (!is_run(f) || block_rows(f) < f.h.taps) return 1;
    const dim_t fitting = caches().l2 / 2 / dim_t(sizeof(T)) / std::max<dim_t>(f.h.taps * row_size(f), 1);
    return std::clamp<dim_t>(fitting, 1, std::max<dim_t>(f.d.taps, 1));
  }

  // Calls f(block) for the blocks of the kernel; once where there are none, for the pixels that no tap meets.
  template <class F>
  void for_blocks(const Phase& f, F&& call) const {
    const dim_t planes = block_planes(f), rows = block_rows(f);
    if (f.d.taps * f.h.taps * f.w.taps == 0) {
      if (!c_.accumulate) call(Block{0, f.d.taps, 0, f.h.taps});
      return;
    }
    for (dim_t a = 0; a < f.d.taps; a += planes)
      for (dim_t u = 0; u < f.h.taps; u += rows)
        call(Block{a, std::min(a + planes, f.d.taps), u, std::min(u + rows, f.h.taps)});
  }

  // A block of panel p of a group.
  void pack(const Phase& f, dim_t g, dim_t p, const Block& block, T* out) const {
    const auto& c = c_;
    const T* w = c.w + g * c.w_group;
    for (dim_t a = block.plane; a < block.last_plane; a++)
      for (dim_t u = block.row; u < block.last_row; u++)
        for (dim_t v = 0; v < f.w.taps; v++, out += cin_ * panels_.row(p)) {
          const dim_t row = (f.d.tap0 + a * f.d.tap_step) * c.kh + f.h.tap0 + u * f.h.tap_step;
          const dim_t tap = row * c.kw + f.w.tap0 + v * f.w.tap_step;
          kernels_.pack(w + tap * c.w_tap + panels_.begin(p) * c.w_col, c.w_row, c.w_col, channels_, panels_.used(p),
                        out, panels_.row(p));
        }
  }

  // Where plane 0, row 0, column 0 of a source image stands, or would stand, and the elements between rows and planes.
  struct Source {
    const T* origin;
    dim_t row, plane;
  };

  // A band of a phase, panel p of a group, a block of the kernel whose weights are at b.
  void sweep(const Phase& f, dim_t g, dim_t p, const Block& block, const T* b, const Source& s, const Band& band,
             T* image) const {
    const auto& c = c_;
    const dim_t k = g * cout_ + panels_.begin(p);
    const bool first = block.plane == 0 && block.row == 0;
    const bool last = block.last_plane == f.d.taps && block.last_row == f.h.taps;
    const bool run = is_run(f);
    Tile<T> t = matrix_tile<T>(run ? f.w.taps * cin_ : cin_, f.w.step * c.C, 1, f.w.dst_stride * c.K, false);
    t.vectors = panels_.width(p);
    t.cols = panels_.used(p);
    t.ldb = panels_.row(p);
    for (dim_t i = band.planes.low; i < std::min(band.planes.high, f.d.count); i++) {
      dim_t a0, a1;
      f.d.valid(i, c.in[0], a0, a1);
      a0 = std::clamp(a0, block.plane, block.last_plane);
      const dim_t planes = std::clamp(a1, a0, block.last_plane) - a0;
      for (dim_t h = band.rows.low; h < std::min(band.rows.high, f.h.count); h++) {
        dim_t u0, u1;
        f.h.valid(h, c.in[1], u0, u1);
        u0 = std::clamp(u0, block.row, block.last_row);
        const dim_t rows = std::clamp(u1, u0, block.last_row) - u0;
        T* out =
            image + ((f.d.first + i * f.d.dst_stride) * c.out[1] + f.h.first + h * f.h.dst_stride) * c.out[2] * c.K + k;
        // One plane at a time where rows are left out, whose weights stand between those of the planes.
        const bool together = run && rows == block.last_row - block.row;
        const dim_t steps = together ? 1 : std::max<dim_t>(planes, 1);
        for (dim_t step = 0; step < steps; step++) {
          const dim_t a = a0 + step, depth = together ? planes : std::min<dim_t>(planes, 1);
          t.bias = c.bias && first && step == 0 ? c.bias + k : nullptr;
          t.act = last && step + 1 == steps ? c.act : Activation::linear;
          t.accumulate = c.accumulate || !first || step > 0;
          if (run) {
            t.k3 = depth, t.s3 = f.d.dilation * s.plane;
            t.k2 = rows, t.s2 = f.h.dilation * s.row;
          } else {
            t.k3 = depth * rows, t.s3 = f.h.dilation * s.row;
            t.k2 = f.w.taps, t.s2 = f.w.dilation * c.C;
          }
          t.b = b + ((a - block.plane) * (block.last_row - block.row) + u0 - block.row) * f.w.taps * cin_ * t.ldb;
          const T* line = s.origin + f.d.at(i, a) * s.plane + f.h.at(h, u0) * s.row + f.w.offset * c.C + g * cin_;
          run_rows(kernels_, t, f.w.count, line, out + f.w.first * c.K);
        }
      }
    }
  }

  // What outputs of a band read, of planes and rows of the source. Its sides need zeros; above and below it, and before
  // and behind, taps are left out.
  Band source_of(const Band& band) const {
    Band s{reach(c_.axes[0], band.planes.low, band.planes.high), reach(c_.axes[1], band.rows.low, band.rows.high)};
    s.planes = {std::clamp(s.planes.low, dim_t(0), c_.in[0]), std::clamp(s.planes.high, dim_t(0), c_.in[0])};
    s.rows = {std::clamp(s.rows.low, dim_t(0), c_.in[1]), std::clamp(s.rows.high, dim_t(0), c_.in[1])};
    return s;
  }
  dim_t copied_size(const Band& s) const {
    return in_place_ ? 0 : s.planes.size() * s.rows.size() * width_.size() * c_.C;
  }
  void copy(dim_t n, const Band& s, T* out) const {
    const auto& c = c_;
    for (dim_t d = s.planes.low; d < s.planes.high; d++, out += s.rows.size() * width_.size() * c.C)
      copy_padded(c.x.at((n * c.in[0] + d) * c.in[1] * c.in[2] * c.C), c.in[1], c.in[2], c.C, s.rows.low, s.rows.high,
                  width_.low, width_.high, out);
  }
  Source source(dim_t n, const Band& s, const T* copied) const {
    if (in_place_) return {c_.x.x + n * product(c_.in) * c_.C, c_.in[2] * c_.C, c_.in[1] * c_.in[2] * c_.C};
    const dim_t row = width_.size() * c_.C, plane = s.rows.size() * row;
    return {copied - s.planes.low * plane - s.rows.low * row - width_.low * c_.C, row, plane};
  }
  T* image(dim_t n) const { return c_.y + n * product(c_.out) * c_.K; }

  // How many bands along an axis let the source of one, of so many bytes a position, take half of L2.
  dim_t bands(int axis, dim_t bytes) const {
    dim_t taps = 1, step = 1, count = longest(c_.axes[axis]);
    for (const Axis& a : c_.axes[axis])
      taps = std::max(taps, (a.taps - 1) * a.dilation + 1), step = std::max(step, a.step);
    const dim_t fitting = std::max<dim_t>(1, (caches().l2 / 2 / std::max<dim_t>(bytes, 1) - taps) / step + 1);
    return (count + fitting - 1) / fitting;
  }

  void by_bands() const {
    PackedMatrix<T> packed(terms_, panels_, c_.groups, pairs_);
    packed.fill(c_.groups, terms_, [&](dim_t g, dim_t p, dim_t, dim_t, T* out) {
      for (const Phase& f : phases_) pack(f, g, p, {0, f.d.taps, 0, f.h.taps}, out + f.first * panels_.row(p));
    });
    // So many bands that the threads share the work evenly.
    const dim_t wanted = get_num_threads() == 1 ? 1 : (4 * get_num_threads() + c_.N - 1) / c_.N;
    const dim_t line = width_.size() * c_.C * dim_t(sizeof(T)), height = whole_.rows.high, depth = whole_.planes.high;
    const dim_t fitting = bands(1, line * source_of({{0, 1}, whole_.rows}).planes.size());
    const dim_t planes =
        fitting > 1 ? depth
                    : std::clamp(bands(0, line * source_of(whole_).rows.size()), std::min(wanted, depth), depth);
    const dim_t rows = std::clamp(std::max(fitting, (wanted + planes - 1) / planes), dim_t(1), height);
    parallel_tasks(c_.N * planes * rows, worth_it_, [&](dim_t i) {
      const dim_t h = i % rows, d = i / rows % planes;
      band(i / rows / planes,
           {{depth * d / planes, depth * (d + 1) / planes}, {height * h / rows, height * (h + 1) / rows}}, packed);
    });
  }

  void band(dim_t n, const Band& band, const PackedMatrix<T>& packed) const {
    const Band from = source_of(band);
    Scratch<T> copied(copied_size(from));
    if (!in_place_) copy(n, from, copied);
    const Multiplying<T> scope(pairs_);
    for (const Phase& f : phases_)
      for (dim_t i = 0; i < cells(); i++)
        for_blocks(f, [&](const Block& block) {
          const dim_t g = i / panels_.count, p = i % panels_.count;
          const dim_t row = f.first + (block.plane * f.h.taps + block.row) * f.w.taps * cin_;
          sweep(f, g, p, block, packed.row(g, p, row), source(n, from, copied), band, image(n));
        });
  }

  void by_panels() const {
    const Band from = source_of(whole_);
    Scratch<T> copied(c_.N * copied_size(from));
    if (!in_place_) parallel_tasks(c_.N, worth_it_, [&](dim_t n) { copy(n, from, copied + n * copied_size(from)); });
    for (const Phase& f : phases_)
      parallel_tasks(cells(), worth_it_, [&](dim_t i) {
        Scratch<T> packed(block_planes(f) * block_rows(f) * row_size(f));
        const Multiplying<T> scope(pairs_);
        for_blocks(f, [&](const Block& block) {
          const dim_t g = i / panels_.count, p = i % panels_.count;
          pack(f, g, p, block, packed);
          for (dim_t n = 0; n < c_.N; n++)
            sweep(f, g, p, block, packed, source(n, from, copied + n * copied_size(from)), whole_, image(n));
        });
      });
  }

  const Correlation<T>& c_;
  const bool pairs_;
  const GemmKernels<T>& kernels_;
  const Panels panels_;
  const dim_t cin_, channels_, cout_;
  const Band whole_;  // outputs of the longest phase
  const Span width_;
  std::vector<Phase> phases_;
  dim_t terms_ = 0, weights_ = 0;  // rows of the packed kernel: taps and channels of all phases; its elements
  bool in_place_, worth_it_;
};

// Whether the image is worth rounding; a group's channels are whole cells.
template <class T>
bool in_pairs(const Correlation<T>& c) {
  return in_bfloat16<T>(c.bfloat16) && (c.groups == 1 || c.C / c.groups % 2 == 0) && c.C / c.groups >= kPairChannels &&
         c.K / c.groups >= (bfloat16_kernels<T>().tiles ? kLargePairFilters : kernels<T>().gemm.lanes);
}

// The whole image as cells of two channels, then as usual: half as many terms, half of the bytes.
template <class T>
void correlate_pairs(const Correlation<T>& c) {
  const dim_t C = (c.C + 1) / 2, pixels = c.N * product(c.in);
  Scratch<T> cells(pixels * C);
  parallel_for(pixels, kGrain / std::max<dim_t>(c.C, 1) + 1, [&](dim_t begin, dim_t end) {
    const dim_t some = std::min<dim_t>(end - begin, kGrain / c.C + 1);
    Scratch<T> made(c.x.y ? some * c.C : 0);
    for (dim_t p = begin; p < end; p += some) {
      const dim_t n = std::min(some, end - p), run = c.C % 2 ? 1 : n;  // pixels of whole cells are one row
      const LazyActGrad<T> x = c.x.at(p * c.C);
      if (x.y) x.copy(n * c.C, made);
      bfloat16_kernels<T>().round_rows(n / run, run * c.C, x.y ? made.get() : x.x, c.C, cells + p * C, C);
    }
  });
  Correlation<T> halved = c;
  halved.x = {cells};
  halved.C = C;
  Correlator<T>(halved, true, c.C).run();
}

}  // namespace

template <class T>
void correlate(const Correlation<T>& c) {
  if (c.N * product(c.out) * c.K == 0) return;
  const bool pairs = in_pairs(c);
  if (pairs && bfloat16_kernels<T>().tiles) return correlate_pairs(c);
  if (!winograd_pays(c)) return pairs ? correlate_pairs(c) : Correlator<T>(c).run();
  if (!c.x.y) return winograd_correlate(c);
  const dim_t size = c.N * product(c.in) * c.C;
  Scratch<T> source(size);
  activation_gradient(size, c.x.y, c.x.x, source.get(), c.x.act);
  Correlation<T> whole = c;
  whole.x = {source};
  winograd_correlate(whole);
}

LAMINA_FOR_FLOATS(correlate, Correlation);

}  // namespace lamina
