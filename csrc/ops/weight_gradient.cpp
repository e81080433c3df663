// dw(i, j, c, k) = sum over pixels of x(pixel under tap (i, j), c) * dz(pixel, k): a register tile holds some of the
// (j, c) by some of the k while it runs over the pixels; both operands are read in place.
//
//   for each chunk of output rows                 tasks of the threads; a chunk sums into its own copy of dw
//     for each block of rows of the chunk         x (in place, or with zeros around it) and dz stay in cache
//       for each kernel row i, panel of k, tile of (j, c)
//
// The chunks follow from the shape alone and are added in order.
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
constexpr dim_t kPartialBytes = 32ll << 20;  // of all chunks' copies

template <class T>
class WeightGradients {
 public:
  explicit WeightGradients(const WeightGradient<T>& a)
      : a_(a), v_(a.window), kernels_(kernels<T>().gemm), panels_(panels_of<T>(a.K / a.groups)) {
    const Window& v = v_;
    cin_ = v.C / a.groups;
    cout_ = a.K / a.groups;
    size_ = v.kh * v.kw * cin_ * a.K;
    chunks_ = std::clamp<dim_t>(std::min(v.N * v.OH * v.OW / kBlockPixels, kPartialBytes / dim_t(sizeof(T)) / size_), 1,
                                std::min(kMaxChunks, v.N * v.OH));
    h1_ = (v.OH - 1) * v.stride_h + (v.kh - 1) * v.dilation_h + 1 - v.top;
    w1_ = (v.OW - 1) * v.stride_w + (v.kw - 1) * v.dilation_w + 1 - v.left;
    in_place_ = v.top == 0 && v.left == 0 && h1_ <= v.H && w1_ <= v.W;
    b_in_place_ = cout_ % kernels_.lanes == 0;
  }

  void run() {
    const double flops = 2.0 * double(v_.N) * double(v_.OH) * double(v_.OW) * double(size_);
    const bool worth_it = flops > 1.0e6;
    Scratch<T> parts(chunks_ > 1 ? chunks_ * size_ : 0);
    const dim_t cells = v_.kh * panels_.count * a_.groups;
    const dim_t slices = chunks_ >= 4 * get_num_threads() ? 1 : std::min<dim_t>(cells, 4 * get_num_threads());
    parallel_tasks(chunks_ * slices, worth_it, [&](dim_t i) {
      const dim_t c = i / slices, s = i % slices;
      T* out = chunks_ > 1 ? parts + c * size_ : a_.dw;
      const dim_t rows = v_.N * v_.OH;
      chunk(rows * c / chunks_, rows * (c + 1) / chunks_, cells * s / slices, cells * (s + 1) / slices, out,
            chunks_ == 1 && a_.accumulate);
    });
    if (chunks_ == 1) return;
    static const T one = 1;
    parallel_for(size_, kGrain / chunks_ + 1, [&](dim_t begin, dim_t end) {
      kernels_.axpy_rows(chunks_, end - begin, &one, 0, parts + begin, size_, a_.dw + begin, nullptr, a_.accumulate);
    });
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
        copy_with_border(x + i * v.H * v.W * v.C, v.H, v.W, v.C, h0, h0 + height, -v.left, w1_, bordered + i * image);
    x = in_place_ ? x + h0 * row : bordered.get();

    const dim_t NR = dim_t(panels_.vectors) * kernels_.lanes;
    Scratch<T> packed(b_in_place_ ? 0 : b.pixels(v) * NR);
    const T* dz = a_.dz + ((b.image * v.OH) + b.row) * v.OW * a_.K;
    Tile<T> t{};
    t.row = 1;
    t.k3 = b.images;
    t.s3 = image;
    t.k2 = b.rows;
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
      t.b = b_in_place_ ? dz + k : packed.get();
      t.ldb = b_in_place_ ? a_.K : dim_t(t.vectors) * kernels_.lanes;
      if (!b_in_place_ && packed_panel != cell / v.kh) {
        kernels_.pack(dz + k, a_.K, 1, b.pixels(v), t.cols, packed, t.ldb);
        packed_panel = cell / v.kh;
      }
      const T* line = x + i * v.dilation_h * row + g * cin_;
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
