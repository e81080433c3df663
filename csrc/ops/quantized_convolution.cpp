// Convolution with int8 weights, every image of a batch with a scale of its own.
//
//   images -> bytes, with zeros around them   each float is rounded once, however many windows it is in
//   windows -> rows of bytes                  a block of rows that stays in cache; one tap of stride 1 reads in place
//   rows . weights                            the tiles of quantized.cpp
//
// Threads divide images where there are enough, else lines and then windows.
#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "core/parallel.h"
#include "kernels/gemm_int8.h"
#include "ops/panels.h"
#include "ops/quantized.h"

namespace lamina {
namespace {

constexpr dim_t kRowsAtOnce = 256;  // small images share a product with others: weights are read once for all of them

constexpr dim_t kGathered = 16 << 10;  // bytes of windows, which stay in L1: 128 KB took up to twice as long

class Images {
 public:
  explicit Images(const QuantizedConvolution& a)
      : a_(a), v_(a.window), column_steps_(a.gain ? a.w->strips() * kStrip : 0) {
    const Triple dilation = v_.dilation;
    for (int i = 0; i < kAxes; i++) size_[i] = v_.in[i] + v_.before[i] + std::max<dim_t>(v_.after[i], 0);
    line_ = size_[2] * v_.C;
    image_ = size_[0] * size_[1] * line_;
    const dim_t inner = v_.C / a.groups;
    const bool whole = a.groups == 1 && dilation[2] == 1;  // a line of taps stands together
    bytes_ = whole ? v_.taps[2] * inner : inner;
    for (dim_t d = 0; d < v_.taps[0]; d++)
      for (dim_t h = 0; h < v_.taps[1]; h++)
        for (dim_t w = 0; w < (whole ? 1 : v_.taps[2]); w++)
          offsets_.push_back((d * dilation[0] * size_[1] + h * dilation[1]) * line_ + w * dilation[2] * v_.C);
    row_ =
        odd_lines<std::uint8_t>((static_cast<dim_t>(offsets_.size()) - 1) * bytes_ + round_up(bytes_, kOvershoot + 1));
    in_place_ = a.groups == 1 && product(v_.taps) == 1 && v_.out == size_ && product(v_.stride) == 1;
    if (a.gain)
      for (dim_t n = 0; n < a.w->columns(); n++) column_steps_[n] = a.w->steps()[n] * a.gain[n];
  }

  dim_t rows() const { return product(v_.out); }  // of an image

  // Images [n0, n1).
  void compute(dim_t n0, dim_t n1) const {
    const dim_t count = n1 - n0;
    Scratch<std::uint8_t> bytes(count * image_ + kOvershoot);
    Scratch<float> steps(count);
    quantize(n0, count, bytes, steps);
    const dim_t strips = a_.w->strips(), inner = v_.C / a_.groups;
    const double each = double(a_.w->rows()) * double(a_.w->columns());
    const auto grain = static_cast<dim_t>(kQuantizedWorkPerThread / std::max(each, 1.0)) + int8_kernels().most_rows;
    const QuantizedTo to{a_.w,
                         a_.gain ? column_steps_.get() : a_.w->steps(),
                         a_.b,
                         a_.y + n0 * rows() * a_.w->columns(),
                         a_.w->columns(),
                         a_.act,
                         false};
    parallel_for(count * rows(), grain, [&](dim_t begin, dim_t end) {
      const dim_t row = in_place_ ? v_.C : row_, block = std::min(rows_at_once(row), end - begin);
      Scratch<std::uint8_t> gathered(in_place_ ? 0 : block * row);
      Scratch<float> row_steps(block);
      const MultiplyingBytes scope;
      for (dim_t m = begin; m < end; m += block) {
        const dim_t n = std::min(block, end - m);
        for (dim_t i = 0; i < n;) {
          const dim_t image = (m + i) / rows(), next = std::min(n, (image + 1) * rows() - m);
          std::fill(row_steps + i, row_steps + next, steps[image]);
          i = next;
        }
        for (dim_t g = 0; g < a_.groups; g++) {
          if (!in_place_) gather(bytes + g * inner, m, n, gathered, row);
          multiply_quantized(to, m, n, in_place_ ? bytes + m * row : gathered.get(), row, row_steps,
                             strips * g / a_.groups, strips * (g + 1) / a_.groups);
        }
      }
    });
  }

 private:
  dim_t rows_at_once(dim_t row) const {
    const dim_t most = int8_kernels().most_rows;
    return std::max<dim_t>(kGathered / row / most, 1) * most;
  }

  // The scale of each image, and its bytes.
  void quantize(dim_t n0, dim_t count, std::uint8_t* bytes, float* steps) const {
    const auto& k = int8_kernels();
    const dim_t size = v_.source(), parts = std::max<dim_t>(1, size / (4 * kGrain));
    Scratch<float> largest(count * parts), scales(count);
    parallel_for(count * parts, kGrain / std::max<dim_t>(1, size / parts) + 1, [&](dim_t begin, dim_t end) {
      for (dim_t i = begin; i < end; i++) {
        const dim_t part = i % parts, from = size * part / parts;
        largest[i] = k.largest(a_.x + (n0 + i / parts) * size + from, size * (part + 1) / parts - from);
      }
    });
    for (dim_t n = 0; n < count; n++) {
      auto bits = [](float x) { return std::bit_cast<std::int32_t>(x); };  // which are ordered, those of NaN last
      float most = largest[n * parts];
      for (dim_t part = 1; part < parts; part++)
        if (bits(largest[n * parts + part]) > bits(most)) most = largest[n * parts + part];
      scales[n] = 127 / (most + kQuantizedEpsilon);
      steps[n] = 1 / scales[n];
    }
    const dim_t lines = size_[0] * size_[1], own = v_.in[2] * v_.C, before = v_.before[2] * v_.C;
    parallel_for(count * lines, kGrain / std::max<dim_t>(1, line_) + 1, [&](dim_t begin, dim_t end) {
      for (dim_t i = begin; i < end; i++) {
        const dim_t n = i / lines, d = i % lines / size_[1] - v_.before[0], h = i % size_[1] - v_.before[1];
        std::uint8_t* to = bytes + i * line_;
        const bool inside = d >= 0 && d < v_.in[0] && h >= 0 && h < v_.in[1];
        const dim_t first = inside ? before : line_, last = inside ? before + own : line_;
        std::memset(to, k.zero, static_cast<std::size_t>(first));
        if (inside) k.quantize(a_.x + (n0 + n) * size + (d * v_.in[1] + h) * own, own, scales[n], to + first);
        std::memset(to + last, k.zero, static_cast<std::size_t>(line_ - last));
      }
    });
  }

  // Windows [m, m + count) as rows.
  void gather(const std::uint8_t* bytes, dim_t m, dim_t count, std::uint8_t* to, dim_t row) const {
    Int8Windows w{};
    w.step = v_.stride[2] * v_.C;
    w.offset = offsets_.data();
    w.pieces = static_cast<dim_t>(offsets_.size());
    w.bytes = bytes_;
    w.row = row;
    for (const dim_t end = m + count; m < end; m += w.rows, to += w.rows * row) {
      const dim_t column = m % v_.out[2], line = m / v_.out[2], h = line % v_.out[1], plane = line / v_.out[1];
      const dim_t n = plane / v_.out[0], d = plane % v_.out[0];
      w.x = bytes + n * image_ + (d * v_.stride[0] * size_[1] + h * v_.stride[1]) * line_ + column * w.step;
      w.rows = std::min(v_.out[2] - column, end - m);
      w.q = to;
      int8_kernels().gather(w);
    }
  }

  const QuantizedConvolution& a_;
  const Window& v_;
  Triple size_;         // with zeros around
  dim_t line_, image_;  // bytes
  dim_t bytes_, row_;   // of a piece of a window, of one that is gathered
  std::vector<dim_t> offsets_;
  bool in_place_;
  Scratch<float> column_steps_;
};

}  // namespace

void quantized_convolution(const QuantizedConvolution& a) {
  const Window& v = a.window;
  if (v.N == 0 || product(v.out) == 0 || a.w->columns() == 0) return;
  const Images images(a);
  const dim_t at_once = std::clamp<dim_t>(kRowsAtOnce / images.rows(), 1, v.N), units = (v.N + at_once - 1) / at_once;
  if (units < 2 * get_num_threads()) return images.compute(0, v.N);
  parallel_for(units, 1, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) images.compute(v.N * i / units, v.N * (i + 1) / units);
  });
}

}  // namespace lamina
