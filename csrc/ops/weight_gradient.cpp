// dw(i, j, c, k) = sum over pixels of x(pixel under tap (i, j), c) * dz(pixel, k): a register tile holds some of the
// (j, c) by some of the k while it runs over the pixels; both operands are read in place.
//
//   for each chunk of output rows                 tasks of the threads; a chunk sums into its own copy of dw
//     for each block of rows of the chunk         x (in place, or with zeros around it) and dz stay in cache
//       for each kernel row i, panel of k, tile of (j, c)
//
// The chunks follow from the shape alone and are added in order. Where there are many, a block also makes its own dz
// from y and dy and sums db, while both are in cache.
#include <algorithm>

#include "core/cpu.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/border.h"
#include "ops/convolution.h"
#include "ops/gemm.h"

namespace lamina {
namespace {

constexpr dim_t kBlockPixels = 1024;  // of a block: a tile's accumulators are read and written once a block
constexpr dim_t kMaxChunks = 32;
constexpr dim_t kFusedChunks = 8;           // from so many on, no chunk is divided among threads
constexpr dim_t kPartialWords = 8ll << 20;  // of all chunks' copies

dim_t chunk_count(const Window& v, dim_t weights) {
  const dim_t by_pixels = v.N * v.OH * v.OW / kBlockPixels, by_memory = kPartialWords / std::max<dim_t>(weights, 1);
  return std::clamp<dim_t>(std::min(by_pixels, by_memory), 1, std::min(kMaxChunks, std::max<dim_t>(v.N * v.OH, 1)));
}

template <class T>
class WeightGradients {
 public:
  explicit WeightGradients(const WeightGradient<T>& a)
      : a_(a), v_(a.window), kernels_(kernels<T>().gemm), panels_(panels_of<T>(a.K / a.groups)) {
    const Window& v = v_;
    cin_ = v.C / a.groups;
    cout_ = a.K / a.groups;
    size_ = v.kh * v.kw * cin_ * a.K;
    chunks_ = chunk_count(v, size_);
    h1_ = (v.OH - 1) * v.stride_h + (v.kh - 1) * v.dilation_h + 1 - v.top;
    w1_ = (v.OW - 1) * v.stride_w + (v.kw - 1) * v.dilation_w + 1 - v.left;
    in_place_ = v.top == 0 && v.left == 0 && h1_ <= v.H && w1_ <= v.W;
    b_in_place_ = cout_ % kernels_.lanes == 0;
  }

  void run() const {
    const dim_t rows = v_.N * v_.OH, part = size_ + a_.K;  // dw, then db
    const bool worth_it = 2.0 * double(rows) * double(v_.OW) * double(size_) > 1.0e6;
    Scratch<T> parts(chunks_ > 1 ? chunks_ * part : 0);
    const dim_t cells = v_.kh * panels_.count * a_.groups;
    const dim_t slices = chunks_ >= kFusedChunks ? 1 : std::min<dim_t>(cells, 4 * get_num_threads());
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
  // A block: `images` whole images, or some rows of one.
  struct Block {
    dim_t image, images, row, rows;
    dim_t pixels(const Window& v) const { return images * rows * v.OW; }
  };

  Block next(dim_t at, dim_t end) const {
    const dim_t image = at / v_.OH, row = at % v_.OH;
    const dim_t whole = row ? 0 : std::min((end - at) / v_.OH, kBlockPixels / (v_.OH * v_.OW));
    if (whole > 0) return {image, whole, 0, v_.OH};
    const dim_t left = std::min(v_.OH - row, end - at), most = std::max<dim_t>(1, kBlockPixels / v_.OW);
    const dim_t blocks = (left + most - 1) / most;
    return {image, 1, row, (left + blocks - 1) / blocks};
  }

  // Cells [begin, end) of (group, panel, kernel row) for output rows [row, last).
  void chunk(dim_t row, dim_t last, dim_t begin, dim_t end, T* out, bool accumulate) const {
    while (row < last) {
      const Block b = next(row, last);
      block(b, begin, end, out, accumulate);
      accumulate = true;
      row += b.images * b.rows;
    }
  }

  void block(const Block& b, dim_t begin, dim_t end, T* out, bool accumulate) const {
    const Window& v = v_;
    const dim_t h0 = b.row * v.stride_h - v.top, height = (b.rows - 1) * v.stride_h + (v.kh - 1) * v.dilation_h + 1;
    const dim_t width = w1_ + v.left;
    const dim_t row = (in_place_ ? v.W : width) * v.C, image = in_place_ ? v.H * row : height * row;
    const T* x = a_.x + b.image * v.H * v.W * v.C;
    Scratch<T> bordered(in_place_ ? 0 : b.images * image);
    if (!in_place_)
      for (dim_t i = 0; i < b.images; i++)
        copy_with_border({x + i * v.H * v.W * v.C}, v.H, v.W, v.C, h0, h0 + height, -v.left, w1_, bordered + i * image);
    x = in_place_ ? x + h0 * row : bordered.get();

    const Gated<T> gated = a_.dz.at((b.image * v.OH + b.row) * v.OW * a_.K);
    Scratch<T> made(gated.y ? b.pixels(v) * a_.K : 0);
    if (gated.y) gated.copy(b.pixels(v) * a_.K, made);
    const T* dz = gated.y ? made.get() : gated.x;
    static const T one = 1;
    if (a_.db) kernels_.axpy_rows(b.pixels(v), a_.K, &one, 0, dz, a_.K, out + size_, nullptr, accumulate);
    Scratch<T> packed(b_in_place_ ? 0 : b.pixels(v) * panels_.vectors * kernels_.lanes);
    Tile<T> t{};
    t.row = 1;
    t.k3 = b.images;
    t.s3 = image;
    t.s2 = v.stride_h * row;
    t.k1 = v.OW;
    t.s1 = v.stride_w * v.C;
    t.ldc = a_.K;
    t.accumulate = accumulate;
    dim_t packed_panel = -1;
    for (dim_t cell = begin; cell < end; cell++) {
      const dim_t i = cell % v.kh, p = cell / v.kh % panels_.count, g = cell / v.kh / panels_.count;
      const dim_t n = panels_.begin(p), k = g * cout_ + n;
      t.vectors = panels_.width(p);
      t.cols = static_cast<int>(std::min(cout_ - n, dim_t(t.vectors) * kernels_.lanes));
      // Rows of a single image that meet only zeros are left out.
      const dim_t above = v.top - i * v.dilation_h;
      dim_t skip = 0;
      t.k2 = b.rows;
      if (b.images == 1) {
        const dim_t last = std::clamp((v.H - 1 + above + v.stride_h) / v.stride_h - b.row, dim_t(0), b.rows);
        skip = above > 0 ? std::clamp((above + v.stride_h - 1) / v.stride_h - b.row, dim_t(0), last) : 0;
        t.k2 = last - skip;
      }
      t.ldb = b_in_place_ ? a_.K : dim_t(t.vectors) * kernels_.lanes;
      if (!b_in_place_ && packed_panel != cell / v.kh) {
        kernels_.pack(dz + k, a_.K, 1, b.pixels(v), t.cols, packed, t.ldb);
        packed_panel = cell / v.kh;
      }
      t.b = (b_in_place_ ? dz + k : packed.get()) + skip * v.OW * t.ldb;
      const T* line = x + (skip * v.stride_h + i * v.dilation_h) * row + g * cin_;
      T* c = out + i * v.kw * cin_ * a_.K + k;
      if (v.dilation_w == 1 && a_.groups == 1) {
        tiles(t, line, v.kw * cin_, c);
      } else {
        for (dim_t j = 0; j < v.kw; j++) tiles(t, line + j * v.dilation_w * v.C, cin_, c + j * cin_ * a_.K);
      }
    }
  }

  void tiles(Tile<T>& t, const T* x, dim_t rows, T* c) const {
    const dim_t most = kernels_.max_rows[t.vectors], count = (rows + most - 1) / most;
    for (dim_t i = 0; i < count; i++) {
      const dim_t at = rows * i / count;
      t.rows = static_cast<int>(rows * (i + 1) / count - at);
      t.a = x + at;
      t.c = c + at * a_.K;
      kernels_.tile(t);
    }
  }

  const WeightGradient<T>& a_;
  const Window& v_;
  const GemmKernels<T>& kernels_;
  const Panels panels_;
  dim_t cin_, cout_, size_, chunks_, h1_, w1_;
  bool in_place_, b_in_place_;
};

}  // namespace

bool fuses_weight_gradient(const Window& v, dim_t weights) { return chunk_count(v, weights) >= kFusedChunks; }

template <class T>
void convolution_weight_gradient(const WeightGradient<T>& a) {
  const Window& v = a.window;
  const dim_t size = v.kh * v.kw * (v.C / a.groups) * a.K;
  if (size == 0) return;
  if (v.N * v.OH * v.OW == 0) {
    if (!a.accumulate) std::fill(a.dw, a.dw + size, T(0));
    return;
  }
  WeightGradients<T>(a).run();
}

template void convolution_weight_gradient(const WeightGradient<float>&);
template void convolution_weight_gradient(const WeightGradient<double>&);

}  // namespace lamina
