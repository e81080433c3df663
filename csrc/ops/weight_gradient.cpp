// dw(tap, c, k) = sum over pixels of x(pixel under the tap, c) * dz(pixel, k): a register tile holds some of the
// (column of the kernel, c) by some of the k while it runs over the pixels; both operands are read in place.
//
//   for each chunk of output rows                 tasks of the threads; a chunk sums into its own copy of dw
//     for each block of rows of the chunk         x (in place, or with zeros around it) and dz stay in cache
//       for each row of the kernel, panel of k, tile of (column, c)
//
// The chunks follow from the shape alone and are added in order. Where there are many, a block also makes its own dz
// from y and dy and sums db, while both are in cache.
#include <algorithm>

#include "core/cpu.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/bfloat16.h"
#include "ops/convolution.h"
#include "ops/pad.h"
#include "ops/panels.h"

namespace lamina {
namespace {

constexpr dim_t kBlockPixels = 1024;  // of a block: a tile's accumulators are read and written once a block
constexpr dim_t kFewChunks = 32;      // more of them have more pixels
constexpr dim_t kManyPixels = 4 * kBlockPixels;
constexpr dim_t kFusedChunks = 8;           // from so many on, no chunk is divided among threads
constexpr dim_t kPairPixels = 4;            // of a row of outputs, from which on pairs of them are worth it
constexpr dim_t kPairRows = 16;             // of a tile, columns of the kernel times channels
constexpr dim_t kPartialWords = 8ll << 20;  // of all chunks' copies

dim_t chunk_count(const Window& v, dim_t weights) {
  const dim_t pixels = v.N * product(v.out), by_memory = kPartialWords / std::max<dim_t>(weights, 1);
  const dim_t by_pixels =
      std::max(std::min(pixels / kBlockPixels, kFewChunks), std::min(pixels / kManyPixels, kMaxGradientChunks));
  return std::clamp<dim_t>(std::min(by_pixels, by_memory), 1, std::max<dim_t>(v.N * v.out[0] * v.out[1], 1));
}

template <class T>
class WeightGradients {
 public:
  explicit WeightGradients(const WeightGradient<T>& a)
      : a_(a),
        v_(a.window),
        kernels_(kernels<T>().gemm),
        pairs_(rounds_weight_gradient<T>(a.window, a.K, a.groups, a.bfloat16)),
        tiles_(kernels_of<T>(pairs_)),
        panels_(panels_of<T>(a.window.N * product(a.window.out), a.K / a.groups, pairs_)) {
    const Window& v = v_;
    cin_ = v.C / a.groups;
    cout_ = a.K / a.groups;
    size_ = product(v.taps) * cin_ * a.K;
    chunks_ = chunk_count(v, size_);
    in_place_ = v.before[1] == 0 && v.before[2] == 0 && reach(1, v.out[1]) <= v.in[1] && reach(2, v.out[2]) <= v.in[2];
    if (pairs_) in_place_ = false;
    b_in_place_ = cout_ % kernels_.lanes == 0 && !pairs_;
  }

  void run() const {
    const dim_t rows = v_.N * v_.out[0] * v_.out[1], part = size_ + a_.K;  // dw, then db
    const bool worth_it = worth_threads(2.0 * double(rows) * double(v_.out[2]) * double(size_));
    Scratch<T> parts(chunks_ > 1 ? chunks_ * part : 0);
    const dim_t cells = v_.taps[0] * v_.taps[1] * panels_.count * a_.groups;
    // Each slice rounds the whole block for itself.
    const dim_t most = (pairs_ ? 1 : 4) * get_num_threads();
    const dim_t slices = chunks_ >= kFusedChunks ? 1 : std::min<dim_t>(cells, most);
    parallel_tasks(chunks_ * slices, worth_it, [&](dim_t i) {
      const dim_t c = i / slices, s = i % slices;
      T* out = chunks_ > 1 ? parts + c * part : a_.dw;
      chunk(rows * c / chunks_, rows * (c + 1) / chunks_, cells * s / slices, cells * (s + 1) / slices, out,
            chunks_ == 1 && a_.accumulate);
    });
    if (chunks_ == 1) return;
    static const T one = 1;
    parallel_for(size_, kGrain / chunks_ + 1, [&](dim_t begin, dim_t end) {
      kernels_.axpy_rows(chunks_, end - begin, &one, 0, parts + begin, part, a_.dw + begin, nullptr, a_.accumulate);
    });
    if (a_.db) kernels_.axpy_rows(chunks_, a_.K, &one, 0, parts + size_, part, a_.db, nullptr, a_.db_accumulate);
  }

 private:
  // Input positions along an axis from the first output's first tap to the last of so many outputs' last tap.
  dim_t reach(int axis, dim_t outputs) const {
    return (outputs - 1) * v_.stride[axis] + (v_.taps[axis] - 1) * v_.dilation[axis] + 1;
  }

  // A block: some whole sheets, the planes of an image or images of one plane, or some rows of a sheet.
  struct Block {
    dim_t sheet, sheets, row, rows;
    dim_t pixels(const Window& v) const { return sheets * rows * v.out[2]; }
  };

  Block next(dim_t at, dim_t end) const {
    const dim_t rows = v_.out[1], sheet = at / rows, row = at % rows;
    const dim_t most_sheets = v_.out[0] > 1 ? v_.out[0] - sheet % v_.out[0] : v_.N;
    const dim_t whole = row ? 0 : std::min({(end - at) / rows, kBlockPixels / (rows * v_.out[2]), most_sheets});
    if (whole > 0) return {sheet, whole, 0, rows};
    const dim_t left = std::min(rows - row, end - at), most = std::max<dim_t>(1, kBlockPixels / v_.out[2]);
    const dim_t blocks = (left + most - 1) / most;
    return {sheet, 1, row, (left + blocks - 1) / blocks};
  }

  // Cells [begin, end) of (group, panel, row of the kernel) for output rows [row, last).
  void chunk(dim_t row, dim_t last, dim_t begin, dim_t end, T* out, bool accumulate) const {
    const Multiplying<T> scope(pairs_);
    while (row < last) {
      const Block b = next(row, last);
      block(b, begin, end, out, accumulate);
      accumulate = true;
      row += b.sheets * b.rows;
    }
  }

  // The outputs [first, last) of [begin, begin + count) along an axis whose tap lies inside the input, from 0 on.
  void inside(int axis, dim_t tap, dim_t begin, dim_t count, dim_t& first, dim_t& last) const {
    const dim_t stride = v_.stride[axis], above = v_.before[axis] - tap * v_.dilation[axis];
    last = std::clamp((v_.in[axis] - 1 + above + stride) / stride - begin, dim_t(0), count);
    first = above > 0 ? std::clamp((above + stride - 1) / stride - begin, dim_t(0), last) : 0;
  }

  // Rows [h0, h1) of a sheet, as rows of cells that the columns of the kernel meet: those of channel c and column j are
  // row j C + c of out, and cell (h, w) there holds the pixels under the outputs 2 w and 2 w + 1. Behind an odd row of
  // outputs stands a zero.
  void copy_pairs(const LazyActGrad<T>& sheet, dim_t h0, dim_t h1, dim_t w0, dim_t width, T* out, dim_t ld) const {
    Scratch<T> rows((h1 - h0) * width * v_.C);
    copy_padded(sheet, v_.in[1], v_.in[2], v_.C, h0, h1, w0, w0 + width, rows.get());
    for (dim_t j = 0; j < v_.taps[2]; j++)
      bfloat16_kernels<T>().round_columns(v_.C, h1 - h0, v_.out[2], rows + j * v_.dilation[2] * v_.C, width * v_.C,
                                          v_.stride[2] * v_.C, out + j * v_.C * ld, ld);
  }

  void block(const Block& b, dim_t begin, dim_t end, T* out, bool accumulate) const {
    const Window& v = v_;
    const dim_t n = b.sheet / v.out[0], d = b.sheet % v.out[0];
    const bool deep = v.out[0] > 1;  // the sheets are an image's planes
    // The input's planes and rows under the block; planes and, of a single sheet, rows outside of it are left out.
    const dim_t d_begin = d * v.stride[0] - v.before[0], h0 = b.row * v.stride[1] - v.before[1];
    const dim_t d0 = std::clamp(d_begin, dim_t(0), v.in[0]);
    const dim_t d1 = std::clamp(d_begin + reach(0, deep ? b.sheets : 1), d0, v.in[0]);
    const dim_t height = reach(1, b.rows), width = reach(2, v.out[2]), w0 = -v.before[2];
    // Terms of a row of outputs, and their rows of a packed panel.
    const dim_t terms = pairs_ ? (v.out[2] + 1) / 2 : v.out[2], lines = b.sheets * b.rows;
    const dim_t row = pairs_ ? terms : (in_place_ ? v.in[2] : width) * v.C;
    const dim_t plane = (in_place_ ? v.in[1] : height) * row;
    const dim_t image = in_place_ ? v.source() : (d1 - d0) * plane, images = deep ? 1 : b.sheets;
    // Elements from channel to channel, and from one column of the kernel to the next.
    const dim_t channel = pairs_ ? odd_lines<T>(images * image) : 1;
    const dim_t column = (pairs_ ? channel : v.dilation[2]) * v.C;
    Scratch<T> bordered(in_place_ ? 0 : pairs_ ? v.taps[2] * column : images * image);
    if (!in_place_)
      for (dim_t i = 0; i < images * (d1 - d0); i++) {
        const dim_t from = (n + i / (d1 - d0)) * v.in[0] + d0 + i % (d1 - d0);
        const LazyActGrad<T> sheet{a_.x + from * v.in[1] * v.in[2] * v.C};
        if (pairs_)
          copy_pairs(sheet, h0, h0 + height, w0, width, bordered + i * plane, channel);
        else
          copy_padded(sheet, v.in[1], v.in[2], v.C, h0, h0 + height, w0, w0 + width, bordered + i * plane);
      }
    // Plane 0 of the first image, at the block's first row.
    const T* x = in_place_ ? a_.x + n * v.source() + h0 * row : bordered - d0 * plane;

    const LazyActGrad<T> gated = a_.dz.at((b.sheet * v.out[1] + b.row) * v.out[2] * a_.K);
    Scratch<T> made(gated.y ? b.pixels(v) * a_.K : 0);
    if (gated.y) gated.copy(b.pixels(v) * a_.K, made);
    const T* dz = gated.y ? made.get() : gated.x;
    static const T one = 1;
    if (a_.db) kernels_.axpy_rows(b.pixels(v), a_.K, &one, 0, dz, a_.K, out + size_, nullptr, accumulate);
    Scratch<T> packed(b_in_place_ ? 0 : lines * terms * panels_.widest_row());
    Tile<T> t = matrix_tile<T>(terms, channel, pairs_ ? 1 : v.stride[2] * v.C, a_.K, accumulate);
    const bool run = pairs_ && v.stride[1] == 1;  // rows stand behind each other as those of the panel do
    t.s3 = deep ? v.stride[0] * plane : image;
    t.s2 = v.stride[1] * row;
    const dim_t kernel_rows = v.taps[0] * v.taps[1];
    dim_t packed_panel = -1;
    for (dim_t cell = begin; cell < end; cell++) {
      const dim_t tap = cell % kernel_rows, a = tap / v.taps[1], i = tap % v.taps[1];
      const dim_t p = cell / kernel_rows % panels_.count, g = cell / kernel_rows / panels_.count;
      const dim_t k = g * cout_ + panels_.begin(p);
      t.vectors = panels_.width(p);
      t.cols = panels_.used(p);
      dim_t sheet0, sheet1, row0 = 0, row1 = b.rows;
      inside(0, a, d, deep ? b.sheets : 1, sheet0, sheet1);
      if (!deep && sheet1 > sheet0) sheet1 = b.sheets;
      if (b.sheets == 1) inside(1, i, b.row, b.rows, row0, row1);
      t.k3 = sheet1 - sheet0;
      t.k2 = run ? std::min<dim_t>(row1 - row0, 1) : row1 - row0;
      t.k1 = run ? (row1 - row0) * terms : terms;
      t.ldb = b_in_place_ ? a_.K : panels_.row(p);
      if (!b_in_place_ && packed_panel != cell / kernel_rows) {
        if (pairs_)
          for (dim_t i = 0; i < lines; i++)
            tiles_.pack(dz + i * v.out[2] * a_.K + k, a_.K, 1, v.out[2], panels_.used(p),
                        packed + i * terms * panels_.row(p), panels_.row(p));
        else
          pack_panel(panels_, p, b.pixels(v), dz + g * cout_, a_.K, 1, packed.get());
        packed_panel = cell / kernel_rows;
      }
      t.b = (b_in_place_ ? dz + k : packed.get()) + (sheet0 * b.rows + row0) * terms * t.ldb;
      const dim_t depth = d_begin + sheet0 * v.stride[0] + a * v.dilation[0];
      const T* line = x + depth * plane + (row0 * v.stride[1] + i * v.dilation[1]) * row + g * cin_ * channel;
      T* c = out + tap * v.taps[2] * cin_ * a_.K + k;
      if ((pairs_ || v.dilation[2] == 1) && a_.groups == 1) {
        run_rows(tiles_, t, v.taps[2] * cin_, line, c);
      } else {
        for (dim_t j = 0; j < v.taps[2]; j++) run_rows(tiles_, t, cin_, line + j * column, c + j * cin_ * a_.K);
      }
    }
  }

  const WeightGradient<T>& a_;
  const Window& v_;
  const GemmKernels<T>& kernels_;
  const bool pairs_;
  const GemmKernels<T>& tiles_;
  const Panels panels_;
  dim_t cin_, cout_, size_, chunks_;
  bool in_place_, b_in_place_;
};

}  // namespace

template <class T>
bool rounds_weight_gradient(const Window& v, dim_t K, dim_t groups, bool bfloat16) {
  return in_bfloat16<T>(bfloat16) && K / groups >= kernels<T>().gemm.lanes && v.out[2] >= kPairPixels &&
         v.taps[2] * v.C / groups >= kPairRows;
}
template bool rounds_weight_gradient<float>(const Window&, dim_t, dim_t, bool);
template bool rounds_weight_gradient<double>(const Window&, dim_t, dim_t, bool);

bool fuses_weight_gradient(const Window& v, dim_t weights) { return chunk_count(v, weights) >= kFusedChunks; }

template <class T>
void convolution_weight_gradient(const WeightGradient<T>& a) {
  const Window& v = a.window;
  const dim_t size = product(v.taps) * (v.C / a.groups) * a.K;
  if (size == 0) return;
  if (v.N * product(v.out) == 0) {
    if (!a.accumulate) std::fill(a.dw, a.dw + size, T(0));
    return;
  }
  WeightGradients<T>(a).run();
}

LAMINA_FOR_FLOATS(convolution_weight_gradient, WeightGradient);

}  // namespace lamina
