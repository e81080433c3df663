// Both directions are a product with a sparse matrix along each axis: whole rows of pixels first, of all planes that a
// line of the result needs, into a line that stays in cache, then pixels within it.
#include "ops/resize.h"

#include <algorithm>
#include <cstring>

#include "core/cpu.h"
#include "core/fence.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"

namespace lamina {
namespace {

template <class T>
struct Resize {
  const T* x;
  T* y;
  dim_t N, C, D, H, W;  // of x
  const ResizeAxis<T>&depth, &rows, &columns;
  bool accumulate;

  dim_t lines() const { return N * depth.outputs * rows.outputs; }
  dim_t from() const { return W * C; }  // numbers of a line
  dim_t to() const { return columns.outputs * C; }
  ResizePixels<T> pixels(const T* line, T* result, dim_t begin, dim_t end) const {
    return {line,
            result + begin * C,
            end - begin,
            C,
            columns.first.data() + begin,
            columns.count.data() + begin,
            columns.weight.data() + begin * columns.taps,
            columns.taps,
            accumulate,
            stream()};
  }
  // Past the caches where they cannot hold the result alone: nearly all that there is to do is writing it.
  bool stream() const { return !accumulate && past_caches(lines() * to() * dim_t(sizeof(T)) / 2); }
};

// The rows that a line of the result is a sum of, line by line.
template <class T>
class Sources {
 public:
  Sources(const Resize<T>& r, dim_t line)
      : r_(r),
        rows_(r.depth.taps * r.rows.taps),
        weight_(r.depth.taps * r.rows.taps),
        h_(line % r.rows.outputs),
        d_(line / r.rows.outputs % r.depth.outputs),
        volume_(r.x + line / (r.rows.outputs * r.depth.outputs) * r.D * r.H * r.from()) {
    find();
  }
  void next() {
    if (++h_ == r_.rows.outputs) {
      h_ = 0;
      if (++d_ == r_.depth.outputs) {
        d_ = 0;
        volume_ += r_.D * r_.H * r_.from();
      }
    }
    find();
  }
  bool none() const { return count_ == 0; }
  bool copies() const { return count_ == 1 && weight_[0] == T(1); }
  const T* row() const { return rows_[0]; }
  void sum(T* y, bool accumulate, bool stream) const {
    kernels<T>().resize.rows({rows_, weight_, count_, y, r_.from(), accumulate, stream});
  }
  // The summed row, in `line` where it is no row of x.
  const T* in(T* line) const {
    if (copies()) return row();
    sum(line, false, false);
    return line;
  }

 private:
  void find() {
    count_ = 0;
    for (dim_t i = 0; i < r_.depth.count[d_]; i++) {
      const T* plane = volume_ + ((r_.depth.first[d_] + i) * r_.H + r_.rows.first[h_]) * r_.from();
      for (dim_t j = 0; j < r_.rows.count[h_]; j++) {
        rows_[count_] = plane + j * r_.from();
        weight_[count_++] = r_.depth.weight[d_ * r_.depth.taps + i] * r_.rows.weight[h_ * r_.rows.taps + j];
      }
    }
  }

  const Resize<T>& r_;
  const Scratch<const T*> rows_;
  const Scratch<T> weight_;
  dim_t h_, d_, count_ = 0;
  const T* volume_;  // of x
};

// Long lines without a sum of rows, such as sequences: parts of them.
template <class T>
void by_parts(const Resize<T>& r, dim_t parts) {
  const dim_t pixels = r.columns.outputs;
  parallel_for(
      r.lines() * parts, kGrain / std::max<dim_t>(1, (r.from() + r.to()) / parts) + 1, [&](dim_t begin, dim_t end) {
        for (dim_t i = begin; i < end; i++) {
          const dim_t part = i % parts;
          const Sources<T> sources(r, i / parts);
          kernels<T>().resize.pixels(
              r.pixels(sources.row(), r.y + i / parts * r.to(), pixels * part / parts, pixels * (part + 1) / parts));
        }
      });
}

template <class T>
void line_by_line(const Resize<T>& r) {
  const bool straight = r.columns.is_identity(r.W), stream = r.stream();
  parallel_for(r.lines(), kGrain / std::max<dim_t>(1, r.from() + r.to()) + 1, [&](dim_t begin, dim_t end) {
    const Scratch<T> line(straight ? 0 : r.from());
    Sources<T> sources(r, begin);
    for (dim_t i = begin; i < end; i++) {
      T* y = r.y + i * r.to();
      if (straight) {
        sources.sum(y, r.accumulate, stream);
      } else if (sources.none()) {
        if (!r.accumulate) std::fill_n(y, r.to(), T(0));
      } else {
        kernels<T>().resize.pixels(r.pixels(sources.in(line), y, 0, r.columns.outputs));
      }
      if (i + 1 < end) sources.next();
    }
    if (stream) stream_fence();
  });
}

// Pixels that are chosen: a line that equals the one before is copied.
template <class T>
void repeated_lines(const Resize<T>& r) {
  parallel_for(r.lines(), kGrain / std::max<dim_t>(1, r.from() + r.to()) + 1, [&](dim_t begin, dim_t end) {
    Sources<T> sources(r, begin);
    const T* before = nullptr;
    for (dim_t i = begin; i < end; i++) {
      T* y = r.y + i * r.to();
      if (sources.row() == before)
        std::memcpy(y, y - r.to(), static_cast<std::size_t>(r.to()) * sizeof(T));
      else
        kernels<T>().resize.pixels(r.pixels(sources.row(), y, 0, r.columns.outputs));
      before = sources.row();
      if (i + 1 < end) sources.next();
    }
  });
}

// Few channels: as many lines at once as a register holds.
template <class T>
void lines_at_once(const Resize<T>& r) {
  const auto& k = kernels<T>().resize;
  const dim_t L = k.lines, blocks = (r.lines() + L - 1) / L;
  parallel_for(blocks, kGrain / std::max<dim_t>(1, (r.from() + r.to()) * L) + 1, [&](dim_t begin, dim_t end) {
    const Scratch<T> lines(r.from() * L), columns(r.from() * L);
    const Scratch<const T*> x(L);
    Sources<T> sources(r, begin * L);
    for (dim_t b = begin; b < end; b++) {
      const dim_t first = b * L, count = std::min(L, r.lines() - first);
      bool none = true;
      for (dim_t q = 0; q < L; q++) {
        if (q >= count) {
          x[q] = x[0];
          continue;
        }
        none = none && sources.none();
        x[q] = sources.in(lines + q * r.from());
        if (first + q + 1 < r.lines()) sources.next();
      }
      T* y = r.y + first * r.to();
      if (!none)
        k.few_channels({x, count, r.W, columns, r.to(), r.pixels(nullptr, y, 0, r.columns.outputs)});
      else if (!r.accumulate)
        std::fill_n(y, count * r.to(), T(0));
    }
  });
}

template <class T>
void resize(const Resize<T>& r) {
  if (r.lines() * r.to() == 0) return;
  const auto& k = kernels<T>().resize;
  const bool few = r.C <= k.most_channels, chosen = few && !r.accumulate && r.columns.is_choice();
  if (chosen && r.rows.is_choice() && r.depth.is_choice() && !r.columns.is_identity(r.W))
    repeated_lines(r);
  else if (few && r.lines() >= k.lines / 2 && !r.columns.is_identity(r.W) && r.rows.is_dense())
    lines_at_once(r);
  else if (r.lines() < 64 && r.to() >= 2 * kGrain && !r.columns.is_identity(r.W) && r.rows.is_choice() &&
           r.depth.is_choice())
    by_parts(r, std::min(r.columns.outputs, r.to() / kGrain));
  else
    line_by_line(r);
}

template <class T>
ResizeAxis<T> axis(const ResizeSizes& s, int i, const ResizeRule& rule) {
  return resize_axis<T>(s.in[i], s.out[i], s.scale[i], rule);
}

}  // namespace

template <class T>
void resize_forward(const ResizeForward<T>& a) {
  const ResizeSizes& s = a.sizes;
  const auto depth = axis<T>(s, 0, a.rule), rows = axis<T>(s, 1, a.rule), columns = axis<T>(s, 2, a.rule);
  resize<T>({a.x, a.y, s.N, s.C, s.in[0], s.in[1], s.in[2], depth, rows, columns, false});
}

template <class T>
void resize_backward(const ResizeBackward<T>& a) {
  if (!a.dx.wanted()) return;
  const ResizeSizes& s = a.sizes;
  const auto depth = transposed(axis<T>(s, 0, a.rule), s.in[0]), rows = transposed(axis<T>(s, 1, a.rule), s.in[1]),
             columns = transposed(axis<T>(s, 2, a.rule), s.in[2]);
  resize<T>({a.dy, a.dx.to, s.N, s.C, s.out[0], s.out[1], s.out[2], depth, rows, columns, a.dx.adds()});
}

LAMINA_FOR_FLOATS(resize_forward, ResizeForward);
LAMINA_FOR_FLOATS(resize_backward, ResizeBackward);

}  // namespace lamina
