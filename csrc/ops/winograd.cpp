//   weights -> U (36, C, K), packed in panels, once a call
//   for each block of tiles                             tasks; V and M of a block stay in L2
//     pixels  -> V (36, tiles, C)
//     M (36, tiles, K) = V U, plane by plane
//     M -> results
//
//   weight gradient: for each chunk of tiles            tasks; the chunks follow from the shape alone
//     for each block: pixels -> V (36, tiles, C), dz -> Z (36, tiles, K), P (36, C, K) += V^T Z, plane by plane
//     P -> the chunk's dw; the chunks' are added in order
#include "ops/winograd.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/cpu.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/gemm.h"

namespace lamina {
namespace {

constexpr dim_t kSide = kWinogradSide, kPlanes = kSide * kSide;
constexpr dim_t kMaxPlaneBytes = 16 << 20;          // of U: beyond, it comes from memory again for every block
constexpr dim_t kMaxGradientBytes = 16 << 20;       // of P, which every block reads and writes
constexpr dim_t kNearBytes = 1 << 20;               // of P that stays in a core's own cache
constexpr dim_t kSharedBytes = 6 << 20;             // of U that costs little to write and to read again
constexpr dim_t kFewest = 8;                        // channels of a sum: below, the transforms cost too much
constexpr dim_t kChunkTiles = 32, kFewChunks = 16;  // more of them have more tiles, for a chunk's P is large
constexpr dim_t kManyTiles = 128;
constexpr dim_t kFarTiles = 64;  // of a block where P is not near
constexpr dim_t kRun = 16;       // channels of a sum, of those packed together

// The tiles of N images of H x W results, row by row, for so many taps along an axis.
struct Grid {
  dim_t side, down, across, count;  // results along an axis of a tile; tiles

  Grid(dim_t N, dim_t H, dim_t W, dim_t taps)
      : side(kSide + 1 - taps), down((H + side - 1) / side), across((W + side - 1) / side), count(N * down * across) {}

  // Calls f(i, image, row, column), the place of its first result, for the tiles begin + i < end.
  template <class F>
  void visit(dim_t begin, dim_t end, F&& f) const {
    dim_t n = begin / (down * across), h = begin / across % down, w = begin % across;
    for (dim_t i = 0; i < end - begin; i++) {
      f(i, n, h * side, w * side);
      if (++w < across) continue;
      w = 0;
      if (++h < down) continue;
      h = 0;
      n++;
    }
  }
};

// Where the side x side pixels, of C elements, of one tile after the other stand in images of H x W; `outside` for
// those that are not in the image.
template <class P>
class Places {
 public:
  Places(P images, dim_t H, dim_t W, dim_t C, dim_t side, dim_t step, P outside)
      : images_(images), H_(H), W_(W), C_(C), side_(side), step_(step), outside_(outside), next_(W) {}

  // The tile from (row, column) on.
  const P* find(dim_t image, dim_t row, dim_t column) {
    const bool whole = column >= 0 && column + side_ <= W_;
    if (whole && column == next_) {
      for (dim_t i = 0; i < side_ * side_; i++) at_[i] += ahead_[i];
    } else {
      const P corner = images_ + ((image * H_ + row) * W_ + column) * C_;
      for (dim_t i = 0; i < side_; i++) {
        const bool inside = row + i >= 0 && row + i < H_;
        for (dim_t j = 0; j < side_; j++) {
          const bool here = inside && (whole || (column + j >= 0 && column + j < W_));
          at_[i * side_ + j] = here ? corner + (i * W_ + j) * C_ : outside_;
          ahead_[i * side_ + j] = inside ? step_ * C_ : 0;
        }
      }
    }
    next_ = whole ? column + step_ : W_;
    return at_;
  }

 private:
  const P images_;
  const dim_t H_, W_, C_, side_, step_;  // step: columns from a tile to the next
  const P outside_;
  P at_[kPlanes];
  dim_t ahead_[kPlanes];  // from a pixel to that of the next tile
  dim_t next_;            // column of a tile that stands so, if there is one
};

bool switched_on() {
  static const bool on = [] {
    const char* s = std::getenv("LAMINA_WINOGRAD");
    return !s || std::strcmp(s, "0") != 0;
  }();
  return on;
}

// Counts vector operations: the direct sum's against those of the planes' products and the transforms. Weights' planes
// cost the more the less of them a shared cache holds; their gradients' are read and written again for every block.
template <class T>
bool pays(dim_t N, dim_t OH, dim_t OW, dim_t taps, dim_t C, dim_t K, bool gradient) {
  if (sizeof(T) != 4 || C < kFewest || !switched_on()) return false;
  const Grid grid(N, OH, OW, taps);
  const dim_t lanes = kernels<T>().gemm.lanes;
  const double c = double((C + lanes - 1) / lanes), k = double((K + lanes - 1) / lanes);
  const double direct = double(taps * taps * C) * k * double(N * OH * OW) / 0.9;
  const double tiles = double(grid.count) * (36.0 * double(C) * k / 0.75 + 250.0 * (c + k));
  const double beyond = std::max(0.0, double(kPlanes * C * K * dim_t(sizeof(T)) - kSharedBytes) / (1 << 20));
  const double planes =
      gradient ? 200.0 + 150.0 * beyond * double((grid.count + kFarTiles - 1) / kFarTiles) : 200.0 + 100.0 * beyond;
  return tiles + planes * double(C) * k < 0.85 * direct;
}

bool is_plain(const std::vector<Axis>& axes) {
  if (axes.size() != 1) return false;
  const Axis& a = axes[0];
  return a.first == 0 && a.dst_stride == 1 && a.step == 1 && (a.taps == 3 || a.taps == 5) && a.dilation == 1;
}

// Every plane of the destination is that of the source, so that planes are images.
bool is_each(const std::vector<Axis>& axes, dim_t size) {
  if (axes.size() != 1) return false;
  const Axis& a = axes[0];
  return a.taps == 1 && a.offset == 0 && a.step == 1 && a.dst_stride == 1 && a.count == size;
}

template <class T>
class Forward {
 public:
  explicit Forward(const Correlation<T>& c)
      : c_(c),
        gemm_(kernels<T>().gemm),
        winograd_(kernels<T>().winograd),
        grid_(c.N * c.in[0], c.out[1], c.out[2], c.axes[1][0].taps) {
    const dim_t rows = gemm_.max_rows[panels_of<T>(c.C, c.K).vectors];
    const dim_t fitting = caches().l2 * 3 / 10 / (kPlanes * dim_t(sizeof(T)) * (c.C + c.K)) / rows * rows;
    const dim_t most = std::clamp(fitting, 2 * rows, 16 * rows);
    const dim_t wanted = get_num_threads() == 1 ? 1 : std::min<dim_t>(4 * get_num_threads(), grid_.count / rows);
    blocks_ = std::max<dim_t>((grid_.count + most - 1) / most, wanted);
    tiles_ = (grid_.count + blocks_ - 1) / blocks_;
  }

  void run() const {
    Scratch<T> zeros(c_.C);
    std::fill_n(zeros.get(), c_.C, T(0));
    PackedMatrix<T> u(c_.C, panels_of<T>(c_.C, c_.K), kPlanes);
    pack(u);
    parallel_workers(
        blocks_, true,
        [&] { return Scratch<T>(kPlanes * (odd_lines<T>(tiles_ * c_.C) + odd_lines<T>(tiles_ * c_.K))); },
        [&](const Scratch<T>& work, dim_t i) {
          block(grid_.count * i / blocks_, grid_.count * (i + 1) / blocks_, u, zeros, work,
                work + kPlanes * odd_lines<T>(tiles_ * c_.C));
        });
  }

 private:
  // Panel by panel, so many channels of the sum at a time: the taps become rows of the panel, then all planes at once.
  void pack(PackedMatrix<T>& u) const {
    const auto& c = c_;
    const Axis &r = c.axes[1][0], &q = c.axes[2][0];
    const Panels& panels = u.panels();
    u.fill(1, kRun, [&](dim_t, dim_t p, dim_t k, dim_t channels, T* out) {
      const dim_t size = channels * panels.row(p);
      const Scratch<T> rows(r.taps * q.taps * size);
      const T* taps[kPlanes];
      for (dim_t t = 0; t < r.taps * q.taps; t++) {
        const dim_t tap = (r.tap0 + t / q.taps * r.tap_step) * c.kw + q.tap0 + t % q.taps * q.tap_step;
        taps[t] = rows + t * size;
        pack_panel(panels, p, channels, c.w + tap * c.w_tap + k * c.w_row, c.w_row, c.w_col, rows + t * size);
      }
      winograd_.evaluate[r.taps]({taps, out, u.step(), size, 0});
    });
  }

  // Tiles [begin, end).
  void block(dim_t begin, dim_t end, const PackedMatrix<T>& u, const T* zeros, T* v, T* m) const {
    const auto& c = c_;
    const dim_t n = end - begin, v_plane = odd_lines<T>(n * c.C), m_plane = odd_lines<T>(n * c.K);
    const dim_t side = grid_.side, above = c.axes[1][0].offset, left = c.axes[2][0].offset;
    Places<const T*> from(c.x.x, c.in[1], c.in[2], c.C, kSide, side, zeros);
    grid_.visit(begin, end, [&](dim_t i, dim_t image, dim_t row, dim_t column) {
      winograd_.data({from.find(image, row + above, column + left), v + i * c.C, v_plane, c.C, side * c.C});
    });
    for (dim_t plane = 0; plane < kPlanes; plane++)
      u.multiply(n, v + plane * v_plane, c.C, m + plane * m_plane, c.K, false, false, plane);
    const bool later = c.act != Activation::linear && c.act != Activation::relu;
    Places<T*> places(c.y, c.out[1], c.out[2], c.K, side, side, nullptr);
    grid_.visit(begin, end, [&](dim_t i, dim_t image, dim_t row, dim_t column) {
      T* const* to = places.find(image, row, column);
      winograd_.interpolate[side]({m + i * c.K, m_plane, c.K, to, c.bias, c.act == Activation::relu, c.accumulate});
      if (later)
        for (dim_t j = 0; j < side * side; j++)
          if (to[j]) gemm_.activate(to[j], c.K, c.act);
    });
  }

  const Correlation<T>& c_;
  const GemmKernels<T>& gemm_;
  const WinogradKernels<T>& winograd_;
  const Grid grid_;
  dim_t blocks_, tiles_;  // blocks, and tiles of the largest
};

template <class T>
class Backward {
 public:
  explicit Backward(const WeightGradient<T>& a)
      : a_(a),
        v_(a.window),
        gemm_(kernels<T>().gemm),
        winograd_(kernels<T>().winograd),
        panels_(panels_of<T>(v_.N * product(v_.out), a.K)),
        grid_(v_.N * v_.in[0], v_.out[1], v_.out[2], v_.taps[1]),
        taps_(v_.taps[1] * v_.taps[2]),
        size_(v_.C * a.K),
        padded_(panels_.size(1)),
        p_plane_(odd_lines<T>(size_)),
        near_(kPlanes * size_ * dim_t(sizeof(T)) <= kNearBytes),
        chunks_(std::max({std::clamp<dim_t>(grid_.count / (near_ ? kChunkTiles : kFarTiles), 1, kFewChunks),
                          near_ ? std::min(grid_.count / kManyTiles, kMaxGradientChunks) : dim_t(1)})) {
    const dim_t fitting = caches().l2 / 2 / (kPlanes * dim_t(sizeof(T)) * (v_.C + padded_));
    tiles_ =
        std::min(std::clamp<dim_t>(fitting, near_ ? 8 : kFarTiles, kFarTiles), (grid_.count + chunks_ - 1) / chunks_);
  }

  void run() const {
    Scratch<T> parts(chunks_ > 1 ? chunks_ * taps_ * size_ : 0), zeros(std::max(v_.C, a_.K));
    std::fill_n(zeros.get(), std::max(v_.C, a_.K), T(0));
    parallel_workers(
        chunks_, true,
        [&] { return Scratch<T>(kPlanes * (odd_lines<T>(tiles_ * v_.C) + odd_lines<T>(tiles_ * padded_) + p_plane_)); },
        [&](const Scratch<T>& work, dim_t i) {
          chunk(grid_.count * i / chunks_, grid_.count * (i + 1) / chunks_, zeros, work,
                chunks_ > 1 ? parts + i * taps_ * size_ : a_.dw, chunks_ == 1 && a_.accumulate);
        });
    if (chunks_ == 1) return;
    static const T one = 1;
    parallel_for(taps_ * size_, kGrain / chunks_ + 1, [&](dim_t begin, dim_t end) {
      gemm_.axpy_rows(chunks_, end - begin, &one, 0, parts + begin, taps_ * size_, a_.dw + begin, nullptr,
                      a_.accumulate);
    });
  }

 private:
  void chunk(dim_t begin, dim_t end, const T* zeros, T* work, T* dw, bool accumulate) const {
    T *const v = work, *const z = v + kPlanes * odd_lines<T>(tiles_ * v_.C),
             *const p = z + kPlanes * odd_lines<T>(tiles_ * padded_);
    const dim_t side = grid_.side;
    Places<const T*> x(a_.x, v_.in[1], v_.in[2], v_.C, kSide, side, zeros);
    Places<const T*> dz(a_.dz.x, v_.out[1], v_.out[2], a_.K, side, side, zeros);
    for (dim_t at = begin; at < end; at += tiles_) {
      const dim_t n = std::min(tiles_, end - at), v_plane = odd_lines<T>(n * v_.C), z_plane = odd_lines<T>(n * padded_);
      grid_.visit(at, at + n, [&](dim_t i, dim_t image, dim_t row, dim_t column) {
        const T* const* from = x.find(image, row - v_.before[1], column - v_.before[2]);
        winograd_.data({from, v + i * v_.C, v_plane, v_.C, side * v_.C});
        winograd_.evaluate[side]({dz.find(image, row, column), z + i * padded_, z_plane, a_.K, side * a_.K});
      });
      Tile<T> t = matrix_tile<T>(n, 1, v_.C, a_.K, at > begin);
      for (dim_t plane = 0; plane < kPlanes; plane++)
        run_panels<T>(kernels<T>().gemm, t, v_.C, v + plane * v_plane, p + plane * p_plane_, panels_,
                      z + plane * z_plane, padded_);
    }
    T* taps[kPlanes];
    for (dim_t i = 0; i < taps_; i++) taps[i] = dw + i * size_;
    winograd_.interpolate[v_.taps[1]]({p, p_plane_, size_, taps, nullptr, false, accumulate});
  }

  const WeightGradient<T>& a_;
  const Window& v_;
  const GemmKernels<T>& gemm_;
  const WinogradKernels<T>& winograd_;
  const Panels panels_;
  const Grid grid_;
  const dim_t taps_, size_, padded_, p_plane_;  // taps; C K; K in whole registers: what lies beyond is never used
  const bool near_;
  const dim_t chunks_;
  dim_t tiles_;  // of the largest block
};

}  // namespace

template <class T>
bool winograd_pays(const Correlation<T>& c) {
  return c.groups == 1 && is_each(c.axes[0], c.in[0]) && is_plain(c.axes[1]) && is_plain(c.axes[2]) &&
         c.axes[1][0].taps == c.axes[2][0].taps && c.w_tap == c.C * c.K &&
         kPlanes * c.w_tap * dim_t(sizeof(T)) <= kMaxPlaneBytes &&
         pays<T>(c.N * c.in[0], c.out[1], c.out[2], c.axes[1][0].taps, c.C, c.K, false);
}

template <class T>
bool winograd_pays(const Window& v, dim_t K, dim_t groups) {
  const dim_t taps = v.taps[1];
  return groups == 1 && (taps == 3 || taps == 5) && v.taps == Triple{1, taps, taps} && v.stride == Triple{1, 1, 1} &&
         v.dilation[1] == 1 && v.dilation[2] == 1 && v.before[0] == 0 && v.out[0] == v.in[0] &&
         kPlanes * v.C * K * dim_t(sizeof(T)) <= kMaxGradientBytes &&
         pays<T>(v.N * v.in[0], v.out[1], v.out[2], taps, v.C, K, true);
}

template <class T>
void winograd_correlate(const Correlation<T>& c) {
  Forward<T>(c).run();
}

template <class T>
void winograd_weight_gradient(const WeightGradient<T>& a) {
  Backward<T>(a).run();
}

template bool winograd_pays(const Correlation<float>&);
template bool winograd_pays(const Correlation<double>&);
template bool winograd_pays<float>(const Window&, dim_t, dim_t);
template bool winograd_pays<double>(const Window&, dim_t, dim_t);
LAMINA_FOR_FLOATS(winograd_correlate, Correlation);
LAMINA_FOR_FLOATS(winograd_weight_gradient, WeightGradient);

}  // namespace lamina
