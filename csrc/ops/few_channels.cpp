// Convolution of few channels, so that a register holds several cells (DepthwiseKernels): neighbouring groups, or
// neighbouring pixels where one group is all. A tile of the product would fill a part of each register.
//
//   weights -> for each register of groups and tap, a register an input channel; cells of pixels have them alike
//   for each row of pixels, run of the same valid taps, register of groups      rows are divided among threads
//
//   weight gradient: chunks of rows follow from the shape alone, and are added in order; then cells of pixels
#include <algorithm>

#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/convolution.h"
#include "ops/panels.h"

namespace lamina {
namespace {

struct Cells {
  dim_t groups, inputs, outputs;  // channels of a group on both sides
  dim_t lanes, cells, registers;  // cells of a register; registers for all groups

  Cells(dim_t from, dim_t to, dim_t all_groups, dim_t width)
      : groups(all_groups),
        inputs(from / groups),
        outputs(to / groups),
        lanes(width),
        cells(lanes / std::max<dim_t>({inputs, outputs, 1})),
        registers(groups == 1 ? 1 : (groups + cells - 1) / std::max<dim_t>(cells, 1)) {}

  bool of_pixels() const { return groups == 1; }
  dim_t group(dim_t r, dim_t cell) const { return of_pixels() ? 0 : std::min(r * cells + cell, groups - 1); }
  dim_t used(dim_t r) const { return of_pixels() ? cells : std::min(cells, groups - r * cells); }

  // Which lane of the source is the first that a lane of the result meets.
  template <class T>
  void first_inputs(T* out) const {
    for (dim_t l = 0; l < lanes; l++) out[l] = T(l / outputs * inputs);
  }

  // Calls f(first pixel, steps, cells) for a run of so many pixels in register r.
  template <class F>
  void steps(dim_t r, dim_t pixels, F&& f) const {
    if (!of_pixels()) return f(dim_t(0), pixels, int(used(r)));
    const dim_t whole = pixels / cells;
    if (whole > 0) f(dim_t(0), whole, int(cells));
    if (pixels > whole * cells) f(whole * cells, dim_t(1), int(pixels - whole * cells));
  }
};

// A source whose rows have zeros on both sides, as many as its taps reach, where these make a good part of its runs: at
// a border each pixel is a run of its own, which fills one cell. Its axes are moved to where its pixels stand.
template <class T>
class Bordered {
 public:
  Bordered(const T* x, dim_t rows, dim_t width, dim_t C, const Cells& cells, std::vector<Axis>& across)
      : left_(cells.of_pixels() ? reach(across, width, cells.cells, false) : 0),
        width_(width + left_ + (cells.of_pixels() ? reach(across, width, cells.cells, true) : 0)),
        own_(width_ == width ? 0 : rows * width_ * C),
        x_(width_ == width ? x : own_.get()) {
    if (width_ == width) return;
    for (Axis& q : across) q.offset += left_;
    const dim_t line = width * C, before = left_ * C, whole = width_ * C;
    parallel_for(rows, kGrain / std::max<dim_t>(whole, 1) + 1, [&](dim_t begin, dim_t end) {
      for (dim_t r = begin; r < end; r++) {
        T* to = own_ + r * whole;
        std::fill(to, to + before, T(0));
        std::copy(x + r * line, x + (r + 1) * line, to + before);
        std::fill(to + before + line, to + whole, T(0));
      }
    });
  }
  dim_t width() const { return width_; }
  operator const T*() const { return x_; }

 private:
  static constexpr dim_t kBorders = 8;  // runs of one pixel that count, for each step inside

  static dim_t reach(const std::vector<Axis>& across, dim_t width, dim_t cells, bool right) {
    dim_t low = 0, high = width, outputs = 0;
    for (const Axis& q : across)
      if (!q.empty()) low = std::min(low, q.low()), high = std::max(high, q.high()), outputs += q.count;
    if (kBorders * cells * (high - width - low) < outputs) return 0;
    return right ? high - width : -low;
  }

  const dim_t left_, width_;
  const Scratch<T> own_;
  const T* const x_;
};

}  // namespace

template <class T>
bool has_few_channels(const Window& v, dim_t K, dim_t groups) {
  const dim_t lanes = kernels<T>().gemm.lanes, most = std::max(v.C, K) / groups;
  if (std::min(v.C, K) < groups || 2 * most > lanes) return false;
  // Of pixels each product needs a shuffle of its own: with 4 and 8 channels tiles took as long, or 0.7 of the time,
  // and 0.5 to 1.1 where a row is one register and a part of one.
  return groups > 1 || (8 * most <= lanes && v.stride[2] == 1 && std::min(v.in[2], v.out[2]) >= 2 * (lanes / most));
}

template <class T>
void few_channels_pass(const ConvolutionPass<T>& a, bool back) {
  const Window& v = a.window;
  const auto& k = kernels<T>();
  const dim_t from = back ? a.K : v.C, to = back ? v.C : a.K, taps = product(v.taps);
  Triple in = back ? v.out : v.in;
  const Triple& out = back ? v.in : v.out;
  const Cells cells(from, to, a.groups, k.gemm.lanes);
  const dim_t tap = cells.inputs * cells.lanes, w_row = v.taps[2] * tap, w_plane = v.taps[1] * w_row;
  // The element (c, k) of a group's tap is a.w[tap * C / groups * K + ...] forward, and turned around backward.
  const dim_t c_step = back ? 1 : a.K, k_step = back ? a.K : 1, w_group = a.K / a.groups, w_tap = v.C / a.groups * a.K;
  Scratch<T> packed(cells.registers * taps * tap), bias(cells.lanes), lanes(cells.lanes);
  cells.first_inputs(lanes.get());
  parallel_for(cells.registers * taps, kGrain / (4 * tap) + 1, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++)
      for (dim_t c = 0; c < cells.inputs; c++)
        for (dim_t l = 0; l < cells.lanes; l++) {
          const dim_t cell = l / cells.outputs, g = cells.group(i / taps, cell);
          packed[i * tap + c * cells.lanes + l] =
              cell < cells.cells
                  ? a.w[i % taps * w_tap + g * w_group + c * c_step + (l - cell * cells.outputs) * k_step]
                  : T(0);
        }
  });
  if (a.b && cells.of_pixels())
    for (dim_t l = 0; l < cells.lanes; l++) bias[l] = a.b[l % cells.outputs];
  Axes axes = back ? gradient_axes(v) : forward_axes(v);
  const Bordered<T> x(a.x.x, v.N * in[0] * in[1], in[2], from, cells, axes[2]);
  in[2] = x.width();
  const Runs runs(std::move(axes), out, in);
  const dim_t x_row = in[2] * from, x_image = in[0] * in[1] * x_row, rows = v.N * out[0] * out[1];
  const double flops = 2.0 * double(rows) * double(out[2]) * double(to) * double(cells.inputs) * double(taps);
  parallel_for(rows, worth_threads(flops) ? 1 : rows, [&](dim_t begin, dim_t end) {
    CellRow<T> row{};
    row.inputs = int(cells.inputs);
    row.outputs = int(cells.outputs);
    row.first = lanes;
    for_rows(out, begin, end, [&](dim_t n, dim_t depth, dim_t h, dim_t i) {
      T* const line = a.y + i * out[2] * to;
      runs.of_row(depth, h, [&](const Run& run, const Axis& p, const Axis& r, const Axis& q) {
        row.x_h = r.dilation * x_row;
        row.x_w = q.dilation * from;
        row.w_h = r.tap_step * w_row;
        row.w_w = q.tap_step * tap;
        row.kh = run.taps[1];
        row.kw = run.taps[2];
        row.x_step = cells.of_pixels() ? cells.cells * from : q.step * from;
        row.y_step = cells.of_pixels() ? cells.cells * to : q.dst_stride * to;
        row.accumulate = a.accumulate || run.plane > 0;
        const dim_t first = (p.tap0 + (run.first[0] + run.plane) * p.tap_step) * w_plane +
                            (r.tap0 + run.first[1] * r.tap_step) * w_row + (q.tap0 + run.first[2] * q.tap_step) * tap;
        for (dim_t g = 0; g < cells.registers; g++) {
          row.w = packed + g * taps * tap + first;
          row.bias = !a.b || run.plane > 0 ? nullptr
                     : cells.of_pixels()   ? bias.get()
                                           : a.b + g * cells.cells * cells.outputs;
          cells.steps(g, run.pixels, [&](dim_t pixel, dim_t steps, int used) {
            row.x = x + n * x_image + (run.source + pixel) * from + g * cells.cells * cells.inputs;
            row.y = line + (run.target + pixel) * to + g * cells.cells * cells.outputs;
            row.steps = steps;
            row.cells = used;
            k.depthwise.cell_row(row);
          });
        }
      });
      if (a.act != Activation::linear) k.gemm.activate(line, out[2] * to, a.act);
    });
  });
}

template <class T>
void few_channels_weight_gradient(const WeightGradient<T>& a) {
  const Window& v = a.window;
  const auto& k = kernels<T>();
  const Cells cells(v.C, a.K, a.groups, k.gemm.lanes);
  const dim_t taps = product(v.taps), tap_size = cells.inputs * cells.lanes, size = cells.registers * taps * tap_size;
  const dim_t rows = v.N * v.out[0] * v.out[1];
  const dim_t chunks = std::clamp<dim_t>(rows * v.out[2] * a.K * cells.inputs / (2 * kGrain), 1,
                                         std::min<dim_t>(kMaxGradientChunks, std::max<dim_t>(rows, 1)));
  Axes axes = forward_axes(v);
  const Bordered<T> x(a.x, v.N * v.in[0] * v.in[1], v.in[2], v.C, cells, axes[2]);
  Scratch<T> parts((chunks + 1) * size), lanes(cells.lanes);
  cells.first_inputs(lanes.get());
  parallel_tasks(chunks, chunks > 1, [&](dim_t chunk) {
    T* part = parts + chunk * size;
    std::fill(part, part + size, T(0));
    CellTaps<T> d{};
    d.x_step = cells.of_pixels() ? cells.cells * v.C : v.stride[2] * v.C;
    d.z_step = cells.of_pixels() ? cells.cells * a.K : a.K;
    d.x_w = v.dilation[2] * v.C;
    d.inputs = int(cells.inputs);
    d.outputs = int(cells.outputs);
    d.first = lanes;
    for_rows(v.out, rows * chunk / chunks, rows * (chunk + 1) / chunks, [&](dim_t n, dim_t plane, dim_t row, dim_t i) {
      const T* image = x + n * v.in[0] * v.in[1] * x.width() * v.C;
      dim_t d0, d1, h0, h1;
      axes[0][0].valid(plane, v.in[0], d0, d1);
      axes[1][0].valid(row, v.in[1], h0, h1);
      for (dim_t t = d0 * v.taps[1]; t < d1 * v.taps[1]; t++) {  // a row of the kernel's columns
        const dim_t h = t % v.taps[1];
        if (h < h0 || h >= h1) continue;
        const T* line =
            image + (axes[0][0].at(plane, t / v.taps[1]) * v.in[1] + axes[1][0].at(row, h)) * x.width() * v.C;
        axes[2][0].spans(x.width(), [&](dim_t at, dim_t pixels, dim_t w0, dim_t w1) {
          if (w1 <= w0) return;
          d.taps = w1 - w0;
          for (dim_t g = 0; g < cells.registers; g++) {
            d.dw = part + (g * taps + t * v.taps[2] + w0) * tap_size;
            cells.steps(g, pixels, [&](dim_t pixel, dim_t steps, int used) {
              d.x = line + axes[2][0].at(at + pixel, w0) * v.C + g * cells.cells * cells.inputs;
              d.dz = a.dz.x + (i * v.out[2] + at + pixel) * a.K + g * cells.cells * cells.outputs;
              d.steps = steps;
              d.cells = used;
              k.depthwise.cell_weights(d);
            });
          }
        });
      }
    });
  });
  static const T one = 1;
  T* sums = parts + chunks * size;
  k.gemm.axpy_rows(chunks, size, &one, 0, parts, size, sums, nullptr, false);
  for (dim_t g = 0; g < cells.groups; g++)
    for (dim_t t = 0; t < taps; t++)
      for (dim_t c = 0; c < cells.inputs; c++) {
        const dim_t r = cells.of_pixels() ? 0 : g / cells.cells, first = cells.of_pixels() ? 0 : g % cells.cells;
        const T* from = sums + ((r * taps + t) * cells.inputs + c) * cells.lanes + first * cells.outputs;
        T* to = a.dw + (t * cells.inputs + c) * a.K + g * cells.outputs;
        for (dim_t o = 0; o < cells.outputs; o++) {
          T s = from[o];
          for (dim_t cell = 1; cells.of_pixels() && cell < cells.cells; cell++) s += from[cell * cells.outputs + o];
          to[o] = a.accumulate ? to[o] + s : s;
        }
      }
}

template bool has_few_channels<float>(const Window&, dim_t, dim_t);
template bool has_few_channels<double>(const Window&, dim_t, dim_t);
template void few_channels_pass(const ConvolutionPass<float>&, bool);
template void few_channels_pass(const ConvolutionPass<double>&, bool);
LAMINA_FOR_FLOATS(few_channels_weight_gradient, WeightGradient);

}  // namespace lamina
